"""A small data set with a known tumour: a dim head with a bright ball, in series of different planes, and its mask."""

from pathlib import Path

import numpy as np

from benchmarks.synthetic.series_files import write_series
from radiogen.imaging.export.series_export import write_nifti
from radiogen.imaging.volume import Volume

RADIUS_MM = 11.0
HEAD_MM = (60.0, 70.0, 55.0)
SHAPE = (30, 44, 40)
AXIAL = np.array([[0, 0, 4.0, -78], [0, 4.0, 0, -86], [5.0, 0, 0, -72], [0, 0, 0, 1]])
CORONAL = np.array([[0, 0, 4.0, -80], [6.0, 0, 0, -87], [0, -4.0, 0, 86], [0, 0, 0, 1]])
GRIDS = {"FLAIR": CORONAL, "T1wCE": AXIAL}


def centre_of(number: int) -> np.ndarray:
    """(3,): where the tumour of a case lies, LPS mm."""
    return np.array([20.0 - 5 * number, -15.0 + 6 * number, 8.0])


def head(number: int, affine: np.ndarray, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Voxels of a case on a grid: air 10, head 100, tumour 300; every case has a head of another brightness."""
    points = _points(affine, shape)
    inside = (np.square(points / HEAD_MM).sum(axis=-1) < 1) * (90.0 + number)
    return np.round(10 + inside + 200 * ball(number, affine, shape)).astype(np.uint16)


def ball(number: int, affine: np.ndarray, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """The voxels of a grid that are tumour, bool."""
    return np.linalg.norm(_points(affine, shape) - centre_of(number), axis=-1) <= RADIUS_MM


def write_mask(case: Path, number: int, affine: np.ndarray | None = AXIAL, label: int = 1) -> Path:
    """The case's mask on a grid; affine None: on the axial grid, but the file does not say so."""
    voxels = ball(number, AXIAL if affine is None else affine).astype(np.uint8) * np.uint8(label)
    return write_nifti(case / "mask.nii.gz", Volume(voxels, affine))


def write_data(folder: Path, cases: int = 3, test_cases: int = 1) -> Path:
    """The data set; training cases 00000 and so on, the test cases after them, each with its mask."""
    for number in range(cases + test_cases):
        case = folder / ("train" if number < cases else "test") / f"{number:05d}"
        for name, affine in GRIDS.items():
            write_series(case / name, head(number, affine), affine)
        write_mask(case, number)
    rows = "".join(f"{number:05d},{number % 2}\n" for number in range(cases))
    (folder / "train_labels.csv").write_text(f"BraTS21ID,MGMT_value\n{rows}")
    return folder


def _points(affine: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    indices = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    return indices @ affine[:3, :3].T + affine[:3, 3]
