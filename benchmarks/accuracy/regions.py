"""What a mask of the tumour is worth, right and wrong, on phantoms whose best possible AUC is known; Markdown tables.

In: the record, a row for each run that was ever evaluated: each look at a phantom stays in it. Out: runs under
--folder, new rows of the record, a table a phantom: recipes on the phantom for choosing, and the best of them on
phantoms of other seeds, with their true masks and with masks that were dilated, shifted, taken away from every tenth
case, or all of it. docs/accuracy.md has the results.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from radiogen.core.errors import run_command

if TYPE_CHECKING:
    import pandas as pd

    from benchmarks.accuracy.study_record import Record
    from benchmarks.accuracy.study_trials import Trial
    from radiogen.imaging.volume import Volume

EFFECT = 2.0
WRONG_MM = 5.0
"""How far wrong masks reach beyond the tumour, or lie beside it."""
MISSING = 10
"""Every so many cases one has no mask."""
TRUE = "true masks"
WRONG = {"dilated": f"dilated by {WRONG_MM:g} mm", "shifted": f"shifted by {WRONG_MM:g} mm",
         "missing": f"missing in {100 // MISSING} %",
         "degraded": f"dilated and shifted by {WRONG_MM:g} mm, missing in {100 // MISSING} %"}
STUDY = "regions"
_ALONE = {"region": "tumour-only", "margin_mm": 4.0}
TRIED: dict[str, dict[str, object]] = {
    "tumour and 10 mm around, fitted": {}, "tumour alone, 72 mm": _ALONE | {"crop_edge_mm": 72.0},
    "tumour alone, fitted": _ALONE}
"""What is changed in demo-3d-tumour; the best of them on the phantom for choosing is shown on the others."""


def main(folder: Path = Path("input/accuracy"), choose_on: int = 1, show_on: tuple[int, ...] = (42, 101),
         names: tuple[str, ...] = (), tables_only: bool = False, record: Path = Path("docs/regions.csv"),
         output: Path | None = None, parallel_folds: int = 2, workers: int | None = None) -> None:
    """Train what is missing, evaluate it, print the tables. Two cores take two to three minutes a trial.

    Args:
        folder: Where phantoms, arrays and runs are kept; `studies.py` shares them.
        choose_on: Seed of the phantom on which the recipe is chosen.
        show_on: Seeds of the phantoms on which the chosen recipe is shown.
        names: Only trials of these names; none: all.
        tables_only: Train nothing; print the trials that are recorded.
        record: Table of all figures, a row a run; a run that is in it is taken from it, a new one is added, none goes.
        output: Markdown file to write the tables to as well.
        parallel_folds: Folds trained in parallel.
        workers: Processes for making phantoms and arrays (default: as many as cores may be used).
    """
    from benchmarks.accuracy.study_record import Record
    from radiogen.core import files
    from radiogen.core.errors import UserError
    from radiogen.core.wording import parameter

    if choose_on in show_on:
        raise UserError(parameter("show_on", f"{choose_on}"), "the recipe is chosen on the phantom of this seed",
                        "show it on phantoms of other seeds")
    kept = Record(record, keep_all=True)

    def look(trials: "list[Trial]") -> list[dict[str, object]]:
        for trial in trials:
            if _row(kept, trial) is None and not tables_only and (not names or trial.name in names):
                kept.add(_trained(trial, folder, parallel_folds, workers))
        return [row for trial in trials if (row := _row(kept, trial))]

    choices = look(choice_trials(choose_on))
    chosen = max(choices, key=lambda row: float(str(row["share"])))["name"] if choices else None
    shown = [look(shown_trials(seed, TRIED[f"{chosen}"])) for seed in show_on] if chosen else []
    text = "\n\n".join(tables(kept, (choose_on, *show_on)) + [_summary(choose_on, f"{chosen}", shown)])
    print(text)
    if output:
        files.write_text(output, text + "\n")


def choice_trials(seed: int) -> "list[Trial]":
    """What was tried on the phantom for choosing."""
    return [_trial(seed, name, changes) for name, changes in TRIED.items()]


def shown_trials(seed: int, changes: dict[str, object]) -> "list[Trial]":
    """The chosen recipe on another phantom, with its true masks and with wrong ones."""
    absent = {kind: {"without_mask": "head"} if kind in ("missing", "degraded") else {} for kind in WRONG}
    return [_trial(seed, TRUE, changes)] + [
        _trial(seed, name, changes | absent[kind], kind) for kind, name in WRONG.items()]


def _trial(seed: int, name: str, changes: dict[str, object], masks: str = "true") -> "Trial":
    from benchmarks.accuracy.study_trials import Trial, phantom, small

    recipe = small("demo-3d-tumour", **changes)
    return Trial(STUDY, f"seed {seed}", name, phantom(EFFECT, seed=seed), recipe, masks=masks)


def _row(kept: "Record", trial: "Trial") -> dict[str, object] | None:
    from benchmarks.accuracy.studies import whole_name

    return kept.row(trial, whole_name(trial))


def _trained(trial: "Trial", folder: Path, parallel_folds: int, workers: int | None) -> dict[str, object]:
    """Train the trial, print its figures and return them."""
    from benchmarks.accuracy.studies import judge, train

    make_masks(trial, folder, workers)
    train(trial, folder, parallel_folds, workers)
    row = judge(trial, folder)
    assert row is not None  # it was just trained
    print(f"{row['row']}, {row['name']}: {row['share']:.1%} of what is possible", flush=True)
    return row


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

    if kind in ("missing", "degraded") and number % MISSING == 0:
        return
    if kind == "missing":
        os.link(true, path)
        return
    mask = read_mask(true)
    if kind in ("dilated", "degraded"):
        mask = dilated(mask, WRONG_MM)
    if kind in ("shifted", "degraded"):
        mask = shifted(mask, WRONG_MM, np.random.default_rng(number))
    write_nifti(path, mask)


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


def tables(kept: "Record", seeds: "tuple[int, ...]") -> list[str]:
    """A table a phantom, with a line for each run that was ever evaluated on it."""
    import pandas as pd

    rows = pd.DataFrame(kept.rows, columns=kept.columns or ["row"])
    return [_table(part) for seed in seeds if len(part := rows[rows["row"] == f"seed {seed}"])]


def _table(rows: "pd.DataFrame") -> str:
    where = rows["row"].iloc[0]
    lines = [f"| phantom of {where}, effect {EFFECT:g}, best {rows['ceiling'].iloc[0]:.3f} | AUC (95 % interval) | "
             f"of what is possible | of the hidden variable's {rows['known'].iloc[0]:.3f} in these cases | "
             "rank correlation |", "| --- | --- | --- | --- | --- |"]
    return "\n".join(lines + [
        f"| {row['name']} | {row['auc']:.3f} ({row['low']:.3f} to {row['high']:.3f}) | {max(row['share'], 0):.1%} | "
        f"{max(row['auc'] - 0.5, 0) / (row['known'] - 0.5):.1%} | "
        f"{row['correlation']:.2f} ({row['correlation_low']:.2f} to {row['correlation_high']:.2f}) |"
        for _, row in rows.iterrows()])


def _summary(choose_on: int, chosen: str, shown: list[list[dict[str, object]]]) -> str:
    """What was chosen, and the mean over the phantoms on which it is shown, with an interval over their patients."""
    import numpy as np
    import pandas as pd

    if chosen == "None":
        return f"nothing is recorded of seed {choose_on}"
    lines = [f"Chosen on seed {choose_on}: {chosen}."]
    found = pd.DataFrame([row for rows in shown for row in rows], columns=[
        "row", "name", "share", "ceiling", "low", "high"])
    for name, rows in found.groupby("name", sort=False):
        errors = (rows["high"] - rows["low"]) / 3.92 / (rows["ceiling"] - 0.5)
        half = 1.96 * np.sqrt((errors ** 2).sum()) / len(rows)
        lines.append(f"{name}, mean of {', '.join(rows['row'])}: {rows['share'].mean():.1%} of what is possible "
                     f"({rows['share'].mean() - half:.1%} to {rows['share'].mean() + half:.1%}).")
    return "\n".join(lines)


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
