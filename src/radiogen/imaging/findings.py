"""What is odd in a series, as data: a `Finding` has a code, the files concerned and the values that its sentence needs.

`FindingCode` is the one list of everything that can be said of a series: for each code what it means, what is done
(`Policy`) and its sentence. Code compares codes and reads values; a sentence is made where a person reads it, by
`str(finding)`, and nothing is read back from one. docs/findings.md shows the same list.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum, unique
from types import MappingProxyType
from typing import Any

from radiogen.core.wording import listing


class Policy(StrEnum):
    """What is done with a series of which something is said."""

    USED = "used"
    PART_USED = "part used"
    REFUSED = "refused"


_ASIDE, _NOTE = "{files} set aside: ", "{scope}: "
"""What precedes a sentence where files are named: `0012.dcm set aside: `, `every file: `."""


def _aside(meaning: str, sentence: str) -> tuple[Policy, str, str, str]:
    """A file, or a slice, that is no usable image: the others are used."""
    return Policy.PART_USED, _ASIDE, meaning, sentence


def _note(meaning: str, sentence: str) -> tuple[Policy, str, str, str]:
    """Something odd in files that are used."""
    return Policy.USED, _NOTE, meaning, sentence


def _used(meaning: str, sentence: str) -> tuple[Policy, str, str, str]:
    return Policy.USED, "", meaning, sentence


def _part(meaning: str, sentence: str) -> tuple[Policy, str, str, str]:
    return Policy.PART_USED, "", meaning, sentence


def _refused(meaning: str, sentence: str) -> tuple[Policy, str, str, str]:
    """A series that is no volume; beside others in one folder (`read_volumes`) it is set aside."""
    return Policy.REFUSED, _ASIDE, meaning, sentence


@unique
class FindingCode(Enum):
    """All codes. meaning: a phrase without files and numbers, by which findings of many series are counted.

    sentence: a format string of the finding's values and of the words in `_WORDS`.
    """

    # Files that are no image
    FILE_EMPTY = _aside("an empty file", "empty")
    FILE_NOT_DICOM = _aside("a file that is not DICOM", "not a DICOM file")
    FILE_UNREADABLE = _aside("a file that cannot be read, or a link that leads nowhere", "not readable ({error})")
    FILE_CHANGED = _aside("a file that changed while it was read", "changed while it was read")
    FILE_DAMAGED = _aside("a file whose header is damaged", "damaged ({error})")
    FILE_INFLATES_TOO_MUCH = _aside("a deflated file that would fill the memory",
                                    "not readable (it holds more than {most_mib} MiB, deflated)")
    HEADER_CUT_OFF = _aside("a file cut off in its header", "cut off in its header")
    HEADER_BEHIND_PIXELS = _aside("elements of the header behind the pixels",
                                  "not readable (elements of its header follow its pixels)")
    NO_IMAGE = _aside("a DICOM file without an image", "no image in it")
    NO_PIXELS = _aside("a header without pixels", "no pixels: cut off in its header, or no image")
    TRANSFER_SYNTAX_UNKNOWN = _aside("an unknown transfer syntax",
                                     "of a transfer syntax that is not known here ({syntax})")
    COLOUR_IMAGE = _aside("a colour image", "a colour image ({photometric})")
    SIZE_IMPOSSIBLE = _aside("a number of pixels that cannot be (none, or more than 100 million a frame)",
                             "declares {frames} x {rows} x {columns} pixels, so its header is damaged")
    BITS_IMPOSSIBLE = _aside("a number of bits that grey values do not have",
                             "{stored} bits stored of {allocated} a pixel, which is no image of grey values")
    SYNTAX_WITHOUT_COMPRESSION = _aside("compressed pixels under another transfer syntax",
                                        "compressed pixels under a transfer syntax without compression")
    # Pixels that cannot be used
    PIXELS_CUT_OFF = _aside("a file cut off in its pixels", "cut off in its pixels")
    COMPRESSION_UNKNOWN = _aside("an unknown compression",
                                 "compressed in a way that is not known here (transfer syntax {syntax})")
    STREAM_UNKNOWN = _aside("compressed pixels of an unknown kind",
                            "damaged pixels (no JPEG, JPEG-LS or JPEG 2000 stream)")
    STREAM_WITHOUT_MARKER = _aside("a damaged header of compressed pixels",
                                   "damaged pixels (no marker where the stream's header has to have one)")
    STREAM_WITHOUT_FRAME_HEADER = _aside("compressed pixels without a header of their own",
                                         "damaged pixels (a stream without a frame header)")
    STREAM_DAMAGED = _aside("compressed pixels that the decoder refuses", "damaged pixels ({error})")
    RUN_LENGTHS_DAMAGED = _aside("damaged run lengths",
                                 "damaged pixels ({segments} segments of run lengths for {bytes} bytes a pixel)")
    STREAM_COLOUR = _aside("compressed colour under a grey header",
                           "a colour image ({components} components in its {codec} stream)")
    STREAM_OTHER_SIZE = _aside(
        "compressed pixels of another size than the header says",
        "compressed as {rows} x {columns} pixels where its header has {header_rows} x {header_columns}")
    STREAM_OTHER_BITS = _aside("compressed pixels of more bits than the header says",
                               "compressed with {precision} bits a pixel where its header has {allocated}")
    STREAM_SIGN_LOST = _aside("compressed pixels without the sign that the header says",
                              "compressed with {precision} bits a pixel, so that the sign of its {stored} bits is lost")
    STREAM_TOO_LONG = _aside("run lengths of more pixels than the header says",
                             "decodes to more pixels than its rows and columns declare")
    # Mosaics
    MOSAIC_WITHOUT_HEADER = _aside("a Siemens mosaic without its CSA header",
                                   "a mosaic that no longer says of how many slices (its CSA header was removed)")
    VFRAME_WITHOUT_HEADER = _aside(
        "a United Imaging mosaic without its private elements",
        "a United Imaging mosaic (VFRAME) without its private elements: export it with them, or one file a slice")
    MOSAIC_RESIZED = _aside("a mosaic that was resized or cropped",
                            "a mosaic of {tiles} slices whose matrix of {rows} x {columns} is no whole number of tiles")
    MOSAIC_SLABS = _note("a mosaic of several slabs, without affine",
                         "a mosaic of {slabs} slabs: their distance is not known")
    MOSAIC_SLAB_UNCLEAR = _note("a mosaic of a slab that its protocol does not describe, without affine",
                                "a mosaic of {tiles} slices from a slab that its protocol does not describe")
    MOSAIC_OTHER_COUNT = _note("a mosaic of another number of slices than its protocol, without affine",
                               "a mosaic of {tiles} slices, {declared} in its protocol")
    MOSAIC_UNEVEN = _note("a mosaic of unevenly spaced slices, without affine",
                          "a mosaic of slices {low_mm:.2f} to {high_mm:.2f} mm apart in its protocol")
    VFRAME_WITHOUT_POSITIONS = _note("a United Imaging mosaic without positions, without affine",
                                     "a United Imaging mosaic that does not say where each of its slices lies")
    # Odd headers of files that are used
    ELEMENT_UNREADABLE = _note("an element that cannot be parsed, not used", "{tag} cannot be read, not used")
    ORIENTATION_IMPOSSIBLE = _note("an orientation that cannot be, not used",
                                   "an orientation that is not two directions at right angles, not used")
    PIXEL_SPACING_IMPOSSIBLE = _note("a pixel spacing under 1 micrometre or over 1 metre, not used",
                                     "a pixel spacing that cannot be ({rows_mm:g} x {columns_mm:g} mm), not used")
    RESCALE_NO_NUMBER = _note("a rescale factor that is no number, not applied",
                              "a rescale {name} that is no number ({text}), not applied")
    RESCALE_SLOPE_ZERO = _note("a rescale slope of 0, not applied", "a rescale slope of 0, not applied")
    RESCALE_DIFFERS = _used("different rescale factors, each slice by its own",
                            "slices have different rescale factors: each is rescaled by its own")
    LOOKUP_TABLE = _note("a modality lookup table, not applied", "a modality lookup table, not applied")
    LOSSY = _note("compressed with loss", "compressed with loss")
    FRAMES_CUT_OFF = (Policy.PART_USED, _NOTE, "a file cut off after some of its frames, the whole ones used",
                      "cut off after {whole} of its {frames} frames")
    PIXELS_IN_EXCESS = _note("more pixel data than rows and columns declare",
                             "more pixel data than its rows and columns declare")
    INVERTED = _used("MONOCHROME1, inverted", "MONOCHROME1: inverted, so that bright means more")
    # A folder of several things
    FOLDER_INSIDE = _part("a folder within the series' folder, not read",
                          "not read: what is in {files}, inside this folder")
    SPECIAL_FILE = _part("a pipe, a socket or a device, not read",
                         "not read: {files}, no file but a pipe, a socket or a device")
    LOCALISER = _aside("localisers beside other images", "localiser")
    OTHER_SERIES = _aside("another series", "another series")
    OTHER_MATRIX = _aside("another matrix", "{rows} x {columns} pixels, not {main_rows} x {main_columns}")
    OTHER_PLACELESS = _aside("slices without position or orientation beside others", "no position or orientation")
    OTHER_PIXEL_SPACING = _aside("another pixel spacing", "another pixel spacing")
    OTHER_ORIENTATION = _aside("another orientation", "another orientation")
    SERIES_UID_IN_EVERY_FILE = _used("a SeriesInstanceUID of its own in every file, not used",
                                     "every file has a SeriesInstanceUID of its own, which is not used")
    VOLUMES = _part("several volumes in one series: magnitude before phase, the most slices, the shortest echo",
                    "{volumes} volumes in one series: {label} is used, the others are set aside")
    VOLUME = _used("one of several volumes (`read_volumes`)", "{label}")
    VOLUME_UNNAMED = _used("one of several volumes that nothing names", "{slices} slices, {few_files}")
    COPIES = _part("copies: same place, same pixels, each kept once",
                   "{files} {are_copies} of other slices: each kept once")
    REPEATS_ALIKE = _part(
        "slices at one place that differ in nothing but their order",
        "slices at the same place differ and nothing in their headers explains it: separated by their order")
    REPEATS_MIXED = _part(
        "slices at one place that differ, but not volume by volume",
        "slices at the same place differ in {trait_names}, but not volume by volume: separated by their order")
    # Where the slices lie
    ONE_PLACE = _used("all slices at one place, which is not used, without affine",
                      "all slices are said to lie at the same place, which is not used")
    POSITION_MISSING = _used("no position, without affine",
                             "no position reported: slices ordered by {ordered_by}, no affine")
    ORIENTATION_MISSING = _used("no orientation, without affine",
                                "no orientation reported: slices ordered by {ordered_by}, no affine")
    PIXEL_SPACING_MISSING = _used("no pixel spacing, without affine", "no pixel spacing reported: no affine")
    SINGLE_SLICE = _used("a single slice, without affine (its thickness is not a distance)",
                         "a single slice: the distance to its neighbours is not known, no affine")
    SPACING_IMPOSSIBLE = _used("slices under 1 micrometre or over 1 metre apart, without affine",
                               "slices lie {spacing_mm:.3g} mm apart, which cannot be: no affine")
    SLICES_MISSING = _used(
        "missing slices, interpolated from the neighbours",
        "{missing} of {total} slices are missing, interpolated from their neighbours: {holes}{displaced}")
    SLICES_UNEVEN = _used("uneven spacing by up to half a step, taken as even",
                          "uneven spacing, gaps of {low_mm:.2f} to {high_mm:.2f} mm: taken as even{displaced}")
    SLICES_UNEVEN_INTERPOLATED = _used(
        "uneven spacing by more than half a step, interpolated to an even one",
        "uneven spacing, gaps of {low_mm:.2f} to {high_mm:.2f} mm: interpolated to {slices} slices of "
        "{spacing_mm:.2f} mm")
    SLICES_SHIFTED = _used("slices shifted sideways by up to a pixel",
                           "slices are shifted sideways by up to {shift_mm:.2f} mm from a straight stack")
    SLICES_SHIFTED_FAR = _used("slices shifted sideways by more than a pixel, without affine",
                               "slices are shifted sideways by up to {shift_mm:.1f} mm, each by its own: no affine")
    GANTRY_TILT = _used("gantry tilt, kept in the affine as a shear",
                        "gantry tilt of {degrees:.1f} degrees: kept as a shear in the affine")
    SLICES_BLANK = _used("blank slices", "{blank} of {total} slices blank: {files}")
    # Series that are refused
    SERIES_MISSING = _refused("no folder of this sequence in the case", "is missing")
    FOLDER_MISSING = _refused("no such folder or file", "there is no such folder or file")
    FOLDER_UNREADABLE = _refused("a folder that cannot be read", "cannot be read ({error})")
    FOLDER_EMPTY = _refused("a folder without files", "holds no files")
    NO_USABLE_IMAGE = _refused("no usable image", "no usable image ({causes})")
    SEVERAL_STACKS = _refused("several stacks, none with more than twice the slices of all others together",
                              "holds {stack_count} stacks that are not one volume: {stacks}")
    SERIES_BLANK = _refused("a wholly blank series", "is blank: every pixel of its {slices} slices is {value:g}")
    SLICES_LACKING = _refused("more than a quarter of the slices missing",
                              "{missing} of {total} slices are missing: {holes}")
    POSITION_FAR_OFF = _refused("a slice so far off that its position cannot be",
                                "{gap_mm:.3g} mm lie between {neighbours}, {usual_mm:.3g} mm between others")
    SERIES_TOO_LARGE = _refused("a header that declares more voxels than fit into memory",
                                "declares {slices} x {rows} x {columns} voxels, more than fit into memory")
    PLACE_UNKNOWN = _refused("no affine where the geometry needs one", "does not report where it lies")
    # NIfTI files
    NIFTI_FORMS_DIFFER = _used("sform and qform that disagree by more than half a voxel, the sform is used",
                               "sform and qform put a corner {apart_mm:.1f} mm apart: the sform is used")
    NIFTI_FORM_IMPOSSIBLE = _used("an sform or qform that cannot be, not used",
                                  "a {form} that is no affine between 1 micrometre and 1 metre a voxel, not used")
    NIFTI_PLACE_MISSING = _used("neither sform nor qform, without affine",
                                "neither sform nor qform says where the voxels lie: no affine")
    NIFTI_UNITS = _used("an affine in another unit than mm, converted", "an affine in {unit}s: converted to mm")
    VALUES_NOT_FINITE = _used("voxels that are NaN or infinite, which count as 0",
                              "{count} of {total} voxels are NaN or infinite: they count as 0")
    NIFTI_UNKNOWN = _refused("a file that is not NIfTI", "is not a NIfTI file")
    NIFTI_ANALYZE = _refused("an ANALYZE 7.5 file", "is an ANALYZE 7.5 file, which does not say where left is")
    NIFTI_HALF_PAIR = _refused("half a pair of NIfTI files", "is half a pair: {lacking} is missing")
    NIFTI_DAMAGED = _refused("a damaged NIfTI header or compressed stream", "is damaged ({error})")
    NIFTI_CUT_OFF = _refused("a NIfTI file cut off in its voxels",
                             "is cut off: {held} of {declared} bytes of voxels are there")
    NIFTI_INFLATES_TOO_MUCH = _refused(
        "a compressed NIfTI file that would fill the memory",
        "declares {declared_mib:.0f} MiB of voxels in {held_mib:.3g} MiB of compressed file")
    NIFTI_SEVERAL_VOLUMES = _refused("several volumes in one NIfTI file", "holds {volumes} volumes, not one")
    NIFTI_FLAT = _refused("a NIfTI file of one or two axes", "has {axes} axes, not three")
    NIFTI_NOT_GREY = _refused("NIfTI voxels that are no grey values", "holds {kind}, not grey values")
    VALUES_LOST = _refused("no finite voxel", "holds no voxel that is a finite number")
    # Masks of the tumour
    MASK_MISSING = _refused("no tumour mask of a case whose recipe needs one", "is missing")
    MASK_EMPTY = _refused("a mask without a voxel of the tumour", "marks no voxel as tumour")
    MASK_NOT_LABELS = _refused("mask values that are no whole numbers from 0 up", "has the value {value:g}: no label")
    MASK_OUTSIDE = _refused("a tumour wholly outside of a series", "its tumour lies wholly outside of {sequence}")
    MASK_OTHER_SHAPE = _refused("a mask without affine, or of a series without, of another shape than the series",
                                "has {shape} voxels, {sequence} {other_shape}, and not both say where they lie")
    MASK_BY_INDEX = _used("a mask without affine, or of a series without, of the series' shape",
                          "laid over {sequence} voxel by voxel: not both say where they lie")
    MASK_VALUES_UNNAMED = _used("mask values that the data set does not name, not taken for tumour",
                                "has the values {values} that mask_values does not name: not taken for tumour")
    MASK_BEYOND_SERIES = _used("a part of the tumour outside of a series", "{share:.0%} of the tumour lies outside")
    # Masks that a locator predicts
    LOCATOR_NOTHING = _refused("no tumour found by the locator", "none was found by the locator")
    LOCATOR_SEVERAL = _refused("several places far apart found by the locator",
                               "lies in {places} places, up to {apart_mm:.0f} mm apart, as the locator finds")
    LOCATOR_SIZE = _refused("a tumour far smaller or larger than any that trained the locator",
                            "has {tumour_ml:.3g} ml, and {low_ml:.3g} to {high_ml:.3g} ml trained the locator")
    LOCATOR_INPUT = _refused("no series that the locator can use", "is not predicted: the locator lacks a series")
    LOCATOR_TRAINED = _refused("a case that all networks of the locator were trained on, under several names",
                               "is not predicted: each network of the locator was trained on this patient")
    # Windows of the files
    WINDOW_OF_INVERTED = _used("MONOCHROME1, window not applied", "MONOCHROME1: the window is not applied")
    WINDOW_MISSING = _used("no window, not windowed", "not windowed (no window reported): {slice_scope}")
    WINDOW_UNREADABLE = _used("a window that cannot be read",
                              "not windowed (the window cannot be read ({error})): {slice_scope}")
    WINDOW_IMPOSSIBLE = _used("a window that cannot be applied",
                              "not windowed (the window cannot be applied ({error})): {slice_scope}")
    WINDOW_NO_NUMBER = _used("a window that yields no number", "not windowed (the window is no number): {slice_scope}")
    WINDOWS_SEVERAL = _used("several windows, the first is used", "several windows: the first is used")
    WINDOWS_UNASSIGNED = _used("windows that belong to unknown slices, not applied",
                               "the windows are not applied: nobody knows which slice is whose")
    # What a change of geometry did
    GROWN = _used("an axis grown by interpolation", "grown by interpolation: {growths}")
    INTERPOLATED = _used("an axis interpolated to smaller steps", "interpolated: {finer_steps}")
    PADDED = _used("padded with 0", "padded: {share:.0%} of the new grid lies outside the series and is 0")
    SLICES_PADDED = _used("slices of zeros appended", "padded: {slices} slices of zeros appended")
    SLICES_PADDED_AIR = _used("slices of air appended", "padded: {slices} slices of air appended")
    HEAD_CUT_OFF = _used("a part of the head outside the grid",
                         "cropped: {share:.0%} of the head lies outside the new grid")
    HEAD_NOT_FOUND = _used("no head to crop to", "not cropped: no head found")
    CROPPED_TO_HEAD = _used("cropped to the head", "cropped to the head and {margin_mm:g} mm around it: {extents}")
    CROPPED_TO_TUMOUR = _used("cropped to the tumour", "cropped to the tumour with {margin_mm:g} mm around: {extents}")
    TUMOUR_CUT_OFF = _used("a part of the tumour outside of the cube", "cropped: {share:.0%} of the tumour is cut off")
    SLAB = _used("a slab of the slices", "slab around slice {middle}, largest {centre}: {extents}")
    SLAB_OF_SLICES = _used("a slab of the slices, as a network gets it",
                           "slices {first} to {last} of {total}, around {middle}")
    STRETCHED = _used("stretched", "stretched: voxels of {steps} mm, anatomy is distorted")

    def __init__(self, policy: Policy, frame: str, meaning: str, sentence: str):
        self.policy, self.frame, self.meaning, self.sentence = policy, frame, meaning, sentence


@dataclass(frozen=True)
class Finding:
    """One odd thing.

    files: names of all files, or of slices (`all.dcm frame 2`), that it concerns, in their order, without repetition.
    values: what else the sentence needs, by name; numbers in the unit that the name ends with.

    Examples
    --------
    >>> found = Finding(FindingCode.PIXELS_CUT_OFF, ("0012.dcm",))
    >>> str(found), found.code.policy
    ('0012.dcm set aside: cut off in its pixels', <Policy.PART_USED: 'part used'>)
    """

    code: FindingCode
    files: Sequence[str] = ()
    values: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", tuple(dict.fromkeys(self.files)))
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))

    def __hash__(self) -> int:
        return hash((self.code, self.files, frozenset(self.values.items())))

    def __reduce__(self) -> tuple[type["Finding"], tuple[FindingCode, Sequence[str], dict[str, Any]]]:
        """A mapping proxy cannot be pickled."""
        return type(self), (self.code, self.files, dict(self.values))

    def __str__(self) -> str:
        """The sentence, with the files before it where it is of them; long lists are cut short."""
        return (self.code.frame.format_map(_Words(self)) if self.files else "") + self.reason

    @property
    def reason(self) -> str:
        """The sentence without the files: `cut off in its pixels`."""
        return self.code.sentence.format_map(_Words(self))


def codes(findings: Iterable[Finding]) -> tuple[FindingCode, ...]:
    """The code of each finding."""
    return tuple(finding.code for finding in findings)


def codes_text(findings: Iterable[Finding]) -> str:
    """The codes as a cell of a table: names divided by spaces, each once, in their order."""
    return " ".join(dict.fromkeys(finding.code.name for finding in findings))


def trait_name(trait: str) -> str:
    """A field of `Traits` in words: echo time, flip angle, image type."""
    return trait.replace("_ms", " time").removesuffix("_degrees").replace("_", " ")


class _Words:
    """What a sentence may name: phrases made of the finding (`_WORDS`), and its values."""

    def __init__(self, finding: Finding):
        self.finding = finding

    def __getitem__(self, name: str) -> Any:
        return _WORDS[name](self.finding) if name in _WORDS else self.finding.values[name]


def _holes(finding: Finding) -> str:
    """`2 between 0007.dcm and 0008.dcm, 1 between ...`; holes: (slices, file before, file after) of each."""
    holes = finding.values["holes"]
    shown = [f"{count} between {listing((before, after))}" for count, before, after in holes[:5]]
    return ", ".join(shown) + (f" and {len(holes) - 5} more holes" if len(holes) > 5 else "")


def _displaced(finding: Finding) -> str:
    off_mm = finding.values["off_mm"]
    return "" if off_mm is None else f", which puts slices up to {off_mm:.2f} mm from their true place"


def _causes(finding: Finding) -> str:
    causes: Sequence[Finding] = finding.values["causes"]
    return "; ".join(f"{listing(cause.files, 2)}: {cause.reason}" for cause in causes[:5])


def _stacks(finding: Finding) -> str:
    """parts: of each stack its slices, the name of the first, and a Finding of what differs from the first stack."""
    return listing([f"{size} slices from {name} on" + (f" ({difference.reason})" if difference else "")
                    for size, name, difference in finding.values["parts"][:4]])


def _every(what: str, finding: Finding) -> str:
    return f"every {what}" if finding.values["everywhere"] else listing(finding.files)


_WORDS = {
    "files": lambda finding: listing(finding.files),
    "few_files": lambda finding: listing(finding.files, 2),
    "scope": lambda finding: _every("file", finding),
    "slice_scope": lambda finding: _every("slice", finding),
    "are_copies": lambda finding: "is a copy" if len(finding.files) == 1 else "are copies",
    "neighbours": lambda finding: listing(finding.values["between"]),
    "holes": _holes,
    "displaced": _displaced,
    "causes": _causes,
    "stack_count": lambda finding: len(finding.values["parts"]),
    "stacks": _stacks,
    "trait_names": lambda finding: listing(list(map(trait_name, finding.values["traits"]))),
    "growths": lambda finding: ", ".join(f"{old} {axis} to {new}" for axis, old, new in finding.values["axes"]),
    "finer_steps": lambda finding: ", ".join(f"{axis} {old:.3g} mm apart to {new:.3g} mm"
                                             for axis, old, new in finding.values["axes"]),
    "extents": lambda finding: ", ".join(f"{axis} {first} to {last} of {total}"
                                         for axis, first, last, total in finding.values["axes"]),
    "shape": lambda finding: " x ".join(map(str, finding.values["voxels"])),
    "other_shape": lambda finding: " x ".join(map(str, finding.values["other_voxels"])),
    "values": lambda finding: listing(list(map(str, finding.values["numbers"]))),
    "steps": lambda finding: " x ".join(f"{step:.3g}" for step in finding.values["spacing_mm"]),
}
"""Phrases of sentences that are more than one value."""
