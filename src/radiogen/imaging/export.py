"""A series for eyes and for other programs: one DICOM file, one NIfTI file, or a folder of PNG slices.

In: series folders. Out: files named after case and sequence, each with the place of its voxels in the patient, so that
a viewer lays the stretched cube over the head although its voxels are no cubes. The same series and options give the
same bytes.
"""

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from radiogen import files, owned
from radiogen.dataset.layout import is_case_id
from radiogen.errors import UserError
from radiogen.imaging.arrays import Geometry, padded, slice_target, to_bytes
from radiogen.imaging.enhanced import Origin, SourceFile, is_upright, write_dicom
from radiogen.imaging.guarded import read_tags
from radiogen.imaging.intensity import min_max
from radiogen.imaging.reduced import reduce_volume
from radiogen.imaging.series import read_series
from radiogen.imaging.transforms import to_cube
from radiogen.imaging.volume import Volume

if TYPE_CHECKING:
    from pydicom.uid import UID

Format = Literal["dicom", "nifti", "png"]

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""DICOM's patient axes run to the left and back, NIfTI's to the right and front."""


def export_series(folders: Sequence[Path], output: Path, formats: Sequence[Format], *, size: int = 64,
                  geometry: Geometry = "stretch", whole: bool = False, picture_size: int = 224
                  ) -> Iterator[tuple[Format, Path]]:
    """Write each series in each of `formats` into `output`; yields what was written, as soon as it is.

    dicom: the cube of `size` voxels an edge, uint8 as a network gets it; with `whole` all voxels of the series.
    nifti: all voxels of the series. png: every slice, `picture_size` pixels an edge.
    Raises UserError where a series is refused, cannot be told in a format, or two series would have the same name.
    """
    stems = ["-".join(filter(None, _names(folder))) for folder in folders]
    for stem, folder in zip(stems, folders, strict=True):
        if stems.count(stem) > 1:
            raise UserError(folder, f"is one of several series that would be written as {stem}",
                            "export them one by one, each with its own --output")
    for stem, folder in zip(stems, folders, strict=True):
        volume = read_series(folder)
        if "dicom" in formats:
            name = stem if whole else f"{stem}-cube{size}-{geometry}"
            yield "dicom", _export_dicom(output / f"{name}.dcm", folder, volume, None if whole else size, geometry)
        if "nifti" in formats:
            yield "nifti", write_nifti(output / f"{stem}.nii.gz", volume)
        if "png" in formats:
            path = output / f"{stem}-slices{picture_size}-{geometry}"
            yield "png", write_png_slices(path, volume, picture_size, geometry)


def write_nifti(path: Path, volume: Volume) -> Path:
    """Write a volume as NIfTI-1, `.nii` or `.nii.gz`, with the axes (column, row, slice) that NIfTI programs expect.

    The affine goes, as RAS, into the sform, shear and all, and into the qform, which knows none, where half a voxel
    makes no difference; both with code 1 (scanner). Programs of ITK (3D Slicer, ITK-SNAP) go by the qform, and refuse
    a file without. Of an affine that is unknown both codes tell so (0). Integers stay integers.
    """
    import nibabel

    path = Path(path)
    if not path.name.endswith((".nii", ".nii.gz")):
        raise UserError(path, "is no name of a NIfTI file", "let it end in .nii or .nii.gz")
    voxels = volume.voxels.astype(_nifti_dtype(volume.voxels), copy=False).transpose(2, 1, 0)
    image = nibabel.Nifti1Image(voxels, None)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = b"radiogen"
    if volume.affine is None:
        image.set_sform(None, code=0)
        image.set_qform(None, code=0)
    else:
        affine = LPS_TO_RAS @ volume.affine[:, [2, 1, 0, 3]]
        image.set_sform(affine, code=1)
        image.set_qform(affine, code=int(is_upright(volume.affine, volume.voxels.shape)))
    content = image.to_bytes()
    return files.write_bytes(path, gzip.compress(content, 6, mtime=0) if path.suffix == ".gz" else content)


def write_png_slices(folder: Path, volume: Volume, size: int = 224, geometry: Geometry = "stretch") -> Path:
    """Write every slice as an RGB PNG of size x size: `slice-000.png` is `volume.voxels[0]`.

    Grey is min-max of the volume. A folder appears whole or not at all; one of an earlier export is replaced. Raises
    UserError where it holds anything that was not written so, or where `isotropic` meets a series without an affine.
    """
    import cv2

    owned.check_replaceable(folder)
    reduced = reduce_volume(volume, lambda shape, affine: [slice_target(shape, affine, size, geometry)])
    grey = padded(to_bytes(reduced.stacks[0], reduced.lowest, reduced.highest), size)
    digits = max(3, len(str(len(grey) - 1)))

    def fill(part: Path) -> None:
        for number, picture in enumerate(grey):
            content = cv2.imencode(".png", np.repeat(picture[..., None], 3, axis=2))[1]
            (part / f"slice-{number:0{digits}d}.png").write_bytes(content.tobytes())

    return owned.replace_folder(folder, fill)


def cube_volume(volume: Volume, size: int, geometry: Geometry = "stretch", edge_mm: float = 200.0) -> Volume:
    """The cube of a series as networks get it: uint8 (size, size, size), min-max of the volume; and its affine.

    geometry, edge_mm: as in `to_cube`. Raises UserError where `isotropic` meets a series that tells no affine.
    """
    cube = to_cube(replace(volume, voxels=min_max(volume.voxels)), size, geometry, edge_mm)
    return replace(cube, voxels=to_bytes(cube.voxels))


def source_files(folder: Path) -> tuple[tuple[SourceFile, ...], str | None]:
    """The files of the largest series of a folder, for `Origin`, and the frame of reference that they share.

    Files without valid UIDs are left out, as no other may refer to them. None where the files differ in their frame of
    reference or tell none.
    """
    from pydicom.uid import UID

    folder = Path(folder)
    tags = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID", "FrameOfReferenceUID")
    found: dict[str, list[tuple[SourceFile, str | None]]] = {}
    for path in [folder] if folder.is_file() else sorted(path for path in folder.iterdir() if path.is_file()):
        try:
            dataset = read_tags(path, tags)
        except Exception:  # what is wrong with a file was said when the series was read
            continue
        *uids, frame = (UID(str(dataset.get(tag) or "")) for tag in tags)
        if all(map(_is_usable, uids)):
            source = SourceFile(*map(str, uids))
            found.setdefault(source.series, []).append((source, str(frame) if _is_usable(frame) else None))
    largest = max(found.values(), key=len, default=[])
    frames = {frame for _, frame in largest}
    return tuple(sorted({source for source, _ in largest})), frames.pop() if len(frames) == 1 else None


def _is_usable(uid: "UID") -> bool:
    """Well formed, and of a root that is given to organisations: anonymised files have been seen with 0.0.0.0."""
    return uid.is_valid and uid.startswith(("1.", "2."))


def _names(folder: Path) -> tuple[str, str]:
    """Case and sequence, from a folder of the competition's layout; else the folder's own name and nothing."""
    folder = Path(folder).resolve()
    return (folder.parent.name, folder.name) if is_case_id(folder.parent.name) else (folder.stem, "")


def _export_dicom(path: Path, folder: Path, volume: Volume, size: int | None, geometry: Geometry) -> Path:
    case, sequence = _names(folder)
    what, how = "whole series", "all voxels of the series, slices in the order of their positions"
    if size is not None:
        what = f"{size}-cube, {geometry}"
        how = f"series resized to {size} x {size} x {size} voxels ({geometry}), min-max of the volume to 0..255"
        if volume.affine is not None:  # else write_dicom says what to do
            volume = cube_volume(volume, size, geometry)
    sources, frame_of_reference = source_files(folder)
    return write_dicom(path, volume, Origin(case, f"{sequence} {what}".strip(), "; ".join((how, *volume.findings)),
                                            size is not None, sources, frame_of_reference))


def _nifti_dtype(voxels: np.ndarray) -> np.dtype:
    """The same dtype in native byte order, or the nearest that every NIfTI program reads."""
    if voxels.dtype.kind in "iu" and voxels.dtype.itemsize == 8:
        limits = np.iinfo(np.int32)
        fits = voxels.size == 0 or (limits.min <= voxels.min() and voxels.max() <= limits.max)
        return np.dtype(np.int32 if fits else np.float64)
    special = {"bool": np.uint8, "float16": np.float32, "longdouble": np.float64, "float128": np.float64}
    return np.dtype(special.get(voxels.dtype.name, voxels.dtype)).newbyteorder("=")
