"""The same series through dcm2niix, SimpleITK and nibabel, in our conventions, and how far two volumes are apart.

In: a folder of DICOM files, or a NIfTI file. Out: volumes with their axes in whatever order the other reader likes,
and the affine to LPS mm; `compare` finds the exchange and flip of axes that brings ours onto theirs.
"""

import itertools
import subprocess
from pathlib import Path

import numpy as np

RAS_TO_LPS = np.diag([-1.0, -1, 1, 1])


def dcm2niix_volumes(folder: Path, out: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Every volume that dcm2niix makes of a folder, time points one by one; Philips values as displayed (-p n)."""
    import dcm2niix
    import nibabel

    out.mkdir(parents=True, exist_ok=True)
    subprocess.run([dcm2niix.bin, "-z", "n", "-b", "n", "-p", "n", "-m", "n", "-f", "%s_%e_%p", "-o", out, folder],
                   capture_output=True, check=False)
    volumes = []
    for path in sorted(out.glob("*.nii")):
        image = nibabel.load(path)
        voxels = np.asanyarray(image.dataobj)
        for moment in range(voxels.shape[3] if voxels.ndim == 4 else 1):
            volumes.append((voxels[..., moment] if voxels.ndim == 4 else voxels, RAS_TO_LPS @ image.affine))
    return volumes


def simpleitk_volumes(folder: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """The volume that SimpleITK (GDCM) makes of each SeriesInstanceUID of a folder."""
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    reader = SimpleITK.ImageSeriesReader()
    volumes = []
    for series in reader.GetGDCMSeriesIDs(str(folder)):
        files = reader.GetGDCMSeriesFileNames(str(folder), series)
        image = SimpleITK.ReadImage(files[0] if len(files) == 1 else files)
        volumes.append(_itk_volume(image[..., 0] if image.GetDimension() == 4 else image))
    return volumes


def simpleitk_nifti(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The volume that SimpleITK reads from a NIfTI file."""
    import SimpleITK

    return _itk_volume(SimpleITK.ReadImage(str(path)))


def nibabel_nifti(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The volume that nibabel reads from a NIfTI file."""
    import nibabel

    image = nibabel.load(path)
    return np.asanyarray(image.dataobj), RAS_TO_LPS @ image.affine


def _itk_volume(image) -> tuple[np.ndarray, np.ndarray]:
    import SimpleITK

    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return SimpleITK.GetArrayFromImage(image).transpose(2, 1, 0), affine


def compare(ours: tuple[np.ndarray, np.ndarray], theirs: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
    """Largest distance in mm of a voxel's place, and largest difference of a value as a share of the largest value.

    Infinite where no exchange and flip of axes makes one grid of the other.
    """
    best = np.inf, np.inf
    corners = np.array([[*corner, 1] for corner in itertools.product(*[(0, n - 1) for n in ours[0].shape])], float).T
    between = np.linalg.inv(theirs[1]) @ ours[1]
    axes = [int(np.argmax(np.abs(between[:3, column]))) for column in range(3)]  # our axis `column` is their axis
    if sorted(axes) != [0, 1, 2] or tuple(theirs[0].shape[axis] for axis in axes) != ours[0].shape:
        return best
    matched = np.zeros((4, 4))
    matched[3, 3] = 1
    voxels = theirs[0].transpose(axes)
    for column, axis in enumerate(axes):
        backwards = between[axis, column] < 0
        matched[axis, column] = -1 if backwards else 1
        matched[axis, 3] = theirs[0].shape[axis] - 1 if backwards else 0
        voxels = np.flip(voxels, column) if backwards else voxels
    apart_mm = np.linalg.norm(((theirs[1] @ matched - ours[1]) @ corners)[:3], axis=0).max()
    most = max(float(np.abs(ours[0]).max()), 1.0)
    return float(apart_mm), float(np.abs(voxels.astype(float) - ours[0].astype(float)).max() / most)
