"""One HTML file that shows series in three planes, side by side, at their own resolution, with what is odd in them.

In: volumes with names. Out: the file. Images are in it as NIfTI, compressed, with all their voxels; NiiVue is put in
where it is installed. A content security policy forbids every request.
"""

import base64
import gzip
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.dataset.source import MASK
from radiogen.imaging.export.series_export import nifti_bytes
from radiogen.imaging.folder import is_nifti
from radiogen.imaging.series import read_series
from radiogen.imaging.view.niivue import Program, niivue
from radiogen.imaging.volume import Volume, plane, spacing_mm


class NamedVolume(NamedTuple):
    """A series to show, under this name."""

    name: str
    volume: Volume


def read_named(paths: Sequence[Path]) -> list[NamedVolume]:
    """The series of these folders or NIfTI files; a case's folder stands for each series in it, without its mask.

    Raises UserError where one is missing or cannot be read.
    """
    found = [NamedVolume(place.resolve().name, read_series(place)) for path in paths for place in _places(Path(path))]
    if not found:
        raise UserError("series", "none is named", "name a folder of DICOM files or a NIfTI file")
    return found


def write_view(path: Path, series: Sequence[NamedVolume], *, program: Program | None = None) -> Path:
    """Write the page; returns its path. program: NiiVue's; None: the installed one, or none where that is missing."""
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise UserError(path, "is no name of a page", "let it end in .html")
    return files.write_text(path, render_view(series, niivue() if program is None else program))


def render_view(series: Sequence[NamedVolume], program: Program | None) -> str:
    """The page as HTML; program None: viewer.js draws by itself."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
                                     lstrip_blocks=True)
    data = json.dumps([_data(one) for one in series], separators=(",", ":")).replace("<", "\\u003c")
    return environment.from_string(_kept("page.html")).render(
        title=", ".join(one.name for one in series), style=_kept("page.css"), script=_kept("viewer.js"), data=data,
        series=[{"name": one.name, "facts": facts_text(one.volume), "findings": list(map(str, one.volume.findings))}
                for one in series], program=program)


def facts_text(volume: Volume) -> str:
    """Size, plane and spacing of a series in a line."""
    slices, rows, columns = volume.voxels.shape
    steps = spacing_mm(volume)
    place = (f"{plane(volume)}, slices {steps[0]:.3g} mm apart, pixels of {steps[1]:.3g} x {steps[2]:.3g} mm" if steps
             else "where it lies in the patient is not known: sides are not named")
    return f"{slices} slices of {rows} x {columns}, {place}"


def _places(path: Path) -> list[Path]:
    if is_nifti(path) or not path.is_dir():
        return [path]
    inside = sorted(one for one in path.iterdir() if not one.name.startswith(".") and one.name.split(".")[0] != MASK)
    return inside if inside and all(one.is_dir() or is_nifti(one) for one in inside) else [path]


def _data(one: NamedVolume) -> dict:
    """What viewer.js reads of a series; low, high: the window it opens with."""
    finite = one.volume.voxels[np.isfinite(one.volume.voxels)] if one.volume.voxels.dtype.kind == "f" else \
        one.volume.voxels
    shown = finite.ravel()[::max(1, finite.size // 500_000)]
    low, high = np.percentile(shown, [1, 99.8]).tolist() if shown.size else (0.0, 1.0)
    content = gzip.compress(nifti_bytes(one.volume), 6, mtime=0)
    return {"name": one.name, "low": low, "high": high if high > low else low + 1,
            "placed": one.volume.affine is not None, "image": base64.b64encode(content).decode("ascii")}


def _kept(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
