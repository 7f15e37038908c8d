"""Bring masks that lie on another program's images, such as BraTS 2021's, onto the series of the same patients."""

import shlex
from pathlib import Path

from radiogen.cli.given import require
from radiogen.core.wording import command


def main(data: Path, atlas: Path, sequence: str = "T1wCE", output: Path | None = None,
         workers: int | None = None) -> None:
    """Bring masks that lie on another program's images, such as BraTS 2021's, onto the series of the same patients.

    Needs SimpleITK: pip install 'radiogen[register]'.

    Example: register-masks --data input/rsna-miccai --atlas input/brats2021

    Args:
        data: Data set with the series; <split>/<case>/mask.nii.gz is written where a case has no mask.
        atlas: Data set of the same patients with images in another space, with or without skull, and their masks.
        sequence: The sequence that is registered; the same in both data sets.
        output: Folder for registered_masks.csv, a row a case (default: input/registered-masks/<data set>).
        workers: Processes (default: one per available core).
    """
    require(data=data)
    require(data=atlas)
    from radiogen.core import files
    from radiogen.imaging.registration.case_masks import register_masks, summarise
    from radiogen.task import read_task

    table = register_masks(data, atlas, sequence, workers=workers)
    with files.working_folder(output or Path("input/registered-masks") / data.resolve().name) as place:
        path = files.write_csv(place / "registered_masks.csv", read_task(data).to_file(table))
    print("\n".join(summarise(table)))
    print(f"table: {path}")
    print(f"next: see the outlines: {command('inspect_dataset')} --data {shlex.quote(str(data))}")
