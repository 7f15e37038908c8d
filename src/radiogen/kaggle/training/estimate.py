"""What a plan costs at Kaggle: hours of GPU, sessions, days; before the first training session and after each.

In: the runs' recipes, the record, the GPU quota. Out: an `Estimate` and its text, which says what is measured. A
session reports the seconds of an epoch; before there is one, the network's arithmetic is divided by an assumed speed.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from radiogen.kaggle.kernel_sessions import Quota
from radiogen.kaggle.training.record import ARRAYS, TRAIN, Record
from radiogen.kaggle.training.session import RESERVE_SECONDS

if TYPE_CHECKING:
    from radiogen.training.recipe.recipe import Recipe

GPUS = 2
"""A session of the shape NvidiaTeslaT4 has two."""
ASSUMED_SPEED = 2e12
"""Operations a second that training is assumed to reach on a T4: a quarter of its 8.1e12 in single precision
(NVIDIA's data sheet). Not measured on one."""
ARRAYS_HOURS = 3.0
"""Assumed for reading the competition's 128 GB once, without a GPU. Not measured."""
SLICES = 348_641 / (585 * 4)
"""Slices a series, of recipes that read them all: the competition's mean."""


@dataclass(frozen=True)
class Estimate:
    """What is left: folds; GPU hours and sessions for them; days with the week's quota. measured: by a session."""

    folds: int
    gpu_hours: float
    sessions: int
    days: float
    measured: bool


def estimate(runs: "dict[str, Recipe]", record: Record, quota: Quota, hours: float, cases: int = 585) -> Estimate:
    """The cost of the folds that are left in sessions of at most `hours`; cases: that the competition's train/ has."""
    left = {name: recipe.split.folds for name, recipe in runs.items()}
    if record.complete:
        left = {name: len(folds["left"]) for name, folds in record.complete[-1].result["folds"].items()}
    timed = [one.result["seconds"]["epoch"] for one in record.complete
             if one.kind == TRAIN and "epoch" in one.result["seconds"]]
    seconds = sum(count * runs[name].optimisation.epochs * (timed[-1] if timed else assumed_epoch(runs[name], cases))
                  for name, count in left.items() if count)
    gpu_hours = seconds / GPUS / 3600
    sessions = math.ceil(gpu_hours / (hours - RESERVE_SECONDS / 3600)) + (not record.begun)
    beyond = max(0.0, gpu_hours - quota.left)
    days = (gpu_hours + (0 if record.begun else ARRAYS_HOURS)) / 24 if not beyond else (
        7 * math.ceil(beyond / max(quota.allowed, 1.0)))
    return Estimate(sum(left.values()), gpu_hours, sessions, days, bool(timed))


def estimate_text(cost: Estimate, quota: Quota, record: Record) -> str:
    """The quota and the estimate in two lines."""
    renewed = f", renewed on {quota.renewed:%Y-%m-%d}" if quota.renewed else ""
    source = "measured in the last session" if cost.measured else (
        f"assumed from the networks' arithmetic at {ASSUMED_SPEED / 1e12:.0f} TFLOP/s a T4: not measured on one; the "
        "first training session measures it")
    kinds = "" if record.begun else f", the first of them without a GPU for the arrays ({ARRAYS})"
    return (f"GPU quota: {quota.left:.1f} of {quota.allowed:.0f} hours left this week{renewed}\n"
            f"estimate: {cost.folds} folds left, {cost.gpu_hours:.1f} hours of session with {GPUS} GPUs in "
            f"{cost.sessions} sessions{kinds}; about {cost.days:.1f} days ({source})")


def assumed_epoch(recipe: "Recipe", cases: int) -> float:
    """Seconds of an epoch of one fold on a T4 at `ASSUMED_SPEED`: three passes a training input, one a scored one."""
    from radiogen.networks.arithmetic import multiply_adds
    from radiogen.training.model import make_network

    labelled = cases * (1 - recipe.split.holdout_fraction)
    passes = labelled * (3 * (1 - 1 / recipe.split.folds) + 1 / recipe.split.folds)
    operations = 2 * multiply_adds(make_network(recipe.network, recipe.data))
    return passes * _inputs_a_case(recipe) * operations / ASSUMED_SPEED


def _inputs_a_case(recipe: "Recipe") -> float:
    data = recipe.data
    series = 1 if data.sequences_as_channels else len(data.sequences)
    if data.rank == 3:
        return series
    return series * (data.size if data.cube_slices else data.slices_per_series or SLICES)
