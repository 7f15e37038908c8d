"""Folders as one file each, for a session's output: Kaggle lists 500 files of one (kaggle-cli issues 463 and 664).

In: a folder. Out: an uncompressed tar with its SHA-256, and from that the folder again. The suffix is our own, so that
nothing on the way unpacks it.
"""

import functools
import shutil
import tarfile
from pathlib import Path
from typing import Any

from radiogen.core import files
from radiogen.core.errors import UserError

SUFFIX = ".pack"


def pack(folder: Path, path: Path) -> dict[str, Any]:
    """Write the files below `folder` into `path`, without hidden ones; returns `sha256, bytes`."""
    members = [one for one in sorted(folder.rglob("*")) if one.is_file() and not one.is_symlink()
               and not any(part.startswith(".") for part in one.relative_to(folder).parts)]

    def fill(file: Any) -> None:
        with tarfile.open(fileobj=file, mode="w") as archive:
            for member in members:
                archive.add(member, str(member.relative_to(folder)), recursive=False)

    files.write_with(path, fill)
    return {"sha256": files.sha256(path), "bytes": path.stat().st_size}


def check_pack(path: Path, facts: dict[str, Any]) -> None:
    """Raise UserError where the pack is not the file that `pack` wrote."""
    if not path.is_file() or files.sha256(path) != facts["sha256"]:
        raise UserError(path, "is missing or is not the file that the session wrote",
                        "run the same command again: it is fetched again")


def unpack(path: Path, folder: Path) -> Path:
    """Write the files of a checked pack below `folder`. Raises UserError for a name that leads elsewhere."""
    with tarfile.open(path) as archive:
        for member in archive:
            place = Path(member.name)
            if not member.isreg() or place.is_absolute() or ".." in place.parts:
                raise UserError(path, f"has a member that is no plain file: {member.name}", "fetch it again")
            content = archive.extractfile(member)
            assert content is not None  # a regular file
            files.write_with(folder / place, functools.partial(shutil.copyfileobj, content))
    return folder
