"""The whole workflow on a small phantom, run once without any fault: what every trial is compared with.

In: an empty folder. Out: a `Stage` for each command, with the folder as it was before it and what it made of that. The
paths in its command line are relative, so that a copy of the folder is as good as the folder.
"""

import contextlib
import dataclasses
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.robustness.commands import run_command, script
from benchmarks.robustness.states import State, differences, state_of

if TYPE_CHECKING:
    import numpy as np

DATA = "input/phantom"
RECIPE = ("--recipe", "demo-3d", "--size", "16", "--width", "4", "--epochs", "2", "--folds", "2", "--batch-size", "4",
          "--micro-batch-size", "4", "--holdout-fraction", "0.25")
CASES, TEST_CASES = 12, 3


@dataclass(frozen=True)
class Stage:
    """One command, the folder as it was before, both states, how long it takes and when it first writes.

    written: how many files it makes or changes. environment: variables that it needs besides.
    """

    name: str
    command: tuple[str, ...]
    folder: Path
    before: State
    after: State
    seconds: float
    first_write: float
    memory: int
    environment: dict[str, str | None] = dataclasses.field(default_factory=dict)

    @property
    def written(self) -> int:
        """How many files it makes or changes."""
        return max(1, len(differences(self.before, self.after)))


def make_stages(folder: Path) -> dict[str, Stage]:
    """Every command but download, by name: preprocess, train, predict, ensemble, evaluate, submit.

    A second run, which the ensemble needs, is trained and predicted between. Raises RuntimeError where one fails.
    """
    data = make_phantom(folder / "phantom", CASES, TEST_CASES)
    work = folder / "work"
    (work / "input").mkdir(parents=True)
    (work / DATA).symlink_to(data, target_is_directory=True)
    second = ("--run", "two", *RECIPE, "--seed", "43", "--split-seed", "42")
    plan = {
        "preprocess": script("preprocess", "--data", DATA, *RECIPE, "--workers", "2"),
        "train": script("train", "--data", DATA, "--run", "one", *RECIPE, "--parallel-folds", "2",
                        "--no-forecast"),
        "train two": script("train", "--data", DATA, *second, "--parallel-folds", "2", "--no-forecast"),
        "predict two": script("predict", "--run", "two"),
        "predict": script("predict", "--run", "one"),
        "ensemble": script("ensemble", "one", "two", "--name", "both"),
        "evaluate": script("evaluate", "one", "two", "both"),
        "submit": script("submit", "both"),
    }
    made = {name: make_stage(name, command, work, folder / "before" / name) for name, command in plan.items()}
    return {name: stage for name, stage in made.items() if not name.endswith(" two")}


def make_stage(name: str, command: Sequence[str], work: Path, kept: Path,
               environment: dict[str, str | None] | None = None) -> Stage:
    """Keep a copy of `work`, run the command in it, and note what it did. Raises RuntimeError where it fails."""
    copy_folder(work, kept)
    before, first = state_of(work), FirstWrite(work)
    end = run_command(command, work, environment=environment, watch=first)
    if end.code:
        raise RuntimeError(f"{name} fails without being disturbed: {end.output[-2000:]}")
    return Stage(name, tuple(command), kept, before, state_of(work), end.seconds, first.seconds or end.seconds / 2,
                 end.memory, environment or {})


def make_phantom(data: Path, cases: int, test_cases: int) -> Path:
    """A phantom of small slices."""
    data.parent.mkdir(parents=True, exist_ok=True)
    end = run_command(script("make_phantom", "--data", data, "--cases", cases, "--test-cases", test_cases, "--scale",
                             "0.05"), data.parent)
    if end.code:
        raise RuntimeError(f"no phantom: {end.output[-2000:]}")
    return data


def copy_folder(source: Path, target: Path) -> Path:
    """A copy with the same file times, by which a cache recognises its sources; links stay links."""
    return Path(shutil.copytree(source, target, symlinks=True))


class FirstWrite:
    """Notes when anything under a folder first changes; to be called every few milliseconds."""

    def __init__(self, folder: Path):
        self.folder, self.seconds = folder, None
        self.began, self.marks = time.perf_counter(), self._marks()

    def __call__(self, process: int) -> None:
        if self.seconds is None and self._marks() != self.marks:
            self.seconds = time.perf_counter() - self.began

    def _marks(self) -> int:
        return max(Path(place).stat().st_mtime_ns for place, _, _ in os.walk(self.folder))


@contextlib.contextmanager
def offered(random: "np.random.Generator", folder: Path) -> Iterator[tuple[Any, Stage]]:
    """A stand-in for Kaggle on this machine, which offers a data set, and the download of it from there."""
    from benchmarks.synthetic.kaggle_server import serving, zip_of

    with serving() as kaggle:
        kaggle.data = offered_data(random)
        kaggle.archive = zip_of(kaggle.data)
        yield kaggle, download_stage(folder, kaggle.address)


def download_stage(folder: Path, address: str) -> Stage:
    """The download of a data set from the stand-in for Kaggle at `address`."""
    from benchmarks.synthetic.kaggle_commands import redirected_command, redirected_environment, user_variables

    (folder / "home").mkdir(parents=True)
    (folder / "work").mkdir()
    _, path, *arguments = script("download", "--data", "input/set")
    environment = {**dict.fromkeys(user_variables()), **redirected_environment(address, folder / "home")}
    return make_stage("download", redirected_command(path, *arguments), folder / "work", folder / "before", environment)


def offered_data(random: "np.random.Generator", cases: int = 10) -> dict[str, bytes]:
    """Files for the stand-in: cases of four series, whose bytes no zip makes smaller."""
    data = {}
    for number in range(cases):
        split = "train" if number < cases - 2 else "test"
        for sequence in ("FLAIR", "T1w", "T1wCE", "T2w"):
            for image in range(1, 6):
                data[f"{split}/{number:05d}/{sequence}/Image-{image}.dcm"] = random.bytes(40_000)
    rows = "".join(f"{number:05d},{number % 2}\n" for number in range(cases - 2))
    data["train_labels.csv"] = f"BraTS21ID,MGMT_value\n{rows}".encode()
    data["sample_submission.csv"] = ("BraTS21ID,MGMT_value\n" + "".join(
        f"{number:05d},0.5\n" for number in range(cases - 2, cases))).encode()
    return data
