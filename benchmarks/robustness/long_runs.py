"""Long queues: a fold that is killed affects no other, and fold after fold leaves nothing behind.

In: a seed. Out: outcomes of runs whose fold is killed as the system does for memory, and of twenty short folds, over
which the threads, open files and memory of the command's lasting processes are counted.
"""

import contextlib
import os
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.robustness.commands import run_command, script, session_members
from benchmarks.robustness.outcome import Outcome
from benchmarks.robustness.stages import DATA, RECIPE, make_phantom
from benchmarks.robustness.states import State, differences, state_of

if TYPE_CHECKING:
    import numpy as np

PART = "long runs"
FOLDS, CASES = 20, 48
MEMORY_GROWTH = 30 << 20
"""Bytes that the lasting processes may grow by over all folds: allocators round up; a leak of a fold is larger."""


def run(seed: int, fraction: float, folder: Path) -> list[Outcome]:
    """Folds that die in one run and in a queue of two, and folds that follow each other."""
    import numpy as np

    random = np.random.default_rng(seed)
    work = folder / "work"
    (work / "input").mkdir(parents=True)
    make_phantom(work / DATA, CASES, 2)
    return [dying_fold(work, random, at_once) for at_once in (1, 2)][:max(1, round(2 * fraction))] + [
        dying_queue(work, random), *twenty_folds(work, max(3, round(FOLDS * fraction)))]


def dying_fold(work: Path, random: "np.random.Generator", at_once: int) -> Outcome:
    """One of three folds is killed while it trains: it is named with its reason, the others finish, one line helps."""
    command = _train("night", "--folds", 3, "--parallel-folds", at_once, "--no-forecast")
    whole = _undisturbed(work, command)
    killer = FoldKiller(work / "models" / "night", str(int(random.integers(0, 3))))
    end = run_command(command, work, watch=killer)
    faults = [] if killer.killed else ["the fold was over before it could be killed"]
    faults += [] if end.code == 2 else [f"ended with code {end.code}"]
    name = f"fold {killer.fold}"
    faults += [f"{name} and its reason are not named: {end.last}"] if not (
        name in end.last and "killed by the system" in end.last) else []
    faults += [f"fold {other} was not finished" for other in "012" if other != killer.fold and not
               (work / "models" / "night" / f"fold-{other}" / "model.weights.h5").is_file()]
    faults += [f"the last line names no command: {end.last}"] if "scripts/train.py --run night" not in end.last else []
    faults += _faults_of_a_second_run(command, work, whole)
    return Outcome(PART, f"fold {killer.fold} of 3 killed, {at_once} at once", not faults,
                   "; ".join(faults) or end.last)


def dying_queue(work: Path, random: "np.random.Generator") -> Outcome:
    """Two seeds are queued and a fold of the first dies: the second is trained nevertheless."""
    command = _train("night", "--folds", 2, "--seeds", 2, "--parallel-folds", 2, "--no-forecast")
    whole = _undisturbed(work, command)
    killer = FoldKiller(work / "models" / "night", str(int(random.integers(0, 2))))
    end = run_command(command, work, watch=killer)
    faults = [] if killer.killed else ["the fold was over before it could be killed"]
    faults += [f"fold {number} of the second run was not trained" for number in "01" if not
               (work / "models" / "night-seed-43" / f"fold-{number}" / "model.weights.h5").is_file()]
    faults += [] if end.code == 2 and f"fold {killer.fold}" in end.last else [
        f"ended with code {end.code}, last line: {end.last}"]
    faults += _faults_of_a_second_run(command, work, whole)
    return Outcome(PART, f"two seeds queued, fold {killer.fold} of the first killed", not faults,
                   "; ".join(faults) or end.last)


def _faults_of_a_second_run(command: Sequence[str], work: Path, whole: State) -> list[str]:
    """What is wrong after the same command again, which should end as the undisturbed one did; its run is removed."""
    again = run_command(command, work)
    faults = [f"the same again ended with code {again.code}: {again.last}"] if again.code else []
    faults += differences(whole, state_of(work / "models"))[:3]
    shutil.rmtree(work / "models")
    return faults


def twenty_folds(work: Path, count: int) -> list[Outcome]:
    """Threads, open files and memory of the processes that last from fold to fold, at each fold's end."""
    counter = FoldCounter(work / "models" / "many")
    end = run_command(_train("many", "--folds", count, "--no-forecast", "--epochs", 1, "--holdout-fraction", 0), work,
                      watch=counter)
    if end.code:
        return [Outcome(PART, f"{count} short folds", False, f"ended with code {end.code}: {end.last}")]
    rows = counter.rows[1:]  # at the end of the first, what is made once may not have been
    outcomes = []
    for name, allowed in (("threads", 0), ("open files", 0), ("memory", MEMORY_GROWTH), ("processes", 1)):
        first, last = rows[0][name], max(row[name] for row in rows[-2:])
        shown = [f"{value / 1e6:.0f} MB" if name == "memory" else str(value) for value in (first, last)]
        outcomes.append(Outcome(PART, f"{name} left behind over {count} folds", last - first <= allowed,
                                f"{shown[0]} after fold 2, {shown[1]} after the last"))
    return outcomes


@dataclass
class FoldKiller:
    """Kills the process of a fold when the fold has its first checkpoint; to be called every few milliseconds."""

    run: Path
    fold: str
    killed: bool = False

    def __call__(self, process: int) -> None:
        if not self.killed and (self.run / f"fold-{self.fold}" / "checkpoint.npz").is_file():
            for member in session_members(process):
                if self._trains_it(member):
                    os.kill(member, signal.SIGKILL)
                    self.killed = True

    def _trains_it(self, member: int) -> bool:
        """Whether the process says in its name, which Linux shows and logs, that it trains the fold."""
        with contextlib.suppress(OSError):
            return (Path("/proc") / str(member) / "comm").read_text().strip() == f"fold {self.fold}"
        return False


@dataclass
class FoldCounter:
    """At the end of each fold counts what the command's processes hold that are older than the fold."""

    run: Path
    rows: list[dict[str, int]] = field(default_factory=list)
    lasting: set[int] = field(default_factory=set)

    def __call__(self, process: int) -> None:
        done = len(list(self.run.glob("fold-*/model.weights.h5")))
        if done > len(self.rows):
            members = set(session_members(process))
            self.lasting = members & self.lasting if self.rows else members
            self.rows.append({**self._held(self.lasting), "processes": len(members)})

    def _held(self, members: set[int]) -> dict[str, int]:
        held = {"threads": 0, "open files": 0, "memory": 0}
        for member in members:
            with contextlib.suppress(OSError):
                place = Path("/proc") / str(member)
                held["threads"] += len(list((place / "task").iterdir()))
                held["open files"] += len(list((place / "fd").iterdir()))
                held["memory"] += int((place / "statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
        return held


def _undisturbed(work: Path, command: list[str]) -> dict[str, str]:
    """What the command makes of models/ when nothing happens; it is moved away."""
    end = run_command(command, work)
    if end.code:
        raise RuntimeError(f"fails without being disturbed: {end.output[-2000:]}")
    state = state_of(work / "models")
    shutil.rmtree(work / "models")
    return state


def _train(name: str, *arguments: object) -> list[str]:
    return script("train", "--data", DATA, "--run", name, *RECIPE, *arguments)
