"""Two thousand damaged series: each is refused in a line, or read the same by the compiled walk and by pydicom.

In: a seed. Out: an outcome a kind of damage. Small series of four kinds (plain, implicit VR, big endian, several
frames) are damaged file by file; workers with a limit of memory read them, each within a limit of time. A crash is
anything but the error of a series that is refused.
"""

import contextlib
import os
import shutil
import signal
import struct
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from torture_outcome import Outcome

if TYPE_CHECKING:
    import numpy as np

PART = "bad DICOM"
SERIES = 2016
SECONDS = 5
"""A series may take no longer; reading one of these whole ones takes some hundredths."""
MEMORY = 1 << 30
"""Bytes that a worker may hold more than after its start."""
BATCH = 48
Random = "np.random.Generator"


def run(seed: int, many: float, folder: Path) -> list[Outcome]:
    """One outcome a kind of damage, of `SERIES * many` damaged series in all."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    count = max(len(DAMAGES), round(SERIES * many))
    jobs = [(seed, first, min(first + BATCH, count), str(folder)) for first in range(0, count, BATCH)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        told = [one for batch in pool.map(_batch, jobs) for one in batch]
    return [_outcome(name, [words for kind, words in told if kind == name]) for name in DAMAGES]


def judge_series(folder: Path) -> str:
    """How a series is read: `read`, `refused`, or what is wrong with that."""
    from radiogen.errors import UserError
    from radiogen.imaging import read_series

    answers = []
    for fast in (True, False):
        try:
            with _limited(SECONDS):
                answers.append(read_series(folder, fast=fast))
        except UserError as error:
            if "\n" in str(error):
                return f"more than one line: {str(error)[:80]!r}"
            answers.append(None)
        except TimeoutError:
            return f"over {SECONDS} s"
        except BaseException as error:  # noqa: BLE001  (whatever it is, it is the finding)
            return f"{type(error).__name__}: {str(error)[:120]}"
    return _compare(*answers)


def _outcome(name: str, words: list[str]) -> Outcome:
    wrong = [one for one in words if one not in ("read", "refused")]
    note = f"{len(words)} series: {words.count('read')} read, {words.count('refused')} refused"
    if wrong:
        note += f", {len(wrong)} wrong: {'; '.join(dict.fromkeys(wrong))}"
    return Outcome(PART, name, not wrong, note)


def _compare(fast: object, judge: object) -> str:
    """Both refused, or both the same volume."""
    import numpy as np

    if fast is None or judge is None:
        return "refused" if fast is judge else f"only {'pydicom' if fast is None else 'the fast path'} reads it"
    if fast.voxels.dtype != judge.voxels.dtype or not np.array_equal(fast.voxels, judge.voxels, equal_nan=True):
        return "other voxels than pydicom's"
    if (fast.affine is None) != (judge.affine is None):
        return "an affine that pydicom does not have, or the reverse"
    if fast.affine is not None and not np.array_equal(fast.affine, judge.affine):
        return "another affine than pydicom's"
    if fast.affine is not None and not np.isfinite(fast.affine).all():
        return "an affine that is not finite"
    return "read"


def _batch(job: tuple[int, int, int, str]) -> list[tuple[str, str]]:
    """Make and judge the series of one job in this process; (kind of damage, words) of each."""
    import resource

    import numpy as np

    warnings.simplefilter("ignore")
    seed, first, end, place = job
    held = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (held + 4 * MEMORY, resource.RLIM_INFINITY))
    told, names = [], list(DAMAGES)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(first, end):
        random = np.random.default_rng([seed, number])
        folder = Path(place) / f"series-{number}"
        name = names[number % len(names)]
        _write_base(folder, number // len(names) % 4)
        DAMAGES[name](folder, random)
        words = judge_series(folder)
        now = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if (now - peak) * 1024 > MEMORY:
            words = f"{(now - peak) / 2**20:.1f} GiB of memory"
        peak = max(peak, now)
        told.append((name, words if words in ("read", "refused") else f"{words} (series {number})"))
        shutil.rmtree(folder, ignore_errors=True)
    return told


def _write_base(folder: Path, kind: int) -> None:
    """A whole series of 8 slices of 16 x 16: plain, implicit VR, big endian, or one file of several frames."""
    import numpy as np
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "tests" / "imaging")]
    from series_files import write_enhanced, write_series

    voxels = np.random.default_rng(kind).integers(1, 4000, (8, 16, 16)).astype(np.uint16)
    folder.mkdir(parents=True)
    if kind == 3:
        write_enhanced(folder / "Image-1.dcm", voxels)
    else:
        syntax = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)[kind]
        write_series(folder, voxels, syntax=syntax)


@contextlib.contextmanager
def _limited(seconds: int) -> Iterator[None]:
    def late(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _one(folder: Path, random: "np.random.Generator") -> Path:
    paths = sorted(folder.iterdir())
    return paths[int(random.integers(len(paths)))]


def _some(folder: Path, random: "np.random.Generator") -> list[Path]:
    """One file, some, or all: damage that all share is another case than that of one."""
    paths = sorted(folder.iterdir())
    return [paths[number] for number in random.permutation(len(paths))[:random.choice([1, 1, 3, len(paths)])]]


def _change(**choices: list) -> Callable[[Path, "np.random.Generator"], None]:
    """Damage through pydicom: in some files each keyword gets one of its choices; None deletes it."""
    def damage(folder: Path, random: "np.random.Generator") -> None:
        import pydicom
        from pydicom import config

        config.settings.writing_validation_mode = config.IGNORE
        keyword = list(choices)[int(random.integers(len(choices)))]
        value = choices[keyword][int(random.integers(len(choices[keyword])))]
        for path in _some(folder, random):
            dataset = pydicom.dcmread(path)
            if value is None:
                dataset.pop(pydicom.datadict.tag_for_keyword(keyword), None)
            else:
                with contextlib.suppress(Exception):  # what pydicom will not even write is no damage of this kind
                    setattr(dataset, keyword, value)
            with contextlib.suppress(Exception):
                dataset.save_as(path)
    return damage


def _truncated(folder: Path, random: "np.random.Generator") -> None:
    for path in _some(folder, random):
        content = path.read_bytes()
        path.write_bytes(content[:int(random.integers(len(content)))])


def _flipped_bytes(folder: Path, random: "np.random.Generator") -> None:
    for path in _some(folder, random):
        content = bytearray(path.read_bytes())
        head = content.find(b"\xe0\x7f\x10\x00")  # most of the damage goes into the header
        for _ in range(int(random.integers(1, 9))):
            reach = head if head > 0 and random.random() < 0.9 else len(content)
            content[int(random.integers(reach))] = int(random.integers(256))
        path.write_bytes(content)


def _lying_length(folder: Path, random: "np.random.Generator") -> None:
    """A length of two or four bytes behind some VR is replaced."""
    for path in _some(folder, random):
        content = bytearray(path.read_bytes())
        places = [place for vr in (b"DS", b"US", b"UI", b"CS", b"IS", b"LO", b"OW", b"SQ")
                  for place in range(132, len(content) - 8) if content[place:place + 2] == vr]
        if places:
            place = places[int(random.integers(len(places)))]
            wide = bytes(content[place:place + 2]) in (b"OW", b"SQ")
            start, form = (place + 4, "<I") if wide else (place + 2, "<H")
            top = 2 ** (32 if wide else 16) - 1
            told = [0, 1, 3, top, top - 1, int(random.integers(top))][int(random.integers(6))]
            content[start:start + struct.calcsize(form)] = struct.pack(form, told)
        path.write_bytes(content)


def _spliced(folder: Path, random: "np.random.Generator") -> None:
    """A stretch of the file is cut out, doubled, or filled with noise: missing and doubled elements."""
    for path in _some(folder, random):
        content = path.read_bytes()
        start = int(random.integers(132, len(content)))
        end = min(len(content), start + int(random.integers(1, 200)))
        middle = [b"", content[start:end] * 2, random.bytes(end - start)][int(random.integers(3))]
        path.write_bytes(content[:start] + middle + content[end:])


def _noise(folder: Path, random: "np.random.Generator") -> None:
    for path in _some(folder, random):
        head = path.read_bytes()[:int(random.choice([0, 132, 140, 300]))]
        path.write_bytes(head + random.bytes(int(random.integers(0, 3000))))


def _strange_entries(folder: Path, random: "np.random.Generator") -> None:
    """Empty files, folders, links that lead nowhere or in a circle, names that are no text."""
    path = _one(folder, random)
    kind = int(random.integers(6))
    if kind == 0:
        path.write_bytes(b"")
    elif kind == 1:
        path.unlink()
        path.mkdir()
    elif kind == 2:
        path.unlink()
        path.symlink_to("nowhere.dcm")
    elif kind == 3:
        path.unlink()
        path.symlink_to(path.name)
    elif kind == 4:
        os.rename(os.fsencode(path), os.fsencode(folder) + b"/Image-\xff\xfe.dcm")  # noqa: PTH104  (bytes)
    else:
        (folder / "circle").symlink_to(folder)


def _pixels_of_another_length(folder: Path, random: "np.random.Generator") -> None:
    for path in _some(folder, random):
        content = path.read_bytes()
        more = int(random.integers(1, 600))
        path.write_bytes(content[:-more] if random.random() < 0.5 else content + random.bytes(more))


DAMAGES: dict[str, Callable[[Path, "np.random.Generator"], None]] = {
    "truncated anywhere": _truncated,
    "bytes changed": _flipped_bytes,
    "lengths that lie": _lying_length,
    "elements cut out, doubled, overwritten": _spliced,
    "random bytes": _noise,
    "empty files, folders, links, names": _strange_entries,
    "pixel data shorter or longer": _pixels_of_another_length,
    "absurd rows and columns": _change(Rows=[0, 1, 17, 65535, None], Columns=[0, 1, 15, 65535, None],
                                       NumberOfFrames=[0, -1, 9, 2**31 - 1, "x"]),
    "orientation": _change(ImageOrientationPatient=[
        ["nan"] * 6, [0] * 6, [1, 0, 0, 1, 0, 0], [1, 0, 0], None, [1e30, 0, 0, 0, 1e30, 0], ["a"] * 6]),
    "position and spacing": _change(ImagePositionPatient=[None, ["nan", 0, 0], [0, 0], ["inf", 0, 0], [1e300, 0, 0]],
                                    PixelSpacing=[[0, 0], [-1, 1], None, ["nan", 1], [1e-300, 1]],
                                    SliceThickness=[0, -5, "x"]),
    "values of the wrong kind": _change(BitsAllocated=[0, 1, 7, 12, 32, 64, None], BitsStored=[0, 99, 17],
                                        SamplesPerPixel=[0, 3, None], PixelRepresentation=[2, 1, None],
                                        PhotometricInterpretation=["RGB", "", "PALETTE COLOR", None],
                                        RescaleSlope=["nan", 0, 1e300], RescaleIntercept=["nan", "inf"]),
    "another series among them": _change(SeriesInstanceUID=["1.2.3", "", None], InstanceNumber=[-1, 99999999, "x"],
                                         SOPInstanceUID=["1.2.3"], ImageType=[["DERIVED", "MOSAIC"], ["LOCALIZER"]]),
}
