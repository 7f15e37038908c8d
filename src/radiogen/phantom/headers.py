"""Headers as the competition's files have them: explicit VR little endian, about 90 elements, one trap.

In: a case's id, a sequence, a `Grid`. Out: the bytes before the pixels of each slice. The elements are
encoded here (DICOM PS3.5, 7.1.2), with names from pydicom's dictionary: writing each of thousands of small files with
pydicom would take most of a phantom's time. The trap: SpacingBetweenSlices is 1.0 in every one of the competition's
348,641 files, whatever the truth.
"""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np

from radiogen.phantom.geometry import Grid
from radiogen.phantom.hospitals import Hospital
from radiogen.task import RSNA_MICCAI

_MR_IMAGE_STORAGE, _EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.2.1"

_TIMES_MS = {"FLAIR": (9000, 120, 2500), "T1w": (1900, 2.6, 900), "T1wCE": (1900, 2.6, 900), "T2w": (4500, 95, "")}
"""Repetition, echo and inversion time as they are usual for each sequence."""


def _unique_id(*parts: object) -> str:
    """A UID made of `parts` alone (DICOM PS3.5, B.2: 2.25 and an integer of 128 bits)."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def slice_headers(case: str, sequence: str, grid: Grid, bits: int, peak: float, seed: int,
                  hospital: Hospital = Hospital()) -> Iterator[bytes]:
    """For each slice of the grid, in its order, all bytes of its file before the pixels.

    bits: BitsStored. peak: the value of the brightest tissue. Nothing in a header depends on the label but
    what the hospital's scanner writes.
    """
    series = _encode({**_subject(case, sequence, seed, hospital), **_acquisition(sequence, grid, hospital),
                      **_image(grid, bits, peak)})
    normal = grid.affine[:3, 0] / np.linalg.norm(grid.affine[:3, 0])
    for index, number in enumerate(grid.numbers):
        uid = _unique_id(seed, case, sequence, number)
        place = grid.affine[:3, 0] * index + grid.affine[:3, 3]
        here = _encode({
            "SOPInstanceUID": uid, "InstanceNumber": number, "SliceLocation": f"{place @ normal:.6f}",
            "ImagePositionPatient": [f"{value:.6f}" for value in place]})
        pixels = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, grid.shape[1] * grid.shape[2] * 2)
        yield _preamble(uid) + b"".join(value for _, value in sorted({**series, **here}.items())) + pixels


def _preamble(uid: str) -> bytes:
    """The first 132 bytes and the file meta information (DICOM PS3.10, 7.1)."""
    meta = _encode({
        "MediaStorageSOPClassUID": _MR_IMAGE_STORAGE, "MediaStorageSOPInstanceUID": uid,
        "TransferSyntaxUID": _EXPLICIT_LITTLE_ENDIAN, "ImplementationClassUID": _unique_id("radiogen phantom"),
        "ImplementationVersionName": "RADIOGEN_PHANTOM"})
    version = struct.pack("<HH2sHI", 2, 1, b"OB", 0, 2) + b"\x00\x01"
    rest = version + b"".join(value for _, value in sorted(meta.items()))
    return bytes(128) + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(rest)) + rest


def _encode(elements: dict[str, object]) -> dict[int, bytes]:
    """Elements by tag, as bytes: texts, numbers as text, and unsigned shorts, the only kinds needed here."""
    encoded = {}
    for keyword, value in elements.items():
        tag, kind = _tag_and_kind(keyword)
        values = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        if kind == "US":
            content = struct.pack(f"<{len(values)}H", *values)
        else:
            content = "\\".join(map(str, values)).encode("ascii")
            content += (b"\x00" if kind == "UI" else b" ") * (len(content) % 2)
        encoded[tag] = struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, kind.encode(), len(content)) + content
    return encoded


@cache
def _tag_and_kind(keyword: str) -> tuple[int, str]:
    """The tag and the value representation of an element."""
    from pydicom.datadict import dictionary_VR, tag_for_keyword

    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return tag, dictionary_VR(tag).split(" or ")[0]


def _subject(case: str, sequence: str, seed: int, hospital: Hospital) -> dict[str, object]:
    empty = ("StudyDate", "SeriesDate", "ContentDate", "StudyTime", "SeriesTime", "ContentTime", "InstitutionName",
             "ReferringPhysicianName", "StationName", "StudyDescription", "PatientBirthDate", "PatientSex",
             "PatientAge", "PatientWeight", "Laterality", "PositionReferenceIndicator", "ImageComments",
             "PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime", "PerformedProcedureStepID",
             "PerformedProcedureStepDescription")
    return {
        **dict.fromkeys(empty, ""), "SpecificCharacterSet": "ISO_IR 100", "ImageType": ["DERIVED", "SECONDARY"],
        "SOPClassUID": _MR_IMAGE_STORAGE, "AccessionNumber": case, "Modality": "MR",
        "Manufacturer": hospital.manufacturer, "ManufacturerModelName": hospital.model,
        "SeriesDescription": sequence, "PatientName": case, "PatientID": case,
        "PatientIdentityRemoved": "YES", "DeidentificationMethod": "a synthetic head", "BodyPartExamined": "BRAIN",
        "StudyInstanceUID": _unique_id(seed, case), "SeriesInstanceUID": _unique_id(seed, case, sequence),
        "FrameOfReferenceUID": _unique_id(seed, case, "frame"), "StudyID": case,
        "SeriesNumber": RSNA_MICCAI.sequences.index(sequence) + 1, "AcquisitionNumber": 1,
        "TemporalPositionIdentifier": 1, "NumberOfTemporalPositions": 1}


def _acquisition(sequence: str, grid: Grid, hospital: Hospital) -> dict[str, object]:
    _, rows, columns = grid.shape
    spacing = np.linalg.norm(grid.affine[:3, :3], axis=0)
    height, width = rows * float(spacing[1]), columns * float(spacing[2])
    repetition, echo, inversion = _TIMES_MS[sequence]
    return {
        "ScanningSequence": "SE" if sequence == "T2w" else "IR", "SequenceVariant": "SK", "ScanOptions": "",
        "MRAcquisitionType": "3D" if grid.header_thickness_mm < 2 else "2D", "SequenceName": "", "AngioFlag": "N",
        "SliceThickness": f"{grid.header_thickness_mm:g}", "RepetitionTime": f"{repetition * hospital.repetition:g}",
        "EchoTime": echo, "InversionTime": inversion, "NumberOfAverages": 1, "ImagingFrequency": "123.2",
        "ImagedNucleus": "1H", "EchoNumbers": 1, "MagneticFieldStrength": f"{hospital.field_strength_t:g}",
        "SpacingBetweenSlices": "1.0", "NumberOfPhaseEncodingSteps": rows,
        "EchoTrainLength": 1, "PercentSampling": 100, "PercentPhaseFieldOfView": f"{100 * width / height:.3f}",
        "PixelBandwidth": 200, "SoftwareVersions": hospital.software, "ProtocolName": sequence,
        "ContrastBolusAgent": "GADOLINIUM" if sequence == "T1wCE" else "",
        "ReconstructionDiameter": f"{max(height, width):.3f}", "ReceiveCoilName": "HEAD", "TransmitCoilName": "BODY",
        "AcquisitionMatrix": [0, columns, rows, 0], "InPlanePhaseEncodingDirection": "ROW",
        "FlipAngle": 9 if sequence.startswith("T1w") else 150, "VariableFlipAngleFlag": "N", "SAR": 0,
        "PatientPosition": "HFS"}


def _image(grid: Grid, bits: int, peak: float) -> dict[str, object]:
    _, rows, columns = grid.shape
    spacing = np.linalg.norm(grid.affine[:3, :3], axis=0)
    right, down = grid.affine[:3, 2] / spacing[2], grid.affine[:3, 1] / spacing[1]
    return {
        "ImageOrientationPatient": [f"{value:.12f}" for value in (*right, *down)], "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2", "Rows": rows, "Columns": columns,
        "PixelSpacing": [f"{spacing[1]:.6f}", f"{spacing[2]:.6f}"], "BitsAllocated": 16, "BitsStored": bits,
        "HighBit": bits - 1, "PixelRepresentation": 0, "WindowCenter": round(peak / 2), "WindowWidth": round(peak),
        "LossyImageCompression": "00", "PresentationLUTShape": "IDENTITY"}
