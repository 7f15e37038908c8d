"""Ten, forty and a hundred and sixty cases: time grows no faster than they do, memory not at all.

In: a seed. Out: an outcome for time and one for memory of preprocess, an epoch of training, predict and evaluate; the
note has the figures and the exponent, the slope of the logarithms. Each is timed in a process of its own which has done
the same with the fewest cases before, so that imports, compiling and the first allocations are in no figure.
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from torture_commands import run_command, script
from torture_outcome import Outcome
from torture_stages import make_phantom

SIZES = (10, 40, 160)
LINEAR = 1.15
"""The largest exponent of time that passes: 1 and what a machine that others use meanwhile adds."""
FLAT = 0.1
"""The largest exponent of memory that passes: sixteen times the cases may take a third more."""
RECIPE = ("--recipe", "demo-3d", "--size", "16", "--width", "4", "--epochs", "3", "--folds", "2", "--batch-size", "4",
          "--memory-batch", "4", "--holdout-share", "0.2")
PROBE = "import sys; sys.path.insert(0, sys.argv[1]); import torture_big; torture_big.probe(*sys.argv[2:])"


def run(seed: int, many: float, folder: Path) -> list[Outcome]:
    """Every step on every size; a short form leaves the largest out."""
    sizes = SIZES if many > 0.5 else SIZES[:2]
    for cases in sizes:
        make_phantom(folder / f"set-{cases}", cases, max(2, cases // 10))
    steps = {"preprocess": [_probe("preprocess", folder, cases) for cases in sizes]}
    trained = []
    for cases in sizes:
        end = run_command(script("train", "--data", f"set-{cases}", "--run", f"run-{cases}", "--cache", "cache",
                                 "--fold", 0, "--no-forecast", *RECIPE), folder)
        _require(end.code == 0, "train", end.said)
        told = json.loads((folder / "models" / f"run-{cases}" / "fold-0" / "timings.json").read_text())
        trained.append((min(told["seconds_an_epoch"][1:]), told["peak_memory_mb"] * 1e6))
    steps["epoch of training"] = trained
    for step in ("predict", "evaluate"):
        steps[step] = [_probe(step, folder, cases) for cases in sizes]
    return [outcome for step, found in steps.items() for outcome in _outcomes(step, sizes, found)]


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float:
    """The slope of log(values) over log(sizes), by least squares."""
    import numpy as np

    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def probe(step: str, folder: str, cases: str) -> None:
    """In a process of its own: do the step with the fewest cases, then with `cases`; print seconds and peak memory."""
    import time

    from radiogen.errors import run_command as told
    from radiogen.learning.training import peak_memory

    def main() -> None:
        do = _step(step, Path(folder))
        do(SIZES[0])
        _forget(step, Path(folder), int(cases))
        began = time.perf_counter()
        do(int(cases))
        print(json.dumps([time.perf_counter() - began, peak_memory()]))

    told(main)


def _step(step: str, folder: Path) -> Callable[[int], object]:
    from radiogen.evaluation.report import evaluate_runs
    from radiogen.imaging.cache import build_caches
    from radiogen.learning import prediction, runs
    from radiogen.learning.options import TrainOptions, parse_options

    if step == "preprocess":
        recipe = parse_options(TrainOptions, "", ["--data", str(folder), *RECIPE])[0].settings
        settings = [runs.cache_settings(recipe)]
        return lambda cases: build_caches(folder / f"set-{cases}", settings, folder / "cache", workers=1)
    if step == "predict":
        return lambda cases: prediction.predict_run(runs.open_run(folder / "models" / f"run-{cases}"))
    return lambda cases: evaluate_runs(folder / "models", [f"run-{cases}"])


def _forget(step: str, folder: Path, cases: int) -> None:
    """What the first time made of the same cases would be kept."""
    import shutil

    if step == "preprocess":
        shutil.rmtree(folder / "cache" / f"set-{cases}", ignore_errors=True)


def _probe(step: str, folder: Path, cases: int) -> tuple[float, float]:
    """Seconds and peak memory of a step: the least of two, for others use the machine."""
    found = []
    for _ in range(2):
        end = run_command([sys.executable, "-c", PROBE, str(Path(__file__).parent), step, ".", str(cases)], folder)
        _require(end.code == 0, step, end.said)
        found.append(json.loads(end.last))
    return min(seconds for seconds, _ in found), min(memory for _, memory in found)


def _outcomes(step: str, sizes: Sequence[int], found: Sequence[tuple[float, float]]) -> list[Outcome]:
    seconds, memory = zip(*found, strict=True)
    cases = ", ".join(map(str, sizes))
    rows = (("time", seconds, LINEAR, [f"{each:.2f} s" for each in seconds]),
            ("memory", memory, FLAT, [f"{each / 1e6:.0f} MB" for each in memory]))
    return [Outcome("big", f"{name} of {step}", exponent(sizes, values) <= limit,
                    f"{', '.join(shown)} for {cases} cases, exponent {exponent(sizes, values):.2f}")
            for name, values, limit, shown in rows]


def _require(good: bool, step: str, said: str) -> None:
    if not good:
        raise RuntimeError(f"{step} fails: {said[-2000:]}")
