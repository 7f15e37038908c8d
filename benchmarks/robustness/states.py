"""Two folders that should be the same are compared, and a folder after a kill is looked at for half files.

In: folders. Out: differences as text. Files are compared byte for byte but for the fields of `NOT_COMPARED`, which
hold times and the machine; networks and checkpoints are compared array by array.
"""

import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

NOT_COMPARED: Mapping[str, tuple[str, ...]] = {
    "timings.json": ("seconds_an_epoch", "peak_memory_mb", "checkpoint_bytes"),
    "environment.json": ("commit", "changed_since"),
    "holdout_scorings.csv": ("date",), "looks.csv": ("date", "entry_sha256"),
}
"""Of these files, these fields: how long it took, on how much memory, from which commit, and when. A checkpoint tells
the seconds of its epochs in text, so its bytes are a few more or less."""
DATED, DATE = ("leakage.csv", "report.html", "assessment.json"), re.compile(
    rb'(scored once by this run, on |")[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}')
"""Files that say when the holdout was scored first, in words or as data: the moment is not compared either."""
TIMES = re.compile(rb'"scored": [0-9]+')
"""How often predictions were scored: once more after a kill, which is the same look."""
LEDGER = ("date", "previous_sha256", "fingerprint", "networks_sha256", "kept")
"""Of an entry of the ledger: what is another one for each data set, network file and moment, or stands in one alone."""
MARK = re.compile(rb"(?<=-)[0-9a-f]{12}(?=$|/|\.|&#x2F;)")
"""The data set's fingerprint in the name of its cache, of which the times of its files are a part."""
BEGIN = b'{"previous_sha256":"'
"""Of an entry: a ledger may end with the part of one, which its readers pass over."""
GROWING = ("checkpoint.npz", "history.csv", "timings.json", "ledger.jsonl", "looks.csv")
"""Files that are replaced while their command runs, so that a third content may lawfully be there after a kill: of an
epoch, or with the entries of the first runs alone."""

State = dict[str, str]


def state_of(folder: Path) -> State:
    """A hash of the content of every file under `folder`, by its path; empty folders count as files without content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = _name(path.relative_to(folder))
        if path.is_file():
            found[name] = hashlib.sha256(comparable(path)).hexdigest()
        elif path.is_dir() and not any(path.iterdir()):
            found[name + "/"] = ""
    return found


def differences(expected: State, found: State) -> list[str]:
    """What `found` has too much, too little, or otherwise."""
    return ([f"{name} is missing" for name in expected if name not in found]
            + [f"{name} is left over" for name in found if name not in expected]
            + [f"{name} differs" for name in expected if name in found and found[name] != expected[name]])


def half_files(folder: Path, before: State, after: State) -> list[str]:
    """What lies under a final name after a kill and is neither as before the command nor as after it, nor between.

    Hidden files and `.partial` ones are no final names.
    """
    wrong = []
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if not path.is_file() or any(part.startswith(".") for part in place.parts) or ".partial" in path.name:
            continue
        name = _name(place)
        try:
            known = hashlib.sha256(comparable(path)).hexdigest() in (before.get(name), after.get(name))
        except Exception as error:  # whatever its reader notices first
            wrong.append(f"{name} cannot be read ({type(error).__name__}: {error})")
            continue
        if not known and path.name not in GROWING:
            wrong.append(f"{name} is neither the old file nor the new one")
    return wrong


def _name(place: Path) -> str:
    """A path without the mark of the data set's state."""
    return MARK.sub(b"", os.fsencode(place)).decode(errors="surrogateescape")


def comparable(path: Path) -> bytes:
    """A file's content without what may differ; raises what its reader raises where it is not whole."""
    content = path.read_bytes()
    if path.name in DATED:
        content = TIMES.sub(b'"scored": 0', DATE.sub(rb"\1", content))
    if path.suffix in (".json", ".csv", ".html"):
        content = MARK.sub(b"", content)
    if path.suffix == ".h5":
        return _networks(path)
    if path.suffix == ".npz":
        return _arrays(content)
    if path.suffix == ".jsonl":
        return _ledger(content)
    if path.suffix == ".json":
        return _json(path.name, content)
    if path.suffix == ".csv":
        return _csv(path.name, content)
    if path.suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.testzip():
                raise ValueError(f"{archive.testzip()} is damaged")
    return content


def _networks(path: Path) -> bytes:
    import h5py

    mark = hashlib.sha256()
    with h5py.File(path) as file:
        file.visititems(lambda name, item: mark.update(name.encode() + item[()].tobytes())
                        if isinstance(item, h5py.Dataset) else None)
    return mark.digest()


def _arrays(content: bytes) -> bytes:
    import numpy as np

    mark = hashlib.sha256()
    with np.load(io.BytesIO(content), allow_pickle=False) as kept:
        for name in sorted(kept.files):
            mark.update(name.encode() + kept[name].tobytes())
    return mark.digest()


def _json(name: str, content: bytes) -> bytes:
    fields = json.loads(content)
    for field in NOT_COMPARED.get(name, ()):
        fields.pop(field, None)
    return json.dumps(fields).encode()


def _ledger(content: bytes) -> bytes:
    """Each look once: it is recorded again where it is repeated after a kill, which may leave the part of a line."""
    whole, end, cut = content.rpartition(b"\n")
    if not (cut.startswith(BEGIN) or BEGIN.startswith(cut)):
        raise ValueError("its last line is cut off, and is none of an entry")
    looks = (json.loads(line) for line in (whole + end).splitlines())
    kept = [json.dumps({name: value for name, value in one.items() if name not in LEDGER}) for one in looks]
    return "\n".join(dict.fromkeys(kept)).encode()


def _csv(name: str, content: bytes) -> bytes:
    import pandas as pd

    if not content.endswith(b"\n"):
        raise ValueError("its last line is cut off")
    left_out = NOT_COMPARED.get(name, ())
    if not left_out:
        return content
    table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    return table.drop(columns=list(left_out), errors="ignore").drop_duplicates().to_csv(index=False).encode()
