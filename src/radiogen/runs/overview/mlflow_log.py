"""Logging runs to MLflow, for those who have it: parameters, curves, figures and the report.

In: runs as `RunState`s and the address of a tracking server or store. Out: an MLflow run each, in the experiment of
its data set; one that is there already with the same predictions is not logged again.
"""

import contextlib
import csv
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from radiogen.core import files
from radiogen.core.errors import UserError, short_reason
from radiogen.core.wording import parameter
from radiogen.runs import layout
from radiogen.runs.overview.state import RunState
from radiogen.runs.records import read_recipe

MARK, RUN_TAG = "radiogen.predictions_sha256", "radiogen.run"
FILE_STORE = "MLFLOW_ALLOW_FILE_STORE"
LONGEST = 500
"""Characters of a parameter that every MLflow server takes."""


def log_runs(states: Sequence[RunState], address: str) -> list[str]:
    """Log runs to the MLflow at `address`, a URI or a folder; returns a line each. Raises UserError where MLflow is
    missing or does not answer.
    """
    mlflow = _load_mlflow()
    try:
        client = mlflow.MlflowClient(tracking_uri=_as_uri(address))
        return [_log(client, state) for state in states]
    except (mlflow.exceptions.MlflowException, OSError) as error:
        raise UserError(f"{parameter('mlflow')} {address}", f"does not take the runs ({short_reason(error)})",
                        "give the address of a tracking server, or a new folder") from error


def next_step(address: str) -> str:
    """How to look at what was logged: at the server's address, or with the part of MLflow that shows a folder."""
    if address.startswith(("http://", "https://")):
        return f"open {address} in a browser"
    return f"pip install mlflow && {FILE_STORE}=true mlflow ui --backend-store-uri {shlex.quote(address)}"


def _load_mlflow() -> Any:
    import os

    os.environ.setdefault(FILE_STORE, "true")  # since 3.13 a folder has to be asked for
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # by default a wrong address is tried for minutes
    try:
        import mlflow
    except ImportError:
        raise UserError(parameter("mlflow"), "needs MLflow", "pip install mlflow-skinny") from None
    return mlflow


def _as_uri(address: str) -> str:
    """An address as MLflow takes it; a folder as file://."""
    return address if "://" in address or address.startswith("sqlite:") else Path(address).absolute().as_uri()


def _log(client: Any, state: RunState) -> str:
    mark = _predictions_mark(state)
    experiment = _experiment(client, state.data or "radiogen")
    found = client.search_runs([experiment], f"tags.`{RUN_TAG}` = '{state.name}' and tags.`{MARK}` = '{mark}'")
    if found:
        return f"{state.name}: is logged already, as {found[0].info.run_id}"
    logged = client.create_run(experiment, run_name=state.name, tags={RUN_TAG: state.name, MARK: mark}).info.run_id
    try:
        for name, value in parameters(state).items():
            client.log_param(logged, name, value[:LONGEST])
        for name, number, step in metrics(state):
            client.log_metric(logged, name, number, step=step)
        if state.judged is not None:
            client.set_tag(logged, "radiogen.verdict", state.judged.outcome)
        for path in artifacts(state):
            place = path.parent.relative_to(state.folder) if path.is_relative_to(state.folder) else Path()
            client.log_artifact(logged, str(path), "" if place == Path() else place.as_posix())
    except BaseException:
        with contextlib.suppress(Exception):  # what is half logged is not taken for whole
            client.delete_run(logged)
        raise
    client.set_terminated(logged, "FINISHED")
    return f"{state.name}: logged as {logged}"


def parameters(state: RunState) -> dict[str, str]:
    """The recipe's fields by their paths, as text; of a run without a recipe how it was made."""
    found = {"recipe": state.recipe}
    for name, value in read_recipe(state.folder).items():
        if isinstance(value, dict):
            found |= {f"{name}.{own}": str(each) for own, each in value.items()}
        elif name not in ("name", "description"):
            found[name] = str(value)
    return found


def metrics(state: RunState) -> Iterator[tuple[str, float, int]]:
    """Name, value and step: each fold's curves by epoch, and the AUC with its interval's ends."""
    for fold, folder in layout.fold_folders(state.folder, holding=layout.HISTORY).items():
        with (folder / layout.HISTORY).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                step = int(float(row.pop("epoch")))
                yield from ((f"fold {fold}/{name}", float(value), step) for name, value in row.items() if value)
    if state.judged is not None:
        ends = {"AUC": state.judged.auc, "AUC low": state.judged.low, "AUC high": state.judged.high}
        yield from ((name, value, 0) for name, value in ends.items() if value is not None)


def artifacts(state: RunState) -> list[Path]:
    """The run's pictures and tables of results, and the report that speaks of it, wherever that lies."""
    pictures = sorted(path for path in state.folder.rglob("*.png") if layout.PERMUTATION_DRAWS not in path.parts
                      and layout.CASES not in path.parts)
    named = [state.folder / name for name in (layout.RECIPE, layout.ENVIRONMENT, layout.FOLD_METRICS)]
    judged = [] if state.judged is None else [state.judged.path, state.judged.path.with_name(layout.REPORT)]
    return [path for path in (*named, *pictures, *judged) if path.is_file()]


def _experiment(client: Any, name: str) -> str:
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name))


def _predictions_mark(state: RunState) -> str:
    """The hash of what was predicted and judged: another one is another MLflow run."""
    judged = "" if state.judged is None else files.sha256(state.judged.path)[:16]
    path = state.folder / layout.PREDICTIONS
    return f"{files.sha256(path)[:16] if path.is_file() else ''}-{judged}"
