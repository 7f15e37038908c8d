"""A process that has imported everything once and forks for each command: half a second in place of five.

In: lines of JSON, each with a number, a folder, a file for its output, and steps. Out: a line when a command has
ended, with its exit code and processor's seconds. Nothing of Keras's back end has run when it forks, which is what the
package's own fork server relies on, too. Three slow things have a substitute here and are tested elsewhere: pip (wheels
made once are copied), the environment of a rehearsal (this interpreter) and its notebook (what it calls, in a fork).
"""

import contextlib
import json
import os
import runpy
import select
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.processes import ROOT, python_call
from benchmarks.robustness.commands import ONE_THREAD

Step = tuple[str, ...]
"""`("script", name, word, ...)`, or what a user does by hand: `("move", from, to)`, `("replace", file)`,
`("add", folder, as)`."""
SLICE_SECONDS = 0.02
"""How long a user's copying stops in the middle of a file, and after each file of a folder."""
WHEELS = "PAIRS_WHEELS"
"""Name in the environment of the folder with the wheels that stand in for pip's."""


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, seconds, seconds of the processor, its output, and its session."""

    code: int
    seconds: float
    used: float
    output: str
    session: int


@dataclass
class Server:
    """The process, and the commands that it was given."""

    folder: Path
    environment: dict[str, str]
    process: subprocess.Popen = field(init=False)
    begun: dict[int, float] = field(default_factory=dict)
    ended: dict[int, Ended] = field(default_factory=dict)

    def __enter__(self) -> "Server":
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KAGGLE_")}
        self.process = subprocess.Popen(python_call(__name__, "serve"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env={**kept, **ONE_THREAD, **self.environment})
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the server of commands did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.wait(30)

    def begin(self, steps: Sequence[Step], place: Path) -> int:
        """Begin the steps in the folder `place`; returns their number."""
        number = len(self.begun)
        self.begun[number] = time.perf_counter()
        self.process.stdin.write(json.dumps([number, str(place), str(self._output_file(number)), steps]) + "\n")
        self.process.stdin.flush()
        return number

    def wait(self, number: int) -> Ended:
        """Wait for the end of what `begin` began."""
        while number not in self.ended:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError("the server of commands died")
            other, session, code, used = json.loads(line)
            printed = self._output_file(other)
            self.ended[other] = Ended(code, time.perf_counter() - self.begun[other], used,
                                      printed.read_text(encoding="utf-8", errors="replace"), session)
            printed.unlink()
        return self.ended.pop(number)

    def call(self, steps: Sequence[Step], place: Path) -> Ended:
        """Do the steps to their end."""
        return self.wait(self.begin(steps, place))

    def _output_file(self, number: int) -> Path:
        return self.folder / f"{number}.txt"


def serve() -> None:
    """Fork for each line of standard input until that ends."""
    _import_all()
    os.write(1, b"ready\n")
    running: dict[int, int] = {}
    rest, opened = b"", True
    while opened or running:
        if opened and select.select([0], [], [], 0.003)[0]:
            got = os.read(0, 1 << 16)
            opened, (*lines, rest) = bool(got), (rest + got).split(b"\n")
            for number, place, printed, steps in map(json.loads, lines):
                child = os.fork()
                if child == 0:
                    _do(place, printed, steps)
                running[child] = number
        ended, status, used = os.wait4(-1, os.WNOHANG) if running else (0, 0, None)
        if ended:
            line = json.dumps([running.pop(ended), ended, os.waitstatus_to_exitcode(status),
                               used.ru_utime + used.ru_stime])
            os.write(1, f"{line}\n".encode())
        elif not opened:
            time.sleep(0.003)


def _do(place: str, printed: str, steps: Sequence[Step]) -> NoReturn:
    """In the child: a session of its own, its streams, its folder, then the steps until one fails."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    output = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.chdir(place)
    code = 0
    for kind, *words in steps:
        code = code or _ended(lambda kind=kind, words=words: STEPS[kind](*words))
    os._exit(code)


def _ended(call: Callable[[], object]) -> int:
    """The exit code of a call, as Python would leave with it."""
    try:
        call()
        return 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _script(name: str, *words: str) -> None:
    sys.argv = [str(ROOT / "scripts" / f"{name}.py"), *words]
    runpy.run_path(sys.argv[0], run_name="__main__")


def _move(source: str, target: str) -> None:
    """As a user's `mv`; where it was moved before, there is nothing to do."""
    if Path(source).exists() and not Path(target).exists():
        Path(source).rename(target)


def _replace(name: str) -> None:
    """As a user's `cp` over a file: the same size, other pixels, in two pieces; the time is always the same."""
    path = Path(name)
    if path.exists():
        content = path.read_bytes()
        pixels = bytes(255 - each if number % 2 == 0 else each for number, each in enumerate(content[-200:]))
        with path.open("wb") as file:
            file.write(content[:-150])
            file.flush()
            time.sleep(SLICE_SECONDS)
            file.write((content[:-200] + pixels)[-150:])
        os.utime(path, ns=(10**18, 10**18))


def _add(source: str, target: str) -> None:
    """As a user's `cp -rp` of a folder beside it, file by file; where it is there, nothing.

    The user stands in the folder that holds both, and goes along where that is moved meanwhile.
    """
    if not Path(target).exists():
        with contextlib.suppress(FileNotFoundError), contextlib.chdir(Path(source).parent):
            for path in sorted(path for path in Path(Path(source).name).rglob("*") if path.is_file()):
                copy = Path(Path(target).name, *path.parts[1:])
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, copy)
                time.sleep(SLICE_SECONDS / 10)


STEPS: dict[str, Callable[..., None]] = {"script": _script, "move": _move, "replace": _replace, "add": _add}


def _import_all() -> None:
    """What the commands import, and the stand-ins."""
    import importlib
    import multiprocessing.context as context

    sys.path.append(str(ROOT / "scripts"))
    import environment  # noqa: F401  (the commands' own first import)

    for name in ("matplotlib.pyplot", "pydicom", "nibabel", "sklearn.linear_model", "scipy.stats", "jinja2",
                 "kagglesdk.kaggle_env", "radiogen.training.fit", "radiogen.inference.prediction",
                 "radiogen.inference.explained", "radiogen.training.execution.planning", "radiogen.inference.test_set",
                 "radiogen.training.recipe.options", "radiogen.evaluation.report.report",
                 "radiogen.evaluation.ensembles", "radiogen.evaluation.stats.power",
                 "radiogen.evaluation.figures.contact_sheet", "radiogen.imaging.inspect.quality",
                 "radiogen.imaging.export.series_export", "radiogen.imaging.inspect.proof", "radiogen.kaggle.download",
                 "radiogen.kaggle.inventory", "radiogen.kaggle.submission", "radiogen.kaggle.kernels.push",
                 "radiogen.kaggle.kernels.rehearsal", "radiogen.kaggle.kernels.kernel"):
        importlib.import_module(name)
    import tensorflow
    from kagglesdk import kaggle_env

    from radiogen.imaging.fast.warm_up import warm_up
    from radiogen.kaggle.kernels import bundle, rehearsal

    warm_up()
    tensorflow.config.run_functions_eagerly(True)  # steps of so small a network cost less than to compile them
    kaggle_env._env_to_endpoint[kaggle_env.KaggleEnv.PROD] = os.environ["KAGGLE_STAND_IN"]
    context._concrete_contexts["forkserver"] = context._concrete_contexts["fork"]  # a fold is forked from here as well
    bundle._pip, rehearsal.make_environment, rehearsal._run = _copy_wheels, _no_environment, _session


def _copy_wheels(*words: str, **_: Any) -> None:
    """In place of pip: every wheel that there is, or that of the package."""
    target = Path(words[words.index("-w" if words[0] == "wheel" else "-d") + 1])
    for path in Path(os.environ[WHEELS]).glob("*.whl"):
        if path.name.startswith("radiogen-") == (words[0] == "wheel"):
            shutil.copyfile(path, target / path.name)


def _no_environment(python: Path, hidden: object, folder: Path) -> Path:
    return Path(sys.executable)


def _session(words: Sequence[str], root: Path, isolated: bool, log: Path, hours: float) -> int:
    """In place of the notebook's process: a fork that calls what its last cell calls. Returns bytes of memory."""
    from radiogen.core.errors import UserError
    from radiogen.kaggle.kernels.session import MANIFEST, predict_session
    from radiogen.kaggle.mounts import mounted_file

    manifest = mounted_file(root / "input", MANIFEST)
    assert manifest is not None  # the rehearsal has laid it out
    for folder in (root / "working", log.parent):
        folder.mkdir(parents=True, exist_ok=True)
    child = os.fork()
    if child == 0:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os._exit(_ended(lambda: predict_session(manifest.parent, root / "input", root / "working", workers=1)))
    if os.waitpid(child, 0)[1]:
        raise UserError(log, f"the kernel fails: {log.read_text(encoding='utf-8')[-300:]}", "fix that")
    return 1 << 20
