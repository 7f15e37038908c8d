"""How near recipes come to the best possible AUC, on phantoms for which it is known: six studies, a figure for each.

In: the record, a row for each evaluated trial. Out: runs under --folder, new rows of the record, Markdown tables,
pictures. What is recorded or trained is not trained again, so the hours may be split and spread over machines;
`--tables-only` trains nothing. `study_trials.py` defines what is trained, `docs/accuracy.md` has the results.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import tyro

from radiogen.core.errors import run_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd

    from benchmarks.accuracy.study_trials import Trial
    from radiogen.training.runs import Run

Study = Literal["choice", "ceiling", "cases", "report", "memorisation", "traps"]
STUDIES: tuple[Study, ...] = get_args(Study)


def main(studies: tuple[Study, ...] = STUDIES, folder: Path = Path("input/accuracy"), names: tuple[str, ...] = (),
         rows: tuple[str, ...] = (), tables_only: bool = False, ignore_record: bool = False,
         record: Path = Path("docs/accuracy.csv"), pictures: Path = Path("docs/pictures"), output: Path | None = None,
         parallel_folds: int = 2, workers: int | None = None) -> None:
    """Train what is missing, evaluate it, print tables, draw pictures. All of it takes two cores most of a day.

    Args:
        studies: choice (on the phantom for choosing), ceiling (recipes against what is possible), cases (number of
            patients), report (resizing and distorting), memorisation, traps (planes associated with the label).
        folder: Where phantoms, arrays and runs are kept.
        names: Only trials of these names; none: all.
        rows: Only trials of these rows (an effect, a number of cases, a size); none: all.
        tables_only: Train nothing; print the trials that are trained or recorded.
        ignore_record: Take nothing from the record; what is trained in the folder is evaluated again.
        record: Table of all figures, a row a trial; a trial that is in it is taken from it, a new one is added.
        pictures: Where the pictures are written.
        output: Markdown file to write the tables to as well.
        parallel_folds: Folds trained in parallel.
        workers: Processes for making phantoms and arrays (default: as many as cores may be used).
    """
    import pandas as pd

    from benchmarks.accuracy.study_figures import draw
    from benchmarks.accuracy.study_record import Record
    from benchmarks.accuracy.study_tables import study_text
    from radiogen.core import files

    kept, texts = Record(record), []
    for study in studies:
        found, chosen = [], _chosen_trials(study, names, rows)
        for trial in chosen:
            row = None if ignore_record else kept.row(trial, whole_name(trial))
            if row is None and not tables_only:
                for member in trial.members():
                    train(member, folder, parallel_folds, workers)
            if row is None and (row := judge(trial, folder)):
                kept.add(row)
                print(_line(row), flush=True)
            found += [row] if row else []
        if found:
            table = pd.DataFrame(found)
            texts.append(study_text(study, table))
            print(f"\n{texts[-1]}\npicture: {draw(pictures, study, table)}", flush=True)
        if len(found) < len(chosen):
            print(f"{study}: {len(chosen) - len(found)} of {len(chosen)} trials are not trained")
    if output:
        files.write_text(output, "\n\n".join(texts) + "\n")


def train(trial: "Trial", folder: Path, parallel_folds: int, workers: int | None) -> None:
    """Make the trial's phantom, arrays and run where they are missing, train its folds, predict."""
    from radiogen.inference.prediction import predict_run
    from radiogen.phantom.data_set import write_phantom
    from radiogen.training import workflow

    data = folder / phantom_name(trial)
    if not (data / "train_labels.csv").is_file():
        write_phantom(data, trial.phantom, workers)
    if trial.recipe is None:
        predict_features(trial, folder, workers)
        return
    run = begin(trial, folder, workers)
    folds = ["0"] if trial.train_plane else [f"{fold}" for fold in range(trial.recipe.split.folds)]
    workflow.train(run, folds, parallel_folds)
    if not (run.folder / "predictions.csv").is_file():
        predict_run(run)


def predict_features(trial: "Trial", folder: Path, workers: int | None) -> None:
    """Predictions by the features' model, on the folds that the networks have."""
    from benchmarks.accuracy.case_features import cached_cases, features_of, predict_by_features
    from radiogen.dataset.labels import read_labels
    from radiogen.runs.folds import make_folds
    from radiogen.runs.predictions import write_predictions

    path, data = folder / "models" / run_name(trial) / "predictions.csv", folder / phantom_name(trial)
    if path.is_file():
        return
    cache, index = cached_cases(data, folder / "cache", workers)
    folds = make_folds(read_labels(data / "train_labels.csv"), holdout_fraction=0.0)
    hidden = phantom_column(trial, "latent") if trial.on_hidden else None
    write_predictions(path, predict_by_features(features_of(cache, index["case"], workers), folds, hidden=hidden))


def begin(trial: "Trial", folder: Path, workers: int | None = None) -> "Run":
    """The trial's run: five folds, or one of the cases whose FLAIR lies in the plane that is predicted."""
    from radiogen.arrays.cache import cache_folder
    from radiogen.core import files
    from radiogen.dataset.labels import ID, read_labels
    from radiogen.runs.folds import HOLDOUT
    from radiogen.training import workflow
    from radiogen.training.runs import Run, cache_settings, prepare_run

    data, cache, place = folder / phantom_name(trial), folder / "cache", folder / "models" / run_name(trial)
    if trial.train_plane is None:
        return workflow.begin_run(data, trial.recipe, place, cache, workers=workers)
    index, = workflow.preprocess(data, [trial.recipe], cache, workers=workers)
    planes = phantom_column(trial, "FLAIR_plane")
    folds = read_labels(data / "train_labels.csv")
    folds["fold"] = folds[ID].map(planes).map({trial.test_plane: "0", trial.train_plane: "1"}).fillna(HOLDOUT)
    run = Run(place, trial.recipe, data, cache_folder(data, cache_settings(trial.recipe.data), cache), folds)
    with files.working_folder(place):
        prepare_run(run, index)
    return run


def judge(trial: "Trial", folder: Path) -> "dict[str, object] | None":
    """A row of figures for a trained trial; None for one that is not trained.

    Columns: study, row, name, run (`whole_name`), effect, cases, ceiling, auc, low, high (95 %, patient bootstrap),
    share of what is possible above 0.5, training_accuracy (mean over folds, last epoch, of the images as they were
    trained on), within, within_low, within_high (AUC among cases alike in plane), free (AUC of the best model without
    images), correlation, correlation_low, correlation_high (see `correlation`), known (AUC of the hidden variable
    itself in these cases), minutes (of training).
    """
    import numpy as np

    from radiogen.core.auc import auc
    from radiogen.dataset.geometry import read_geometry
    from radiogen.dataset.labels import ID
    from radiogen.evaluation.audit.confounds import judge_confounds
    from radiogen.evaluation.ensembles import mean_ensemble
    from radiogen.evaluation.stats.intervals import bootstrap_interval
    from radiogen.phantom.data_set import ceiling_auc
    from radiogen.runs.predictions import out_of_fold, read_predictions, scored
    from radiogen.training.runs import open_run

    places = [folder / "models" / run_name(member) for member in trial.members()]
    if not all((place / "predictions.csv").is_file() for place in places):
        return None
    tables = {place.name: read_predictions(place / "predictions.csv") for place in places}
    predictions = mean_ensemble(tables) if len(tables) > 1 else tables[places[0].name]
    judged = out_of_fold(predictions)
    judged = judged[judged["fold"] == "0"] if trial.train_plane else judged
    labels, probabilities = scored(judged)
    ceiling = np.nan if trial.phantom.confound else ceiling_auc(trial.phantom.effect)
    low, high = bootstrap_interval(labels, probabilities)
    area = auc(labels, probabilities)
    row = {"study": trial.study, "row": trial.row, "name": trial.name, "run": whole_name(trial),
           "effect": trial.phantom.effect, "cases": len(labels), "ceiling": ceiling, "auc": area, "low": low,
           "high": high, "share": (area - 0.5) / (ceiling - 0.5) if ceiling > 0.5 else np.nan,
           **_training(places, trial)}
    if trial.phantom.confound:
        confounds = judge_confounds(predictions, open_run(places[0]).folds,
                                     read_geometry(places[0] / "geometry.csv"))
        within, own = confounds.within_planes.iloc[-1], confounds.gains.query("set == 'out-of-fold'")
        row |= {"within": within["auc"], "within_low": within["low"], "within_high": within["high"],
                "free": own["baseline_auc"].max()}
    else:
        hidden = phantom_column(trial, "latent").loc[judged[ID]].to_numpy()
        rho, (low, high) = correlation(labels, probabilities, hidden)
        row |= {"correlation": rho, "correlation_low": low, "correlation_high": high, "known": auc(labels, hidden)}
    return row


def correlation(labels: "np.ndarray", scores: "np.ndarray", hidden: "np.ndarray") -> tuple[float, tuple[float, float]]:
    """Spearman's rho of score and hidden variable within each label, its mean, and a 95 % interval over patients.

    How well a score ranks the variable that makes the labels, free of the chance in which label each case got.
    """
    import numpy as np
    from scipy.stats import bootstrap, rankdata

    def mean(*places: "np.ndarray") -> float:
        return float(np.mean([np.corrcoef(rankdata(scores[place]), rankdata(hidden[place]))[0, 1] for place in places]))

    groups = [np.flatnonzero(labels == label) for label in (0, 1)]
    found = bootstrap(groups, mean, n_resamples=500, vectorized=False, method="percentile", rng=42)
    return mean(*groups), tuple(found.confidence_interval)


def phantom_name(trial: "Trial") -> str:
    """The folder of the trial's phantom."""
    from benchmarks.accuracy.study_trials import SEED

    own = trial.phantom
    kind = "tied" if own.confound else f"effect-{own.effect:g}"
    scale = f"-scale-{own.scale:g}" if own.scale != 0.2 else ""
    masks = f"-masks-{trial.masks}" if trial.masks != "true" else ""
    return f"{kind}-{own.cases}{scale}" + (f"-seed-{own.seed}" if own.seed != SEED else "") + masks


def run_name(trial: "Trial") -> str:
    """The folder of the trial's run: the phantom and a hash of the recipe, so that studies share what is the same.

    Fields at their default do not count, so a new field leaves the names of earlier runs as they are.
    """
    import hashlib
    import json

    from radiogen.training.recipe.recipe import as_flat_dict, default_fields

    if trial.recipe is None:
        return f"{phantom_name(trial)}-features" + ("-hidden" if trial.on_hidden else "")
    defaults = default_fields()
    own = {path: value for path, value in as_flat_dict(trial.recipe).items()
           if path not in defaults or value != defaults[path]}
    content = json.dumps([own, trial.train_plane, trial.test_plane], sort_keys=True)
    return f"{phantom_name(trial)}-{trial.recipe.name}-{hashlib.sha256(content.encode()).hexdigest()[:10]}"


def whole_name(trial: "Trial") -> str:
    """The record's key of a trial: its run's name and its seeds. A changed recipe has another."""
    return run_name(trial.members()[0]) + (f"-{trial.seeds}-seeds" if trial.seeds > 1 else "")


def phantom_column(trial: "Trial", column: str) -> "pd.Series":
    """A column of the phantom's answer key, by training case: `latent`, `FLAIR_plane`."""
    from radiogen.phantom.data_set import phantom_cases

    return phantom_cases(trial.phantom).query("split == 'train'").set_index("case")[column]


def _chosen_trials(study: Study, names: tuple[str, ...], rows: tuple[str, ...]) -> "list[Trial]":
    from benchmarks.accuracy.study_trials import trials

    return [trial for trial in trials(study)
            if (not names or trial.name in names) and (not rows or trial.row in rows)]


def _training(places: "Sequence[Path]", trial: "Trial") -> dict[str, float]:
    """Training accuracy, mean of all folds, and minutes, their sum; NaN for what is no network."""
    import pandas as pd

    from radiogen.core import files
    from radiogen.training.runs import fold_folder, open_run, trained_folds

    if trial.recipe is None:
        return {"training_accuracy": float("nan"), "minutes": float("nan")}
    folds = [fold_folder(run, fold) for run in map(open_run, places) for fold in trained_folds(run)]
    last = [pd.read_csv(fold / "history.csv")["accuracy"].iloc[-1] for fold in folds]
    seconds = sum(sum(files.read_json(fold / "timings.json")["seconds_an_epoch"]) for fold in folds)
    return {"training_accuracy": sum(last) / len(last), "minutes": seconds / 60}


def _line(row: "dict[str, object]") -> str:
    return (f"{row['study']}: {row['row']}, {row['name']}: AUC {row['auc']:.3f} ({row['low']:.3f} to "
            f"{row['high']:.3f}), best possible {row['ceiling']:.3f}, {row['minutes']:.1f} min")


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
