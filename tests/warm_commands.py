"""Commands in processes of their own that need not import anything: each is forked from one that has done so.

In: the words of a command line after `python`. Out: what `subprocess.run` of it returns. The command's file runs as
`__main__` with its own arguments, folder, environment, output and exit code; only its imports are already there, which
take ten times as long as the rest, and it has one core, so that it starts no workers unless `--workers` asks for them.
What is about imports, limits or signals takes `subprocess` itself.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIGHT = ("pandas", "matplotlib.pyplot", "tyro", "joblib", "pydicom", "radiogen.training.workflow",
         "radiogen.imaging.inspect.quality", "radiogen.imaging.export.series_export", "radiogen.phantom.data_set",
         "radiogen.evaluation.report.report", "radiogen.evaluation.ensembles", "radiogen.training.recipe.options",
         "radiogen.kaggle.submission", "radiogen.kaggle.kernels.push", "radiogen.imaging.fast.warm_up")
WITH_KERAS = ("tensorflow", "radiogen.training.fit", "radiogen.inference.workflow")
KERAS_COMMANDS = ("train", "predict", "cluster", "kill_fold", "tune")


def run_python(*words: object, cwd: Path | str | None = None, env: Mapping[str, str] | None = None,
               ) -> subprocess.CompletedProcess:
    """`subprocess.run([sys.executable, *words], cwd=cwd, env=env, capture_output=True, text=True)`.

    words: a script and its arguments, or `-m`, a module and its arguments, or `-c`, a program and its arguments.
    """
    name = Path(str(words[1 if words[0] == "-m" else 0])).name.removesuffix(".py").rpartition(".")[2]
    with tempfile.TemporaryFile("w+", newline="") as output, tempfile.TemporaryFile("w+", newline="") as error:
        code = _server().call({"words": [str(word) for word in words], "cwd": str(cwd or Path.cwd()),
                               "env": dict(os.environ if env is None else env), "keras": name in KERAS_COMMANDS,
                               "files": [f"/proc/{os.getpid()}/fd/{file.fileno()}" for file in (output, error)]})
        texts = [_text(file) for file in (output, error)]
    return subprocess.CompletedProcess([sys.executable, *words], code, *texts)


def _text(file) -> str:
    file.seek(0)
    return file.read().replace("\r\n", "\n").replace("\r", "\n")


class _Server:
    """The process that has imported everything; it ends with this one, whose end closes its standard input."""

    def __init__(self) -> None:
        paths = os.pathsep.join([str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env={**os.environ, "PYTHONPATH": paths})
        atexit.register(self.process.stdin.close)

    def call(self, order: dict) -> int:
        """The exit code of the command of this order."""
        print(json.dumps(order), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


@functools.cache
def _server() -> _Server:
    return _Server()


def _serve() -> None:
    """Read orders, a line each; fork for each, and write its exit code."""
    for module in LIGHT:
        importlib.import_module(module)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in iter(sys.stdin.readline, ""):
        order = json.loads(line)
        for module in WITH_KERAS if order["keras"] else ():
            importlib.import_module(module)
        gc.freeze()  # a child does not touch, and so copy, what is here already
        silent, kept = os.pipe()
        process = os.fork()
        if not process:
            os.close(kept)
            answers.close()
            os._exit(_become(order, silent))
        os.close(silent)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        os.close(kept)
        print(json.dumps(code), file=answers, flush=True)


def _become(order: dict, silent: int) -> int:
    """Be the command to its exit code; its standard input is open and says nothing."""
    for number, path in enumerate(order["files"], start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), number)
    os.dup2(silent, 0)
    os.close(silent)
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    try:
        _run_as_main(order["words"])
        code = 0
    except SystemExit as end:
        code = end.code or 0
        if not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()  # what Python does at its end, but for freeing all that was imported
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _run_as_main(words: list[str]) -> None:
    if words[0] == "-m":
        sys.argv = words[1:]
        sys.path[0] = str(Path.cwd())
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    elif words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        sys.path[0] = ""
        exec(compile(words[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = words
        sys.path[0] = str(Path(words[0]).parent)
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    _serve()
