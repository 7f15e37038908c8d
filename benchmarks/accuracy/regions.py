"""What a mask of the tumour is worth, right and wrong, on phantoms whose best possible AUC is known; Markdown tables.

In: the record, a row for each evaluated trial. Out: runs under --folder, new rows of the record, two tables: recipes on
the phantom for choosing (seed 1), and the chosen one on another phantom, with its true masks and with masks that were
dilated, shifted, or taken away from every tenth case. docs/accuracy.md has the results.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from radiogen.core.errors import run_command

if TYPE_CHECKING:
    import pandas as pd

    from benchmarks.accuracy.study_trials import Trial
    from radiogen.imaging.volume import Volume

EFFECT = 2.0
WRONG_MM = 5.0
"""How far wrong masks reach beyond the tumour, or lie beside it."""
MISSING = 10
"""Every so many cases one has no mask."""
WRONG = {"dilated": f"dilated by {WRONG_MM:g} mm", "shifted": f"shifted by {WRONG_MM:g} mm",
         "missing": f"missing in {100 // MISSING} %"}
STUDY = "regions"


def main(folder: Path = Path("input/accuracy"), names: tuple[str, ...] = (), tables_only: bool = False,
         record: Path = Path("docs/regions.csv"), output: Path | None = None, parallel_folds: int = 2,
         workers: int | None = None) -> None:
    """Train what is missing, evaluate it, print the tables. Two cores take two to three minutes a trial.

    Args:
        folder: Where phantoms, arrays and runs are kept; `studies.py` shares them.
        names: Only trials of these names; none: all.
        tables_only: Train nothing; print the trials that are recorded.
        record: Table of all figures, a row a trial; a trial that is in it is taken from it, a new one is added.
        output: Markdown file to write the tables to as well.
        parallel_folds: Folds trained in parallel.
        workers: Processes for making phantoms and arrays (default: as many as cores may be used).
    """
    import pandas as pd

    from benchmarks.accuracy.studies import judge, train, whole_name
    from benchmarks.accuracy.study_record import Record
    from radiogen.core import files

    kept, found = Record(record), []
    for trial in trials():
        row = kept.row(trial, whole_name(trial))
        if row is None and not tables_only and (not names or trial.name in names):
            make_masks(trial, folder, workers)
            train(trial, folder, parallel_folds, workers)
            row = judge(trial, folder)
            assert row is not None  # it was just trained
            kept.add(row)
        found += [row] if row else []
    tables = [_table(part) for _, part in pd.DataFrame(found).groupby("row", sort=False)] if found else []
    text = "\n\n".join(tables) or "nothing is trained"
    print(text)
    if output:
        files.write_text(output, text + "\n")


def trials() -> "list[Trial]":
    """What was tried on the phantom for choosing, and what came of it on the other."""
    from benchmarks.accuracy.study_trials import CHOOSING_SEED, Trial, phantom, small

    alone = {"region": "tumour-only", "margin_mm": 4.0}
    tried = {"tumour and 10 mm around, fitted": {}, "tumour alone, 72 mm": alone | {"crop_edge_mm": 72.0},
             "tumour alone, fitted": alone}
    chosen = [Trial(STUDY, "seed 1", name, phantom(EFFECT, seed=CHOOSING_SEED), small("demo-3d-tumour", **changes))
              for name, changes in tried.items()]
    shown = [Trial(STUDY, "seed 42", name, phantom(EFFECT), small("demo-3d-tumour", **changes))
             for name, changes in {"true masks": {}, "true masks, tumour alone, fitted": alone}.items()]
    return chosen + shown + [Trial(STUDY, "seed 42", name, phantom(EFFECT), masks=kind, recipe=small(
        "demo-3d-tumour", **({"without_mask": "head"} if kind == "missing" else {}))) for kind, name in WRONG.items()]


def make_masks(trial: "Trial", folder: Path, workers: int | None = None) -> None:
    """Make the trial's phantom; where its masks are wrong, a copy by links beside it, with masks of its own."""
    import os
    import shutil
    from dataclasses import replace

    from benchmarks.accuracy.studies import phantom_name
    from radiogen.phantom.data_set import write_phantom

    true = folder / phantom_name(replace(trial, masks="true"))
    write_phantom(true, trial.phantom, workers)
    data = folder / phantom_name(trial)
    if data == true or (data / "train_labels.csv").is_file():
        return
    shutil.rmtree(data, ignore_errors=True)
    ignored = shutil.ignore_patterns(".*", "mask.nii.gz", "train_labels.csv")
    shutil.copytree(true, data, ignore=ignored, copy_function=os.link)
    for number, case in enumerate(sorted((true / "train").iterdir())):
        _write_wrong_mask(case / "mask.nii.gz", data / "train" / case.name / "mask.nii.gz", trial.masks, number)
    shutil.copy(true / "train_labels.csv", data)  # the last: where it is, all is there


def _write_wrong_mask(true: Path, path: Path, kind: str, number: int) -> None:
    """Write one case's mask; number: of the case, which decides where it is shifted to, or whether it is missing."""
    import os

    import numpy as np

    from radiogen.imaging.export.series_export import write_nifti
    from radiogen.imaging.masks import read_mask

    if kind == "missing":
        if number % MISSING:
            os.link(true, path)
        return
    mask = read_mask(true)
    write_nifti(path, dilated(mask, WRONG_MM) if kind == "dilated" else shifted(
        mask, WRONG_MM, np.random.default_rng(number)))


def dilated(mask: "Volume", reach_mm: float) -> "Volume":
    """The mask, and all voxels whose middle lies within `reach_mm` of one of it."""
    from dataclasses import replace

    import numpy as np
    from scipy import ndimage

    from radiogen.imaging.volume import spacing_mm

    far = ndimage.distance_transform_edt(mask.voxels == 0, sampling=spacing_mm(mask))
    return replace(mask, voxels=(far <= reach_mm).astype(np.uint8))


def shifted(mask: "Volume", by_mm: float, random: "np.random.Generator") -> "Volume":  # noqa: F821
    """The mask, moved in the patient by so many mm in a random direction."""
    from dataclasses import replace

    import numpy as np

    direction = random.normal(size=3)
    affine = np.array(mask.affine)
    affine[:3, 3] += by_mm * direction / np.linalg.norm(direction)
    return replace(mask, affine=affine)


def _table(rows: "pd.DataFrame") -> str:
    """A table with a line a trial of one phantom."""
    where = rows["row"].iloc[0]
    lines = [f"| phantom of {where}, effect {EFFECT:g}, best {rows['ceiling'].iloc[0]:.3f} | AUC (95 % interval) | "
             "of what is possible | rank correlation |", "| --- | --- | --- | --- |"]
    return "\n".join(lines + [
        f"| {row['name']} | {row['auc']:.3f} ({row['low']:.3f} to {row['high']:.3f}) | {max(row['share'], 0):.1%} | "
        f"{row['correlation']:.2f} ({row['correlation_low']:.2f} to {row['correlation_high']:.2f}) |"
        for _, row in rows.iterrows()])


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
