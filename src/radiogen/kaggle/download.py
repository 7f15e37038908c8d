"""Download the competition's data from Kaggle to `input/`: all of it, or a few cases for a first try.

In: a logged-in client. Out: the data set in the competition's layout. The whole set comes as one archive that is
fetched, checked and unpacked; a list of its files (`.files.csv`) stays beside them, so that running the command again
fetches only what is missing, even when the archive is gone. A few cases come file by file.
"""

import functools
import io
import logging
import os
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import BadZipFile, ZipFile

import pandas as pd

from radiogen.core import files, owned
from radiogen.core.errors import UserError
from radiogen.core.progress import progress
from radiogen.core.wording import parameter
from radiogen.dataset.labels import read_labels, read_sample_submission
from radiogen.dataset.layout import labels_path, sample_path
from radiogen.kaggle.archive import RATIO, SMALL, Member, extract, missing, name_fault, need_space, read_members
from radiogen.kaggle.client import connect, retry
from radiogen.kaggle.transfer import fetch, tidy
from radiogen.task import ID, LABEL, RSNA_MICCAI, read_task

_LOG = logging.getLogger(__name__)

LIST = ".files.csv"
SINGLE_FILES = 2000
"""At most so many missing files are fetched one by one; for more the archive is faster."""
PARALLEL = 4
"""Files that are fetched in parallel."""
PAGE = 200

Pause = Callable[[float], None]


def download_all(data: Path, *, competition: str = RSNA_MICCAI.name, delete_archive: bool = False,
                 login: Callable[[], Any] = connect, pause: Pause = time.sleep) -> None:
    """Download the whole data set to `data`; existing files are kept, and Kaggle is not contacted if none is missing.

    The archive stays beside `data` unless `delete_archive`. Files that are damaged in it are fetched one by one.
    Raises UserError for failures of Kaggle, the network, the disk or the archive.
    """
    data = Path(data)
    archive = data.with_name(f"{data.name}.zip")
    login = functools.cache(login)
    if not (data / LIST).is_file() and not archive.is_file():
        login()  # without a token nothing is made
    with files.working_folder(data):
        check_place = functools.partial(_check_place, data, _place(data))
        members = _read_list(data / LIST)
        lacking = missing(members, data)
        check_place()  # in a moved folder all files would be missing
        _check_free([member for member in lacking if member.name.endswith(".csv")], data)
        if not members or len(lacking) > SINGLE_FILES or (lacking and archive.is_file()):
            if archive.is_file():
                tidy(archive)
            else:
                _fetch_archive(login(), competition, archive, data, pause)
            members = read_members(archive)
            if not (data / LIST).is_file():
                _check_free(missing(members, data), data)
            files.write_csv(data / LIST, pd.DataFrame(members, columns=list(Member._fields)))
            lacking = extract(archive, data, missing(members, data))
            if len(lacking) > SINGLE_FILES:
                raise UserError(archive, f"is damaged: {len(lacking)} of its files, the first of them "
                                f"{lacking[0].name}", "delete it and run the same command again")
            if lacking:
                _LOG.warning(f"{archive}: {len(lacking)} files are damaged, the first of them {lacking[0].name}; "
                      "they are fetched one by one")
        if lacking:
            _fetch_files(login(), competition, lacking, data, pause=pause, before_each=check_place)
        _check_whole(members, data)
        if delete_archive and archive.is_file():
            os.sync()  # series are written without flushing each of their files
            archive.unlink()
            _LOG.info(f"deleted: {archive}")


def download_subset(data: Path, cases: int, *, competition: str = RSNA_MICCAI.name, login: Callable[[], Any] = connect,
                    pause: Pause = time.sleep) -> None:
    """Download `cases` training cases, half of each label, and a quarter as many test cases to `data`, file by file.

    The tables of `data` list only these cases. Cases that the organisers recommend to leave out are not chosen.
    """
    data = Path(data)
    if cases < 2:
        raise UserError(parameter("subset"), f"is {cases}", "give at least 2: one case of each label")
    api = login()
    with files.working_folder(data):
        task, names = read_task(data), [path.relative_to(data).as_posix() for path in (labels_path(data),
                                                                                       sample_path(data))]
        whole = data / ".whole"
        _fetch_files(api, competition, missing([Member(name) for name in names], whole), whole, pause=pause)
        labels = read_labels(whole / names[0], task)
        own = task.competition is not None and task.competition.slug == competition
        labels = _half_of_each(labels[~labels[ID].isin(task.blank_series if own else ())], cases)
        sample = read_sample_submission(whole / names[1], task).head(max(1, cases // 4))
        texts = {name: task.to_file(table).to_csv(index=False, lineterminator="\n")
                 for name, table in zip(names, (labels, sample), strict=True)}
        for name, text in texts.items():
            owned.check_listed(data / name, text)
        folders = [*(f"train/{case}" for case in labels[ID]), *(f"test/{case}" for case in sample[ID])]
        members = [member for found in _in_parallel(
            lambda folder: list(_walk(api, competition, folder, pause)), folders, "list") for member in found]
        lacking = missing(members, data)
        need_space(data, sum(member.size or 0 for member in lacking), f"{len(lacking)} files")
        _fetch_files(api, competition, lacking, data, pause=pause)
        _check_whole(members, data)
        for name, text in texts.items():
            owned.write_listed(data / name, text)


def _check_free(wanted: Sequence[Member], data: Path) -> None:
    """Raise UserError where one of `wanted`, the missing files, would replace a file of the user's."""
    ours = owned.listed_files(data)  # a subset's tables
    for member in wanted:
        path = Path(data) / member.name
        if os.path.lexists(path) and not owned.is_unchanged(path, ours.get(member.name)):
            raise UserError(path, "is in the way and is not the file that Kaggle lists",
                            f"move it away to download it, or choose another {parameter('data')}")


def _fetch_files(api: Any, competition: str, wanted: Sequence[Member], data: Path, *, pause: Pause = time.sleep,
                 before_each: Callable[[], None] = lambda: None) -> None:
    """Fetch the files to their places under `data`, several in parallel, each checked by size and CRC.

    before_each: called before each file is written; may raise.
    """
    def one(member: Member) -> None:
        content = retry(lambda: _content(api, competition, member.name), member.name, pause=pause)
        if member.size not in (None, len(content)) or member.crc not in (None, zlib.crc32(content)):
            raise UserError(member.name, f"came with {len(content)} bytes and is not the file that Kaggle lists "
                            f"({member.size} bytes)", "run the same command again")
        before_each()
        files.write_bytes(Path(data) / member.name, content)

    _in_parallel(one, wanted, "download", unit="file")


def list_folder(api: Any, competition: str, folder: str, *,
                pause: Pause = time.sleep) -> tuple[list[str], list[Member]]:
    """The names of the folders in `folder` of the competition's data, as in `train/00000`, and its files.

    Raises UserError where Kaggle refuses or lists a name that leads out of the folder.
    """
    from kagglesdk.competitions.types.competition_api_service import ApiListDataTreeFilesRequest

    request = ApiListDataTreeFilesRequest()
    request.competition_name, request.path, request.page_size = competition, folder, PAGE
    folders: list[str] = []
    members: list[Member] = []
    while True:
        client = api.build_kaggle_client().competitions.competition_api_client
        page = retry(functools.partial(client.list_data_tree_files, request), f"{competition}, {folder}", pause=pause)
        folders += [PurePosixPath(one.name).name for one in page.directories]
        members += [Member(f"{folder}/{PurePosixPath(one.name).name}", one.total_bytes or None) for one in page.files]
        for name in (*folders, *(member.name for member in members)):
            if name_fault(name):
                raise UserError(f"{competition}, {folder}", f"{name!r} {name_fault(name)}", "do not use this data set")
        if not page.next_page_token:
            return folders, members
        request.page_token = page.next_page_token


def _place(data: Path) -> tuple[int, int]:
    """Device and inode of the folder, which survive renaming; (0, 0) where there is none."""
    try:
        state = data.stat()
    except OSError:
        return 0, 0
    return state.st_dev, state.st_ino


def _check_place(data: Path, place: tuple[int, int]) -> None:
    """Raise UserError where `data` is no longer the same folder: the download would start another one."""
    if _place(data) != place or place == (0, 0):
        raise UserError(data, "was moved while it was downloaded", f"run the same command again, or name the folder's "
                        f"new place with {parameter('data')}")


def _check_whole(members: Sequence[Member], data: Path) -> None:
    """Raise UserError where files are missing at the end: the folder was moved, or files were removed."""
    if lacking := missing(members, data):
        raise UserError(data, f"lacks {len(lacking)} files that existed or were written, the first of them "
                        f"{lacking[0].name}: it was moved or changed meanwhile",
                        f"run the same command again, or name the folder's new place with {parameter('data')}")


def _fetch_archive(api: Any, competition: str, archive: Path, data: Path, pause: Pause) -> None:
    from kagglesdk.competitions.types.competition_api_service import ApiDownloadDataFilesRequest

    count, unpacked = published(api, competition, pause)
    known = f"{count} files, {unpacked / 1e9:.1f} GB unpacked" if count else "unpacked size unknown"
    _LOG.info(f"{competition}: {known}")
    request = ApiDownloadDataFilesRequest()
    request.competition_name = competition

    def request_archive() -> Any:
        return api.build_kaggle_client().competitions.competition_api_client.download_data_files(request)

    def check(left: int, size: int) -> None:
        need_space(data, left + max(unpacked, size), "the archive and its files")

    fetch(request_archive, archive, f"the data of {competition}", check=check, pause=pause)


def published(api: Any, competition: str, pause: Pause) -> tuple[int, int]:
    """How many files the competition has and their bytes; 0, 0 where Kaggle does not say."""
    from kagglesdk.competitions.types.competition_api_service import ApiGetCompetitionDataFilesSummaryRequest

    request = ApiGetCompetitionDataFilesSummaryRequest()
    request.competition_name = competition
    client = api.build_kaggle_client().competitions.competition_api_client
    answer = retry(lambda: client.get_competition_data_files_summary(request), competition, pause=pause)
    summary = answer.file_summary_info
    return (summary.total_file_count, sum(kind.total_size for kind in summary.file_types)) if summary else (0, 0)


def _content(api: Any, competition: str, name: str) -> bytes:
    """One file's bytes; Kaggle wraps some of them into a zip of their own."""
    from kagglesdk.competitions.types.competition_api_service import ApiDownloadDataFileRequest

    request = ApiDownloadDataFileRequest()
    request.competition_name, request.file_name = competition, name
    with api.build_kaggle_client().competitions.competition_api_client.download_data_file(request) as answer:
        content = answer.content
        wrapped = answer.url.split("?")[0].endswith(".zip") and not name.endswith(".zip")
    if not wrapped:
        return content
    try:
        with ZipFile(io.BytesIO(content)) as archive:
            inside = archive.infolist()[0]
            if inside.file_size > max(SMALL, RATIO * len(content)):
                raise BadZipFile(f"{len(content)} bytes claim to contain {inside.file_size}")
            return archive.read(inside)
    except (BadZipFile, zlib.error, IndexError, EOFError) as error:
        raise UserError(name, f"came as a damaged zip ({error})", "run the same command again") from None


def _walk(api: Any, competition: str, folder: str, pause: Pause) -> Iterator[Member]:
    folders, members = list_folder(api, competition, folder, pause=pause)
    yield from members
    for name in folders:
        yield from _walk(api, competition, f"{folder}/{name}", pause)


def _half_of_each(labels: pd.DataFrame, cases: int) -> pd.DataFrame:
    labels = labels.sort_values(ID)
    halves = [labels[labels[LABEL] == label].head((cases + label) // 2) for label in (0, 1)]
    return pd.concat(halves).sort_values(ID)


def _in_parallel(function: Callable[[Any], Any], items: Sequence[Any], description: str,
                 unit: str = "case") -> list[Any]:
    """`function` of each item, `PARALLEL` at a time; the first failure, or Ctrl-C, cancels those that wait."""
    with ThreadPoolExecutor(PARALLEL) as pool:
        try:
            return list(progress(pool.map(function, items), description, len(items), unit))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _read_list(path: Path) -> list[Member]:
    """The list that an earlier download wrote; empty where there is none."""
    if not path.is_file():
        return []
    try:
        return [Member(*row) for row in pd.read_csv(path).itertuples(index=False, name=None)]
    except (ValueError, TypeError):
        return []  # it is rebuilt from the archive
