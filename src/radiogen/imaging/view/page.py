"""One HTML file that shows series in three planes, side by side, at their own resolution, with what is odd in them.

In: volumes with names, of one case or of several with heat over them. Out: the file, which opens from a disk; a content
security policy forbids every request but for volumes beside it. Where all voxels would make it larger than
`PAGE_BYTES` it has their values in 8 bits, and says so; where that is too large, too, they lie beside it, in a folder
that this package owns, as scripts: a page may not read other files from a disk.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import numpy as np

from radiogen.core import files, owned
from radiogen.core.errors import UserError
from radiogen.dataset.source import MASK
from radiogen.imaging.folder import is_nifti
from radiogen.imaging.nifti.place import LPS_TO_RAS
from radiogen.imaging.series import read_series
from radiogen.imaging.view.niivue import Program, niivue
from radiogen.imaging.view.packing import (
    UNPLACED,
    Packed,
    display_window,
    pack_exactly,
    pack_in_8_bits,
)
from radiogen.imaging.volume import Volume, plane, spacing_mm

PAGE_BYTES = 5_000_000
"""A page with its images inside is no larger: it goes into a mail."""
_ROOM_FOR_WORDS = 100_000


class NamedVolume(NamedTuple):
    """A series to show, under this name."""

    name: str
    volume: Volume


@dataclass(frozen=True)
class ShownCase:
    """What is shown at a time: series side by side and, over those that `over` names, a heat map.

    heat: uint8, 255 where it is hottest, on a grid of its own; None for none. note: what is to be known of the case.
    """

    title: str
    series: Sequence[NamedVolume]
    heat: Volume | None = None
    over: Sequence[str] = ()
    note: str = ""


class Form(NamedTuple):
    """How volumes are kept. exact: all values, never 8 bits. small: where they lie beside the page, 8 bits will do."""

    exact: bool = False
    small: bool = False


def read_named(paths: Sequence[Path]) -> list[NamedVolume]:
    """The series of these folders or NIfTI files; a case's folder stands for each series in it, without its mask.

    Those of one name are told apart by their folders. Raises UserError where one is missing or cannot be read.
    """
    places = {place.resolve(): place for path in paths for place in _places(Path(path))}
    if not places:
        raise UserError("series", "none is named", "name a folder of DICOM files or a NIfTI file")
    return [NamedVolume(_own_name(place, list(places)), read_series(given)) for place, given in places.items()]


def write_view(path: Path, series: Sequence[NamedVolume], *, form: Form = Form(), program: Program | None = None
               ) -> list[Path]:
    """Write the page of one case's series; as `write_cases`."""
    title = ", ".join(one.name for one in series)
    return write_cases(path, [ShownCase(title, series)], title, form=form, program=program)


def write_cases(path: Path, cases: Iterable[ShownCase], heading: str, *, words: str = "", form: Form = Form(),
                program: Program | None = None) -> list[Path]:
    """Write a page of cases, one of which is shown at a time, and what lies beside it.

    Parameters
    ----------
    path: of the page; volumes that do not fit into it go into the folder `NAME_files` beside it.
    cases: taken one after the other, so that only one of them need be in memory.
    heading: of the page; words: a paragraph below it.
    form: how exact the volumes have to be.
    program: NiiVue's; None: the installed one, or none where that is missing.

    Returns
    -------
    The page's path and those of the volumes beside it.

    Raises
    ------
    ValueError where two series of a case have one name. UserError where `path` is no name of a page, or the folder
    holds what this package did not write there.
    """
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise UserError(path, "is no name of a page", "let it end in .html")
    folder, program = volumes_folder(path), niivue() if program is None else program
    room = PAGE_BYTES - _ROOM_FOR_WORDS - (len(program.code) + len(program.licence) if program else 0)
    pages, volumes, inside = _packed_cases(cases, room, form)
    if inside:
        owned.remove_folder(folder)
        page = render_page(pages, heading, words, program, volumes)
        return [files.write_text(path, page)]
    owned.replace_folder(folder, lambda part: [
        (part / f"{one.key}.js").write_text(f'radiogenVolume("{one.key}", "{one.text}");\n') for one in volumes])
    page = render_page(pages, heading, words, program, (), folder.name)
    return [files.write_text(path, page), *(folder / f"{one.key}.js" for one in volumes)]


def volumes_folder(page: Path) -> Path:
    """Where the volumes of a page lie that do not fit into it."""
    return page.with_name(f"{page.stem}_files")


def render_page(cases: Sequence[dict], heading: str, words: str, program: Program | None,
                volumes: Sequence[Packed], folder: str = "") -> str:
    """The page as HTML.

    cases: as viewer.js reads them (`_case_data`). program: None: plain.js draws. volumes: those inside the page;
    folder: that of the others, beside it.
    """
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
                                     lstrip_blocks=True)
    names = list(dict.fromkeys(one["name"] for case in cases for one in case["series"]))
    content = {"cases": cases, "names": names, "folder": quote(folder)}
    first = {one["name"]: one for one in cases[0]["series"]} if cases else {}
    scripts = [_kept(name) for name in ("plain.js", "niivue.js", "viewer.js")]
    return environment.from_string(_kept("page.html")).render(
        title=heading, words=words, style=_kept("page.css"), scripts=scripts, series=[
            first.get(name, {"name": name, "facts": "", "findings": [], "reduced": ""}) for name in names],
        data=json.dumps(content, separators=(",", ":")).replace("<", "\\u003c"), cases=cases, program=program,
        volumes={one.key: one.text for one in volumes}, beside=bool(folder))


def facts_text(volume: Volume) -> str:
    """Size, plane and spacing of a series in a line."""
    slices, rows, columns = volume.voxels.shape
    steps = spacing_mm(volume)
    place = (f"{plane(volume)}, slices {steps[0]:.3g} mm apart, pixels of {steps[1]:.3g} x {steps[2]:.3g} mm" if steps
             else "where it lies in the patient is not known: sides are not named")
    return f"{slices} slices of {rows} x {columns}, {place}"


def _own_name(place: Path, places: Sequence[Path]) -> str:
    """The end of a path that no other of them has."""
    ends = ("/".join(place.parts[-count:]) for count in range(1, len(place.parts)))
    return next((end for end in ends if not any(str(other).endswith(f"/{end}") for other in places if other != place)),
                str(place))


def _places(path: Path) -> list[Path]:
    if is_nifti(path) or not path.is_dir():
        return [path]
    inside = sorted(one for one in path.iterdir() if not one.name.startswith(".") and one.name.split(".")[0] != MASK)
    return inside if inside and all(one.is_dir() or is_nifti(one) for one in inside) else [path]


def _packed_cases(cases: Iterable[ShownCase], room: int, form: Form) -> tuple[list[dict], list[Packed], bool]:
    """The cases for viewer.js, their volumes in the first form that fits into `room`, and whether one does."""
    exact: list[dict] = []
    small: list[dict] = []
    whole: dict[str, Packed] = {}
    reduced: dict[str, Packed] = {}
    for case in cases:
        if len({one.name for one in case.series}) < len(case.series):
            raise ValueError(f"{case.title}: two series have one name")
        if sum(len(one.text) for one in whole.values()) <= room or not form.small:
            exact.append(_case_data(case, pack_exactly, whole))
        if not form.exact:
            small.append(_case_data(case, pack_in_8_bits, reduced))
    choices = [(exact, whole)] if form.exact else [(exact, whole), (small, reduced)]
    for pages, volumes in choices:
        if sum(len(one.text) for one in volumes.values()) <= room:
            return pages, list(volumes.values()), True
    pages, volumes = choices[-1 if form.small else 0]
    return pages, list(volumes.values()), False


def _case_data(case: ShownCase, pack: Callable[[Volume], Packed], volumes: dict[str, Packed]) -> dict:
    """What viewer.js reads of a case; its volumes are added to `volumes`, by key."""

    def kept(volume: Volume) -> Packed:
        packed = pack(volume)
        return volumes.setdefault(packed.key, packed)

    series = []
    for name, volume in case.series:
        packed, (low, high) = kept(volume), display_window(volume.voxels)
        series.append({"name": name, "facts": facts_text(volume), "findings": list(map(str, volume.findings)),
                       "reduced": packed.reduced, "low": low, "high": high, "placed": volume.affine is not None,
                       "image": packed.key, "hot": case.heat is not None and name in case.over})
    heat = None if case.heat is None else {"image": kept(case.heat).key, "at": _hottest(case.heat)}
    return {"title": case.title, "note": case.note, "series": series, "heat": heat}


def _hottest(heat: Volume) -> list[float]:
    """The middle of the hottest voxels, mm to the right, front and head, as NIfTI counts."""
    places = np.argwhere(heat.voxels == heat.voxels.max())
    affine = UNPLACED if heat.affine is None else heat.affine
    lps = affine[:3] @ [*places[np.abs(places - places.mean(axis=0)).sum(axis=1).argmin()], 1]
    return [float(one) for one in LPS_TO_RAS[:3, :3] @ lps]


def _kept(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
