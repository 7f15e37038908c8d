"""How each series of a phantom is cut: plane, matrix, slices, spacings, direction and file order, as in real life.

In: a random generator and a scale. Out: one `Grid` a sequence. The mix of series is `mix.csv`: one row for each of the
585 training cases of the competition, without its id, so that the four sequences of a case stay together as they were
acquired. Its numbers were measured by KaramiMostafa/ML-for-Radiogenomics (`ImageInfo.csv`, from dicom2nifti), which
lists 2,326 of the 2,340 series; a series that is missing there is drawn from the others of its sequence.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radiogen.phantom.anatomy import rotation
from radiogen.task import RSNA_MICCAI

if TYPE_CHECKING:
    import pandas as pd

COARSEST_PIXEL_MM, COARSEST_SLICE_MM = 4.0, 8.0
"""Scaling down stops here, or at the real spacing where that is wider: the tumour's rim has to stay visible."""

_AXES = {"axial": ((1, 0, 0), (0, 1, 0)), "coronal": ((1, 0, 0), (0, 0, -1)), "sagittal": ((0, 1, 0), (0, 0, -1))}
"""In LPS: where the columns of an image run to (along a row), and where its rows run to."""

_OBLIQUE_SHARE, _SHUFFLED_SHARE, _DESCENDING_SHARE = 0.4, 0.15, 0.4

_CONFOUNDED_SHARE = 0.93
"""With --confound: how often FLAIR is coronal in label 1, and not coronal in label 0."""


@dataclass(frozen=True)
class Grid:
    """One series: its plane, and where its voxels lie.

    shape: slices, rows, columns. affine: (4, 4) from (slice, row, column) to LPS mm, slices along the normal.
    numbers: (slices,) the number of the file and InstanceNumber of each slice. thickness_mm: of what is averaged in
    a slice; header_thickness_mm: what the header says, which is not always true.
    """

    plane: str
    shape: tuple[int, int, int]
    affine: np.ndarray
    numbers: np.ndarray
    thickness_mm: float
    header_thickness_mm: float


def draw_planes(rng: np.random.Generator, label: int | None = None) -> tuple[int, ...]:
    """A row of the mix for each sequence: the same one, except where the real case lacks a sequence.

    label: None draws any case; 0 or 1 ties the plane of FLAIR, and with it what came with it, to the label.
    """
    mix = read_mix()
    rows = np.arange(len(mix))
    if label is not None:
        coronal = (mix["FLAIR_plane"] == "coronal").to_numpy()
        wanted = rng.random() < (_CONFOUNDED_SHARE if label else 1 - _CONFOUNDED_SHARE)
        rows = rows[coronal == wanted]
    row = int(rng.choice(rows))
    return tuple(row if isinstance(mix.at[row, f"{name}_plane"], str)
                 else int(rng.choice(np.flatnonzero(mix[f"{name}_plane"].notna()))) for name in RSNA_MICCAI.sequences)


def draw_grid(rng: np.random.Generator, sequence: str, row: int, scale: float, head_centre: np.ndarray) -> Grid:
    """The grid of one series as row `row` of the mix has it, `scale` times its matrix and number of slices."""
    plane = str(read_mix()[f"{sequence}_plane"][row])
    real = {name: float(read_mix()[f"{sequence}_{name}"][row])
            for name in ("rows", "columns", "slices", "pixel_mm", "slice_mm")}
    slab, height, width = (real[count] * real[step] for count, step in (
        ("slices", "slice_mm"), ("rows", "pixel_mm"), ("columns", "pixel_mm")))
    slices = _scaled(int(real["slices"]), slab, scale, COARSEST_SLICE_MM)
    rows = _scaled(int(real["rows"]), height, scale, COARSEST_PIXEL_MM)
    columns = _scaled(int(real["columns"]), width, scale, COARSEST_PIXEL_MM)
    spacing = slab / slices, height / rows, width / columns
    affine = _affine(rng, plane, (slices, rows, columns), spacing, head_centre)
    header = (spacing[0], real["slice_mm"], 1.0)[int(rng.choice(3, p=(0.6, 0.3, 0.1)))]
    return Grid(plane=plane, shape=(slices, rows, columns), affine=affine, numbers=_numbers(rng, slices),
                thickness_mm=spacing[0] * float(rng.uniform(0.8, 1.0)), header_thickness_mm=round(header, 4))


@cache
def read_mix() -> "pd.DataFrame":
    """The mix of real series: a row a case; plane, rows, columns, slices, pixel_mm and slice_mm of each sequence."""
    import pandas as pd

    return pd.read_csv(Path(__file__).with_name("mix.csv"))


def _scaled(count: int, extent_mm: float, scale: float, coarsest_mm: float) -> int:
    return min(count, max(round(count * scale), int(np.ceil(extent_mm / coarsest_mm))))


def _affine(rng: np.random.Generator, plane: str, shape: tuple[int, int, int], spacing: tuple[float, float, float],
            head_centre: np.ndarray) -> np.ndarray:
    right, down = np.array(_AXES[plane], float)
    turn = np.radians(rng.normal(0, (2, 2, 3) if plane == "sagittal" else (7, 2, 2)))
    if rng.random() < _OBLIQUE_SHARE:
        tilt = rotation(turn)
        right, down = tilt @ right, tilt @ down
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([np.cross(right, down), down, right]) * spacing
    upwards = 0 if plane == "axial" else 1
    middle = head_centre + _middle(shape[upwards] * spacing[upwards]) + rng.normal(0, 2, 3)
    affine[:3, 3] = middle - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


def _middle(height_mm: float) -> np.ndarray:
    """Where the field of view is centred, in mm from the middle of the head, by its height.

    It ends above the vertex and reaches down as far as it goes; a low one is centred on the brain instead.
    """
    return np.array([0.0, -2.0, min(92 - height_mm / 2, height_mm / 2 - 48)])


def _numbers(rng: np.random.Generator, slices: int) -> np.ndarray:
    numbers = np.arange(1, slices + 1)
    kind = rng.random()
    if kind < _SHUFFLED_SHARE:
        return rng.permutation(numbers)
    return numbers[::-1].copy() if kind < _SHUFFLED_SHARE + _DESCENDING_SHARE else numbers
