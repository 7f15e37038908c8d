"""Who is compared in imaging.py: this package, its peers, and only reading the bytes; one function each.

In: a folder of one series. Out: the array that the contender makes of it, so that it can be checked. Each peer is
called as its own documentation shows it, and imported by its own function: where it is not installed it is left out.
"""

import importlib.util
import itertools
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Contender:
    """name: as the table shows it. result: what it makes: bytes, volume, cube or slices. needs: packages to import.

    read: from a folder to the array, or None where the result is no array in memory.
    """

    name: str
    result: str
    needs: tuple[str, ...]
    read: Callable[[Path], np.ndarray | None]

    @property
    def missing(self) -> list[str]:
        """The packages that it needs and that are not installed."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]


def contenders(cube: int = 64, edge: int = 224) -> list[Contender]:
    """All of them, in the table's order: the bytes, ours by result, then the peers."""
    ours = [("volume", "sorted volume", _ours_volume), ("cube", f"{cube}-cube", partial(_ours_cube, size=cube)),
            ("slices", f"slices {edge} x {edge}", partial(_ours_slices, size=edge))]
    here = ("radiogen",)
    return [
        Contender("only the bytes: open().read()", "bytes", (), read_bytes),
        Contender("the same, all kept in memory", "bytes", (), _keep_bytes),
        *(Contender(f"radiogen, {title}", result, here, partial(read, fast=True)) for result, title, read in ours),
        *(Contender(f"radiogen by pydicom, {title}", result, here, partial(read, fast=False))
          for result, title, read in ours),
        Contender("pydicom: dcmread, pixel_array, sorted", "volume", ("pydicom",), _pydicom),
        Contender("pydicom: chosen tags, frombuffer, sorted", "volume", ("pydicom",), _pydicom_chosen),
        Contender("SimpleITK (GDCM)", "volume", ("SimpleITK",), _simpleitk),
        Contender("dcm2niix, whole process", "volume", ("dcm2niix",), _dcm2niix),
        Contender("MONAI PydicomReader", "volume", ("monai", "pydicom"), partial(_monai, reader="PydicomReader")),
        Contender("MONAI ITKReader", "volume", ("monai", "itk"), partial(_monai, reader="ITKReader")),
        Contender("dicom2nifti", "volume", ("dicom2nifti",), _dicom2nifti),
        Contender(f"typical Kaggle loader, {cube} x {cube}", "other", ("pydicom", "cv2"), partial(_kaggle, size=cube)),
        Contender(f"typical Kaggle loader, {edge} x {edge}", "other", ("pydicom", "cv2"), partial(_kaggle, size=edge)),
    ]


def read_bytes(folder: Path) -> None:
    """What every multiple is a multiple of: each file is opened and read, its bytes released."""
    for path in files_of(folder):
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib costs a tenth of what is measured
            file.read()


@cache
def files_of(folder: Path) -> tuple[str, ...]:
    """The files of a series, listed once, so that reading bytes pays for nothing else."""
    return tuple(sorted(entry.path for entry in os.scandir(folder) if entry.is_file()))


def same_voxels(array: np.ndarray, ours: np.ndarray) -> bool:
    """Whether two volumes hold the same voxels in the same places, but for an exchange or flip of axes."""
    for axes in itertools.permutations(range(3)):
        turned = array.transpose(axes) if array.ndim == 3 else array
        if turned.shape == ours.shape:
            for flips in itertools.product((1, -1), repeat=3):
                if np.array_equal(turned[tuple(slice(None, None, step) for step in flips)], ours):
                    return True
    return False


def _keep_bytes(folder: Path) -> None:
    kept = []
    for path in files_of(folder):
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            kept.append(file.read())


def _ours_volume(folder: Path, *, fast: bool) -> np.ndarray:
    from radiogen.imaging import read_series

    return read_series(folder, fast=fast).voxels


def _ours_cube(folder: Path, *, size: int, fast: bool) -> np.ndarray:
    from radiogen.arrays import read_cube

    return read_cube(folder, size, fast=fast)


def _ours_slices(folder: Path, *, size: int, fast: bool) -> np.ndarray:
    from radiogen.arrays import read_slices

    return read_slices(folder, size, fast=fast)


def _pydicom(folder: Path) -> np.ndarray:
    import pydicom

    return _stacked((pydicom.dcmread(path) for path in files_of(folder)), lambda dataset: dataset.pixel_array)


def _pydicom_chosen(folder: Path) -> np.ndarray:
    import pydicom

    tags = ["ImagePositionPatient", "ImageOrientationPatient", "Rows", "Columns", "BitsAllocated",
            "PixelRepresentation", "PixelData"]
    return _stacked((pydicom.dcmread(path, specific_tags=tags) for path in files_of(folder)), _from_buffer)


def _stacked(datasets: Iterable, pixels: Callable) -> np.ndarray:
    read = list(datasets)
    row, column = np.reshape([float(value) for value in read[0].ImageOrientationPatient], (2, 3))
    normal = np.cross(row, column)
    read.sort(key=lambda dataset: float(np.dot(normal, [float(value) for value in dataset.ImagePositionPatient])))
    return np.stack([pixels(dataset) for dataset in read])


def _from_buffer(dataset) -> np.ndarray:
    kind = "i" if dataset.PixelRepresentation else "u"
    count = dataset.Rows * dataset.Columns
    pixels = np.frombuffer(dataset.PixelData, f"<{kind}{dataset.BitsAllocated // 8}", count)
    return pixels.reshape(dataset.Rows, dataset.Columns)


def _simpleitk(folder: Path) -> np.ndarray:
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return SimpleITK.GetArrayFromImage(reader.Execute())


def _dcm2niix(folder: Path) -> None:
    import dcm2niix

    with tempfile.TemporaryDirectory() as out:
        subprocess.run([dcm2niix.bin, "-z", "n", "-b", "n", "-o", out, str(folder)], capture_output=True, check=True)
        if not list(Path(out).glob("*.nii")):
            raise RuntimeError("dcm2niix wrote no volume")


def _monai(folder: Path, *, reader: str) -> np.ndarray:
    import monai.data

    reading = getattr(monai.data, reader)()
    return np.asarray(reading.get_data(reading.read(str(folder)))[0])


def _dicom2nifti(folder: Path) -> np.ndarray:
    import dicom2nifti

    return np.asanyarray(dicom2nifti.dicom_series_to_nifti(folder, None, reorient_nifti=False)["NII"].dataobj)


def _kaggle(folder: Path, *, size: int) -> np.ndarray:
    """As in the competition's public notebooks: order of file names, VOI LUT, 0 to 255 by slice, cv2.resize."""
    import cv2
    import pydicom
    from pydicom.pixels import apply_voi_lut

    slices = []
    for path in files_of(folder):
        dataset = pydicom.dcmread(path)
        pixels = apply_voi_lut(dataset.pixel_array, dataset).astype(np.float64)
        pixels -= pixels.min()
        if pixels.max() > 0:
            pixels /= pixels.max()
        slices.append(cv2.resize((pixels * 255).astype(np.uint8), (size, size)))
    return np.stack(slices)
