"""AdrenalMNIST3D through this package's own arrays, batches, networks and training, beside the published figures.

In: the official npz of MedMNIST v2 (1,188 training, 98 validation, 298 test masks of an adrenal gland, normal or with a
mass), which networks see as they are or as distances to their surface. Two steps. `choose` trains candidates and keeps
the one that is best on the validation split; it never opens the test split. `score` takes that choice as it stands,
trains its other seeds, and only then opens the test split.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import tyro

from radiogen.core.errors import UserError, run_command

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from radiogen.training.recipe.recipe import Recipe

PUBLISHED = {"ResNet-18, 3D": (0.827, 0.721), "ResNet-50, 3D": (0.828, 0.745), "ResNet-18, ACS": (0.839, 0.754),
             "ResNet-50, ACS": (0.828, 0.758), "auto-sklearn": (0.828, 0.802)}
"""Test AUC and accuracy at 28 x 28 x 28: Yang et al., MedMNIST v2, Scientific Data 2023;10:41."""

SEEDS = (42, 43, 44)
CHOICE, SCORE = "adrenal-choice.json", "adrenal-score.json"
DATA, MODELS, ARRAYS = Path("input/adrenalmnist3d_64.npz"), Path("models"), Path("input/cache/adrenal")
REACH, EDGE = 12.0, 48
"""Of distances: voxels from the surface where they end, and the edge of the cube that is kept."""


class Candidate(NamedTuple):
    """seen: masks, or what `distances` makes of them. recipe: the training."""

    seen: Literal["masks", "distances"]
    recipe: "Recipe"


def candidates() -> dict[str, Candidate]:
    """What is tried, by name; all with the first of `SEEDS`."""
    from radiogen.networks.settings import NetworkSettings
    from radiogen.training.recipe.recipe import Recipe
    from radiogen.training.recipe.settings import AugmentationSettings, DataSettings, OptimisationSettings

    base = Recipe(
        "adrenal", "", DataSettings(rank=3, sequences=("FLAIR",), size=48, sequences_as_channels=True),
        NetworkSettings("resnet10", width=16, stem_kernel_size=3),
        OptimisationSettings(learning_rate=0.002, schedule="cosine", weight_decay=0.01, label_smoothing=0.1, epochs=48,
                             batch_size=16, micro_batch_size=16),
        AugmentationSettings(flips=("left-right", "front-back", "up-down"), shift=0.03, tta=True), seed=SEEDS[0])
    one_scale = base.replace(normalisation="none")
    return {"masks": Candidate("masks", base), "distances": Candidate("distances", one_scale),
            "distances-step-1": Candidate("distances", one_scale.replace(stem_stride=1, epochs=24))}


def choose(data: Path = DATA, models: Path = MODELS, arrays: Path = ARRAYS) -> None:
    """Train every candidate on the training split; keep the one with the best AUC on the validation split.

    Args:
        data: The official npz, 64 or 28 voxels an edge.
        models: Where runs are kept, and the choice.
        arrays: Where the recipes' arrays are kept.
    """
    from radiogen.core import files
    from radiogen.training.recipe.recipe import as_dict

    if (models / SCORE).is_file():
        raise UserError(models / SCORE, "is there: the test split was scored already, and a choice made now would know "
                        "it", "name another --models folder to start again")
    images, labels, splits = read_splits(data, ("train", "val"))
    found, tried = {}, candidates()
    for name, (seen, recipe) in tried.items():
        table = train_and_predict(as_seen(images, seen), labels, splits, recipe, models / f"adrenal-{name}",
                                  arrays / seen)
        found[name] = figures(*_scored(table, "0"))
        print(f"{name}: validation AUC {found[name]['auc']:.3f}, accuracy {found[name]['accuracy']:.3f}", flush=True)
    best = max(found, key=lambda name: found[name]["auc"])
    files.write_json(models / CHOICE, {
        "chosen": best, "seen": tried[best].seen, "recipe": as_dict(tried[best].recipe), "validation": found})
    print(f"\n{choice_text(best, found)}\nchosen: {best}, in {models / CHOICE}")
    print("next: python benchmarks/accuracy/adrenal.py score")


def score(data: Path = DATA, models: Path = MODELS, arrays: Path = ARRAYS, output: Path | None = None) -> None:
    """Train the chosen candidate's other seeds, then open the test split, once, and print the table.

    Args:
        data: The official npz that the choice was made on.
        models: Where runs are kept, and the choice.
        arrays: Where the recipes' arrays are kept.
        output: Markdown file to write the table to as well.
    """
    from radiogen.core import files
    from radiogen.evaluation.ensembles import mean_ensemble
    from radiogen.training.recipe.recipe import from_dict

    choice = files.read_json(models / CHOICE)
    images, labels, splits = read_splits(data, ("train", "val"))
    recipes, seen = {seed: replace(from_dict(choice["recipe"]), seed=seed) for seed in SEEDS}, choice["seen"]
    names = {seed: f"adrenal-{choice['chosen']}" + (f"-seed-{seed}" if seed != SEEDS[0] else "") for seed in SEEDS}
    given = as_seen(images, seen)
    for seed, recipe in recipes.items():
        train_and_predict(given, labels, splits, recipe, models / names[seed], arrays / seen)
    unseen, truth, _ = read_splits(data, ("test",))
    asked = as_seen(unseen, seen)
    tables = {f"seed {seed}": predict_unseen(models / names[seed], asked) for seed in SEEDS}
    tables["the three together"] = mean_ensemble(tables)
    probabilities = {name: table.loc[table["fold"] == "test", "probability"].to_numpy()
                     for name, table in tables.items()}
    results = {name: figures(truth == 1, each) for name, each in probabilities.items()}
    floor = volume_floor(images[splits == "train"], labels[splits == "train"], unseen)
    text = score_text(results, floors(truth == 1, floor), PUBLISHED)
    files.write_json(models / SCORE, {"chosen": choice["chosen"], "test": results})
    print(f"\nchosen on the validation split: {choice['chosen']}\n\n{text}")
    if output:
        files.write_text(output, text + "\n")


def read_splits(data: Path, names: Sequence[str]) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """Images (cases, slice, row, column) uint8, labels (cases,) int, and the split of each: train, validation or test.

    names: among `train`, `val` and `test`; nothing else of the file is read. Raises UserError where it cannot be.
    """
    import zipfile

    import numpy as np

    try:
        with np.load(data, allow_pickle=False) as kept:
            images = [kept[f"{name}_images"] for name in names]
            labels = [kept[f"{name}_labels"].ravel().astype(int) for name in names]
    except (OSError, AttributeError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(data, f"cannot be read ({error})", "get adrenalmnist3d_64.npz of MedMNIST and name it with "
                        "--data") from error
    own = {"val": "validation"}
    splits = [np.full(len(each), own.get(name, name)) for name, each in zip(names, labels, strict=True)]
    return np.concatenate(images), np.concatenate(labels), np.concatenate(splits)


def as_seen(masks: "np.ndarray", seen: str) -> "np.ndarray":
    """The masks (cases, slice, row, column) as a candidate's network sees them: themselves, or their `distances`."""
    import numpy as np

    return masks if seen == "masks" else np.stack([distances(mask) for mask in masks])


def distances(mask: "np.ndarray") -> "np.ndarray":
    """Signed Euclidean distance of every voxel to the mask's surface, in bytes, of the image's middle `EDGE` cube.

    0: `REACH` voxels outside or further; 255: as many inside. A voxel inside is at least 1 from the surface's far side,
    one outside at least 1 from its near side. What lies beyond the image counts as outside. A mass thickens a gland:
    a network finds a large distance in one voxel, a thickness in a mask only over many.
    """
    import numpy as np
    from scipy.ndimage import distance_transform_edt

    inside = np.pad(mask > 0, 1)
    signed = (distance_transform_edt(inside) - distance_transform_edt(~inside))[1:-1, 1:-1, 1:-1]
    middle = tuple(slice(max(size - EDGE, 0) // 2, max(size - EDGE, 0) // 2 + EDGE) for size in mask.shape)
    return np.rint((np.clip(signed, -REACH, REACH) + REACH) * (255 / (2 * REACH)))[middle].astype(np.uint8)


def train_and_predict(images: "np.ndarray", labels: "np.ndarray", splits: "np.ndarray", recipe: "Recipe", folder: Path,
                      arrays: Path) -> "pd.DataFrame":
    """Train a run where it is not trained yet; returns its predictions, of which fold 0 is the validation split."""
    from radiogen.inference.prediction import predict_run
    from radiogen.runs.predictions import read_predictions
    from radiogen.training import workflow
    from radiogen.training.own_arrays import begin_own_run

    run, folds = begin_own_run(images, labels, recipe, folder, arrays, splits=splits.tolist())
    workflow.train(run, folds)
    return read_predictions(predict_run(run))


def predict_unseen(folder: Path, images: "np.ndarray") -> "pd.DataFrame":
    """A trained run's predictions for images whose labels it never had, as fold `test`."""
    from radiogen.inference.prediction import predict_run
    from radiogen.runs.predictions import read_predictions
    from radiogen.training.own_arrays import add_test_images
    from radiogen.training.runs import open_run

    run = open_run(folder)
    add_test_images(run, images)
    return read_predictions(predict_run(run))


def volume_floor(known: "np.ndarray", labels: "np.ndarray", unseen: "np.ndarray") -> "np.ndarray":
    """Probability by the number of voxels in the mask alone: a logistic regression on the training split."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    def volume(images: "np.ndarray") -> "np.ndarray":
        return np.log1p([np.count_nonzero(image) for image in images])[:, None]

    return LogisticRegression().fit(volume(known), labels).predict_proba(volume(unseen))[:, 1]


def figures(labels: "np.ndarray", probabilities: "np.ndarray") -> dict[str, float]:
    """AUC with its bootstrap interval, accuracy at 0.5 with Wilson's."""
    from radiogen.core.auc import auc
    from radiogen.evaluation.stats.intervals import bootstrap_interval, wilson_interval
    from radiogen.evaluation.stats.metrics import counts

    low, high = bootstrap_interval(labels, probabilities)
    accuracy = counts(labels, probabilities)["accuracy"]
    (accuracy_low,), (accuracy_high,) = wilson_interval([round(accuracy * len(labels))], [len(labels)])
    return {"cases": len(labels), "auc": auc(labels, probabilities), "auc_low": low, "auc_high": high,
            "accuracy": accuracy, "accuracy_low": float(accuracy_low), "accuracy_high": float(accuracy_high)}


def floors(labels: "np.ndarray", by_volume: "np.ndarray") -> dict[str, dict[str, float]]:
    """What needs no network: the larger class for everyone, and the mask's volume alone."""
    import numpy as np

    return {"always the larger class": figures(labels, np.full(len(labels), float(labels.mean() >= 0.5))),
            "the mask's volume alone": figures(labels, by_volume)}


def choice_text(best: str, found: dict[str, dict[str, float]]) -> str:
    """The candidates on the validation split, as a Markdown table."""
    cases = next(iter(found.values()))["cases"]
    rows = [f"| candidate | validation AUC ({cases:.0f} cases) | accuracy |", "| --- | --- | --- |"]
    return "\n".join(rows + [f"| {f'**{name}**' if name == best else name} | {_with_interval(each, 'auc')} | "
                             f"{_with_interval(each, 'accuracy')} |" for name, each in found.items()])


def score_text(results: dict[str, dict[str, float]], floor: dict[str, dict[str, float]],
               published: dict[str, tuple[float, float]]) -> str:
    """Floors, the published figures and ours on the test split, as a Markdown table."""
    cases = next(iter(results.values()))["cases"]
    rows = [f"| test split, {cases:.0f} cases | AUC (95 % interval) | accuracy (95 % interval) |",
            "| --- | --- | --- |"]
    rows += [f"| {name} | {_with_interval(each, 'auc')} | {_with_interval(each, 'accuracy')} |"
             for name, each in floor.items()]
    rows += [f"| {name} (MedMNIST v2) | {area:.3f} | {share:.3f} |" for name, (area, share) in published.items()]
    rows += [f"| radiogen, {name} | {_with_interval(each, 'auc')} | {_with_interval(each, 'accuracy')} |"
             for name, each in results.items()]
    return "\n".join(rows)


def _scored(table: "pd.DataFrame", fold: str) -> "tuple[np.ndarray, np.ndarray]":
    from radiogen.runs.predictions import scored

    return scored(table[table["fold"] == fold])


def _with_interval(each: dict[str, float], name: str) -> str:
    if each["auc_low"] == each["auc_high"] and name == "auc":
        return f"{each['auc']:.3f}"
    return f"{each[name]:.3f} ({each[f'{name}_low']:.3f} to {each[f'{name}_high']:.3f})"


if __name__ == "__main__":
    run_command(lambda: tyro.extras.subcommand_cli_from_dict({"choose": choose, "score": score}))
