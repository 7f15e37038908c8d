"""What a locator's masks are worth to a classifier: whole head, predicted, true mask, mask alone; table, picture.

In: nothing but settings. Out: under --folder what `locator.py` makes, a phantom of another seed whose best possible AUC
is known, runs on it; Markdown, a picture. All rows are of the same patients in the same folds. The mask alone has no
intensities: a constant in the tumour, air around. Models without an image know the tumour's volume and place, or how
the series were acquired. What is trained is kept, so the hours may be split. Exit code 1 where predicted masks cost
more than two points of what is possible.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from radiogen.core.errors import run_command

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from benchmarks.accuracy.study_trials import Trial
    from radiogen.imaging.volume import Volume

EFFECT, MOST_LOST = 2.0, 0.02
HEAD, PREDICTED, TRUE = "whole head", "predicted mask", "true mask"
ALONE, PLACE = "mask alone, no intensities", "volume and place of the mask, no image"
ACQUISITION = "acquisition, no image"


def main(folder: Path = Path("input/masks"), cases: int = 200, seed: int = 42, train_cases: int = 80,
         parallel_folds: int = 1, workers: int | None = None, picture: Path | None = None,
         output: Path | None = None) -> None:
    """Train what is missing, judge every row, print the table. Two cores take some two hours, most of it whole heads.

    Args:
        folder: Where phantoms, arrays and runs are kept; `locator.py` shares it.
        cases: Patients of the phantom on which all rows are judged.
        seed: Of that phantom; the locator's is another.
        train_cases: Cases of the phantom that trains the locator.
        parallel_folds: Folds trained in parallel.
        workers: Processes for making phantoms and arrays (default: as many as cores may be used).
        picture: PNG or SVG file to draw.
        output: Markdown file to write the table to as well.
    """
    from benchmarks.masks.locator import phantoms, train_locator
    from radiogen.core import files
    from radiogen.phantom.data_set import ceiling_auc, write_phantom

    if not (folder / "train" / "train_labels.csv").is_file():
        write_phantom(folder / "train", phantoms(train_cases, 2, (11, 12, 13))["train"], workers)
    train_locator(folder, parallel_folds, workers)
    ceiling = ceiling_auc(EFFECT)
    found = []
    for name, trial in trials(cases, seed).items():
        found.append(judged(name, trained(trial, folder, parallel_folds, workers), ceiling))
        print(found[-1], flush=True)
    folder_of_true = folder / "models" / _names(trials(cases, seed)[TRUE])[0]
    data = folder / _names(trials(cases, seed)[TRUE])[1]
    found.append(judged(ALONE, mask_alone(data, folder, parallel_folds), ceiling))
    found += [judged(name, table, ceiling) for name, table in without_image(data, folder_of_true).items()]
    text = "\n".join([*table_lines(found, ceiling), "", difference_line(found)])
    print(f"\n{text}")
    if picture:
        draw(picture, found, ceiling)
    if output:
        files.write_text(output, text + "\n")
    if lost(found) > MOST_LOST:
        sys.exit(1)


def trials(cases: int, seed: int) -> "dict[str, Trial]":
    """By row what is trained on series: the recipe of whole heads that was best on a phantom for choosing, and the one
    of tumours with predicted and with true masks."""
    from benchmarks.accuracy.study_trials import Trial, best, phantom, small
    from benchmarks.masks.locator import RUN

    data = phantom(EFFECT, cases, seed=seed)
    recipes = {PREDICTED: small("demo-3d-tumour", mask=f"locator:{RUN}"), TRUE: small("demo-3d-tumour"), HEAD: best()}
    return {name: Trial("masks", f"seed {seed}", name, data, recipe) for name, recipe in recipes.items()}


def trained(trial: "Trial", folder: Path, parallel_folds: int, workers: int | None) -> "pd.DataFrame":
    """The trial's predictions, trained where they are missing."""
    from benchmarks.accuracy.studies import train
    from radiogen.runs.predictions import read_predictions

    train(trial, folder, parallel_folds, workers)
    return read_predictions(folder / "models" / _names(trial)[0] / "predictions.csv")


def mask_alone(data: Path, folder: Path, parallel_folds: int) -> "pd.DataFrame":
    """Predictions of the network that sees the true mask alone, in a cube of 72 mm around its middle."""
    from benchmarks.accuracy.study_trials import small
    from radiogen.dataset.labels import ID, LABEL, read_labels
    from radiogen.imaging.masks import read_mask
    from radiogen.inference.prediction import predict_run
    from radiogen.runs.predictions import read_predictions
    from radiogen.training import workflow
    from radiogen.training.own_arrays import begin_own_run

    recipe = small("demo-3d-tumour", sequences=("T1wCE",), normalisation="none", region="tumour-only",
                   crop_edge_mm=72.0, gamma=0.0)
    place = folder / "models" / f"{data.name}-mask-alone"
    if not (place / "predictions.csv").is_file():
        labels = read_labels(data / "train_labels.csv").sort_values(ID)
        masks = (read_mask(data / "train" / case / "mask.nii.gz") for case in labels[ID])
        images = ({"T1wCE": silhouette(mask), "mask": mask} for mask in masks)
        run, folds = begin_own_run(images, labels[LABEL].tolist(), recipe, place,
                                   folder / "cache" / f"{data.name}-mask-alone")
        workflow.train(run, folds, parallel_folds)
        predict_run(run)
    return read_predictions(place / "predictions.csv")


def silhouette(mask: "Volume") -> "Volume":
    """The tumour as bright as an array can be, air around: a 1 of 255 would be next to nothing to a network."""
    from dataclasses import replace

    import numpy as np

    return replace(mask, voxels=np.where(mask.voxels > 0, 255, 0).astype(np.uint8))


def without_image(data: Path, run: Path) -> "dict[str, pd.DataFrame]":
    """By row the out-of-fold predictions of models without an image, in the folds of `run`: logistic regression on the
    true tumour's volume and place in the head, and the best of the report's models on the acquisition."""
    import pandas as pd

    from radiogen.core.auc import auc
    from radiogen.dataset.geometry import read_geometry
    from radiogen.dataset.labels import ID, LABEL
    from radiogen.evaluation.audit.image_free import image_free_predictions
    from radiogen.imaging.masks import read_mask
    from radiogen.runs.folds import read_folds
    from radiogen.runs.predictions import scored

    folds = read_folds(run / "folds.csv")
    rows = [volume_and_place(read_mask(data / "train" / case / "mask.nii.gz")) for case in folds[ID]]
    free = image_free_predictions(folds, read_geometry(run / "geometry.csv"))
    best = max(free.values(), key=lambda table: auc(*scored(table)))
    probability = out_of_fold_logistic(pd.DataFrame(rows).to_numpy(), folds[LABEL].to_numpy(int),
                                       folds["fold"].to_numpy())
    return {PLACE: folds.assign(probability=probability), ACQUISITION: best}


def volume_and_place(mask) -> dict[str, float]:
    """The logarithm of a tumour's ml, the middle of its box, how far that lies from the middle plane, and its sides."""
    import numpy as np

    from radiogen.imaging.masks.grids import tumour_box

    low, high = tumour_box(mask)
    millilitres = float(mask.voxels.sum() * abs(np.linalg.det(mask.affine[:3, :3])) / 1000)
    middle, sides = (low + high) / 2, high - low
    return {"log_ml": np.log(millilitres), **dict(zip(("left", "back", "up"), middle, strict=True)),
            "off_middle": abs(middle[0]), **dict(zip(("wide", "deep", "tall"), sides, strict=True))}


def out_of_fold_logistic(inputs: "np.ndarray", labels: "np.ndarray", folds: "np.ndarray") -> "np.ndarray":
    """(cases,): the probability of each case by a regularised logistic regression on the other folds."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found = np.zeros(len(labels))
    for fold in np.unique(folds):
        own = folds == fold
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1)).fit(inputs[~own], labels[~own])
        found[own] = model.predict_proba(inputs[own])[:, 1]
    return found


def judged(name: str, predictions: "pd.DataFrame", ceiling: float) -> dict[str, object]:
    """A row: AUC out of fold, its interval over patients, and the share of what is possible above chance."""
    from radiogen.core.auc import auc
    from radiogen.evaluation.stats.intervals import bootstrap_interval
    from radiogen.runs.predictions import scored

    labels, probabilities = scored(predictions)
    low, high = bootstrap_interval(labels, probabilities)
    area = auc(labels, probabilities)
    return {"name": name, "auc": area, "low": low, "high": high, "share": (area - 0.5) / (ceiling - 0.5)}


def table_lines(found: "list[dict[str, object]]", ceiling: float) -> list[str]:
    """The rows as a Markdown table."""
    return [f"| what is seen, effect {EFFECT:g}, best {ceiling:.3f} | AUC (95 % interval) | of what is possible |",
            "| --- | --- | --- |", *(
                f"| {row['name']} | {row['auc']:.3f} ({row['low']:.3f} to {row['high']:.3f}) | "
                f"{row['share']:.1%} |" for row in found)]


def lost(found: "list[dict[str, object]]") -> float:
    """How much of what is possible predicted masks lose to true ones."""
    shares = {str(row["name"]): float(str(row["share"])) for row in found}
    return shares[TRUE] - shares[PREDICTED]


def difference_line(found: "list[dict[str, object]]") -> str:
    """`lost` in a sentence."""
    return (f"Predicted masks reach {100 * abs(lost(found)):.1f} points of what is possible "
            f"{'less' if lost(found) > 0 else 'more'} than true ones (goal: at most {100 * MOST_LOST:.0f} less).")


def draw(path: Path, found: "list[dict[str, object]]", ceiling: float) -> None:
    """A row a line: AUC and interval, chance and the best possible."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 0.5 * len(found) + 1.2), layout="constrained")
    for place, row in enumerate(reversed(found)):
        axes.plot([row["low"], row["high"]], [place, place], color="#1f5fa8", linewidth=2)
        axes.plot(row["auc"], place, "o", color="#1f5fa8")
    for value, label in ((0.5, "chance"), (ceiling, "best possible")):
        axes.axvline(value, color="#888888", linestyle="--", linewidth=1)
        axes.annotate(label, (value, 1.01), xycoords=("data", "axes fraction"), ha="center", fontsize=8)
    axes.set(yticks=range(len(found)), yticklabels=[str(row["name"]) for row in reversed(found)],
             xlabel="AUC out of fold, 95 % interval over patients", ylim=(-0.6, len(found) - 0.4))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _names(trial: "Trial") -> tuple[str, str]:
    """The names of the trial's run and of its phantom."""
    from benchmarks.accuracy.studies import phantom_name, run_name

    return run_name(trial), phantom_name(trial)


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
