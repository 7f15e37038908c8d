"""The files of a series' folder, in the order of their names, and how a series is refused.

In: a folder, or one file. Out: paths, and findings about what else lies there and is not read; the error of a series
that nobody can use, such as a blank one.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from radiogen.core.errors import UserError
from radiogen.imaging.dicom.stacks import natural_order
from radiogen.imaging.findings import Finding, FindingCode

NIFTI_ENDINGS = tuple(name + packed for name in (".nii", ".hdr", ".img") for packed in ("", ".gz"))
"""Of the names of NIfTI files."""


class SeriesError(UserError):
    """A series that is refused: the folder or file, why, and what to do. finding: why, as data."""

    def __init__(self, where: object, finding: Finding, remedy: str):
        self.finding, self.code = finding, finding.code.name
        super().__init__(where, finding.reason, remedy)

    def __reduce__(self) -> tuple[type["SeriesError"], tuple[object, ...]]:
        """As in `UserError`."""
        return type(self), (self.where, self.finding, self.remedy)


def is_nifti(path: Path) -> bool:
    """Whether a series is a NIfTI file, by its name."""
    return path.name.lower().endswith(NIFTI_ENDINGS) and not path.is_dir()


def blank_findings(place: Path, values: Sequence[float | None], names: Sequence[str]) -> list[Finding]:
    """Which slices of the series in `place` are blank.

    values: by slice, its one value where it is blank, else None; names: of the slices.
    Raises SeriesError where the whole series is blank.
    """
    blank = [name for name, value in zip(names, values, strict=True) if value is not None]
    known = {value for value in values if value is not None}
    if len(blank) == len(names) and len(known) == 1:
        raise SeriesError(place, Finding(FindingCode.SERIES_BLANK, (), {
            "slices": len(names), "value": float(known.pop())}),
            f"fetch the {'file' if is_nifti(place) else 'series'} again or leave it out")
    return [Finding(FindingCode.SLICES_BLANK, blank, {"blank": len(blank), "total": len(names)})] if blank else []


def series_files(folder: Path) -> list[Path]:
    """The files of a folder but for hidden ones, Image-2 before Image-10. Raises SeriesError where there are none."""
    return list_folder(folder)[0]


def list_folder(folder: Path) -> tuple[list[Path], list[Finding]]:
    """The files of a folder, or the one that it is, and findings about what else is in it."""
    try:
        shown = sorted(shown_entries(folder), key=lambda entry: natural_order(entry.name))
    except NotADirectoryError:
        return [folder], []
    except FileNotFoundError:
        raise SeriesError(folder, Finding(FindingCode.FOLDER_MISSING), "check the path") from None
    except OSError as error:
        raise SeriesError(folder, Finding(FindingCode.FOLDER_UNREADABLE, (), {"error": error.strerror}),
                          "make it readable") from error
    paths: list[Path] = []
    folders: list[str] = []
    special: list[str] = []
    for entry in shown:
        if is_file(entry) or (entry.is_symlink() and not os.path.exists(entry.path)):  # noqa: PTH110 - no Path needed
            paths.append(folder / entry.name)
        else:
            (folders if entry.is_dir() else special).append(entry.name)
    if not paths:
        raise SeriesError(folder, Finding(FindingCode.FOLDER_EMPTY), "put the series' DICOM files there")
    findings = [Finding(FindingCode.FOLDER_INSIDE, sorted(folders))] if folders else []
    if special:
        findings.append(Finding(FindingCode.SPECIAL_FILE, sorted(special)))
    return paths, findings


def shown_entries(folder: Path) -> list[os.DirEntry]:
    """What lies in a folder but for hidden things, in no order. Raises OSError."""
    with os.scandir(folder) as entries:
        return [entry for entry in entries if not entry.name.startswith(".")]


def is_file(entry: os.DirEntry) -> bool:
    """Whether it is a file or a link to one; a link that leads in a circle, or where none may look, is none."""
    try:
        return entry.is_file()
    except OSError:
        return False
