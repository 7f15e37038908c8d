"""Peak memory of one large series, as a multiple of its voxels as stored: by kind of series and by what is made of it.

In: a folder for synthetic series (1,500 slices of 512 x 512 by default; some 6 GB). Out: a Markdown table. Each
cell is a process of its own, which makes the same of a small series first, so that imports and compiling are in none;
the peak is the system's (VmHWM of /proc), less what the process used before. An output that is itself larger than what
is stored, as float32 of a rescaled series is, counts as all else does.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.processes import python_call
from benchmarks.synthetic.series_files import write_enhanced, write_series

SHAPE, SMALL = (1500, 512, 512), (24, 64, 64)
AFFINE = np.array([[0, 0, 0.45, -115], [0, 0.45, 0, -115], [0.13, 0, 0, -98], [0, 0, 0, 1]])
"""Slices 0.13 mm apart: a head of 195 x 230 x 230 mm."""
TURNS = {"oblique": np.array([[0.96, -0.28, 0, 0], [0.28, 0.96, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
         @ np.array([[1, 0, 0, 0], [0, 0.8, -0.6, 0], [0, 0.6, 0.8, 0], [0, 0, 0, 1]]),
         "sagittal": np.array([[0, 0, 1, 0], [0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 1]])}
BITS = {"BitsStored": 12, "HighBit": 11}
JPEG_LS, BIG_ENDIAN = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.2"
SERIES = {"plain": "files of uint16", "rescaled": "files of uint16, rescaled to float32",
          "gaps": "one slice in 100 missing", "rescaled gaps": "one slice in 100 missing, rescaled to float32",
          "oblique": "files, oblique slices", "sagittal": "files, sagittal slices", "enhanced": "one multi-frame file",
          "jpeg-ls": "files, JPEG-LS", "enhanced jpeg-ls": "one multi-frame file, JPEG-LS",
          "big endian": "files, big endian"}
"""What is made, and how the table names it."""
OUTPUTS = ("read_series", "read_cube", "read_slices", "report-2d", "report-3d", "winner-3d", "isotropic-3d", "demo-2d",
           "z-score", "resample_isotropic")
ROWS = [(kind, True) for kind in SERIES] + [("plain", False), ("enhanced", False)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where synthetic series are kept (default: a temporary folder)")
    parser.add_argument("--slices", type=int, default=SHAPE[0])
    parser.add_argument("--pixels", type=int, default=SHAPE[1], help="rows, and columns")
    parser.add_argument("--only", default="", help="rows whose name has this in it")
    parser.add_argument("--outputs", nargs="+", choices=OUTPUTS, default=OUTPUTS)
    options = parser.parse_args()
    shape = (options.slices, options.pixels, options.pixels)
    with tempfile.TemporaryDirectory() as temporary:
        room = options.folder or Path(temporary)
        print(f"| series | reader | {' | '.join(options.outputs)} |\n| --- | --- |{' --- |' * len(options.outputs)}")
        for kind, fast in ROWS:
            name = SERIES[kind] + ("" if fast else ", `fast=False`")
            if options.only in name:
                cells = [_probe(made(room, kind, SMALL), made(room, kind, shape), output, fast)
                         for output in options.outputs]
                shown = " | ".join(f"{peak / (2 * np.prod(shape)):.2f}" for peak, _ in cells)
                print(f"| {name} | {cells[0][1]} | {shown} |", flush=True)


def made(room: Path, kind: str, shape: tuple[int, int, int]) -> Path:
    """The folder of a series of this kind and shape under `room`, written where it is not there yet."""
    folder = room / f"{kind.replace(' ', '-')}-{'x'.join(map(str, shape))}"
    if not folder.exists():
        half = folder.with_name(f"{folder.name}.half")
        syntax = {"syntax": JPEG_LS} if "jpeg-ls" in kind else {"syntax": BIG_ENDIAN} if kind == "big endian" else {}
        header = {**BITS, **({"RescaleSlope": "1.5", "RescaleIntercept": "-7"} if "rescaled" in kind else {})}
        affine = TURNS.get(kind, np.eye(4)) @ AFFINE
        if "enhanced" in kind:
            write_enhanced(half / "1.dcm", np.stack(list(slices(shape))), affine, **syntax, **header)
        else:
            write_series(half, slices(shape), affine, **syntax, **header)
        for number in range(11, shape[0], 100) if "gaps" in kind else ():
            path = half / f"Image-{number}.dcm"
            path.unlink()
        half.rename(folder)
    return folder


def slices(shape: tuple[int, int, int]) -> Iterator[np.ndarray]:
    """The slices of a head: an ellipsoid in noisy air, uint16 of 12 bits."""
    rng = np.random.default_rng(1)
    rows, columns = (np.linspace(-1, 1, count) ** 2 for count in shape[1:])
    for place in np.linspace(-1, 1, shape[0]):
        inside = place ** 2 + rows[:, None] + columns < 0.7
        yield (rng.integers(0, 60, shape[1:]) + inside * 2000).astype(np.uint16)


def probe(small: str, large: str, output: str, fast: str) -> None:
    """In a process of its own: print the peak of making `output` of the large series, in bytes, and who read it."""
    make = _makers(fast == "True")[output]
    make(Path(small))
    Path("/proc/self/clear_refs").write_text("5")  # the peak is reset
    before = _kilobytes("VmRSS")
    kept = make(Path(large))
    peak = _kilobytes("VmHWM") - before
    del kept
    print(json.dumps([peak * 1024, _reader(Path(small), fast == "True")]))


def _makers(fast: bool) -> dict[str, Callable[[Path], object]]:
    from radiogen.arrays.case_arrays import case_array, read_case
    from radiogen.arrays.series_arrays import read_cube, read_slices
    from radiogen.arrays.settings import CacheSettings
    from radiogen.imaging.resampling import resample_isotropic
    from radiogen.imaging.series import read_series

    def array(*settings: object, **more: object) -> Callable[[Path], object]:
        wanted = CacheSettings(settings[0], ("FLAIR",), *settings[1:], **more)
        return lambda folder: case_array(wanted, read_case({"FLAIR": folder}, [wanted], whole=True, case="00000",
                                                           fast=fast), whole=True)

    return {"read_series": lambda folder: read_series(folder, fast=fast),
            "read_cube": lambda folder: read_cube(folder, fast=fast),
            "read_slices": lambda folder: read_slices(folder, fast=fast),
            "report-2d": array("slices", 224, "stretch", "min-max"),
            "report-3d": array("cubes", 64, "stretch", "min-max"),
            "winner-3d": array("slabs", 256, "slab", "min-max slices", depth=64, window=True),
            "isotropic-3d": array("cubes", 96, "isotropic", "percentile", edge_mm=192),
            "demo-2d": array("slices", 48, "isotropic", "percentile", slices_per_series=8),
            "z-score": array("cubes", 64, "stretch", "z-score", dtype="float16"),
            "resample_isotropic": lambda folder: resample_isotropic(read_series(folder, fast=fast), 1.0)}


def _reader(folder: Path, fast: bool) -> str:
    from radiogen.imaging.series import read_series

    return read_series(folder, fast=fast).reader.name


def _probe(small: Path, large: Path, output: str, fast: bool) -> tuple[int, str]:
    end = subprocess.run(python_call("benchmarks.speed.memory", "probe", small, large, output, fast),
                         capture_output=True, text=True)
    if end.returncode:
        raise RuntimeError(f"{output} of {large} fails: {end.stderr[-2000:]}")
    return tuple(json.loads(end.stdout.splitlines()[-1]))


def _kilobytes(name: str) -> int:
    """A figure of this process by its name in /proc/self/status."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.split(f"{name}:")[1].split()[0])


if __name__ == "__main__":
    main()
