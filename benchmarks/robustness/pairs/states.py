"""What two commands left behind, as something that can be compared with what they leave one after the other.

In: a project's folder. Out: by path a hash of each file. What may differ is `NOT_COMPARED` of ../states.py (times,
memory, commit) and what stands here: everything else is the same byte for byte, networks weight for weight.
"""

import contextlib
import fcntl
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks.robustness.states import MARK, State, comparable

NOT_LOOKED_AT = (".lock", "rehearsal.log", "rehearsal.ipynb")
"""A lock's file stays and is empty; whether it is held is looked at elsewhere. The log names temporary folders."""
OF_TIMES = "source"
"""In the note beside an array: fingerprints of its files, of which their times are a part. `contents`, the hashes of
the same files, are compared."""
CACHE = "input/cache"

_known: dict[tuple[int, int, int, str], tuple[str, tuple[str, ...]]] = {}


def pair_state(folder: Path) -> State:
    """A hash of the content of every file, by its path; a cache is named after what is in it, not after times."""
    marks = dict(_cache_marks(folder))
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.name in NOT_LOOKED_AT or not (path.is_file() or path.is_symlink()):
            continue
        digest, named = _look(path)
        place = MARK.sub(lambda mark: marks.get(mark[0].decode(), "none").encode(),
                         str(path.relative_to(folder)).encode()).decode()
        found[place] = " ".join([digest, *(marks.get(mark, "none") for mark in named)])
    return found


def without_unfinished_caches(state: State) -> State:
    """The state without the folders of a cache that have no `index.csv`."""
    folders = {name: name.rsplit("/", 1)[0] for name in state if name.startswith(f"{CACHE}/")}
    return {name: digest for name, digest in state.items()
            if name not in folders or f"{folders[name]}/index.csv" in state}


def contents(folder: Path) -> set[tuple[str, str]]:
    """Path, without a cache's mark, and hash of every file: what a command that was refused may have left."""
    return {(MARK.sub(b"", str(path.relative_to(folder)).encode()).decode(), _look(path)[0])
            for path in folder.rglob("*") if path.name not in NOT_LOOKED_AT and path.is_file()}


def leftovers(folder: Path) -> list[str]:
    """Files and folders with temporary names, and locks that are still held."""
    found = [f"{path.relative_to(folder)} is left over" for path in folder.rglob("*")
             if path.name.endswith((".part", ".partial"))]
    return found + [f"{path.relative_to(folder)} is held" for path in folder.rglob(".lock") if _is_held(path)]


def _cache_marks(folder: Path) -> Iterator[tuple[str, str]]:
    """Each mark, and a hash of all that lies in the caches that have it: a data set that was moved keeps its mark."""
    caches = [cache for cache in (folder / CACHE).glob("*") if MARK.search(cache.name.encode())]
    for mark in {cache.name[-12:] for cache in caches}:
        text = "".join(f"{cache.name[:-12]} {path.relative_to(cache)} {_look(path)[0]}\n" for cache in sorted(caches)
                       if cache.name.endswith(mark) for path in sorted(cache.rglob("*"))
                       if path.is_file() and path.name not in NOT_LOOKED_AT)
        yield mark, hashlib.sha256(text.encode()).hexdigest()[:12]


def _look(path: Path) -> tuple[str, tuple[str, ...]]:
    """A hash of what is compared of the file, and the caches' marks that it names in their order."""
    state = path.lstat()
    key = (state.st_ino, state.st_mtime_ns, state.st_size, path.name)
    if key not in _known:
        content = path.read_bytes()
        named = tuple(mark.decode() for mark in MARK.findall(content)) if path.suffix in (".json", ".csv", ".html") \
            else ()
        _known[key] = (hashlib.sha256(_compared(path, content)).hexdigest(), named)
    return _known[key]


def _compared(path: Path, content: bytes) -> bytes:
    if path.suffix == ".json" and path.with_suffix(".npy").exists():
        with contextlib.suppress(ValueError):
            note = json.loads(content)
            note.pop(OF_TIMES, None)
            return json.dumps(note).encode()
    try:
        return comparable(path)
    except Exception as error:  # whatever its reader notices first: it is no whole file
        return f"{type(error).__name__}: {error}".encode()


def _is_held(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
