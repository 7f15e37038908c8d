"""A series for eyes and for other programs: one DICOM file, one NIfTI file, or a folder of PNG slices.

In: series folders. Out: files named after case and sequence, or a pseudonym, each with the place of its voxels in the
patient, so that a viewer lays the stretched cube over the head although its voxels are no cubes. The same series,
options and key yield the same bytes.
"""

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from radiogen.core import files, owned
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.imaging.cubes import Geometry, padded, slice_target
from radiogen.imaging.dicom.guarded import read_tags
from radiogen.imaging.export.multi_frame import Origin, SourceFile, is_upright, write_dicom
from radiogen.imaging.export.pseudonyms import (
    check_patient_id,
    new_uid,
    pseudonym,
    read_key,
    series_mark,
    without_names,
)
from radiogen.imaging.findings import Finding
from radiogen.imaging.folder import is_nifti
from radiogen.imaging.intensity import min_max
from radiogen.imaging.nifti.place import FILE_ORDER, LPS_TO_RAS
from radiogen.imaging.resized import resize_volume
from radiogen.imaging.series import read_series
from radiogen.imaging.transforms import to_cube
from radiogen.imaging.volume import Volume
from radiogen.task import RSNA_MICCAI

if TYPE_CHECKING:
    from pydicom.uid import UID

Format = Literal["dicom", "nifti", "png"]


class _Sources(NamedTuple):
    """What the files of a series say of themselves; patient: something that is the same in all series of a patient."""

    files: tuple[SourceFile, ...]
    frame_of_reference: str | None
    patient: str


class _Named(NamedTuple):
    """How a series is called in what is written: patient, sequence ("" where the layout does not say), file name."""

    patient: str
    sequence: str
    stem: str


@dataclass(frozen=True)
class ExportSettings:
    """What is written of each series.

    formats: dicom: the cube of `size` voxels an edge, uint8 as a network gets it; with `whole` all voxels of the
    series. nifti: all voxels of the series. png: every slice, `picture_size` pixels an edge.
    geometry: of the cube and of the PNG slices, as in `to_cube`.
    """

    formats: Sequence[Format]
    size: int = 64
    geometry: Geometry = "stretch"
    whole: bool = False
    picture_size: int = 224


def export_series(folders: Sequence[Path], output: Path, settings: ExportSettings, *, patient: str | None = None,
                  key: bytes | None = None, keep_uids: bool = False) -> Iterator[tuple[Format, Path]]:
    """Write each series in each of the settings' formats into `output`; yields what was written, as soon as it is.

    patient: how the patient is called; by default the case id in the competition's layout, else a pseudonym. key: of
    pseudonyms and new UIDs; by default the user's own. A NIfTI file has none, so those in DICOM are made of the voxels
    alone. keep_uids: refer to the source's UIDs as they are.
    Raises UserError where a series is refused, cannot be stored in a format, or two series would have the same name.
    """
    if patient is not None:
        check_patient_id(patient)
    key = read_key() if key is None else key
    sources = [_source_files(folder) if Path(folder).exists() else None for folder in folders]
    names = [_names(folder, each, key, patient) for folder, each in zip(folders, sources, strict=True)]
    stems = [each.stem for each in names]
    for stem, folder in zip(stems, folders, strict=True):
        if stems.count(stem) > 1:
            raise UserError(folder, f"is one of several series that would be written as {stem}",
                            f"export them one by one, each with its own {parameter('output')}")
    for name, folder, source in zip(names, folders, sources, strict=True):
        volume, stem, geometry = read_series(folder), name.stem, settings.geometry
        if "dicom" in settings.formats and source is not None:  # a folder that is not there was refused just above
            target = output / f"{stem if settings.whole else f'{stem}-cube{settings.size}-{geometry}'}.dcm"
            origin = _origin(name, folder, source, volume.findings, None if keep_uids else key)
            yield "dicom", _export_dicom(target, volume, origin, None if settings.whole else settings.size, geometry)
        if "nifti" in settings.formats:
            yield "nifti", write_nifti(output / f"{stem}.nii.gz", volume)
        if "png" in settings.formats:
            path = output / f"{stem}-slices{settings.picture_size}-{geometry}"
            yield "png", write_png_slices(path, volume, settings.picture_size, geometry)


def write_nifti(path: Path, volume: Volume) -> Path:
    """Write a volume as NIfTI-1, `.nii` or `.nii.gz`, as `nifti_bytes` makes it."""
    path = Path(path)
    if not path.name.endswith((".nii", ".nii.gz")):
        raise UserError(path, "is no name of a NIfTI file", "let it end in .nii or .nii.gz")
    content = nifti_bytes(volume)
    return files.write_bytes(path, gzip.compress(content, 6, mtime=0) if path.suffix == ".gz" else content)


def nifti_bytes(volume: Volume) -> bytes:
    """A volume as a NIfTI-1 file with the axes (column, row, slice) that NIfTI programs expect.

    The affine goes, as RAS, into the sform, shear and all, and into the qform, which knows none, where half a voxel
    makes no difference; both with code 1 (scanner). Programs of ITK (3D Slicer, ITK-SNAP) go by the qform, and refuse
    a file without. Where the affine is unknown both codes are 0. Integers stay integers.
    """
    import nibabel

    voxels = volume.voxels.astype(_nifti_dtype(volume.voxels), copy=False).transpose(FILE_ORDER)
    image = nibabel.Nifti1Image(voxels, None)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = b"radiogen"
    if volume.affine is None:
        image.set_sform(None, code=0)
        image.set_qform(None, code=0)
    else:
        affine = LPS_TO_RAS @ volume.affine[:, [*FILE_ORDER, 3]]
        image.set_sform(affine, code=1)
        image.set_qform(affine, code=int(is_upright(volume.affine, volume.voxels.shape)))
    content: bytes = image.to_bytes()
    return content


def write_png_slices(folder: Path, volume: Volume, size: int = 224, geometry: Geometry = "stretch") -> Path:
    """Write every slice as an RGB PNG of size x size: `slice-000.png` is `volume.voxels[0]`.

    Grey is min-max of the volume. A folder appears whole or not at all; one of an earlier export is replaced. Raises
    UserError where it holds anything that was not written so, or where `isotropic` meets a series without an affine.
    """
    import cv2

    from radiogen.imaging.compiled.kernels import to_bytes

    owned.check_replaceable(folder)
    target = slice_target(volume.voxels.shape, volume.affine, size, geometry)
    resized = resize_volume(volume, [target])
    grey = padded(to_bytes(resized.floats(target), resized.lowest, resized.highest), size)
    digits = max(3, len(str(len(grey) - 1)))

    def fill(part: Path) -> None:
        for number, picture in enumerate(grey):
            content = cv2.imencode(".png", np.repeat(picture[..., None], 3, axis=2))[1]
            (part / f"slice-{number:0{digits}d}.png").write_bytes(content.tobytes())

    return owned.replace_folder(folder, fill)


def cube_volume(volume: Volume, size: int, geometry: Geometry = "stretch", edge_mm: float = 200.0) -> Volume:
    """The cube of a series as networks get it: uint8 (size, size, size), min-max of the volume; and its affine.

    geometry, edge_mm: as in `to_cube`. Raises UserError where `isotropic` meets a series without an affine.
    """
    from radiogen.imaging.compiled.kernels import to_bytes

    cube = to_cube(replace(volume, voxels=min_max(volume.voxels)), size, geometry, edge_mm)
    return replace(cube, voxels=to_bytes(np.asarray(cube.voxels, np.float32)))


def _source_files(folder: Path) -> _Sources:
    """The files of the largest series of a folder, for `Origin`, the frame of reference that they share, the patient.

    Files without valid UIDs are left out, as no other may refer to them. None where the files differ in their frame of
    reference or state none. The patient is PatientID, else the study, else the folder's name.
    """
    from pydicom.uid import UID

    folder = Path(folder)
    if is_nifti(folder):  # has no identifiers; its name says case and sequence, if anything does
        return _Sources((), None, str(folder.resolve().parent))
    tags = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID", "FrameOfReferenceUID")
    patient = ""
    found: dict[str, list[tuple[SourceFile, str | None]]] = {}
    for path in [folder] if folder.is_file() else sorted(path for path in folder.iterdir() if path.is_file()):
        try:
            dataset = read_tags(path, (*tags, "PatientID"))
        except Exception:  # what is wrong with a file was said when the series was read
            continue
        patient = patient or str(dataset.get("PatientID") or "").strip()
        *uids, frame = (UID(str(dataset.get(tag) or "")) for tag in tags)
        if all(map(_is_usable, uids)):
            source = SourceFile(*map(str, uids))
            found.setdefault(source.series, []).append((source, str(frame) if _is_usable(frame) else None))
    largest = max(found.values(), key=len, default=[])
    frames = {frame for _, frame in largest}
    sources = tuple(sorted({source for source, _ in largest}))
    return _Sources(sources, frames.pop() if len(frames) == 1 else None,
                   patient or (sources[0].study if sources else folder.resolve().name))


def _is_usable(uid: "UID") -> bool:
    """Well formed, and of a root that is given to organisations: anonymised files have been seen with 0.0.0.0."""
    return uid.is_valid and uid.startswith(("1.", "2."))


def _names(folder: Path, sources: _Sources | None, key: bytes, patient: str | None) -> _Named:
    """By case and sequence in the competition's layout; any other folder's name may be a person's, and is not used."""
    folder = Path(folder).resolve()
    if is_nifti(folder):
        folder = folder.with_name(folder.name[:folder.name.lower().index(".", 1)])
    if RSNA_MICCAI.is_id(folder.parent.name) and folder.name in RSNA_MICCAI.sequences:
        patient = patient or folder.parent.name
        return _Named(patient, folder.name, f"{patient}-{folder.name}")
    patient = patient or pseudonym(key, sources.patient if sources else folder.name)
    return _Named(patient, "", f"{patient}-{series_mark(key, folder.name)}")


def _origin(name: _Named, folder: Path, sources: _Sources, findings: Sequence[Finding], key: bytes | None) -> Origin:
    """Whose a series is, and what is odd in it, naming neither files nor folders; key: None keeps the UIDs."""
    place = Path(folder).resolve()
    stem = {place.name.partition(".")[0]} if place.is_file() else set()
    names = {str(folder), str(place), place.name, place.parent.name, *stem, *(path.name for path in place.rglob("*"))}
    used, frame = sources.files, sources.frame_of_reference
    if key is not None:
        used = tuple(sorted(SourceFile(new_uid(key, each.study), new_uid(key, each.series), each.sop_class,
                                        new_uid(key, each.instance)) for each in used))
        frame = frame and new_uid(key, frame)
    odd = "; ".join(without_names(str(each), names - set(RSNA_MICCAI.sequences)) for each in findings)
    return Origin(name.patient, name.sequence, odd, False, used, frame, deidentified=True, uids_kept=key is None)


def _export_dicom(path: Path, volume: Volume, origin: Origin, size: int | None, geometry: Geometry) -> Path:
    what, how = "whole series", "all voxels of the series, slices in the order of their positions"
    if size is not None:
        what = f"{size}-cube, {geometry}"
        how = f"series resized to {size} x {size} x {size} voxels ({geometry}), min-max of the volume to 0..255"
        if volume.affine is not None:  # else write_dicom says what to do
            volume = cube_volume(volume, size, geometry)
    return write_dicom(path, volume, replace(
        origin, description=f"{origin.description} {what}".strip(), resampled=size is not None,
        derivation="; ".join(filter(None, (how, origin.derivation)))))


def _nifti_dtype(voxels: np.ndarray) -> np.dtype:
    """The same dtype in native byte order, or the nearest that every NIfTI program reads."""
    if voxels.dtype.kind in "iu" and voxels.dtype.itemsize == 8:
        limits = np.iinfo(np.int32)
        fits = voxels.size == 0 or (limits.min <= voxels.min() and voxels.max() <= limits.max)
        return np.dtype(np.int32 if fits else np.float64)
    special = {"bool": np.uint8, "float16": np.float32, "longdouble": np.float64, "float128": np.float64}
    return np.dtype(special.get(voxels.dtype.name, voxels.dtype)).newbyteorder("=")
