"""Several runs speak with one voice: their predictions joined case by case and averaged.

In: predictions of runs on the same data set with the same folds. Out: predictions of the same form, and a folder
`models/<name>` that everything else takes for a run. A case's out-of-fold probability is made of its own out-of-fold
probabilities, so it stays the word of networks that never saw it; weights are fitted in the other folds (stacking.py).
"""

import logging
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.core import files
from radiogen.core.auc import auc
from radiogen.core.errors import UserError
from radiogen.core.wording import command, parameter, shortened
from radiogen.evaluation.audit.looks import record_looks
from radiogen.evaluation.stacking import LEARNERS, nested, optimistic
from radiogen.evaluation.stats.intervals import auc_interval
from radiogen.runs import layout
from radiogen.runs.fold_locks import note_training
from radiogen.runs.fold_weights import check_run, unrecorded
from radiogen.runs.folds import TEST
from radiogen.runs.predicted_run import PredictedRun
from radiogen.runs.predictions import complete, out_of_fold, read_predictions, read_with_hash, write_predictions
from radiogen.runs.records import is_trained_run, read_facts, write_facts
from radiogen.runs.tables import write_folds
from radiogen.task import ID, LABEL, Task, read_task, write_task

_LOG = logging.getLogger(__name__)

_JOINED = [ID, "fold", LABEL, "probability"]
_ELSEWHERE = "elsewhere: "
"""Before ids of another cohort, which may be those of the members' own cases."""


def mean_ensemble(runs: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The mean of the runs' probabilities for each case. Returns a table of predictions.

    runs: predictions by the run's name, two at least. Raises UserError, with the ids, where a run lacks a case or has
    it twice, or where runs differ in a case's fold or label.
    """
    first, probabilities = _joined(runs)
    return complete(first.assign(probability=probabilities.mean(axis=1)))


def rank_mean_ensemble(runs: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The mean of each case's rank in the runs, for runs whose probabilities are not on one scale.

    Ranks are taken within a run and a fold (holdout and test each for themselves), for each fold has a network of its
    own, and spread over (0, 1) as (rank - 0.5) / cases; equal probabilities share a rank. The result is an order and
    no probability: 0.5 is the middle of each fold whatever its share of positive cases, and a case's value
    depends on which others stand beside it. Errors as in `mean_ensemble`.
    """
    first, probabilities = _joined(runs)
    ranks = probabilities.groupby(first["fold"]).rank()
    cases = first.groupby("fold")[ID].transform("size")
    return complete(first.assign(probability=ranks.sub(0.5).div(cases, axis=0).mean(axis=1)))


def _stacking_ensemble(runs: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """A logistic regression on the runs' logits, fitted in the other folds; errors as in `mean_ensemble`."""
    return learnt_ensemble(runs, "stacking")[0]


def _greedy_ensemble(runs: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """A mean of greedily selected runs, selected in the other folds; errors as in `mean_ensemble`."""
    return learnt_ensemble(runs, "greedy")[0]


def learnt_ensemble(runs: Mapping[str, pd.DataFrame], method: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions whose weights were fitted in the other folds, and the weights, a row a fold (`stacking.nested`)."""
    first, probabilities = _joined(runs)
    joined, weights = nested(method, first[LABEL].astype("Float64").to_numpy(float, na_value=np.nan),
                             first["fold"].to_numpy(str), probabilities)
    return complete(first.assign(probability=joined)), weights


METHODS: dict[str, Callable[[Mapping[str, pd.DataFrame]], pd.DataFrame]] = {
    "mean": mean_ensemble, "rank-mean": rank_mean_ensemble, "stacking": _stacking_ensemble, "greedy": _greedy_ensemble}


def ensemble_table(runs: Mapping[str, pd.DataFrame], methods: Sequence[str] = tuple(METHODS)) -> pd.DataFrame:
    """What joining these runs gives out of fold: the members, the best of them, then the methods, a row each.

    Columns: `name, cases, auc, low, high` (folds pooled, DeLong), `optimistic_auc`: with weights, or the best member,
    chosen on the scored cases themselves; the same as `auc` where nothing is chosen. The row `best member` takes for
    each fold the member that is best in the others. Errors as in `mean_ensemble`; no row without out-of-fold cases.
    """
    first, probabilities = _joined(runs)
    inside = (first["fold"].isin(out_of_fold(first)["fold"]) & first[LABEL].notna()).to_numpy()
    if not inside.any():
        return pd.DataFrame(columns=["name", "cases", "auc", "low", "high", "optimistic_auc"])
    labels, columns = first.loc[inside, LABEL].to_numpy(int) == 1, probabilities[inside]
    areas = {name: auc(labels, columns[name].to_numpy()) for name in runs}
    rows = [_row(name, labels, columns[name].to_numpy(), areas[name]) for name in runs]
    rows.append(_row("best member", labels, _best_elsewhere(labels, first.loc[inside, "fold"].to_numpy(str), columns),
                     max(areas.values())))
    for method in methods:
        own = METHODS[method](runs)["probability"].to_numpy()[inside]
        flattered = auc(labels, optimistic(method, labels, columns)) if method in LEARNERS else auc(labels, own)
        rows.append(_row(method, labels, own, flattered))
    return pd.DataFrame(rows)


def ensemble_sentence(table: pd.DataFrame, method: str) -> str:
    """What one method's row of `ensemble_table` says, in words."""
    row = table.set_index("name").loc[method]
    text = f"out-of-fold AUC {row['auc']:.3f} (95 % interval {row['low']:.3f} to {row['high']:.3f})"
    if method not in LEARNERS:
        return f"{method}: {text}; nothing was fitted to the labels"
    return (f"{method}: {text}, weights fitted in the other folds; fitted to the scored cases themselves it would have "
            f"seemed to be {row['optimistic_auc']:.3f}")


def ensemble_name(models: Path, members: Sequence[str]) -> str:
    """`<data set>-ensemble`, by the data set that the first member which knows it was made from; else `ensemble`."""
    data = _data(Path(models), _facts(models, members))
    return f"{files.name_from(Path(data))}-ensemble" if data else "ensemble"


def write_ensemble(models: Path, members: Sequence[str], name: str | None = None, method: str = "mean") -> Path:
    """Join `members` into the run `models/<name>` (default: `ensemble_name`); returns its `predictions.csv`.

    Writes `run.json` (members, method, data set, a hash of each member's predictions), `folds.csv`, `ensemble.csv`
    (`ensemble_table`), `weights.csv` where weights were fitted, and `predictions.csv`; the ledger notes that members
    and ensemble are scored. Raises UserError for fewer than
    two members, a member twice or not predicted, members of different data sets or tasks, a name of a trained run,
    and whatever the method raises.
    """
    models = Path(models)
    folder = models / (name or ensemble_name(models, members))
    _check_names(folder, members)
    for member in members:
        note_training(models / member)
    read = {member: read_with_hash(models / member / layout.PREDICTIONS) for member in members}
    tables = {member: table for member, (table, _) in read.items()}
    for member in members:
        check_run(models / member)
        if line := unrecorded(models / member):
            _LOG.warning(line)
    facts, task = _facts(models, members), _task(models, members)
    data, tables = _data(models, facts), _without_known_bad(tables, facts)
    joined, weights = learnt_ensemble(tables, method) if method in LEARNERS else (METHODS[method](tables), None)
    with files.working_folder(folder):
        write_task(folder, task)
        write_facts(folder, {
            "members": list(members), "method": method, "data": data,
            "predictions": {member: digest for member, (_, digest) in read.items()}})
        write_folds(folder, joined.loc[joined["fold"] != TEST, [ID, LABEL, "fold"]])
        files.write_csv(folder / layout.ENSEMBLE, ensemble_table(tables))
        if weights is None:
            (folder / layout.ENSEMBLE_WEIGHTS).unlink(missing_ok=True)
        else:
            files.write_csv(folder / layout.ENSEMBLE_WEIGHTS, weights)
        path = write_predictions(folder / layout.PREDICTIONS, joined)
        scored = {**{member: table for member, (table, _) in read.items()}, folder.name: joined}
        for run, table in scored.items():
            record_looks(PredictedRun(run, models / run, read_facts(models / run), table, task))
    return path


def join_elsewhere(models: Path, name: str, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Join the members' predictions of another cohort's cases as the ensemble `models/<name>` joins its test cases.

    tables: by member `ID, LABEL, probability` of the same cases; so is the result. Weights are fitted to the
    out-of-fold predictions of the members' own cases, never to these.
    """
    facts = read_facts(Path(models) / name)
    own = _without_known_bad({member: read_predictions(Path(models) / member / layout.PREDICTIONS)
                              for member in tables}, _facts(models, list(tables)))
    both = {member: pd.concat([own[member].loc[own[member]["fold"] != TEST, _JOINED], cases.assign(
        **{ID: _ELSEWHERE + cases[ID], "fold": TEST})[_JOINED]], ignore_index=True) for member, cases in tables.items()}
    joined = METHODS[facts["method"]](both)
    joined = joined[joined["fold"] == TEST].reset_index(drop=True)
    return joined.assign(**{ID: joined[ID].str.removeprefix(_ELSEWHERE)})[[ID, LABEL, "probability"]]


def _row(name: str, labels: np.ndarray, probabilities: np.ndarray, flattered: float) -> dict[str, object]:
    low, high = auc_interval(labels, probabilities)
    return {"name": name, "cases": len(labels), "auc": auc(labels, probabilities), "low": low, "high": high,
            "optimistic_auc": flattered}


def _best_elsewhere(labels: np.ndarray, folds: np.ndarray, columns: pd.DataFrame) -> np.ndarray:
    """For each case the probability of the run whose AUC is highest in the other folds; of equals the first."""
    found = np.empty(len(labels))
    for fold in np.unique(folds):
        areas = [auc(labels[folds != fold], columns[name].to_numpy()[folds != fold]) for name in columns]
        best = int(np.argmax(np.nan_to_num(areas, nan=0.0)))
        found[folds == fold] = columns.iloc[:, best].to_numpy()[folds == fold]
    return found


def _joined(runs: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The first run's table and, with its index, a column of probabilities for each run."""
    _check_count(runs)
    (first_name, first), *others = runs.items()
    for name, table in runs.items():
        doubled = table.loc[table[ID].duplicated(), ID]
        if len(doubled):
            raise UserError(name, f"has {shortened(list(doubled))} more than once",
                            f"{command('predict')} --run {shlex.quote(name)}")
    first = first.reset_index(drop=True)
    probabilities = {first_name: first["probability"]}
    for name, table in others:
        table = _aligned(first_name, first, name, table)
        probabilities[name] = table["probability"]
    return first, pd.DataFrame(probabilities)


def _aligned(first_name: str, first: pd.DataFrame, name: str, table: pd.DataFrame) -> pd.DataFrame:
    """`table` in the order of `first`; UserError unless both speak of the same cases, folds and labels."""
    for lacking, has, missing in ((name, first_name, ~first[ID].isin(table[ID])),
                                  (first_name, name, ~table[ID].isin(first[ID]))):
        ids = (first if has == first_name else table).loc[missing.to_numpy(), ID]
        if len(ids):
            raise UserError(lacking, f"has no prediction for {shortened(list(ids))}, which {has} has",
                            f"finish it: {command('train')} --run {shlex.quote(lacking)} --fold all, then "
                            f"{command('predict')} --run {shlex.quote(lacking)}")
    table = table.set_index(ID).loc[first[ID]].reset_index()
    for column in ("fold", LABEL):
        differs = table[column].fillna(-1).to_numpy() != first[column].fillna(-1).to_numpy()
        if differs.any():
            row = int(np.flatnonzero(differs)[0])
            raise UserError(name, f"puts {shortened(list(first.loc[differs, ID]))} into another {column} than "
                            f"{first_name}: {table[column].iloc[row]}, not {first[column].iloc[row]}",
                            f"join only runs with the same {layout.FOLDS}")
    return table


def _check_count(members: Collection[str]) -> None:
    if len(members) < 2:
        raise UserError(parameter("run"), f"an ensemble needs two runs and was given {len(members)}",
                        "name two or more")


def _check_names(folder: Path, members: Sequence[str]) -> None:
    _check_count(members)
    doubled = [member for member in members if list(members).count(member) > 1]
    if doubled:
        raise UserError(parameter("run", " ".join(members)), f"names {doubled[0]} more than once", "name each run once")
    if folder.name in members:
        raise UserError(parameter("name", folder.name), "is one of the members", "choose another name")
    if is_trained_run(folder):
        raise UserError(folder, "is a trained run, which an ensemble would overwrite",
                        f"choose another {parameter('name')}")
    if not (folder / layout.RUN).is_file() and folder.exists() and any(
            entry.name != files.LOCK for entry in (folder.iterdir() if folder.is_dir() else [folder])):
        raise UserError(folder, "holds files and is no ensemble", f"choose another {parameter('name')}")


def _facts(models: Path, members: Sequence[str]) -> dict[str, dict]:
    return {member: read_facts(Path(models) / member) for member in members}


def _without_known_bad(tables: Mapping[str, pd.DataFrame], facts: Mapping[str, dict]) -> dict[str, pd.DataFrame]:
    """The members' tables without the cases that one of them left out because a series that it reads is blank."""
    bad = {case for kept in facts.values() for case in kept.get("known_bad") or ()}
    return {member: table[~table[ID].isin(bad)].reset_index(drop=True) for member, table in tables.items()}


def _data(models: Path, facts: Mapping[str, dict]) -> str | None:
    """The members' data set; UserError where they were made from different ones; one that was moved is one."""
    known = {member: kept["data"] for member, kept in facts.items() if kept.get("data")}
    places = [{files.found_path(place, models / member).resolve()
               for place in (data, *facts[member].get("moved_from", ()))}
              for member, data in known.items()]
    if any(not place & places[0] for place in places):
        sources = ", ".join(f"{member} from {data}" for member, data in known.items())
        raise UserError(parameter("run"), f"these runs were made from different data sets ({sources})",
                        f"join only runs of one data set; if it was moved, predict each run with {parameter('data')} "
                        "first")
    return next(iter(known.values()), None)


def _task(models: Path, members: Sequence[str]) -> Task:
    """The members' task; UserError where a table of one has other columns or classes than that of another."""
    first, *others = members
    task = read_task(models / first)
    for other in others:
        if read_task(models / other) != task:
            raise UserError(models / other / layout.TASK, f"describes another task than that of {first}",
                            "join only runs of one task")
    return task
