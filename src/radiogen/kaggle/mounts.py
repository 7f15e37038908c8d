"""Where a Kaggle session mounts what a notebook was given: its competition, its data sets.

In: `/kaggle/input`. Out: folders and files. Older sessions mount everything as `<slug>`, newer ones a competition as
`competitions/<slug>` and a data set as `datasets/<owner>/<slug>`; both are seen in one session.
"""

from pathlib import Path

from radiogen.core.errors import UserError
from radiogen.task import FILE, RSNA_MICCAI, Competition, Task

COMPETITION_PLACES = ("{slug}", "competitions/{slug}")
DATASET_PLACES = ("{slug}", "datasets/{owner}/{slug}")
"""Below `/kaggle/input`."""


def competition_of(task: Task) -> Competition:
    """The competition of a task. Raises UserError where its data set is of none."""
    if task.competition is None:
        raise UserError(task.name, "is of no competition at Kaggle",
                        f'name it in {FILE}, as in "competition": {{"slug": "its-name"}}')
    return task.competition


def competition_folder(inputs: Path, task: Task = RSNA_MICCAI) -> Path:
    """Where the data of the task's competition is mounted below `inputs`. Raises UserError where it is not."""
    return mounted_competition(inputs, competition_of(task).slug)


def mounted_competition(inputs: Path, slug: str) -> Path:
    """Where the competition of this name is mounted below `inputs`. Raises UserError where it is not."""
    for place in COMPETITION_PLACES:
        folder = Path(inputs) / place.format(slug=slug)
        if (folder / "test").is_dir():
            return folder
    raise UserError(inputs, f"has no {slug}/test",
                    "add the competition to the kernel's sources and join it")


def mounted_file(inputs: Path, name: str) -> Path | None:
    """The file of this name in a data set that is mounted below `inputs`; None where there is none."""
    found = (path for depth in ("*", "*/*", "*/*/*") for path in sorted(Path(inputs).glob(f"{depth}/{name}")))
    return next(found, None)
