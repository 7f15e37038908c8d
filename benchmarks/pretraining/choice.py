"""Which objective pretraining takes: both on phantoms of seed 1, apart from those on which gains are reported.

In: nothing but settings. Out: a Markdown table: how well a ridge regression on the features of the unlabelled cases
predicts the hidden variable that makes the labels, five folds, and what a training with few labels reaches. Both
objectives see the same number of views.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tyro

from benchmarks.pretraining.gain import (
    APART,
    EFFECT,
    UNLABELLED,
    arm,
    best,
    costs_of,
    pretrained,
    pretraining_name,
    trained,
)
from radiogen.core.errors import run_command

if TYPE_CHECKING:
    from radiogen.pretraining.settings import PretrainingSettings
    from radiogen.training.recipe.recipe import Recipe

SEED, CASES = 1, 50


def main(folder: Path = Path("input/pretraining"), unlabelled: int = UNLABELLED, cases: int = CASES,
         crops: bool = False, tables_only: bool = False, workers: int | None = None) -> None:
    """Pretrain by each objective, train with few labels, and print the table. Whole heads take two cores an hour.

    Args:
        folder: Where phantoms, arrays and runs are kept.
        unlabelled: Cases without labels.
        cases: Labelled cases.
        crops: Images are crops to the true tumours in place of whole heads, which takes ten minutes.
        tables_only: Train nothing.
        workers: Processes for making phantoms and arrays (default: as many as cores may be used).
    """
    print("| objective | hidden variable by its features, correlation | AUC, 50 labelled (95 % interval); rank "
          "correlation | processor hours |\n| --- | --- | --- | --- |".replace("50", f"{cases}"), flush=True)
    for settings in objectives():
        name, recipe = _name(settings, unlabelled, crops), recipe_of(crops)
        if not tables_only:
            if settings:
                pretrained(folder, SEED, unlabelled, settings, recipe, workers, name)
            trained(folder, arm(SEED, cases, recipe, name), workers)
        print(row(folder, settings, unlabelled, cases, crops), flush=True)


def recipe_of(crops: bool) -> "Recipe":
    """The recipe whose encoder learns, and which is trained with few labels."""
    from benchmarks.accuracy.study_trials import small

    return small("demo-3d-tumour") if crops else best()


def objectives() -> "list[PretrainingSettings | None]":
    """None, for no pretraining; contrast; masking for twice the epochs, for it sees one view of an image."""
    from radiogen.pretraining.settings import PretrainingSettings

    chosen = PretrainingSettings(objective="contrast")
    return [None, chosen, replace(chosen, objective="masking", epochs=2 * chosen.epochs)]


def row(folder: Path, settings: "PretrainingSettings | None", unlabelled: int, cases: int, crops: bool = False) -> str:
    """A row of the table; dashes for what is not trained."""
    from benchmarks.accuracy.studies import judge, run_name
    from radiogen.runs.layout import ENCODER

    name = _name(settings, unlabelled, crops)
    trial = arm(SEED, cases, recipe_of(crops), name)
    judged = judge(trial, folder)
    encoder = folder / "models" / name / ENCODER
    known = f"{hidden_correlation(folder, encoder, unlabelled, crops):.2f}" if name and encoder.is_file() else "-"
    found = "-" if judged is None else (f"{judged['auc']:.3f} ({judged['low']:.3f} to {judged['high']:.3f}); "
                                        f"{judged['correlation']:.2f}")
    spent = costs_of(folder, [run_name(trial), *([name] if name else [])])
    return (f"| {settings.objective + f', {settings.epochs} epochs' if settings else 'none'} | {known} | {found} | "
            f"{'not measured' if np.isnan(spent) else f'{spent:.2f}'} |")


def hidden_correlation(folder: Path, encoder: Path, unlabelled: int, crops: bool = False) -> float:
    """Correlation of the hidden variable with its prediction from the encoder's features, out of five folds."""
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from benchmarks.accuracy.study_trials import phantom
    from radiogen.phantom.data_set import phantom_cases
    from radiogen.runs.tables import read_as_text

    seen = read_as_text(encoder.with_name("saw.csv"), ("case",))
    hidden = phantom_cases(phantom(EFFECT, unlabelled, seed=APART + SEED)).set_index("case")["latent"]
    model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 13)))
    truth = hidden.loc[seen["case"]].to_numpy()
    found = cross_val_predict(model, features_of(folder, encoder, recipe_of(crops)), truth,
                              cv=KFold(5, shuffle=True, random_state=0))
    return float(np.corrcoef(found, truth)[0, 1])


def features_of(folder: Path, encoder: Path, recipe: "Recipe") -> np.ndarray:
    """The encoder's features of the cases that it learned from, in the order of its `saw.csv`."""
    import pandas as pd

    from radiogen.arrays.cache import cache_folder
    from radiogen.core import files
    from radiogen.networks.backend import keras
    from radiogen.networks.weights import load_first_weights
    from radiogen.pretraining.objectives import pooled
    from radiogen.training.input.inputs import CachedImages
    from radiogen.training.model import make_network
    from radiogen.training.runs import cache_settings

    data = files.read_json(encoder.with_name("pretraining.json"))["data"][0]
    place = cache_folder(folder / data["name"], cache_settings(recipe.data), folder / "cache")
    seen = pd.read_csv(encoder.with_name("saw.csv"), dtype=str)
    images = CachedImages(place, recipe.data, dict(zip(seen["case"], seen["sha256"], strict=True)))
    network = make_network(recipe.network, recipe.data)
    load_first_weights(network, str(encoder))
    model = keras.Model(network.input, pooled(network))
    cubes = np.stack([np.moveaxis(images.read(case, -1), 0, -1) for case in seen["case"]]).astype(np.float32) / 255
    return np.asarray(model.predict(cubes, batch_size=16, verbose=0))


def _name(settings: "PretrainingSettings | None", unlabelled: int, crops: bool) -> str:
    return (pretraining_name(SEED, settings, unlabelled) + "-crops" * crops) if settings else ""


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
