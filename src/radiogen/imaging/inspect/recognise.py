"""Which series of a patient's folder is which sequence: by the folder that it lies in, else by what its headers say.

In: a folder with series as DICOM or NIfTI, flat, in subfolders or in the competition's layout. Out: for each sequence
that is wanted one series, and what it was recognised by. Nothing is guessed: a series that fits none is left, two that
fit one are an error, and what is named FLAIR, T1w, T1wCE or T2w to the letter always counts before anything else.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from radiogen.core.errors import UserError
from radiogen.core.wording import parameter, shortened
from radiogen.dataset.layout import NIFTI_SUFFIXES
from radiogen.dataset.source import MASK
from radiogen.imaging.dicom.guarded import read_tags
from radiogen.task import RSNA_MICCAI

MOST_FOLDERS = 200
"""A folder with more folders of files in it is no patient's."""

NO_SERIES = {".csv", ".gif", ".gz", ".html", ".jpeg", ".jpg", ".json", ".md", ".nii", ".nrrd", ".pdf", ".png", ".txt",
             ".xml", ".zip"}
"""Ends of the names of files that lie beside series and are none."""

_TAGS = ("SOPClassUID", "Modality", "ImageType", "SeriesInstanceUID", "SeriesDescription", "ProtocolName",
         "SequenceName", "ContrastBolusAgent", "Rows")
_OTHER = re.compile(
    r"t2 ?(\*|star)|t[12] ?map|localiz|localis|scout|survey|\bt2.*\bgre\b|\bperf|\b(dwi|dti|adc|trace|swi|swan|asl|tof|"
    r"mra|mrv|dsc|dce|bold|fmri|field ?map|mosaic|ktrans|cbf|cbv|mtt|stir|pd|pdw|hemo|sub|subtraction)\b")
_FLAIR = re.compile(r"flair|dark ?fluid|\bspcir")
_T1 = re.compile(r"\bt1|mp ?rage|\bmpr\b|bravo|f?spgr|\btfl3d|\btfl\b")
_T2 = re.compile(r"\bt2")
_WITH = re.compile(r"\bpost(?! ?op)|\bc\+|\+ ?c\b|\+ ?(gd|km)|\b(ce|gd|gad|gado|gadolinium|km|contrast|enhanced|enh)\b|"
                   r"t1w?i? ?(ce|gado?|gd|c)\b|contrast")
_WITHOUT = re.compile(r"\bpre\b(?! ?op)|\bpre ?(gd|gad|contrast)|\bwithout\b|\bw/o\b|\bwo\b|"
                      r"\bnon? ?(gd|contrast|enhanced)|\bnative?\b|\bohne\b|unenhanced")
_NO_AGENT = re.compile(r"(no|none|n/?a|not? (applicable|given|used)|0|without.*|nil|)", re.IGNORECASE)


_NO_IMAGE = re.compile(r"seg(m|mentation)?\b|_seg|mask|label|parcel")
_ENTITIES = re.compile(r"(sub|ses|acq|run|rec)-[^_]*_?")
"""Parts of a BIDS name that say nothing of the sequence; `sub` would be taken for a subtraction."""


class Kind(NamedTuple):
    """What words say of a series: `FLAIR`, `T1` or `T2`, "" for none of them; with contrast agent, None: not said."""

    weighting: str = ""
    enhanced: bool | None = None

    @property
    def sequence(self) -> str:
        """One of `RSNA_MICCAI.sequences`, or ""."""
        if self.weighting == "T1":
            return "T1wCE" if self.enhanced else "T1w"
        return "T2w" if self.weighting == "T2" else self.weighting


@dataclass(frozen=True)
class FoundSeries:
    """One series of a folder.

    sequence: one of `RSNA_MICCAI.sequences`, "" where it is none of them. files: its DICOM files; None: all files of
    `folder`, which holds no other series that is known of, or the NIfTI file that `folder` is. by: what it was
    recognised by; certain: folder or file have the sequence's own name. doubt: what is inconsistent with it, or "".
    """

    sequence: str
    folder: Path
    files: tuple[Path, ...] | None
    by: str
    certain: bool = False
    doubt: str = ""


def recognise(folder: Path,
              wanted: Sequence[str] = RSNA_MICCAI.sequences) -> tuple[dict[str, FoundSeries], list[FoundSeries]]:
    """The series of `folder` by sequence, in the order of `wanted`, and the series that are not used.

    wanted: those of the recipe. A folder with the name of one is that series, whatever its files say.
    Raises UserError, naming what was found, where no wanted sequence is there, where two series fit one of them, and
    where the folder is no patient's.
    """
    folder = Path(folder)
    names = {*RSNA_MICCAI.sequences, *wanted}
    found = [series for place in _places(folder) for series in _series(folder, place, names)]
    found += _nifti_series(folder, names)
    chosen = {}
    for name in wanted:
        fitting = [series for series in found if series.sequence == name]
        fitting = [series for series in fitting if series.certain] or fitting
        if len(fitting) > 1:
            listed = ", ".join(f"{_shown(folder, series)} ({series.by})" for series in fitting[:4])
            raise UserError(folder, f"{len(fitting)} series fit {name}: {listed}",
                            f"put the one that is meant into a folder named {name}, or as NIfTI call it "
                            f"{name}.nii.gz, or give one patient's folder")
        if fitting:
            chosen[name] = fitting[0]
    if not chosen:
        listed = shortened([f"{_shown(folder, series)} ({series.sequence or series.by})" for series in found], 6)
        raise UserError(folder, f"holds no {' or '.join(wanted)}; found {listed or 'no series'}",
                        f"name the series' folders or NIfTI files {', '.join(wanted)}, or give another folder")
    return chosen, [series for series in found if series not in chosen.values()]


def _kind_of_words(text: str) -> Kind:
    """What a name or a description says of a series, whatever its spelling: `t1_mprage_post`, `AX T2 FLAIR`, `T1wCE`.

    Of T2* and of what is not one of the four, such as diffusion or a scout, nothing is said. GE's T1 FLAIR is a T1.
    """
    words = re.sub(r"[^a-z0-9+*/]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower()).strip()
    enhanced = False if _WITHOUT.search(words) else True if _WITH.search(words) else None
    if not words or _OTHER.search(words):
        return Kind("", enhanced)
    if _T1.search(words) and not _T2.search(words):
        return Kind("T1", enhanced)
    if _FLAIR.search(words):
        return Kind("FLAIR", enhanced)
    return Kind("T2" if _T2.search(words) else "", enhanced)


def find_mask(folder: Path) -> Path | None:
    """The tumour's mask in a patient's folder: `mask.nii.gz`, `mask.nii` or a folder `mask`, at any depth; or None.

    Raises UserError where there are several.
    """
    names = {MASK, *(MASK + ending for ending in NIFTI_SUFFIXES)}
    found = [path for path in sorted(Path(folder).rglob(f"{MASK}*")) if path.name in names]
    if len(found) > 1:
        raise UserError(folder, f"holds {len(found)} masks of a tumour: {found[0].name} and {found[1].name}",
                        "keep the one that is meant")
    return found[0] if found else None


def series_folder_of(series: FoundSeries, room: Path) -> Path:
    """A folder with nothing but the series' files: its own, or one of links, made as `room`; or its NIfTI file."""
    if series.files is None:
        return series.folder
    room.mkdir(parents=True)
    for file in series.files:
        (room / file.name).symlink_to(file.resolve())
    return room


def not_used_text(folder: Path, left: Sequence[FoundSeries]) -> str:
    """One line on the series that are not used; "" where there is none."""
    listed = [f"{_shown(folder, series)} ({series.by})" for series in left]
    return f"not used: {shortened(listed, 3)}" if listed else ""


def _places(folder: Path) -> list[Path]:
    """The folders that hold files which may be DICOM, from `folder` down."""
    if not folder.is_dir():
        raise UserError(folder, "there is no such folder", "give the folder with one patient's series to "
                                                           f"{parameter('case')}")
    places: list[Path] = []
    waiting = [folder]
    while waiting:
        here = waiting.pop(0)
        if next(_files(here), None) is not None:
            places.append(here)
        waiting += sorted(path for path in here.iterdir()
                          if path.is_dir() and not path.name.startswith(".") and path.name != MASK)
        if len(places) + len(waiting) > MOST_FOLDERS:
            raise UserError(folder, f"holds more than {MOST_FOLDERS} folders, so it is not one patient's",
                            f"give the folder with one patient's series to {parameter('case')}")
    return places


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")
            and path.suffix.lower() not in NO_SERIES and path.name != "DICOMDIR")


def _series(root: Path, place: Path, names: Collection[str]) -> list[FoundSeries]:
    """The series of one folder: one where its name is a sequence's, else one for each SeriesInstanceUID."""
    certain, kind = place.name in names, _kind_of_folder(root, place)
    if certain or kind.weighting:
        name = place.name if certain else kind.sequence
        header = next(filter(None, map(_header, _files(place))), None)
        if header is None:
            return []
        return [FoundSeries(name, place, None, "by its folder's name", certain, _doubt(name, _kind_of_header(header)))]
    groups: dict[str, list[tuple[Path, dict[str, str]]]] = {}
    for file in _files(place):
        if (header := _header(file)) is not None:
            groups.setdefault(header["SeriesInstanceUID"], []).append((file, header))
    if len(groups) > 2 and len(groups) == sum(map(len, groups.values())):  # a SeriesInstanceUID of its own in each
        files = [one for group in groups.values() for one in group]
        groups = {}
        for file, header in files:
            groups.setdefault(_description(header), []).append((file, header))
    return [_described(place, [file for file, _ in group], group[0][1], alone=len(groups) == 1)
            for group in groups.values()]


def _nifti_series(root: Path, names: Collection[str]) -> list[FoundSeries]:
    """The NIfTI files from `root` down: one that is called as a sequence is it, else the words of its name count, then
    those of its folders'. A mask is no series."""
    found = []
    for path in sorted(path for ending in NIFTI_SUFFIXES for path in root.rglob(f"*{ending}")):
        stem = path.name[:path.name.index(".nii")]
        if path.name.startswith(".") or stem == MASK or not path.is_file():
            continue
        if stem in names:
            found.append(FoundSeries(stem, path, None, "by its file's name", certain=True))
        elif _NO_IMAGE.search(stem.lower()):
            found.append(FoundSeries("", path, None, "by its name a segmentation"))
        else:
            own = _kind_of_words(_ENTITIES.sub("", stem))
            kind = own if own.weighting else _kind_of_folder(root, path.parent)
            found.append(FoundSeries(kind.sequence, path, None, f"by its name {stem!r}"))
    return found


def _kind_of_folder(root: Path, place: Path) -> Kind:
    """From the names of the folders between `root` and `place`: the nearest that names a weighting decides."""
    kinds = [_kind_of_words(part) for part in reversed(place.relative_to(root).parts)]
    weighting = next((kind.weighting for kind in kinds if kind.weighting), "")
    return Kind(weighting, next((kind.enhanced for kind in kinds if kind.enhanced is not None), None))


def _kind_of_header(header: dict[str, str]) -> Kind:
    """What SeriesDescription, ProtocolName or SequenceName, the first that names a weighting, and the agent say."""
    kinds = [_kind_of_words(header[name]) for name in ("SeriesDescription", "ProtocolName", "SequenceName")]
    weighting = next((kind.weighting for kind in kinds if kind.weighting), "")
    enhanced = next((kind.enhanced for kind in kinds[:2] if kind.enhanced is not None), None)
    if enhanced is None and not _NO_AGENT.fullmatch(header["ContrastBolusAgent"].strip()):
        enhanced = True
    described = header["SeriesDescription"].strip()
    if described and not kinds[0].weighting and weighting and _OTHER.search(described.lower()):
        weighting = ""  # a description that says it is something else outdoes a protocol's name
    return Kind(weighting, enhanced)


def _described(place: Path, paths: list[Path], header: dict[str, str], *, alone: bool) -> FoundSeries:
    if "LOCALIZER" in header["ImageType"].upper():
        return FoundSeries("", place, tuple(paths), "a localiser")
    if header["Modality"] not in ("MR", ""):
        return FoundSeries("", place, tuple(paths), f"a {header['Modality']}")
    kind, described = _kind_of_header(header), _description(header)
    agent = header["ContrastBolusAgent"].strip()
    text = f"'{described}'" if described else "no description"
    if kind.sequence == "T1wCE" and not _kind_of_words(described).enhanced:
        text += f", contrast agent '{agent}'"
    return FoundSeries(kind.sequence, place, None if alone else tuple(paths), f"by {text}" if kind.sequence else text)


def _description(header: dict[str, str]) -> str:
    return next((header[name].strip() for name in ("SeriesDescription", "ProtocolName", "SequenceName")
                 if header[name].strip()), "")


def _doubt(name: str, kind: Kind) -> str:
    """What a header says that its folder's name does not; that it says nothing of an agent is no doubt.

    Of a sequence with a name of its own, which a data set's task may have, nothing is known that could be in doubt.
    """
    other = kind.sequence
    if not other or other == name or name not in RSNA_MICCAI.sequences or (name, kind) == ("T1wCE", Kind("T1", None)):
        return ""
    return f"the folder says {name}, the files say {other}; the folder is believed"


def _header(path: Path) -> dict[str, str] | None:
    """The elements of `_TAGS` as text; None for what is no image."""
    try:
        dataset = read_tags(path, _TAGS)
        header = {name: _text(dataset.get(name)) for name in _TAGS}
    except Exception:  # a damaged or another file: `read_series` reports those that lie in a series' folder
        return None
    return header if header["Rows"] else None


def _text(value: Any) -> str:
    return "" if value is None else str(value) if isinstance(value, str | int) else "\\".join(map(str, value))


def _shown(root: Path, series: FoundSeries) -> str:
    """Where a series lies, for a message."""
    place = series.folder.relative_to(root).as_posix()
    if series.folder.is_file():
        return place
    count = sum(1 for _ in _files(series.folder)) if series.files is None else len(series.files)
    return f"{'the folder' if place == '.' else place}: {count} file{'s' * (count != 1)}"
