"""Safe extraction of a downloaded archive: nothing outside the data set's folder, no full disk, every checksum
verified.

In: a zip. Out: the list of its files, and the files themselves, a folder at a time under a temporary name. Files that
exist already with the right size are kept, so an interrupted extraction resumes where it stopped.
"""

import functools
import re
import shutil
import stat
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from zipfile import BadZipFile, LargeZipFile, ZipFile, ZipInfo

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.progress import progress
from radiogen.core.wording import command, parameter

RATIO = 50
"""How many times its own size an archive may inflate to. Real series shrink to between all and a fifth of their bytes
(21 series, deflated); a blank image shrinks a thousandfold, so the ratio of single files is not checked."""
SMALL = 1 << 20
"""Bytes below which the ratio is not checked: they fill no disk."""
SPARE = 1 << 30
"""Bytes of a disk that are kept free."""
FOREIGN = re.compile(r"[\x00-\x1f\x7f\\:]")


class Member(NamedTuple):
    """A file of the data set: its path in it, its bytes and its CRC-32, None where they are not known."""

    name: str
    size: int | None = None
    crc: int | None = None


def read_members(path: Path) -> list[Member]:
    """The files of the archive, checked for unsafe names, links, encryption and ratio. Hidden ones are left out.

    Raises UserError that names the archive and the first file that is refused.
    """
    with _open_archive(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    for entry in entries:
        fault = _fault(entry)
        if fault:
            raise UserError(path, f"is refused, nothing of it was extracted: {_shown(entry)} {fault}",
                            "delete it and download it again; if that does not help, it is not the competition's")
    duplicate = _first_duplicate(entry.filename.lower() for entry in entries)
    if duplicate:
        raise UserError(path, f"is refused, nothing of it was extracted: {duplicate!r} is in it twice",
                        "delete it and download it again")
    size, inflated = Path(path).stat().st_size, sum(entry.file_size for entry in entries)
    if inflated > SMALL and inflated > RATIO * size:
        raise UserError(path, f"is refused, nothing of it was extracted: {size:,} bytes claim to contain {inflated:,}, "
                        f"more than {RATIO} times as many", "delete it: it is not the competition's archive")
    return [Member(entry.filename, entry.file_size, entry.CRC) for entry in entries
            if not any(part.startswith(".") for part in PurePosixPath(entry.filename).parts)]


def _open_archive(path: Path) -> ZipFile:
    """The archive, opened. Raises UserError where it is not a complete zip."""
    try:
        return ZipFile(path)
    except FileNotFoundError:
        raise UserError(path, "is missing", f"download it: {command('download')}") from None
    except (BadZipFile, LargeZipFile, ValueError, NotImplementedError) as error:
        raise UserError(path, f"is damaged: its table of contents cannot be read ({error})",
                        "delete it and run the same command again") from None
    except OSError as error:
        raise UserError(path, f"cannot be read ({error.strerror})", "make it readable") from None


def missing(members: Iterable[Member], data: Path) -> list[Member]:
    """Those of `members` that are not under `data` with their size, in their order."""
    sizes: dict[Path, dict[str, int]] = {}
    lacking = []
    for member in members:
        place = PurePosixPath(member.name)
        folder = Path(data) / place.parent
        if folder not in sizes:  # one listing a folder: 400,000 single look-ups take minutes on a network disk
            sizes[folder] = {entry.name: entry.stat().st_size for entry in folder.iterdir() if entry.is_file()} \
                if folder.is_dir() else {}
        if place.name not in sizes[folder] or member.size not in (None, sizes[folder][place.name]):
            lacking.append(member)
    return lacking


def extract(path: Path, data: Path, wanted: Sequence[Member]) -> list[Member]:
    """Write `wanted` from the archive under `data`; returns those that are damaged in it, which are not written.

    wanted: of `read_members(path)`. Raises UserError where the disk is full or cannot be written.
    """
    need_space(data, sum(member.size or 0 for member in wanted), "extracting the archive")
    folders: dict[Path, list[Member]] = defaultdict(list)
    for member in wanted:
        folders[Path(data) / PurePosixPath(member.name).parent].append(member)
    damaged: list[Member] = []
    with _open_archive(path) as archive, progress(None, "extract", total=len(wanted), unit="file") as bar:
        for folder, inside in folders.items():
            if folder.exists():
                for member in inside:
                    content = _content(archive, member, damaged)
                    if content is not None:
                        files.write_bytes(Path(data) / member.name, content)
            else:
                files.write_folder(folder, functools.partial(_fill, archive=archive, inside=inside, damaged=damaged))
            bar.update(len(inside))
    return damaged


def need_space(folder: Path, size: int, purpose: str) -> None:
    """Raise UserError unless the disk of `folder` (it need not exist yet) has `size` bytes free and some to spare."""
    there = next(parent for parent in (Path(folder).absolute(), *Path(folder).absolute().parents) if parent.exists())
    free = shutil.disk_usage(there).free
    if free < size + SPARE:
        raise UserError(folder, f"{purpose} needs {(size + SPARE) / 1e9:,.1f} GB and the disk has {free / 1e9:,.1f} GB "
                        "free", f"free space or give a folder on another disk with {parameter('data')}; "
                                f"{parameter('subset', 8)} needs little")


def name_fault(name: str) -> str:
    """Why the path `name` must not be written under a data set's folder, or ''."""
    if name.startswith("/") or re.match("[A-Za-z]:", name):
        return "has an absolute path"
    if ".." in name.split("/"):
        return "leads out of the folder"
    if FOREIGN.search(name) or not name or str(PurePosixPath(name)) != name:
        return "has a name with a backslash, a colon, a control character or an empty part"
    return ""


def _fault(entry: ZipInfo) -> str:
    """What is wrong with an entry, or ''."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "is a link" if kind == stat.S_IFLNK else "is not a regular file"
    return name_fault(entry.orig_filename) or ("is encrypted" if entry.flag_bits & 1 else "")


def _shown(entry: ZipInfo) -> str:
    return ascii(entry.orig_filename[:100])


def _first_duplicate(names: Iterable[str]) -> str:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return ""


def _fill(folder: Path, archive: ZipFile, inside: Sequence[Member], damaged: list[Member]) -> None:
    for member in inside:
        content = _content(archive, member, damaged)
        if content is not None:
            (folder / PurePosixPath(member.name).name).write_bytes(content)


def _content(archive: ZipFile, member: Member, damaged: list[Member]) -> bytes | None:
    """A file's bytes, whose CRC zipfile has checked; None, with the file added to `damaged`, where that is wrong."""
    try:
        return archive.read(member.name)
    except (BadZipFile, zlib.error, EOFError, NotImplementedError):
        damaged.append(member)
        return None
