"""What differs in the headers of repeated volumes of one series: echo, b-value, magnitude or phase, time.

In: a file's elements and, of a frame in a multi-frame file, its functional groups. Out: `Traits`. Magnitude and phase
are named in ImageType, by each vendor in its own way, in ComplexImageComponent, or in a private element of GE's;
b-values are in private elements of the older files of every vendor.
"""

import functools
import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from radiogen.imaging.dicom.elements import (
    Lookup,
    Private,
    Values,
    find,
    group_of,
    item_of,
    private_value,
    tags_of,
    texts,
)
from radiogen.imaging.dicom.vectors import Vector, number_of, numbers_of

KEYWORDS = (
    "ImageType", "ComplexImageComponent", "EchoTime", "EchoNumbers", "InversionTime", "FlipAngle", "DiffusionBValue",
    "DiffusionGradientOrientation", "TemporalPositionIdentifier", "AcquisitionNumber", "TriggerTime", "AcquisitionTime",
    "ContentTime")
"""The standard elements to be read."""

_GE_COMPONENT = Private("GEMS_PARM_01", 0x0043, 0x2F, "SS")
_B_VALUES = (
    Private("SIEMENS MR HEADER", 0x0019, 0x0C, "IS"), Private("GEMS_PARM_01", 0x0043, 0x39, "IS"),
    Private("Philips Imaging DD 001", 0x2001, 0x03, "FL"), Private("Image Private Header", 0x0065, 0x09, "FD"))
_GRADIENTS = (Private("SIEMENS MR HEADER", 0x0019, 0x0E, "FD"), Private("Image Private Header", 0x0065, 0x37, "FD"))
_GRADIENT_AXES = (
    tuple(Private("Philips MR Imaging DD 001", 0x2005, number, "FL") for number in (0xB0, 0xB1, 0xB2)),
    tuple(Private("GEMS_ACQU_01", 0x0019, number, "DS") for number in (0xBB, 0xBC, 0xBD)))
PRIVATE = (_GE_COMPONENT, *_B_VALUES, *_GRADIENTS, *(axis for axes in _GRADIENT_AXES for axis in axes))
"""The private elements to be read, as dcm2niix reads them (nii_dicom.cpp)."""
TAGS = tags_of(PRIVATE)

_GE_BIAS = 1_000_000_000
"""Added to b-values by GE (dcm2niix, issue 602)."""

_COMPONENTS = {"M": "magnitude", "P": "phase", "R": "real part", "I": "imaginary part"}
_GE_COMPONENTS = ("magnitude", "phase", "real part", "imaginary part")
_WHOLE = re.compile(r"[MPRI]|MAGNITUDE|PHASE|REAL|IMAGINARY")
_PHILIPS = re.compile(r"(?:SWI?_)?([MPRI])_.*|(?:SWI?|B[01]|FFE|SE|IR|PCA)_([MPRI])")
_PHASE_MAP = re.compile(r"PHASE (MAP|CONTRAST).*|VELOCITY( MAP)?")


class Traits(NamedTuple):
    """What distinguishes repeated volumes of one series, in the order in which it is tried; None where not reported.

    image_type: all values of ImageType, or of a frame's FrameType: water and fat, images and maps made of them.
    acquired, created: time of day as HHMMSS.FFFFFF, of the measurement and of the image.
    """

    component: str | None = None
    image_type: str | None = None
    echo_ms: float | None = None
    echo_number: float | None = None
    inversion_ms: float | None = None
    flip_angle_degrees: float | None = None
    b_value: float | None = None
    gradient: Vector | None = None
    time_point: float | None = None
    acquisition: float | None = None
    trigger_ms: float | None = None
    acquired: float | None = None
    created: float | None = None


def traits_of(values: Values, groups: Lookup | None, shared: Lookup | None) -> Traits:
    """The traits of a frame; a value of its own functional groups counts before a shared one, before the file's own."""
    look = functools.partial(find, values, groups, shared)
    moment = look("FrameContentSequence", "TemporalPositionIndex") or values.get("TemporalPositionIdentifier")
    acquisition = look("FrameContentSequence", "FrameAcquisitionNumber") or values.get("AcquisitionNumber")
    b_value = _b_value(values, look)
    return Traits(
        component=_component(values, look),
        image_type="\\".join(texts(look("MRImageFrameTypeSequence", "FrameType") or values.get("ImageType"))) or None,
        echo_ms=number_of(look("MREchoSequence", "EffectiveEchoTime") or values.get("EchoTime")),
        echo_number=number_of(values.get("EchoNumbers")),
        inversion_ms=number_of(look("MRModifierSequence", "InversionTimes") or values.get("InversionTime")),
        flip_angle_degrees=number_of(look("MRTimingAndRelatedParametersSequence", "FlipAngle")),
        b_value=b_value,
        gradient=_gradient(values, group_of(groups, shared, "MRDiffusionSequence"), b_value),
        time_point=number_of(moment),
        acquisition=number_of(acquisition),
        trigger_ms=number_of(look("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime")
                             or values.get("TriggerTime")),
        acquired=number_of(values.get("AcquisitionTime")),
        created=number_of(values.get("ContentTime")))


def _component(values: Values, look: Callable[..., Any]) -> str | None:
    """Magnitude, phase, real or imaginary part.

    ImageType counts before ComplexImageComponent in files of one frame: there, Philips writes REAL for magnitudes
    (dcm2niix, issue 256).
    """
    frame = "MRImageFrameTypeSequence"
    ge = number_of(private_value(values, _GE_COMPONENT))
    of_ge = _GE_COMPONENTS[int(ge)] if ge is not None and ge in range(4) else None
    return (_named(texts(look(frame, "ComplexImageComponent", top=False))) or _named(
        texts(look(frame, "FrameType"))[2:]) or _named(texts(values.get("ImageType"))[2:]) or _named(
        texts(values.get("ComplexImageComponent"))) or of_ge)


def _named(kinds: list[str]) -> str | None:
    """The component that ImageType from its value 3 on, or ComplexImageComponent, names; None where it names none.

    M and P alone are Siemens's, UIH's and, as value 4, Philips's; they count first, because Philips's PHASE CONTRAST M
    is a phase image, whose value 4 says so. M_FFE, SW_P, SW_P_FFE, PHASE MAP and VELOCITY MAP as value 3 or 4 are
    Philips's; the map of a B0 field is in Hz and no magnitude. All else (MPR, MIP, PROJECTION IMAGE) is no component.
    """
    for kind in kinds:
        if _WHOLE.fullmatch(kind):
            return _COMPONENTS[kind[0]]
    for kind in kinds[:2]:
        if found := _PHILIPS.fullmatch(kind):
            return _COMPONENTS[found[1] or found[2]]
        if _PHASE_MAP.fullmatch(kind):
            return "phase"
        if kind in ("B0", "B0 MAP"):
            return "field map"
    return None


def _b_value(values: Values, look: Callable[..., Any]) -> float | None:
    """In s/mm2. GE's has three other numbers behind it."""
    public = number_of(look("MRDiffusionSequence", "DiffusionBValue"))
    if public is not None:
        return public
    for element in _B_VALUES:
        value = private_value(values, element)
        first = value if isinstance(value, (str, int, float)) or not value else list(value)[0]
        if (number := number_of(first)) is not None:
            return math.fmod(number, _GE_BIAS)
    return None


def _gradient(values: Values, diffusion: Lookup | None, b_value: float | None) -> Vector | None:
    """The direction of diffusion weighting, in the vendor's own coordinates: to be compared, not to be used.

    Private elements count where there is a weighting: GE's are other numbers elsewhere.
    """
    direction = item_of(diffusion, "DiffusionGradientDirectionSequence")
    public = numbers_of(direction.get("DiffusionGradientOrientation") if direction is not None else values.get(
        "DiffusionGradientOrientation"), 3)
    if public is not None or not b_value:
        return public
    whole = [numbers_of(private_value(values, element), 3) for element in _GRADIENTS]
    parts = [[number for axis in axes if (number := number_of(private_value(values, axis))) is not None]
             for axes in _GRADIENT_AXES]
    full = [tuple(part) for part in parts if len(part) == 3]
    return next((each for each in (*whole, *full) if each is not None), None)
