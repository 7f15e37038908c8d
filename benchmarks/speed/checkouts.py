"""Time this checkout beside another one: did a change make reading or training slower? Prints a Markdown table.

In: the folder of the other checkout (`git worktree add ../before COMMIT`); both run with this one's packages. Out: a
row a task, with the time as a ratio to the other checkout's in the same round; every round runs both in a random order,
and the rounds' median and quartiles are shown. Reading: on one core, a process a checkout, warm files. Training: one
fold by `scripts/train.py` a round, the median of its epochs but the first.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401
    import one_thread  # noqa: F401

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import tyro

from radiogen.core.errors import UserError, run_command

Part = Literal["reading", "training"]
HERE = Path(__file__).resolve().parents[2]
TASKS = ("volume", "cube", "slices")
RECIPES = ("demo-3d", "demo-2d")
CALL_SECONDS = 0.15
"""A series is read so often in one round that it takes about as long."""

Contestants = Mapping[str, Callable[[], float]]
"""By `this` and `other`, a call that measures one round and returns its seconds."""


def main(other: Path, parts: tuple[Part, ...] = ("reading", "training"), folder: tuple[Path, ...] = (),
         rounds: int = 31, training_rounds: int = 3, epochs: int = 20, cases: int = 100, seed: int = 42,
         output: Path | None = None) -> None:
    """Time this checkout beside another one; prints a Markdown table.

    Args:
        other: The other checkout's folder.
        parts: What is timed.
        folder: Folders of real series to read as well as the two synthetic ones.
        rounds: How often each checkout reads each series.
        training_rounds: How often each checkout trains a fold of each demo recipe.
        epochs: Of each training.
        cases: Of the phantom that is trained on.
        seed: Of the phantom, the synthetic series and the order within a round.
        output: Markdown file to write the table to as well.
    """
    from benchmarks.speed.imaging import table
    from benchmarks.speed.training import machine_text
    from radiogen.core import files

    _check(other, folder, min(rounds, training_rounds), epochs)
    checkouts = {"this": HERE, "other": other.resolve()}
    with tempfile.TemporaryDirectory(prefix="radiogen-benchmark-") as room:
        rows = _reading_rows(checkouts, folder, rounds, seed, Path(room)) if "reading" in parts else []
        if "training" in parts:
            rows += _training_rows(checkouts, training_rounds, epochs, cases, seed, Path(room))
    text = "\n\n".join([
        f"Time as a ratio to the other checkout's, {_commit(other)}, in the same round; this is {_commit(HERE)}.",
        table(["task", "ratio", "rounds", "other, ms"], rows), machine_text()])
    print(text)
    if output:
        files.write_text(output, text + "\n")


def race(contestants: Contestants, rounds: int, seed: int) -> tuple[list[float], list[float]]:
    """The rounds' ratios of `this` to `other`, and the seconds of `other`; each round in a new random order."""
    import random

    names, shuffle = ["this", "other"], random.Random(seed).shuffle
    ratios, seconds = [], []
    for _ in range(rounds):
        shuffle(names)
        times = {name: contestants[name]() for name in names}
        ratios.append(times["this"] / times["other"])
        seconds.append(times["other"])
    return ratios, seconds


def _row(task: str, ratios: Sequence[float], seconds: Sequence[float]) -> list[str]:
    import statistics

    from benchmarks.speed.imaging import ratios_text

    return [task, ratios_text(ratios), str(len(ratios)), f"{1000 * statistics.median(seconds):.1f}"]


def _reading_rows(checkouts: Mapping[str, Path], folders: Sequence[Path], rounds: int, seed: int,
                  room: Path) -> list[list[str]]:
    from benchmarks.speed.imaging import SHAPES
    from benchmarks.speed.imaging_conditions import make_series

    series = {f"{shape[0]} slices of {shape[1]} x {shape[2]}": make_series(room / f"series-{shape[1]}", shape, seed)
              for shape in SHAPES}
    series.update({folder.name: folder.resolve() for folder in folders})
    cores = os.sched_getaffinity(0)
    rows = []
    os.sched_setaffinity(0, {max(cores)})  # the readers inherit it
    try:
        with contextlib.ExitStack() as stack:
            readers = {name: stack.enter_context(_reader(root)) for name, root in checkouts.items()}
            for title, folder in series.items():
                for task in TASKS:
                    first = [reader(task, folder, 1) for _ in range(2) for reader in readers.values()]
                    count = max(1, round(CALL_SECONDS / min(first)))
                    calls = {name: lambda reader=reader, task=task, folder=folder, count=count:
                             reader(task, folder, count) for name, reader in readers.items()}
                    rows.append(_row(f"{task} of {title}", *race(calls, rounds, seed)))
    finally:
        os.sched_setaffinity(0, cores)
    return rows


@contextlib.contextmanager
def _reader(root: Path) -> Iterator[Callable[[str, Path, int], float]]:
    """A function that lets a checkout's process call a task on a folder so often, and returns the seconds a call."""
    script = Path(__file__).with_name("contestants") / "reading.py"
    process = subprocess.Popen([sys.executable, str(script), str(root)], text=True, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, env=_environment(root))
    assert process.stdin and process.stdout

    def read(task: str, folder: Path, count: int) -> float:
        process.stdin.write(f"{task}\t{folder}\t{count}\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise UserError(root, f"its reader ended with {process.wait()}", "see the traceback above")
        return float(line)
    try:
        yield read
    finally:
        process.kill()
        process.communicate()


def _training_rows(checkouts: Mapping[str, Path], rounds: int, epochs: int, cases: int, seed: int,
                   room: Path) -> list[list[str]]:
    folders = {name: room / name for name in checkouts}
    for name, root in checkouts.items():
        folders[name].mkdir()
        _script(root, folders[name], "make_phantom", "--data", "input/phantom", "--cases", cases, "--seed", seed)
        _script(root, folders[name], "preprocess", "--data", "input/phantom", "--recipe", *RECIPES)
    return [_row(f"an epoch of {recipe}", *race(
        {name: lambda name=name, root=root, recipe=recipe: _epoch_seconds(root, folders[name], recipe, epochs)
         for name, root in checkouts.items()}, rounds, seed)) for recipe in RECIPES]


def _epoch_seconds(root: Path, work: Path, recipe: str, epochs: int) -> float:
    """The median of the epochs of one fold, but the first, which compiles."""
    import shutil
    from statistics import median

    run = work / "models" / "timed"
    shutil.rmtree(run, ignore_errors=True)
    _script(root, work, "train", "--data", "input/phantom", "--recipe", recipe, "--run", run.name, "--fold", 0,
            "--epochs", epochs, "--no-forecast")
    return median(json.loads((run / "fold-0" / "timings.json").read_text())["seconds_an_epoch"][1:])


def _script(root: Path, work: Path, name: str, *arguments: object) -> None:
    end = subprocess.run([sys.executable, str(root / "scripts" / f"{name}.py"), *map(str, arguments)], cwd=work,
                         env=_environment(root), capture_output=True, text=True)
    if end.returncode:
        raise UserError(root / "scripts" / f"{name}.py", f"ended with {end.returncode}: {end.stderr.strip()[-300:]}",
                        "run it there by hand")


def _environment(root: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(root / "src")}


def _commit(root: Path) -> str:
    end = subprocess.run(["git", "-C", str(root), "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return f"commit {end.stdout.strip()}" if end.returncode == 0 else "of no known commit"


def _check(other: Path, folders: Sequence[Path], rounds: int, epochs: int) -> None:
    if not (other / "src" / "radiogen").is_dir():
        raise UserError(f"--other {other}", "is no checkout: it has no src/radiogen",
                        "make one: git worktree add ../before COMMIT")
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"--folder {folder}", "is not a folder",
                            "give folders that each hold the files of one series")
    if rounds < 1 or epochs < 2:
        raise UserError(f"--epochs {epochs}" if rounds >= 1 else f"--rounds {rounds}", "is too small",
                        "give at least one round and two epochs")


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
