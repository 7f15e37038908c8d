"""Which files the package itself wrote, and may therefore replace or remove: a list of files with their hashes.

In: a folder of results that is written again. Out: the folder, with a list in it of what was written. Before the next
one takes its place, each file in it has to be on that list and unchanged; anything else is the user's, and nothing is
touched. docs/what-is-removed.md says what else the package removes or overwrites.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter

LISTING = ".radiogen-files.json"


def replace_folder(path: Path, fill: Callable[[Path], object], listing: str = LISTING) -> Path:
    """Let `fill` write into a temporary folder, which then takes the place of what an earlier call wrote to `path`.

    listing: the JSON file in it whose `files` maps each file to its hash; `fill` may have written other facts into it.
    Raises UserError where `path` contains anything that an earlier call did not write, before `fill` is called.
    """
    path = Path(path)
    check_replaceable(path, listing)

    def fill_and_list(part: Path) -> None:
        fill(part)
        facts = _facts(part / listing)
        files.write_json(part / listing, {**facts, "files": {
            entry.name: files.sha256(entry) for entry in sorted(part.iterdir()) if entry.name != listing}})
        check_replaceable(path, listing)  # `fill` may take long, and others may have put something here meanwhile
        _remove_listed(path, listing)

    return files.write_folder(path, fill_and_list)


def remove_folder(path: Path, listing: str = LISTING) -> bool:
    """Remove what `replace_folder` wrote to `path`; returns whether it did. Where anything else lies there nothing is
    touched."""
    path = Path(path)
    try:
        check_replaceable(path, listing)
    except UserError:
        return False
    if not (path / listing).is_file():
        return False
    _remove_listed(path, listing)
    return True


def check_replaceable(path: Path, listing: str = LISTING) -> None:
    """Raise UserError unless `path` is free, or a folder with nothing in it but what `replace_folder` wrote there."""
    path = Path(path)
    if path.is_symlink():
        raise UserError(path, "is a symbolic link, and what it leads to is not replaced",
                        f"remove the link or choose another {parameter('output')}")
    if not path.exists():
        return
    if not path.is_dir():
        raise UserError(path, "is in the way: a folder is to be made here",
                        f"move it away or choose another {parameter('output')}")
    known = listed_files(path, listing)
    for entry in sorted(path.iterdir()):
        if entry.name == listing and entry.is_file() and not entry.is_symlink():
            continue
        if not is_unchanged(entry, known.get(entry.name)):
            how = "was changed after radiogen wrote it" if entry.name in known else "was not written by radiogen"
            raise UserError(entry, f"{how}, so its folder is not replaced",
                            f"move it away, or choose another {parameter('output')}")


def listed_files(folder: Path, listing: str = LISTING) -> dict[str, str]:
    """By name, the hashes of the files that were written into `folder`; none where there is no such list."""
    listed = _facts(Path(folder) / listing).get("files")
    return listed if isinstance(listed, dict) else {}


def is_unchanged(path: Path, written: str | None) -> bool:
    """Whether `path` is a file of its own, no link, whose content still has the hash that was `written`."""
    return written is not None and path.is_file() and not path.is_symlink() and files.sha256(path) == written


def check_listed(path: Path, text: str) -> None:
    """Raise UserError for a file that is there and is neither `text` nor what `write_listed` wrote last."""
    path = Path(path)
    free = not path.exists() and not path.is_symlink()
    if not free and not is_unchanged(path, hashlib.sha256(text.encode()).hexdigest()) \
            and not is_unchanged(path, listed_files(path.parent).get(path.name)):
        raise UserError(path, "was not written by radiogen or was changed since, so it is not replaced",
                        "move it away, or choose another place for the result")


def write_listed(path: Path, text: str) -> Path:
    """Write `text` to `path`, whose folder others may share, and list it there; what is not ours is not replaced."""
    check_listed(path, text)
    path, listing = files.write_text(path, text), Path(path).parent / LISTING
    listed = {**listed_files(path.parent), path.name: files.sha256(path)}
    files.write_json(listing, {**_facts(listing), "files": listed})
    return path


def _facts(path: Path) -> dict[str, Any]:
    if not path.is_file() or path.is_symlink():
        return {}
    try:
        facts = files.read_json(path)
    except UserError:  # an unreadable list lists nothing: everything beside it counts as the user's
        return {}
    return facts if isinstance(facts, dict) else {}


def _remove_listed(path: Path, listing: str) -> None:
    """Remove the listed files, the list last of all, and the folder; `rmdir` refuses where something has come since."""
    if path.is_dir():
        for name in listed_files(path, listing):
            (path / name).unlink(missing_ok=True)
        (path / listing).unlink(missing_ok=True)
        path.rmdir()
