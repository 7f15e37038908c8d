"""Ten, forty and a hundred and sixty cases: time grows at most linearly with them, memory not at all.

In: a seed. Out: an outcome for time and one for memory of preprocess, an epoch of training, predict and evaluate; the
note has the figures and the exponent, the slope of the logarithms. Time is the processor's, for others use the machine,
too. Each figure is taken in a process of its own which has done the same with the fewest cases before, so that imports,
compiling and the first allocations are in none.
"""

import json
import resource
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.processes import python_call
from benchmarks.robustness.commands import run_command
from benchmarks.robustness.outcome import Outcome
from benchmarks.robustness.stages import make_phantom

SIZES = (10, 40, 160)
STEPS = ("preprocess", "epoch of training", "predict", "evaluate")
LINEAR = 1.15
"""The largest exponent of time that passes: 1, and what caches and other processes add."""
FLAT = 0.1
"""The largest exponent of memory that passes: sixteen times the cases may take a third more."""
RECIPE = ("--recipe", "demo-3d", "--size", "16", "--width", "4", "--epochs", "3", "--folds", "2", "--batch-size", "4",
           "--micro-batch-size", "4", "--holdout-fraction", "0.2")


def run(seed: int, fraction: float, folder: Path) -> list[Outcome]:
    """Every step on every size; a short form leaves the largest out."""
    sizes = SIZES if fraction > 0.5 else SIZES[:2]
    for cases in sizes:
        make_phantom(folder / f"set-{cases}", cases, max(2, cases // 10))
    found = {step: [_probe(step, folder, cases) for cases in sizes] for step in STEPS}
    return [outcome for step in STEPS for outcome in _outcomes(step, sizes, found[step])]


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float:
    """The slope of log(values) over log(sizes), by least squares."""
    import numpy as np

    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def probe(step: str, folder: str, cases: str) -> None:
    """In a process of its own: do the step with the fewest cases, then with `cases`; print seconds and peak memory."""
    from radiogen.core.errors import run_command as report_errors
    from radiogen.training.fit import peak_memory

    def main() -> None:
        do = _step(step, Path(folder))
        do(SIZES[0])
        began = processor_seconds()
        own = do(int(cases))
        print(json.dumps([processor_seconds() - began if own is None else own, peak_memory()]))

    report_errors(main)


def processor_seconds() -> float:
    """User and system time of this process and of its children that have ended."""
    usage = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in usage)


def _step(step: str, folder: Path) -> Callable[[int], float | None]:
    """A function that repeats the step for so many cases; it returns its seconds where not all of it counts."""
    from radiogen.evaluation.report.report import evaluate_runs
    from radiogen.inference import prediction
    from radiogen.training import runs

    def predict(cases: int) -> None:
        prediction.predict_run(runs.open_run(folder / "models" / f"run-{cases}"))

    def evaluate(cases: int) -> None:
        evaluate_runs(folder / "models", [f"run-{cases}"])

    return {"preprocess": lambda cases: _preprocess(folder, cases), "predict": predict, "evaluate": evaluate,
            "epoch of training": lambda cases: _epoch(folder, cases)}[step]


def _preprocess(folder: Path, cases: int) -> None:
    from radiogen.arrays.cache import build_caches
    from radiogen.training.runs import cache_settings

    for kept in (folder / "cache").glob(f"set-{cases}-*"):
        shutil.rmtree(kept)
    build_caches(folder / f"set-{cases}", [cache_settings(_recipe().data)], folder / "cache", workers=1)


def _epoch(folder: Path, cases: int) -> float:
    """The processor's seconds of the shortest epoch of a fold but the first, which compiles."""
    from types import SimpleNamespace

    from radiogen.training import callbacks, fit, workflow

    place = folder / "models" / f"run-{cases}"
    shutil.rmtree(place, ignore_errors=True)
    callbacks.time = SimpleNamespace(perf_counter=processor_seconds)
    fit.train_fold(workflow.begin_run(folder / f"set-{cases}", _recipe(), place, folder / "cache", workers=1), "0")
    return min(json.loads((place / "fold-0" / "timings.json").read_text())["seconds_an_epoch"][1:])


def _recipe() -> object:
    from radiogen.training.recipe.options import TrainOptions, parse_options

    return parse_options(TrainOptions, "", ["--data", "set", *RECIPE])[0].settings


def _probe(step: str, folder: Path, cases: int) -> tuple[float, float]:
    """The processor's seconds and peak memory of a step: the least of two."""
    found = []
    for _ in range(2):
        end = run_command(python_call(__name__, "probe", step, ".", cases), folder)
        _require(end.code == 0, step, end.output)
        found.append(json.loads(end.last))
    return min(seconds for seconds, _ in found), min(memory for _, memory in found)


def _outcomes(step: str, sizes: Sequence[int], found: Sequence[tuple[float, float]]) -> list[Outcome]:
    seconds, memory = zip(*found, strict=True)
    cases = ", ".join(map(str, sizes))
    rows = (("time", seconds, LINEAR, [f"{each:.2f} s" for each in seconds]),
            ("memory", memory, FLAT, [f"{each / 1e6:.0f} MB" for each in memory]))
    return [Outcome("scaling", f"{name} of {step}", exponent(sizes, values) <= limit,
                    f"{', '.join(shown)} for {cases} cases, exponent {exponent(sizes, values):.2f}")
            for name, values, limit, shown in rows]


def _require(good: bool, step: str, output: str) -> None:
    if not good:
        raise RuntimeError(f"{step} fails: {output[-2000:]}")
