"""Masks that lie on another program's images, such as BraTS 2021's in its atlas' space, brought onto the series.

In: a data set of series, and one of the same patients whose images were moved and which has masks. Out:
`<split>/<case>/mask.nii.gz` in the first one, and a table with a row a case. A rigid motion moves a mask by its affine
alone: no label is interpolated. What is not to be trusted is not written, and named.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radiogen.core.errors import UserError
from radiogen.core.parallel import map_items
from radiogen.core.wording import listing
from radiogen.dataset.layout import (
    PATIENTS_TABLE,
    Split,
    case_ids,
    case_path,
    check_data,
    mask_path,
    sequences_present,
    series_path,
)
from radiogen.dataset.patients import data_patients, other_names
from radiogen.dataset.source import MASK, read_source
from radiogen.imaging.export.series_export import write_nifti
from radiogen.imaging.masks import read_mask
from radiogen.imaging.registration.rigid import register_rigid
from radiogen.imaging.series import read_series
from radiogen.imaging.volume import Volume
from radiogen.task import FILE, ID, read_task

COLUMNS = (ID, "split", "image_of", "mask", "why", "rotation_degrees", "shift_mm", "information", "inside", "apart_mm",
           "matrix")
"""Of the table. image_of: the case of the other data set. mask: `written`, `kept` (there was one), `refused` or
`missing` (of the other data set), and why. matrix: row by row, from the image's LPS mm to the series'. The others are
fields of `RigidRegistration`."""
_SHOWN = 8


@dataclass(frozen=True)
class _Job:
    """One case: where its series is, and whose image and mask are registered with it ("" where nobody's)."""

    data: Path
    atlas: Path
    split: Split
    case: str
    sequence: str
    image_of: str
    image_split: Split = "train"


def register_masks(data: Path, atlas: Path, sequence: str, *, workers: int | None = None) -> pd.DataFrame:
    """Write the masks of `atlas` into `data`; returns the table.

    data: a data set in the competition's layout, whose case folders get `mask.nii.gz`; atlas: with images and masks of
    the same patients, under the same ids or the names that the task or the table of patients knows. sequence: the one
    that is registered. A case that has a mask keeps it. Raises UserError where no case is in both.
    """
    data, atlas = Path(data), Path(atlas)
    check_data(data)
    check_data(atlas)
    if read_source(data).files or read_source(data).mask:
        raise UserError(data / FILE, "says where masks lie, so none are written beside the series",
                        "give the data set of the series, with folders <split>/<case>/<sequence>")
    task, other_task = read_task(data), read_task(atlas)
    for name, of in ((data, task), (atlas, other_task)):
        if sequence not in of.sequences:
            raise UserError(name, f"has no sequence {sequence}", f"choose one of {', '.join(of.sequences)}")
    found = _same_patients(data, atlas)
    splits: tuple[Split, ...] = ("train", "test")
    jobs = [_Job(data, atlas, split, case, sequence, *found.get(case, ("", "train")))
            for split in splits for case in case_ids(data, split)]
    if not any(job.image_of for job in jobs):
        example = next((case for split in splits for case in case_ids(atlas, split)), "nobody")
        raise UserError(atlas, f"has no patient of {data}: its cases are called as {example} is",
                        f"say in {data / PATIENTS_TABLE} what its cases are called there, in a column aliases")
    return pd.DataFrame(map_items(_register, jobs, "register masks", workers=workers), columns=list(COLUMNS))


def summarise(table: pd.DataFrame) -> list[str]:
    """What came of each case, in lines to print; those that were refused with their reason."""
    groups = {name: table[table["mask"] == name] for name in ("written", "kept", "missing", "refused")}
    words = {"written": "masks are written", "kept": "cases had a mask, which was kept",
             "missing": "cases have no image, series or mask to go by"}
    lines = [f"{len(groups[name]):7} {text}" + (f": {listing(groups[name][ID].tolist(), _SHOWN)}"
                                                if name == "missing" else "")
             for name, text in words.items() if len(groups[name])]
    if len(groups["refused"]):
        lines.append(f"{len(groups['refused']):7} registrations are not to be trusted, and no mask is written:")
        lines += [f"        {row.split}/{case}: {row.why}" for case, row in zip(
            groups["refused"][ID], groups["refused"].itertuples(), strict=True)]
    return lines


def _same_patients(data: Path, atlas: Path) -> Mapping[str, tuple[str, Split]]:
    """By case of `data` the case of `atlas` that is the same patient, by its id or another name, and its split."""
    splits: tuple[Split, ...] = ("train", "test")
    there = {case: split for split in splits for case in case_ids(atlas, split)}
    cases = [case for split in splits for case in case_ids(data, split)]
    names = other_names(data_patients(data), cases, read_task(data))
    back = {name: case for case, known in other_names(data_patients(atlas), list(there), read_task(atlas)).items()
            for name in known}
    found = {case: next((name for name in (case, *sorted(names[case])) if name in there), back.get(case, ""))
             for case in cases}
    return {case: (name, there[name]) for case, name in found.items() if name}


def _register(job: _Job) -> dict[str, Any]:
    row: dict[str, Any] = {ID: job.case, "split": job.split, "image_of": job.image_of, "why": ""}
    try:
        place = mask_path(job.data, job.split, job.case)
        if place is not None:
            return row | {"mask": "kept"}
        mask = mask_path(job.atlas, job.image_split, job.image_of) if job.image_of else None
        lacking = (MASK if mask is None else
                   job.sequence if job.sequence not in sequences_present(job.data, job.split, job.case) or
                   job.sequence not in sequences_present(job.atlas, job.image_split, job.image_of) else "")
        if mask is None or lacking:
            return row | {"mask": "missing", "why": lacking}
        read_mask(mask)  # refuses what is no mask
        found = register_rigid(read_series(series_path(job.atlas, job.image_split, job.image_of, job.sequence)),
                               read_series(series_path(job.data, job.split, job.case, job.sequence)))
    except UserError as error:
        return row | {"mask": "refused", "why": str(error)}
    row |= {"rotation_degrees": found.rotation_degrees, "shift_mm": found.shift_mm, "information": found.information,
            "inside": found.inside, "apart_mm": found.apart_mm,
            "matrix": " ".join(f"{value:.9g}" for value in found.transform.ravel())}
    if found.problems:
        return row | {"mask": "refused", "why": "; ".join(found.problems)}
    labels = read_series(mask)
    assert labels.affine is not None  # register_rigid refuses images without a place; a mask lies on its image
    write_nifti(case_path(job.data, job.split, job.case) / f"{MASK}.nii.gz",
                Volume(np.rint(labels.voxels).astype(np.uint8), found.transform @ labels.affine))
    return row | {"mask": "written"}


