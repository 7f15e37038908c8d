"""A volume as one enhanced multi-frame DICOM file that viewers lay in its true place.

In: a `Volume` and whose it is. Out: an Enhanced MR Image (PS3.3, A.36.2): the one multi-frame class whose functional
groups GDCM, through which ITK and 3D Slicer read, turns into a geometry, and that dcm2niix reads as well. A secondary
capture may carry the same groups, but those readers do not look for them there. Frames ascend along row x column,
because GDCM takes that product for the direction of the slices.
"""

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import radiogen
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.imaging.volume import Volume

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

STEPS = 65535
"""Stored values are 16 bits, unsigned."""

DEIDENTIFICATION = ("113100", "Basic Application Confidentiality Profile"), ("113105", "Clean Descriptors Option")
UIDS_KEPT = ("113110", "Retain UIDs Option")
"""Codes of PS3.16, CID 7050. The head is not defaced, nor are pixels searched for words."""

NO_DATE, NO_TIME = "19000101", "000000"
"""ContentDate and ContentTime are required; the true ones would change the bytes with every run."""


class SourceFile(NamedTuple):
    """The UIDs of one DICOM file; sorted, they lie by study and series."""

    study: str
    series: str
    sop_class: str
    instance: str


@dataclass(frozen=True)
class Origin:
    """Whose a volume is and how it was made.

    patient: becomes the patient's id. description: of the series, in a few words. derivation: how the voxels were made.
    resampled: whether they lie at other places than those that were read. sources: the files that were read.
    frame_of_reference: theirs, in which the affine is stated; None where it is not known. deidentified: whether
    patient, words and identifiers above are not those of the files that were read; the file then says so. uids_kept:
    whether identifiers are the files' own all the same.
    """

    patient: str
    description: str
    derivation: str
    resampled: bool
    sources: tuple[SourceFile, ...] = ()
    frame_of_reference: str | None = None
    deidentified: bool = False
    uids_kept: bool = False


def write_dicom(path: Path, volume: Volume, origin: Origin) -> Path:
    """Write a volume (voxels of any real dtype) as one enhanced multi-frame DICOM file; the same input, the same bytes.

    Stored values are 16 bits; slope and intercept of the pixel value transformation restore the voxels: exactly where
    they are whole numbers that span no more than 65535, else to half a step of a 65535th of their range. Voxels that
    are not finite count as 0. Raises UserError where the affine is unknown, or sheared by more than half a voxel, which
    readers of this class do not follow.
    """
    path = Path(path)
    voxels, affine = _ascending(volume.voxels, _upright(path, volume))
    stored, slope, intercept = _stored(voxels)
    identity = hashlib.sha256(b"".join((repr((origin, slope, intercept, stored.shape)).encode(), affine.tobytes(),
                                        stored.tobytes()))).hexdigest()
    dataset = _header(origin, identity)
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = stored.shape
    dataset.SharedFunctionalGroupsSequence = [_shared_groups(origin, affine, voxels, slope, intercept)]
    dataset.PerFrameFunctionalGroupsSequence = [_frame_groups(affine, index) for index in range(len(stored))]
    dataset.PixelData = stored.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    content = io.BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return files.write_bytes(path, content.getvalue())


def is_upright(affine: np.ndarray, shape: tuple[int, int, int]) -> bool:
    """Whether right angles between the axes would put no voxel of this shape more than half a voxel aside.

    Positions that a scanner has rounded make an affine that is all but upright; a gantry tilt makes one that is not.
    """
    edges = np.linalg.norm(affine[:3, :3], axis=0)
    axes, lengths = affine[:3, :3] / edges, edges * (np.array(shape) - 1)
    aside_mm = [abs(float(axes[:, one] @ axes[:, other])) * max(lengths[one], lengths[other])
                for one, other in ((0, 1), (0, 2), (1, 2))]
    return max(aside_mm) <= edges.min() / 2


def _upright(path: Path, volume: Volume) -> np.ndarray:
    """The affine with its rows at right angles to its columns. Raises UserError where it is unknown or sheared."""
    affine = volume.affine
    if affine is None:
        raise UserError(path, "cannot be written: the series does not report where its slices lie",
                        f"use {parameter('to', 'nifti')} or {parameter('to', 'png')}")
    affine = np.array(affine, dtype=np.float64)
    edges = np.linalg.norm(affine[:3, :3], axis=0)
    if not (np.isfinite(affine).all() and (edges > 0).all()):
        raise UserError(path, "cannot be written: the affine is not one of voxels with three edges",
                        f"use {parameter('to', 'nifti')} or {parameter('to', 'png')}")
    if not is_upright(affine, volume.voxels.shape):
        raise UserError(path, "cannot be written: its slices are sheared (gantry tilt)",
                        f"use {parameter('to', 'nifti')}, which keeps the shear, or "
                        f"{parameter('geometry', 'isotropic')}, which resamples it upright")
    axes = affine[:3, :3] / edges
    column = axes[:, 1] - (axes[:, 1] @ axes[:, 2]) * axes[:, 2]
    affine[:3, 1] = edges[1] * column / np.linalg.norm(column)
    return affine


def _ascending(voxels: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same volume with its slices ascending along row direction x column direction."""
    if np.cross(affine[:3, 2], affine[:3, 1]) @ affine[:3, 0] > 0:
        return voxels, affine
    turned = affine.copy()
    turned[:3, 3] += affine[:3, 0] * (len(voxels) - 1)
    turned[:3, 0] *= -1
    return voxels[::-1], turned


def _stored(voxels: np.ndarray) -> tuple[np.ndarray, str, str]:
    """Stored values uint16, and slope and intercept as DICOM's decimal text."""
    values = voxels.astype(np.float64)
    if not np.isfinite(values).all():
        values = np.nan_to_num(values, nan=0, posinf=0, neginf=0)
    lowest, highest = float(values.min()), float(values.max())
    slope, intercept = _decimal((highest - lowest) / STEPS), _decimal(lowest)
    if highest - lowest <= STEPS and np.array_equal(values, np.rint(values)):
        slope, intercept = "1", "0" if lowest >= 0 and highest <= STEPS else intercept
    elif float(slope) == 0:
        slope = "1"
    stored = np.rint((values - float(intercept)) / float(slope))
    return np.clip(stored, 0, STEPS).astype(np.uint16), slope, intercept


def _header(origin: Origin, identity: str) -> "Dataset":
    """All of the file but its functional groups and pixels (PS3.3, A.36.2.3 and the modules named there)."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID, EnhancedMRImageStorage, ExplicitVRLittleEndian

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(_uid("image", identity))
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = _uid("study", origin.patient), _uid("series", identity)
    dataset.FrameOfReferenceUID = origin.frame_of_reference or _uid("frame of reference", identity)
    dataset.PatientID, dataset.StudyID = _words(origin.patient), _words(origin.patient, 16)
    for keyword in ("PatientName", "PatientBirthDate", "PatientSex", "PatientPosition", "StudyDate", "StudyTime",
                    "ReferringPhysicianName", "AccessionNumber", "PositionReferenceIndicator"):
        setattr(dataset, keyword, "")
    if origin.deidentified:
        _say_deidentified(dataset, origin.uids_kept)
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "MR", 1, 1
    dataset.SeriesDescription, dataset.ImageComments = _words(origin.description), _derivation(origin)
    dataset.Manufacturer = dataset.ManufacturerModelName = dataset.DeviceSerialNumber = "radiogen"
    dataset.SoftwareVersions = radiogen.__version__
    dataset.ContentDate, dataset.ContentTime = NO_DATE, NO_TIME
    dataset.ImageType, dataset.ContentQualification = _image_type(origin), "RESEARCH"
    dataset.ApplicableSafetyStandardAgency = "UNKNOWN"  # the scanner's; dciodvfy wants it of derived images, too
    _set_contrast(dataset)
    dataset.AcquisitionContextSequence = []
    dataset.BurnedInAnnotation, dataset.LossyImageCompression = "NO", "00"
    dataset.PresentationLUTShape = "IDENTITY"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    if origin.sources:
        dataset.SourceImageEvidenceSequence = _evidence(origin.sources)
    _set_dimensions(dataset, _uid("dimensions", identity))
    return dataset


def _say_deidentified(dataset: "Dataset", uids_kept: bool) -> None:
    """What was done so that the file names nobody (PS3.3, C.7.1.1 and C.12.1; PS3.15, E)."""
    dataset.PatientIdentityRemoved, dataset.LongitudinalTemporalInformationModified = "YES", "REMOVED"
    dataset.DeidentificationMethod = [
        f"radiogen {radiogen.__version__}: new header, no source text or dates",
        "source UIDs kept" if uids_kept else "source UIDs replaced by a keyed hash",
        "pixels not changed for this: face not removed"]
    codes = (*DEIDENTIFICATION, UIDS_KEPT) if uids_kept else DEIDENTIFICATION
    dataset.DeidentificationMethodCodeSequence = [_code(value, "DCM", meaning) for value, meaning in codes]


def _derivation(origin: Origin) -> str:
    return f"radiogen {radiogen.__version__}: {_words(origin.derivation, 900)}"


def _image_type(origin: Origin) -> list[str]:
    return ["DERIVED", "PRIMARY", "VOLUME", "RESAMPLED" if origin.resampled else "NONE"]


def _set_contrast(dataset: "Dataset") -> None:
    """What is said of the image and again of its frames (PS3.3, C.8.13.3.1)."""
    dataset.PixelPresentation, dataset.VolumetricProperties = "MONOCHROME", "VOLUME"
    dataset.VolumeBasedCalculationTechnique = "NONE"
    dataset.ComplexImageComponent, dataset.AcquisitionContrast = "MAGNITUDE", "UNKNOWN"


def _evidence(sources: Iterable[SourceFile]) -> list["Dataset"]:
    """The source files by study and series (PS3.3, C.17.2.1)."""
    return [_item(StudyInstanceUID=study, ReferencedSeriesSequence=[
        _item(SeriesInstanceUID=series, ReferencedSOPSequence=[_reference(each) for each in of_series])
        for series, of_series in groupby(of_study, lambda each: each.series)])
        for study, of_study in groupby(sorted(sources), lambda each: each.study)]


def _set_dimensions(dataset: "Dataset", uid: str) -> None:
    """Frames are ordered by their place in one stack (PS3.3, C.7.6.17)."""
    from pydicom.datadict import tag_for_keyword

    dataset.DimensionOrganizationType = "3D"
    dataset.DimensionOrganizationSequence = [_item(DimensionOrganizationUID=uid)]
    dataset.DimensionIndexSequence = [
        _item(DimensionOrganizationUID=uid, DimensionIndexPointer=tag_for_keyword(keyword),
              FunctionalGroupPointer=tag_for_keyword("FrameContentSequence"), DimensionDescriptionLabel=keyword)
        for keyword in ("StackID", "InStackPositionNumber")]


def _shared_groups(origin: Origin, affine: np.ndarray, voxels: np.ndarray, slope: str, intercept: str) -> "Dataset":
    """What is the same in every frame (PS3.3, C.7.6.16.2)."""
    _, row, column = np.linalg.norm(affine[:3, :3], axis=0)
    normal = np.cross(affine[:3, 2], affine[:3, 1]) / (row * column)
    apart = _decimal(float(normal @ affine[:3, 0]))
    finite = voxels[np.isfinite(voxels)]
    dark, bright = np.percentile(finite.astype(np.float64), [0, 99.5]) if finite.size else (0.0, 0.0)
    frame_type = _item(FrameType=_image_type(origin))
    _set_contrast(frame_type)
    groups = _item(
        PixelMeasuresSequence=[_item(PixelSpacing=[_decimal(row), _decimal(column)], SliceThickness=apart,
                                     SpacingBetweenSlices=apart)],
        PlaneOrientationSequence=[_item(ImageOrientationPatient=[
            _decimal(each) for each in (*affine[:3, 2] / column, *affine[:3, 1] / row)])],
        FrameAnatomySequence=[_item(FrameLaterality="U", AnatomicRegionSequence=[_code("69536005", "SCT", "Head")])],
        PixelValueTransformationSequence=[_item(RescaleSlope=slope, RescaleIntercept=intercept, RescaleType="US")],
        FrameVOILUTSequence=[_item(WindowCenter=_decimal((dark + bright) / 2),
                                   WindowWidth=_decimal(max(bright - dark, float(slope))))],
        MRImageFrameTypeSequence=[frame_type])
    if origin.sources:
        groups.DerivationImageSequence = [_derivation_image(origin)]
    return groups


def _derivation_image(origin: Origin) -> "Dataset":
    """How and from which files all frames were made (PS3.3, C.7.6.16.2.6); codes of PS3.16, CID 7203 and 7202."""
    code = _code("113085", "DCM", "Spatial resampling") if origin.resampled else _code(
        "113091", "DCM", "Spatially-related frames extracted from the volume")
    purpose = _code("121322", "DCM", "Source image for image processing operation")
    return _item(DerivationDescription=_derivation(origin), DerivationCodeSequence=[code], SourceImageSequence=[
        _reference(each, PurposeOfReferenceCodeSequence=[purpose]) for each in origin.sources])


def _frame_groups(affine: np.ndarray, index: int) -> "Dataset":
    position = affine[:3, 3] + index * affine[:3, 0]
    return _item(
        FrameContentSequence=[_item(StackID="1", InStackPositionNumber=index + 1, DimensionIndexValues=[1, index + 1])],
        PlanePositionSequence=[_item(ImagePositionPatient=[_decimal(each) for each in position])])


def _reference(source: SourceFile, **values: object) -> "Dataset":
    return _item(ReferencedSOPClassUID=source.sop_class, ReferencedSOPInstanceUID=source.instance, **values)


def _item(**values: object) -> "Dataset":
    from pydicom.dataset import Dataset

    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _code(value: str, scheme: str, meaning: str) -> "Dataset":
    return _item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def _uid(*entropy: str) -> str:
    from pydicom.uid import generate_uid

    return generate_uid(entropy_srcs=["radiogen", *entropy])


def _decimal(number: float) -> str:
    """A number as DICOM's decimal string: 16 characters at most."""
    from pydicom.valuerep import format_number_as_ds

    return format_number_as_ds(float(number) + 0.0)


def _words(text: str, longest: int = 64) -> str:
    """Text without what DICOM gives a meaning of its own, of `longest` bytes at most."""
    clean = "".join(" " if each in "\\^=" or not each.isprintable() else each for each in text)
    return clean.encode()[:longest].decode(errors="ignore").strip()
