"""Two thousand damaged series: each is refused in a line, or read the same by the compiled reader and by pydicom.

In: a seed. Out: an outcome a kind of damage (series_damage.py). Workers with a limit of memory read the series, each
within a limit of time, as every reader of the package does: the volume, its quality, the arrays of a case. A crash is
anything but the error of a series that is refused. What the compiled reader takes is compared with pydicom alone, too,
value by value, without this package's own code between.
"""

import contextlib
import faulthandler
import os
import shutil
import signal
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.robustness.inputs.headers import CHUNK, check_headers
from benchmarks.robustness.inputs.series_damage import DAMAGES, DETECTABLE, KINDS, write_base
from benchmarks.robustness.outcome import Outcome

if TYPE_CHECKING:
    import numpy as np

PART = "bad DICOM"
SERIES = 2160
HEADERS = 100_000
SECONDS = 5
"""A series may take no longer for each reader, of a processor's time; a whole one takes some hundredths."""
WAITED = 4
"""How many times as long it may take by the clock: others use the machine, too."""
MEMORY = 1 << 30
"""Bytes that a worker may hold more than after its start."""
BATCH = 40
FINE = ("read", "refused")
Job = tuple[int, int, int, str]


class TimeLimit(BaseException):
    """A reader took too long; no handler of other errors may swallow it."""


def run(seed: int, fraction: float, folder: Path) -> list[Outcome]:
    """One outcome a kind of damage, of `SERIES * fraction` damaged series in all."""
    count = max(len(DAMAGES), round(SERIES * fraction))
    jobs = [(seed, first, min(first + BATCH, count), str(folder)) for first in range(0, count, BATCH)]
    results = [one for batch in _in_workers(jobs) for one in batch]
    outcomes = [_outcome(name, [result for kind, result in results if kind == name]) for name in DAMAGES]
    headers = max(CHUNK, round(HEADERS * fraction))
    taken, wrong = check_headers(seed, headers)
    note = f"{headers} headers, {taken} taken" + (f", {len(wrong)} wrong: {'; '.join(wrong[:3])}" if wrong else "")
    return [*outcomes, Outcome(PART, "the compiled header scan alone, against pydicom", not wrong, note)]


def check_reading(folder: Path) -> str:
    """As `check_series`, of the volume alone: both paths, and pydicom by itself."""
    from radiogen.imaging import read_series

    answers = [_answer(lambda fast=fast: read_series(folder, fast=fast)) for fast in (True, False)]
    wrong = next((one for one in answers if isinstance(one, str)), "") or _compare(*answers)
    return (_answer(lambda: _alone(folder)) or wrong) if wrong in FINE else wrong


def check_series(folder: Path, whole: Any = None, *, detectable: bool = False) -> str:
    """How a series is read: `read`, `refused`, or what is wrong with that.

    whole: the undamaged volume; detectable: whether another volume than that has to come with a finding.
    """
    from radiogen.imaging import read_series

    answers = [_answer(lambda fast=fast: read_series(folder, fast=fast)) for fast in (True, False)]
    wrong = next((one for one in answers if isinstance(one, str)), "") or _compare(*answers)
    if wrong in FINE:
        volume = answers[0]
        others = [_answer(lambda other=other: other(folder)) for other in (_quality, _arrays, _alone)]
        wrong = next((one for one in others if isinstance(one, str) and one), wrong)
        if wrong == "read" and detectable and not volume.findings and not _same(volume, whole):
            wrong = "another volume than the undamaged one, and no finding"
    return wrong


@cache
def whole_volume(kind: str, folder: Path) -> Any:
    """The volume of the undamaged series of a kind; `folder` is made and deleted."""
    from radiogen.imaging import read_series

    write_base(folder, kind)
    volume = read_series(folder)
    shutil.rmtree(folder)
    return volume


@cache
def _compile_first() -> None:
    """Compile the kernels before the clock runs: a limit that strikes while numba compiles leaves it half done."""
    import numpy as np

    from radiogen.imaging.fast.warm_up import warm_up

    warm_up((np.uint8, np.uint16, np.int16))


def _answer(call: Callable[[], Any]) -> Any:
    """What `call` returns, None where it refuses the series; text where that is wrong."""
    from radiogen.core.errors import UserError

    _compile_first()
    try:
        with _limited(SECONDS):
            return call()
    except UserError as error:
        return f"more than one line: {str(error)[:80]!r}" if "\n" in str(error) else None
    except TimeLimit:
        return f"over {SECONDS} s"
    except BaseException as error:  # noqa: BLE001  (whatever it is, it is the finding)
        return f"{type(error).__name__}: {str(error)[:120]}"


def _compare(fast: Any, judge: Any) -> str:
    """Both refused, or both the same volume."""
    import numpy as np

    if fast is None or judge is None:
        return "refused" if fast is judge else f"only {'pydicom' if fast is None else 'the fast path'} reads it"
    if fast.voxels.dtype != judge.voxels.dtype or not np.array_equal(fast.voxels, judge.voxels, equal_nan=True):
        return "other voxels than pydicom's"
    if (fast.affine is None) != (judge.affine is None):
        return "an affine that pydicom does not have, or the reverse"
    if fast.affine is not None and not (np.isfinite(fast.affine).all() and np.linalg.det(fast.affine[:3, :3])):
        return "an affine that is not finite, or flat"
    if fast.affine is not None and not np.array_equal(fast.affine, judge.affine):
        return "another affine than pydicom's"
    if set(fast.findings) != set(judge.findings):
        return f"other findings than pydicom's: {list(map(str, set(fast.findings) ^ set(judge.findings)))}"
    return "read"


def _same(volume: Any, whole: Any) -> bool:
    import numpy as np

    return (volume.voxels.shape == whole.voxels.shape and np.array_equal(volume.voxels, whole.voxels)
            and volume.affine is not None and np.allclose(volume.affine, whole.affine, atol=1e-6))


def _quality(folder: Path) -> str:
    """"" where the row of quality.csv can be made; a series that is refused is a row, too."""
    from radiogen.imaging.inspect.proof import explain_series
    from radiogen.imaging.inspect.quality import inspect_series

    row = inspect_series(folder)
    if row["refused"]:
        return ""
    explain_series(folder)
    return ""


def _arrays(folder: Path) -> str:
    """"" where the arrays of a test case are the same by both readers, or the series is left out by both."""
    import numpy as np

    from radiogen.arrays.case_arrays import case_array, read_case

    made = []
    for fast in (True, False):
        series = read_case({"FLAIR": folder}, _settings(), whole=False, case="00000", fast=fast)
        made.append([case_array(settings, series, whole=False) for settings in _settings()])
    for settings, fast, judge in zip(_settings(), *made, strict=True):
        if (fast is None) != (judge is None):
            return f"{settings.kind} by one reader only"
        if fast is not None and not np.array_equal(fast.array, judge.array, equal_nan=True):
            return f"other {settings.kind} than pydicom's"
        if fast is not None and not np.isfinite(fast.array).all():
            return f"{settings.kind} that are not finite"
    return ""


@cache
def _settings() -> tuple:
    from radiogen.arrays.settings import CacheSettings

    only = ("FLAIR",)
    return (CacheSettings("slices", only, 8, "stretch", "min-max"),
            CacheSettings("cubes", only, 8, "stretch", "min-max"),
            CacheSettings("cubes", only, 8, "isotropic", "percentile", edge_mm=20.0),
            CacheSettings("slabs", only, 8, "slab", "z-score", dtype="float16", depth=4, window=True))


def _alone(folder: Path) -> str:
    """"" where pydicom alone reads the same from each file of a uniform series, value by value."""
    from radiogen.imaging.fast.files import scanned_files
    from radiogen.imaging.fast.uniform import read_voxels, uniform_series
    from radiogen.imaging.reader import Unsupported

    with scanned_files(folder) as scanned:
        series = uniform_series(folder, scanned)
        if series is None:
            return ""
        try:
            room = read_voxels(series)[0]
        except Unsupported:
            return ""
        voxels = room[len(room) - len(series.files):]  # what is before them is kept for slices that are missing
        for place, index in enumerate(series.placement.order):
            wrong = _against_pydicom(folder / series.names[index], series, place, voxels[place])
            if wrong:
                return f"pydicom reads another {wrong} of a file that the compiled reader takes"
    return ""


def _against_pydicom(path: Path, series: Any, place: int, voxels: "np.ndarray") -> str:
    """Which value of a file is not the one that was used; place: of the slice in the stack."""
    import numpy as np
    import pydicom

    from radiogen.imaging.findings import FindingCode, codes

    file, affine, count = pydicom.dcmread(path), series.placement.affine, len(series.placement.order)
    if (file.Rows, file.Columns) != voxels.shape or int(file.get("NumberOfFrames") or 1) != 1:
        return "matrix"
    bits = int(file.get("BitsAllocated") or 16)
    stored = np.frombuffer(file.PixelData[:voxels.size * bits // 8],
                           f"<{'i' if file.get('PixelRepresentation') == 1 else 'u'}{bits // 8}").reshape(voxels.shape)
    spare = bits - int(file.get("BitsStored") or bits)
    slope, intercept = (float(value) if (value := file.get(name)) not in (None, "") else default
                        for name, default in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0)))
    if not spare and not np.array_equal((stored * slope + intercept).astype(voxels.dtype), voxels):
        return "pixel or rescale factor"
    if affine is None:
        named = {FindingCode.SLICES_SHIFTED_FAR, FindingCode.SPACING_IMPOSSIBLE} & set(codes(series.placement.findings))
        return "" if named or "PixelSpacing" not in file or not file.PixelSpacing else "pixel spacing"
    row, column = np.reshape(np.array(file.ImageOrientationPatient, float), (2, 3))
    steps = affine[:3, 1] / np.linalg.norm(affine[:3, 1]), affine[:3, 2] / np.linalg.norm(affine[:3, 2])
    if not (np.allclose(column, steps[0], atol=0.011) and np.allclose(row, steps[1], atol=0.011)):
        return "orientation"
    lengths = np.linalg.norm(affine[:3, 1:3], axis=0)
    if not np.allclose(np.array(file.PixelSpacing, float), lengths, rtol=0.011):
        return "pixel spacing"
    steps_to_last = (count if series.placement.at is None else len(series.placement.at)) - 1
    ends = {0: affine[:3, 3], count - 1: affine[:3, 3] + steps_to_last * affine[:3, 0]}
    at = np.array(file.ImagePositionPatient, float)
    return "" if place not in ends or np.allclose(at, ends[place], rtol=1e-9, atol=1e-9) else "position"


def _in_workers(jobs: list[Job]) -> list[list[tuple[str, str]]]:
    """The batches of all jobs; one whose process died is run again, series by series, to find which it was."""
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    done: dict[Job, list[tuple[str, str]]] = {}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        futures = {job: pool.submit(check_batch, job) for job in jobs}
        for job, future in futures.items():
            with contextlib.suppress(BrokenProcessPool):
                done[job] = future.result()
    for seed, first, end, place in (job for job in jobs if job not in done):
        single = []
        for number in range(first, end):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                try:
                    single += pool.submit(check_batch, (seed, number, number + 1, place)).result()
                except BrokenProcessPool:
                    single.append((list(DAMAGES)[number % len(DAMAGES)], f"the process died (series {number})"))
        done[seed, first, end, place] = single
    return [done[job] for job in jobs]


def check_batch(job: Job) -> list[tuple[str, str]]:
    """Make and check the series of one job in this process; (kind of damage, result) of each."""
    import resource

    import numpy as np

    warnings.simplefilter("ignore")
    seed, first, end, place = job
    names, results = list(DAMAGES), []
    wholes = {kind: whole_volume(kind, Path(place) / f"whole-{os.getpid()}") for kind in dict.fromkeys(KINDS)}
    held = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (held + 4 * MEMORY, resource.RLIM_INFINITY))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(first, end):
        name, kind = names[number % len(names)], KINDS[number // len(names) % len(KINDS)]
        folder = Path(place) / f"series-{number}"
        shutil.rmtree(os.fsencode(folder), ignore_errors=True)  # of a process that died in it
        write_base(folder, kind)
        DAMAGES[name](folder, np.random.default_rng([seed, number]))
        faulthandler.dump_traceback_later(20 * SECONDS, exit=True)  # where compiled code hangs no signal helps
        result = check_series(folder, wholes[kind], detectable=name in DETECTABLE)
        faulthandler.cancel_dump_traceback_later()
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
        if grown > MEMORY:
            result, before = f"{grown / 2**30:.1f} GiB of memory", before + grown // 1024
        results.append((name, result if result in FINE else f"{result} (series {number}, {kind})"))
        shutil.rmtree(os.fsencode(folder), ignore_errors=True)
    return results


def _outcome(name: str, results: list[str]) -> Outcome:
    wrong = [one for one in results if one not in FINE]
    note = f"{len(results)} series: {results.count('read')} read, {results.count('refused')} refused"
    if wrong:
        note += f", {len(wrong)} wrong: {'; '.join(dict.fromkeys(wrong))}"
    return Outcome(PART, name, not wrong, note)


@contextlib.contextmanager
def _limited(seconds: int) -> Iterator[None]:
    def late(*_: object) -> None:
        raise TimeLimit

    timers = {signal.SIGPROF: (signal.ITIMER_PROF, seconds), signal.SIGALRM: (signal.ITIMER_REAL, WAITED * seconds)}
    before = {number: signal.signal(number, late) for number in timers}
    for timer, limit in timers.values():
        signal.setitimer(timer, limit)
    try:
        yield
    finally:
        for timer, _ in timers.values():
            signal.setitimer(timer, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
