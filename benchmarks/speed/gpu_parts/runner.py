"""Parts in processes of their own, each with its own time limit; what they print is recorded line by line.

In: stages of parts (plan.py) and a budget of seconds. Out: each result as soon as it is there, why a part has none, and
at its end how long its process took. The parts of a stage run side by side; stages follow each other. A process that
has reached its limit is killed with all that it started.
"""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence

from benchmarks.processes import ROOT, python_call
from benchmarks.speed.gpu_parts.plan import Part
from benchmarks.speed.gpu_parts.results import Line, parse

LEAST_SECONDS = 10
"""A part is not begun where less than this is left of the budget."""


def run_stages(stages: Sequence[Sequence[Part]], budget: float, record: Callable[[Line], None]) -> None:
    """Run the stages one after another until `budget` seconds have passed; `record` is called for each result.

    No process is left behind, however this ends.
    """
    end, lock, begun = time.monotonic() + budget, threading.Lock(), dict[str, _Running]()

    def record_one(line: Line) -> None:
        with lock:
            record(line)

    try:
        for stage in stages:
            needed = {part.needs for part in stage if part.needs in begun}
            failed = {name for name in needed if not begun[name].ended_well()}
            for part in stage:
                left = end - time.monotonic()
                if part.needs in failed or left < LEAST_SECONDS:
                    reason = f"{part.needs} failed" if part.needs in failed else "no time was left"
                    record_one({"part": part.name, "error": f"not run: {reason}"})
                else:
                    begun[part.name] = _Running(part, min(part.limit, left), record_one)
            for part in stage:
                if part.name in begun and not part.background:
                    begun[part.name].ended_well()
        for one in begun.values():
            one.ended_well()
    finally:
        for one in begun.values():
            one.kill()


class _Running:
    """A part's process, the thread that records what it prints and how it ends, and the clock that stops it."""

    def __init__(self, part: Part, limit: float, record: Callable[[Line], None]):
        self.part, self.limit, self.record = part, limit, record
        self.error, self.cut, self.began = "", False, time.monotonic()
        self.said = tempfile.TemporaryFile()  # noqa: SIM115  (closed where the process has ended)
        paths = [str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.process = subprocess.Popen(
            python_call(part.module, part.function, json.dumps(part.order)), stdout=subprocess.PIPE,
            stderr=self.said, text=True, process_group=0,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **part.environment})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.clock = threading.Timer(limit, self._stop)
        self.clock.daemon = True
        self.reader.start()
        self.clock.start()

    def ended_well(self) -> bool:
        """Wait until all is recorded; whether the process ended by itself and without an error."""
        self.reader.join()
        return not self.error

    def kill(self) -> None:
        """End the process and all that it started; nothing where it has ended."""
        self.clock.cancel()
        if self.process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def _stop(self) -> None:
        self.cut = self.process.poll() is None
        self.kill()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            line = parse(text)
            if line is not None:
                self.record({"part": self.part.name, **line})
        code = self.process.wait()
        seconds = round(time.monotonic() - self.began, 1)
        if self.cut:
            self.error = f"stopped at its limit of {self.limit:.0f} s"
        elif code:
            self.error = self._last_words() or f"ended with exit code {code}"
        self.said.close()
        self.record({"part": self.part.name, "process_s": seconds, **({"error": self.error} if self.error else {})})

    def _last_words(self) -> str:
        """The last line that the process wrote to its standard error, at most 300 characters."""
        self.said.seek(0)
        lines = self.said.read().decode(errors="replace").strip().splitlines()
        return lines[-1].rpartition("UserError: ")[2][:300] if lines else ""
