"""Which elements of a header the compiled reader looks for, and which representation each has to have.

The numbers are here, and not in pydicom's dictionary alone, because importing pydicom costs more than reading a
series. `tests/imaging/fast/test_elements.py` holds them to that dictionary and to what headers.py asks for.
"""

import numpy as np

from radiogen.imaging.dicom import mosaic, traits, uih
from radiogen.imaging.dicom.elements import BLOCKS, tags_of

CS, DS, FD, FL, IS, LO, OB, SQ, SS, TM, UI, UL, UN, US = (
    int.from_bytes(text, "little") for text in (
        b"CS", b"DS", b"FD", b"FL", b"IS", b"LO", b"OB", b"SQ", b"SS", b"TM", b"UI", b"UL", b"UN", b"US"))
ANY = 0
"""In the place of a representation: that of a private element is known when its owner is."""

_STANDARD: dict[int, tuple[str, int]] = {
    0x0002_0002: ("MediaStorageSOPClassUID", UI), 0x0002_0010: ("TransferSyntaxUID", UI),
    0x0008_0005: ("SpecificCharacterSet", CS), 0x0008_0008: ("ImageType", CS), 0x0008_0016: ("SOPClassUID", UI),
    0x0008_0032: ("AcquisitionTime", TM), 0x0008_0033: ("ContentTime", TM), 0x0008_0060: ("Modality", CS),
    0x0008_9208: ("ComplexImageComponent", CS), 0x0018_0081: ("EchoTime", DS), 0x0018_0082: ("InversionTime", DS),
    0x0018_0086: ("EchoNumbers", IS), 0x0018_1060: ("TriggerTime", DS), 0x0018_1314: ("FlipAngle", DS),
    0x0018_9087: ("DiffusionBValue", FD), 0x0018_9089: ("DiffusionGradientOrientation", FD),
    0x0020_000E: ("SeriesInstanceUID", UI), 0x0020_0012: ("AcquisitionNumber", IS), 0x0020_0013: ("InstanceNumber", IS),
    0x0020_0032: ("ImagePositionPatient", DS), 0x0020_0037: ("ImageOrientationPatient", DS),
    0x0020_0100: ("TemporalPositionIdentifier", IS), 0x0028_0002: ("SamplesPerPixel", US),
    0x0028_0004: ("PhotometricInterpretation", CS), 0x0028_0008: ("NumberOfFrames", IS), 0x0028_0010: ("Rows", US),
    0x0028_0011: ("Columns", US), 0x0028_0030: ("PixelSpacing", DS), 0x0028_0100: ("BitsAllocated", US),
    0x0028_0101: ("BitsStored", US), 0x0028_0102: ("HighBit", US), 0x0028_0103: ("PixelRepresentation", US),
    0x0028_1052: ("RescaleIntercept", DS), 0x0028_1053: ("RescaleSlope", DS),
    0x0028_2110: ("LossyImageCompression", CS), 0x0028_3000: ("ModalityLUTSequence", SQ),
    0x5200_9229: ("SharedFunctionalGroupsSequence", SQ), 0x5200_9230: ("PerFrameFunctionalGroupsSequence", SQ)}

SEVERAL = frozenset((
    "SpecificCharacterSet", "ImageType", "EchoNumbers", "ImagePositionPatient", "ImageOrientationPatient",
    "PixelSpacing", "DiffusionGradientOrientation", "FrameType", "InversionTimes"))
"""Standard elements that may have several values."""

PRIVATE = (*traits.PRIVATE, *mosaic.PRIVATE, *uih.PRIVATE)
"""Vendors' elements; who owns a block, and so what its elements mean, only its file says."""

_PRIVATE_TAGS: dict[int, tuple[str | int, int]] = {
    tag: (tag, LO if tag & 0xFFFF < 0x100 else ANY) for tag in tags_of(PRIVATE)}
TOP: dict[int, tuple[str | int, int]] = dict(sorted((*_STANDARD.items(), *_PRIVATE_TAGS.items())))
"""Of the top level: keyword, or tag of a private element, and value representation, by tag in ascending order."""

GROUPS: dict[tuple[str, int], tuple[tuple[str, int, int], ...]] = {
    ("CardiacSynchronizationSequence", 0x0018_9118): (("NominalCardiacTriggerDelayTime", 0x0020_9153, FD),),
    ("FrameContentSequence", 0x0020_9111): (
        ("FrameAcquisitionNumber", 0x0020_9156, US), ("TemporalPositionIndex", 0x0020_9128, UL)),
    ("MRDiffusionSequence", 0x0018_9117): (("DiffusionBValue", 0x0018_9087, FD),),
    ("MRModifierSequence", 0x0018_9115): (("InversionTimes", 0x0018_9079, FD),),
    ("MREchoSequence", 0x0018_9114): (("EffectiveEchoTime", 0x0018_9082, FD),),
    ("MRImageFrameTypeSequence", 0x0018_9226): (
        ("ComplexImageComponent", 0x0008_9208, CS), ("FrameType", 0x0008_9007, CS)),
    ("MRTimingAndRelatedParametersSequence", 0x0018_9112): (("FlipAngle", 0x0018_1314, DS),),
    ("PixelMeasuresSequence", 0x0028_9110): (("PixelSpacing", 0x0028_0030, DS),),
    ("PixelValueTransformationSequence", 0x0028_9145): (
        ("RescaleIntercept", 0x0028_1052, DS), ("RescaleSlope", 0x0028_1053, DS)),
    ("PlaneOrientationSequence", 0x0020_9116): (("ImageOrientationPatient", 0x0020_0037, DS),),
    ("PlanePositionSequence", 0x0020_9113): (("ImagePositionPatient", 0x0020_0032, DS),)}
"""Functional groups of enhanced images (PS3.3, C.7.6.16.2): the macro's sequence, and what of its first item counts."""

GRADIENT = ("MRDiffusionSequence", "DiffusionGradientDirectionSequence", 0x0018_9076,
            ("DiffusionGradientOrientation", 0x0018_9089, FD))
"""The one sequence within a macro that counts: the macro, the sequence, its tag, and the element of its first item."""

OWNED: dict[int, dict[str, int]] = {}
"""By tag of a private element: who may own it, and the tag of the element that names its owner."""
for _element in PRIVATE:
    for _block in BLOCKS:
        _tag = _element.group << 16 | _block << 8 | _element.number
        OWNED.setdefault(_tag, {})[_element.creator] = _element.group << 16 | _block
KEYWORDS = [keyword for keyword, _ in TOP.values()]
COLUMN = {keyword: number for number, keyword in enumerate(KEYWORDS)}
REPRESENTATION = [representation for _, representation in TOP.values()]
TAGS = np.array(list(TOP), np.int64)
REPRESENTATIONS = np.array(REPRESENTATION, np.int64)


def _group_tree() -> tuple[list[tuple[str, ...]], list[int], np.ndarray, np.ndarray, np.ndarray]:
    """`GROUPS` as a tree for compiled code.

    Returns the path of each column; its value representation (`SQ`: whether the sequence has an item); the edges (node,
    tag, representation, target) sorted by node, target a column or ~node; by node the first and the end of its edges;
    by node the column that says whether it is there, -1 for the root.
    """
    paths: list[tuple[str, ...]] = []
    representations: list[int] = []
    edges: list[tuple[int, int, int, int]] = []
    presence = [-1]

    def column(path: tuple[str, ...], representation: int) -> int:
        paths.append(path)
        representations.append(representation)
        return len(paths) - 1

    def node(parent: int, path: tuple[str, ...], tag: int) -> int:
        presence.append(column(path, SQ))
        edges.append((parent, tag, SQ, ~(len(presence) - 1)))
        return len(presence) - 1

    for (macro, tag), leaves in GROUPS.items():
        place = node(0, (macro,), tag)
        for keyword, leaf, representation in leaves:
            edges.append((place, leaf, representation, column((macro, keyword), representation)))
        if macro == GRADIENT[0]:
            inner = node(place, GRADIENT[:2], GRADIENT[2])
            keyword, leaf, representation = GRADIENT[3]
            edges.append((inner, leaf, representation, column((*GRADIENT[:2], keyword), representation)))
    edges.sort()
    nodes = np.array([edge[0] for edge in edges])
    numbers = np.arange(len(presence))
    bounds = np.stack([np.searchsorted(nodes, numbers), np.searchsorted(nodes, numbers, "right")], axis=1)
    return paths, representations, np.array(edges, np.int64), bounds, np.array(presence, np.int64)


GROUP_PATHS, GROUP_REPRESENTATION, GROUP_EDGES, GROUP_BOUNDS, GROUP_PRESENCE = _group_tree()
