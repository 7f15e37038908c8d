"""Full disks, missing permissions, unusual paths and clocks, signals: one line of error, and nothing is lost.

In: a seed. Out: an outcome a trial. A trial fails where a traceback is shown, where the line names no file or remedy,
where the same command afterwards does not end as if nothing had happened, or where an end takes over ten seconds.
"""

import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.robustness.commands import End, Moment, outlived, run_command, script
from benchmarks.robustness.outcome import Outcome
from benchmarks.robustness.stages import DATA, RECIPE, Stage, copy_folder, make_stages, offered
from benchmarks.robustness.states import differences, half_files, state_of

if TYPE_CHECKING:
    import numpy as np

PART = "surroundings"
SECONDS = 10
"""Until a command has to have ended after Ctrl-C or SIGTERM."""
KOREAN = "영상의학과 연구/radio gen 2"
SPARE_BYTES = 4 << 30
"""Of a disk with room: download wants a gigabyte more than it writes."""
OF_TIMES = ("models/two/provenance.csv", "models/both/provenance.csv", "models/both/report.html")
"""What names the files that the second run's arrays were made of, where they have the times that it knows."""
UNPRIVILEGED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""Permissions do not apply to root: a command is started without the two capabilities that override them."""


JUMPS = """import itertools, time
def jumping(clock, day):
    days = itertools.cycle((0, 3, -40, 0, 1000, -2))
    return lambda: clock() + day * next(days)
time.time, time.time_ns = jumping(time.time, 86_400), jumping(time.time_ns, 86_400 * 10**9)
"""
"""Python runs it at the start of every process that finds it on its path: each look at the clock is on another day."""


def run(seed: int, fraction: float, folder: Path) -> list[Outcome]:
    """Every trial, on copies of the same small job."""
    import numpy as np

    random = np.random.default_rng(seed)
    stages = make_stages(folder / "job")
    place = folder / "trials"
    place.mkdir()
    signals = max(1, round(4 * fraction))
    with offered(random, folder / "download") as (_, download):
        each = {**stages, "download": download}
        return [*full_disks(each, random, place), *unwritable_folders(each, place), read_only_disk(stages, place),
                *unreadable_files(stages, place), *unusual_paths(stages, place), *unusual_clocks(stages, place),
                *interrupted(each, random, signals, place), without_gpu(stages, place)]


def full_disks(stages: dict[str, Stage], random: "np.random.Generator", place: Path) -> Iterator[Outcome]:
    """Each command on a disk with room for a part of what it writes, then on one with room for all."""
    for stage in stages.values():
        what = f"disk full while {stage.name}"
        with small_disk(place / "disk") as resize:
            if resize is None:
                yield limited_files(stage, place, what)
                continue
            trial = copy_folder(stage.folder, place / "disk" / "work")
            stat = os.statvfs(place / "disk")
            used = (stat.f_blocks - stat.f_bfree) * stat.f_frsize
            resize(used + int(random.integers(1, min(4, stage.written // 2) + 1)) * 4096)
            end = run_command(stage.command, trial, environment=stage.environment)
            faults = error_faults(end) + half_files(trial, stage.before, stage.after)[:2]
            resize(SPARE_BYTES)
            yield Outcome(PART, what, *verified(faults, stage, trial, end.last))


def limited_files(stage: Stage, place: Path, what: str) -> Outcome:
    """Where nothing may be mounted: no file may grow over a few bytes."""
    trial = copy_folder(stage.folder, place / "limited")
    end = run_command(stage.command, trial, prepare=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200)),
                      environment={**stage.environment, "NUMBA_DISABLE_CACHING": "1"})
    faults = error_faults(end) + half_files(trial, stage.before, stage.after)[:2]
    outcome = Outcome(PART, f"{what} (by a limit on file sizes)", *verified(faults, stage, trial, end.last))
    shutil.rmtree(trial)
    return outcome


def unwritable_folders(stages: dict[str, Stage], place: Path) -> Iterator[Outcome]:
    """Folders without permission to write."""
    targets = {"preprocess": "input/cache", "train": "models", "predict": "models/one", "ensemble": "models",
              "evaluate": "models/one", "submit": "submissions", "download": "input"}
    for name, target in targets.items():
        stage = stages[name]
        trial = copy_folder(stage.folder, place / "no permission")
        (trial / target).mkdir(parents=True, exist_ok=True)
        yield from unwritable(stage, trial, target)
        shutil.rmtree(trial)


def read_only_disk(stages: dict[str, Stage], place: Path) -> Outcome:
    """The whole workflow where the data set lies on a disk that is read-only."""
    with small_disk(place / "disk") as resize:
        if resize is None:
            return Outcome(PART, "a data set on a read-only disk", None, "nothing may be mounted here")
        trial = copy_folder(stages["preprocess"].folder, place / "read only")
        copy_folder((trial / DATA).resolve(), place / "disk" / "phantom")
        (trial / DATA).unlink()
        (trial / DATA).symlink_to(place / "disk" / "phantom")
        resize(None)
        return Outcome(PART, "the whole workflow, its data set on a read-only disk", *whole_workflow(stages, trial))


def unwritable(stage: Stage, trial: Path, target: str) -> Iterator[Outcome]:
    """The command where `target`, a folder of `trial`, may not be written to; as root without what overrides that."""
    what = f"no permission to write to {target} while {stage.name}"
    if shutil.which(UNPRIVILEGED[0]) is None and os.geteuid() == 0:
        yield Outcome(PART, what, None, "root, and no setpriv")
        return
    (trial / target).chmod(0o555)
    end = run_command([*unprivileged(), *stage.command], trial, environment=stage.environment)
    (trial / target).chmod(0o755)
    yield Outcome(PART, what, *verified(error_faults(end, target), stage, trial, end.last))


def unreadable_files(stages: dict[str, Stage], place: Path) -> Iterator[Outcome]:
    """Files and folders without permission to read: a table, weights, the images of a case."""
    if shutil.which(UNPRIVILEGED[0]) is None and os.geteuid() == 0:
        yield Outcome(PART, "files that may not be read", None, "root, and no setpriv")
        return
    for name, target in (("predict", "models/one/folds.csv"), ("predict", "models/one/fold-0/model.weights.h5"),
                         ("evaluate", "models/one/predictions.csv"), ("submit", "models/both/folds.csv")):
        stage = stages[name]
        trial = copy_folder(stage.folder, place / "no permission")
        (trial / target).chmod(0)
        end = run_command([*unprivileged(), *stage.command], trial)
        (trial / target).chmod(0o644)
        yield Outcome(PART, f"no permission to read {target} while {name}",
                      *verified(error_faults(end, Path(target).name), stage, trial, end.last))
        shutil.rmtree(trial)
    yield unreadable_images(stages["preprocess"], place)


def unreadable_images(stage: Stage, place: Path) -> Outcome:
    """An image of one case and a folder of another: both are reported, and read as soon as permission is back."""
    trial = copy_folder(stage.folder, place / "no permission")
    data = (trial / DATA).resolve()
    (trial / DATA).unlink()
    copy_folder(data, trial / DATA)
    cases = sorted((trial / DATA / "train").iterdir())
    unreadable = {sorted((cases[0] / "T1wCE").iterdir())[3]: 0o644, cases[1] / "T1wCE": 0o755}
    for path in unreadable:
        path.chmod(0)
    end = run_command([*unprivileged(), *stage.command], trial)
    index = "".join(path.read_text() for path in (trial / "input" / "cache").rglob("index.csv"))
    faults = error_faults(end, f"--leave-out {cases[1].name}")
    faults += [f"its index does not name {path}" for path in unreadable if path.name not in index]
    faults += [] if index.count("Permission denied") == len(unreadable) else ["its index gives no reason"]
    for path, mode in unreadable.items():
        path.chmod(mode)
    without = set((trial / "input" / "cache").iterdir())  # made of what could be listed then
    again = run_command(stage.command, trial)
    faults += [f"the same command again ended with code {again.code}: {again.last}"] if again.code else []
    if without < set((trial / "input" / "cache").iterdir()):
        for folder in without:
            shutil.rmtree(folder)
    found = {name: mark for name, mark in state_of(trial).items() if not name.startswith(f"{DATA}/")}
    faults += differences({name: mark for name, mark in stage.after.items() if not name.startswith(f"{DATA}/")}, found)
    shutil.rmtree(trial)
    return Outcome(PART, "no permission to read an image and a folder of images while preprocess", not faults,
                   "; ".join(faults[:3]) or end.last)


def unprivileged() -> tuple[str, ...]:
    """The prefix of a command to which permissions are to apply."""
    return UNPRIVILEGED if os.geteuid() == 0 else ()


def unusual_paths(stages: dict[str, Stage], place: Path) -> Iterator[Outcome]:
    """The whole workflow in unusual folders and environments; each must end as the undisturbed one did."""
    plain = {"HOME": "/proc/nowhere", "XDG_CACHE_HOME": None, "MPLCONFIGDIR": None, "KERAS_HOME": None}
    ascii_ = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": None}
    for what, name, environment in (("a path with spaces and Korean letters", KOREAN, {}),
                                    ("a path with spaces and Korean letters, LANG=C", KOREAN, ascii_),
                                    ("a home that cannot be written", "home", plain)):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        trial = copy_folder(stages["preprocess"].folder, place / name)
        yield Outcome(PART, f"the whole workflow: {what}", *whole_workflow(stages, trial, environment))
        shutil.rmtree(trial)
    yield from other_folders(stages, place)


def other_folders(stages: dict[str, Stage], place: Path) -> Iterator[Outcome]:
    """A run that was trained in one folder, with a relative --data, is predicted from another."""
    trial = copy_folder(stages["predict"].folder, place / "here")
    away = place / "away"
    away.mkdir()
    end = run_command(script("predict", "--run", "one", "--models", trial / "models"), away)
    faults = [f"ended with code {end.code}: {end.last}"] if end.code else []
    faults += differences(stages["predict"].after, state_of(trial))[:3]
    yield Outcome(PART, "predict from another folder than the one that a run's paths are relative to", not faults,
                  "; ".join(faults))
    command = [*script("train", "--data", f"../here/{DATA}", "--models", "../here/models", "--cache",
                     "../here/input/cache", "--run", "one", *RECIPE)]
    end = run_command(command, away)
    faults = [f"ended with code {end.code}: {end.last}"] if end.code else []
    yield Outcome(PART, "resuming a run from another folder, all paths relative to that", not faults,
                  "; ".join(faults))
    shutil.rmtree(trial)


def unusual_clocks(stages: dict[str, Stage], place: Path) -> Iterator[Outcome]:
    """Files from the future and from 1970, half of them each, and a clock that jumps by days while commands run."""
    trial = copy_folder(stages["preprocess"].folder, place / "clock")
    data = (trial / DATA).resolve()
    (trial / DATA).unlink()
    copy_folder(data, trial / DATA)

    def jump() -> None:
        for number, path in enumerate(sorted(trial.rglob("*"))):
            if path.is_file():
                os.utime(path, (4e9, 4e9) if number % 2 else (0, 0))

    (place / "jumps").mkdir()
    (place / "jumps" / "sitecustomize.py").write_text(JUMPS)
    found = os.pathsep.join(filter(None, (str(place / "jumps"), os.environ.get("PYTHONPATH"))))
    yield Outcome(PART, "the whole workflow, the clock jumping by days within and by decades between commands",
                  *whole_workflow(stages, trial, {"PYTHONPATH": found}, before_each=jump, times=False))
    shutil.rmtree(trial)


def interrupted(stages: dict[str, Stage], random: "np.random.Generator", count: int,
                place: Path) -> Iterator[Outcome]:
    """SIGTERM to the first process and Ctrl-C to all, as a terminal sends it, at random moments."""
    for stage in stages.values():
        for number in range(count):
            code = (signal.SIGTERM, signal.SIGINT)[number % 2]
            moment = Moment(float(random.uniform(min(1.0, stage.first_write), 0.9 * stage.seconds)), signal=code,
                            group=code == signal.SIGINT)
            trial = copy_folder(stage.folder, place / "signal")
            end = run_command(stage.command, trial, moment, environment=stage.environment)
            faults = interrupted_faults(end, code) + half_files(trial, stage.before, stage.after)[:2]
            note = f"ended in {end.stop_seconds:.1f} s" if end.code else "was done before it came"
            yield Outcome(PART, f"{stage.name}: {moment}", *verified(faults, stage, trial, note))
            shutil.rmtree(trial)


def interrupted_faults(end: End, code: int) -> list[str]:
    """What is wrong with the end of a command that was sent a signal; nothing where it was done before."""
    faults = [f"took {end.stop_seconds:.0f} s to end"] if end.stop_seconds > SECONDS else []
    if end.code == 0:
        return faults
    if end.code != 128 + code:
        faults.append(f"ended with code {end.code}")
    if "resume with:" not in end.output:
        faults.append(f"does not say how to resume: {end.last}")
    if "Traceback" in end.output:
        faults.append(f"shows a traceback: {end.output[end.output.index('Traceback'):][-200:]}")
    left = outlived(end.session, SECONDS)
    return [*faults, *([f"{left} processes outlived it"] if left else [])]


def without_gpu(stages: dict[str, Stage], place: Path) -> Outcome:
    """A GPU is asked for where none is to be seen."""
    trial = copy_folder(stages["train"].folder, place / "gpu")
    command = [*stages["train"].command, "--devices", "gpu"]
    end = run_command(command, trial, environment={"CUDA_VISIBLE_DEVICES": ""})
    faults = error_faults(end, "--devices gpu")
    return Outcome(PART, "--devices gpu without a GPU", not faults, "; ".join(faults) or end.last)


def error_faults(end: End, names: str = "") -> list[str]:
    """What is wrong with how a failure was reported: one line with `error:`, a name and a remedy, and exit code 2."""
    lines = [line for line in end.output.replace("\r", "\n").splitlines() if line.startswith("error: ")]
    faults = [] if end.code == 2 else [f"ended with code {end.code}: {end.last}"]
    if "Traceback" in end.output:
        faults.append(f"shows a traceback: {end.output.strip().splitlines()[-1]}")
    if len(lines) != 1 or not re.search(r"error: .+: .+; .+", lines[0]):
        faults.append(f"reports it in {len(lines)} lines: {end.last}")
    elif names not in lines[0]:
        faults.append(f"does not name {names}: {lines[0]}")
    return faults


def verified(faults: list[str], stage: Stage, trial: Path, note: str) -> tuple[bool, str]:
    """Run the plain command in `trial`, compare the folder with the undisturbed one: whether all is well, and why."""
    again = run_command(stage.command, trial, environment=stage.environment)
    if again.code:
        faults = [*faults, f"the same command again ended with code {again.code}: {again.last}"]
    else:
        faults = [*faults, *differences(stage.after, state_of(trial))[:3]]
    return not faults, "; ".join(faults) or note


def whole_workflow(stages: dict[str, Stage], trial: Path, environment: dict[str, str | None] | None = None, *,
              before_each: Callable[[], None] = lambda: None, times: bool = True) -> tuple[bool, str]:
    """All commands in `trial`; the second run is copied from the undisturbed job.

    times: False where the data set's files have other times than there, which the cache notes beside its arrays; so the
    second run's arrays, made there, cannot be shown to come from these files, and pages do not say that they do.
    """
    faults: list[str] = []
    for stage in stages.values():
        if stage.name == "ensemble":
            copy_folder(stage.folder / "models" / "two", trial / "models" / "two")
        before_each()
        end = run_command(stage.command, trial, environment=environment)
        faults += [f"{stage.name} ended with code {end.code}: {end.last}"] if end.code else []
    found = {name: mark for name, mark in state_of(trial).items() if not name.startswith(f"{DATA}/")}
    faults += [each for each in differences(stages["submit"].after, found)
               if times or not (each.startswith("input/cache/") and ".json" in each) and not each.startswith(OF_TIMES)]
    return not faults, "; ".join(faults[:3])


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[Callable[[int | None], None] | None]:
    """A small tmpfs at `place` and a function that sets its bytes (None: read-only); None where nothing may be mounted.
    """
    place.mkdir(parents=True, exist_ok=True)
    if _quiet(["mount", "-t", "tmpfs", "-o", f"size={SPARE_BYTES}", "tmpfs", str(place)]):
        yield None
        return
    try:
        yield lambda size: _quiet(["mount", "-o", "remount,ro" if size is None else f"remount,size={size}", str(place)])
    finally:
        _quiet(["umount", "--lazy", str(place)])  # an interrupted command may still be in it


def _quiet(command: Sequence[str]) -> int:
    try:
        return subprocess.run(command, capture_output=True).returncode
    except OSError:
        return 1
