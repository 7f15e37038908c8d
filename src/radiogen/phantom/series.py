"""One series of a phantom: contrast, coil, noise and gain of a scanner, written as DICOM files.

In: a head, a sequence, a grid, a random generator. Out: an `Image`, and `Image-<n>.dcm` in a folder. Contrast is as in
radiology: fluid is dark on T1w and FLAIR and bright on T2w, white matter is brighter than grey on T1w and darker on the
others, oedema is bright on FLAIR and T2w, the tumour's rim is the brightest on T1wCE only.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radiogen.phantom.anatomy import TISSUES, Head, render
from radiogen.phantom.geometry import Grid
from radiogen.phantom.headers import slice_headers
from radiogen.phantom.hospitals import Hospital

_LEVELS = {
    #         fat  muscle bone fluid grey white nuclei blood air oedema rim  core
    "T1w":   (.95, .42, .07, .16, .48, .68, .55, .30, .02, .44, .50, .24),
    "T1wCE": (.95, .44, .07, .16, .48, .68, .55, .95, .02, .44, .98, .24),
    "T2w":   (.62, .22, .06, 1.0, .60, .42, .48, .10, .02, .78, .58, .92),
    "FLAIR": (.62, .30, .06, .12, .58, .45, .52, .12, .02, .92, .72, .45),
}  # fmt: skip
"""Signal of each tissue, about 1 for the brightest; tissues in the order of `TISSUES`."""


def _tissue_levels(sequence: str) -> dict[str, float]:
    """The mean signal of each tissue in a sequence; a series differs from it by some percent."""
    return dict(zip(TISSUES, _LEVELS[sequence], strict=True))


@dataclass(frozen=True)
class Image:
    """What a scanner stores of one series.

    voxels: (slice, row, column) uint16. bits: how many of the 16 it uses. peak: the value of a signal of 1.
    """

    voxels: np.ndarray
    bits: int
    peak: float


def draw_image(rng: np.random.Generator, head: Head, sequence: str, grid: Grid, noise: float, bias: float,
               contrast: float = 1.0) -> Image:
    """Scan a head.

    noise: standard deviation of each channel's noise as a share of the brightest tissue (Rician: the magnitude of a
    complex signal, Gudbjartsson and Patz 1995). bias: standard deviation of the coil's smooth shading along each axis.
    contrast: the exponent of every tissue's signal, which lies between 0 and 1.
    """
    levels = {name: level ** contrast * float(np.exp(rng.normal(0, 0.04)))
              for name, level in _tissue_levels(sequence).items()}
    signal = render(head, levels, grid.affine, grid.shape, grid.thickness_mm)
    for axis, count in enumerate(grid.shape):
        signal *= np.expand_dims(_shade(rng, count, bias), [each for each in range(3) if each != axis])
    signal += noise * rng.standard_normal(signal.shape, np.float32)
    other = noise * rng.standard_normal(signal.shape, np.float32)
    magnitude = np.sqrt(np.square(signal) + np.square(other))
    bits, low, high = (16, 3_000, 30_000) if rng.random() < 0.3 else (12, 300, 2_000)
    peak = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    stored = np.minimum(magnitude * np.float32(peak) + np.float32(0.5), 2**bits - 1)
    return Image(voxels=stored.astype("<u2"), bits=bits, peak=peak)


def write_series(folder: Path, image: Image, grid: Grid, case: str, sequence: str, seed: int,
                 hospital: Hospital = Hospital()) -> None:
    """Write one file a slice into the new folder `folder`: `Image-<number>.dcm`."""
    folder.mkdir()
    headers = slice_headers(case, sequence, grid, image.bits, image.peak, seed, hospital)
    for number, header, pixels in zip(grid.numbers, headers, image.voxels, strict=True):
        (folder / f"Image-{number}.dcm").write_bytes(header + pixels.tobytes())


def _shade(rng: np.random.Generator, count: int, bias: float) -> np.ndarray:
    """The coil's sensitivity along one axis: (count,) float32, about 1."""
    along = np.linspace(-1, 1, count)
    return np.clip(1 + bias * (rng.normal() * along + rng.normal() * (along**2 - 0.5)), 0.4, 2).astype(np.float32)
