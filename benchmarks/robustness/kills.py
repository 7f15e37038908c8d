"""kill -9 at any moment, then the same command again: the result is that of an undisturbed run.

In: a seed. Out: an outcome for every kill, of every command, and for every two processes that were started at once. A
chain is one to three kills, each followed by the plain command, and a last one to the end; kills reach all processes
or only the first, and come at a random time or while a file is being written.
"""

import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.robustness.commands import End, Moment, outlived, run_command
from benchmarks.robustness.outcome import Outcome
from benchmarks.robustness.stages import Stage, copy_folder, make_stages, offered
from benchmarks.robustness.states import differences, half_files, state_of

if TYPE_CHECKING:
    import numpy as np

KILLS: Mapping[str, int] = {"preprocess": 26, "train": 12, "predict": 10, "ensemble": 16, "evaluate": 10, "submit": 14,
                            "download": 24}
"""How many kills each command gets."""
AT_ONCE = 2
"""How often each command is started twice at once."""
LONGEST_CHAIN = 3
WAITS = "waiting for it to finish"


def run(seed: int, fraction: float, folder: Path) -> list[Outcome]:
    """Kill every command, and start every command twice at once."""
    import numpy as np

    random = np.random.default_rng(seed)
    stages = make_stages(folder / "job")
    outcomes = []
    with offered(random, folder / "download") as (kaggle, stages["download"]):
        def cut_line() -> None:
            """One transfer in three breaks in its middle and is resumed."""
            cut = int(random.integers(1, len(kaggle.archive)))
            kaggle.faults["storage"] = [("cut", cut)] if random.random() < 1 / 3 else []

        for name, count in KILLS.items():
            begin = cut_line if name == "download" else lambda: None
            outcomes += kill_stage(stages[name], max(1, round(count * fraction)), random, folder / "trials", begin)
        for stage in stages.values():
            for _ in range(max(1, round(AT_ONCE * fraction))):
                kaggle.faults.clear()
                outcomes.append(start_twice(stage, random, folder / "trials"))
    return outcomes


def kill_stage(stage: Stage, count: int, random: "np.random.Generator", place: Path,
               begin: Callable[[], None] = lambda: None) -> list[Outcome]:
    """Chains of kills until there were `count`; begin: called before each start."""
    outcomes: list[Outcome] = []
    while len(outcomes) < count:
        trial = copy_folder(stage.folder, place / stage.name)
        found = kill_chain(stage, min(count - len(outcomes), int(random.integers(1, LONGEST_CHAIN + 1))), random, trial,
                           begin)
        outcomes += found
        shutil.rmtree(trial)
        failed = [f"; {one.what}: {one.note}" for one in found if not one.passed]
        print(f"kills: {stage.name} {len(outcomes)} of {count}{''.join(failed)}", flush=True)
    return outcomes


def kill_chain(stage: Stage, kills: int, random: "np.random.Generator", trial: Path,
               begin: Callable[[], None]) -> list[Outcome]:
    """Up to `kills` kills, each followed by the plain command, and the last of those to its end."""
    moments, faults, sessions = [], [], []
    end = None
    while len(moments) < kills and (end is None or end.code):
        moment = draw_moment(stage, random)
        begin()
        end = run_command(stage.command, trial, moment, environment=stage.environment)
        sessions.append(end.session)
        if end.code == 0:
            break  # it was done before its moment came: nothing was killed
        if end.code != -9:
            faults.append(f"ended with code {end.code} before it was killed: {end.last}")
        moments.append(moment)
        faults += [f"{moment}: {half}" for half in half_files(trial, stage.before, stage.after)[:2]]
    if end is None or end.code:
        begin()
        end = run_command(stage.command, trial, environment=stage.environment)
        sessions.append(end.session)
    if end.code:
        faults.append(f"the plain command ended with code {end.code}: {end.last}")
    faults += differences(stage.after, state_of(trial))[:3]
    faults += [f"{left} processes outlived the kill" for session in sessions if (left := outlived(session))]
    return [Outcome(f"kill -9 of {stage.name}", str(moment), not faults, "; ".join(faults)) for moment in moments]


def draw_moment(stage: Stage, random: "np.random.Generator") -> Moment:
    """A third on a file that is being written, a tenth while the command starts, the others while it works."""
    group, kind = bool(random.random() < 0.5), random.random()
    if kind < 1 / 3:
        return Moment(part=min(stage.written, int(random.geometric(0.15))), group=group)
    low, high = (0.0, stage.first_write) if kind < 0.43 else (stage.first_write, stage.seconds)
    return Moment(seconds=float(random.uniform(low, high)), group=group)


def start_twice(stage: Stage, random: "np.random.Generator", place: Path) -> Outcome:
    """The same command twice at once in one folder: both end well, and the folder is as after one."""
    trial = copy_folder(stage.folder, place / "twice")
    between = float(random.choice([0.0, random.uniform(0, 0.3)]))

    def start(number: int) -> End:
        time.sleep(number * between)
        return run_command(stage.command, trial, environment=stage.environment)

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(start, range(2)))
    faults = [f"ended with code {end.code}: {end.last}" for end in ends if end.code]
    faults += differences(stage.after, state_of(trial))[:3]
    waited = sum(WAITS in end.output for end in ends)
    shutil.rmtree(trial)
    return Outcome("two processes at once", f"{stage.name}, {between:.2f} s apart", not faults, "; ".join(faults) or
                   ("one said that it waits" if waited else "neither had to wait"))
