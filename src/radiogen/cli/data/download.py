"""Download the competition's data from Kaggle, all of it or a few cases, and count the files."""

import shlex
from pathlib import Path

from radiogen.core.files import checked_name
from radiogen.core.wording import command


def main(data: Path | None = None, subset: int | None = None, delete_archive: bool = False,
         competition: str | None = None) -> None:
    """Download the competition's data from Kaggle, all of it or a few cases, and count the files.

    Running it again fetches only what is missing; an interrupted download resumes where it stopped.

    Example: download --subset 40

    Args:
        data: Folder for the data set (default: input/<competition>, with --subset input/<competition>-<N>). A
            dataset.json in it says which competition it is of, and what its tables are called.
        subset: Download so many training cases, half of each label, and a quarter as many test cases, file by file.
        delete_archive: Delete the archive when it is completely unpacked.
        competition: The competition's name, as in the address of its page (default: the data set's); you must have
            joined it.
    """
    from radiogen.kaggle.download import download_all, download_subset
    from radiogen.kaggle.inventory import count, count_lines, published_counts
    from radiogen.kaggle.mounts import competition_of
    from radiogen.task import RSNA_MICCAI, read_task

    task = RSNA_MICCAI if data is None else read_task(data)
    if competition is None:
        competition = competition_of(task).slug
    checked_name("--competition", competition)
    own = task.competition is not None and task.competition.slug == competition
    expected = published_counts(task) if own and subset is None else None
    if subset is None:
        data = data or Path("input") / competition
        download_all(data, competition=competition, delete_archive=delete_archive)
    else:
        data = data or Path("input") / f"{competition}-{subset}"
        download_subset(data, subset, competition=competition)
    for line in count_lines(count(data), expected):
        print(line)
    print(f"data set: {data}")
    print(f"next: {command('inspect_dataset')} --data {shlex.quote(str(data))}")
