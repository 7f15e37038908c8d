"""Masks that a locator predicted, as files: `<case>.nii.gz` with the tumour, `<case>.located.json` with what is said.

In: a predicted mask, or the finding for which there is none. Out: the note, which stands for the case's mask wherever a
mask's file is expected (its bytes change with the mask's), and from that the mask again. `training/locator` writes
them, the cache reads them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from radiogen.arrays.case_series import CaseSeries
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import command
from radiogen.dataset.layout import Split, mask_path
from radiogen.imaging.export.series_export import write_nifti
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.masks.reading import read_mask
from radiogen.imaging.volume import Volume

SUFFIX = ".located.json"


def located_folder(arrays: Path, digest: str) -> Path:
    """The folder of a data set's predicted masks. arrays: any cache of it that needs none of its own masks; digest: of
    the locator."""
    return arrays.parent / f"located-{digest}"


def located_path(folder: Path, case: str) -> Path:
    """The note of a case's predicted mask."""
    return Path(folder) / f"{case}{SUFFIX}"


def case_mask_path(data: Path, split: Split, case: str, located: Path | None) -> Path | None:
    """Where a case's mask is read from: the note in the folder of predicted masks, or the data set's own file, None
    where it has none. located: that folder; None: masks are the data set's."""
    return mask_path(data, split, case) if located is None else located_path(located, case)


def is_located(path: Path) -> bool:
    """Whether a mask's file is the note of a predicted one."""
    return path.name.endswith(SUFFIX)


def write_located(folder: Path, case: str, found: Volume | Finding, facts: Mapping[str, Any]) -> Path:
    """Write a predicted mask, 1 in the tumour, or why there is none, the note last; returns the note's path.

    facts: what else the note shall keep, as JSON values.
    """
    mask, note = _mask_path(folder, case), located_path(folder, case)
    if isinstance(found, Finding):
        mask.unlink(missing_ok=True)
        said = {"finding": found.code.name, "values": dict(found.values), "mask": ""}
    else:
        said = {"finding": "", "values": {}, "mask": files.sha256(write_nifti(mask, found))}
    return files.write_json(note, {**facts, **said})


def read_located(path: Path) -> CaseSeries:
    """The mask of a note as a series of the case, or the finding for which there is none.

    Raises UserError where either file is damaged, or the mask is not the one that the note is of.
    """
    try:
        note = files.read_json(path)
        finding, digest = note["finding"], note["mask"]
        if finding:
            return CaseSeries(unusable=Finding(FindingCode[finding], (), note["values"]))
        mask = _mask_path(path.parent, path.name.removesuffix(SUFFIX))
        if mask.is_file() and files.sha256(mask) == digest:
            return CaseSeries(read_mask(mask))
    except (KeyError, TypeError, AttributeError):
        pass
    raise UserError(path, "and the mask beside it are damaged", f"delete it and run {command('preprocess')} again")


def located_facts(path: Path) -> dict[str, Any]:
    """What a note says; {} where there is none that can be read."""
    try:
        facts = files.read_json(path) if path.is_file() else {}
    except UserError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _mask_path(folder: Path, case: str) -> Path:
    return Path(folder) / f"{case}.nii.gz"
