"""What a rehearsed kernel finds under `/kaggle/input`: its bundle, good test cases, and broken ones.

In: a bundle, a data set of the competition's layout, and how this session mounts them. Out: folders. Kaggle mounts a
competition and a data set in two ways each, and sessions are seen that mix them.
"""

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.dataset.layout import sequences_present, series_path
from radiogen.imaging.folder import is_nifti
from radiogen.kaggle.mounts import COMPETITION_PLACES, DATASET_PLACES, competition_of
from radiogen.task import ID, LABEL, Task, read_task

MOUNTS: Mapping[str, tuple[str, str]] = {
    "new": (COMPETITION_PLACES[1], DATASET_PLACES[1]), "old": (COMPETITION_PLACES[0], DATASET_PLACES[0]),
    "mixed": (COMPETITION_PLACES[1], DATASET_PLACES[0]), "mixed the other way": (COMPETITION_PLACES[0],
                                                                                 DATASET_PLACES[1])}
"""Where the competition and the data set lie below `/kaggle/input`, by a name of this pair."""
BROKEN = ("every pixel is zero", "no series but one, and no image in it",
          "one series is cut and, where there are three, one is missing")
"""What is wrong with each of the cases that are added."""


def lay_out(bundle: Path, data: Path, chosen: Sequence[str], inputs: Path, mounts: str = "new") -> list[str]:
    """Write bundle and test cases as Kaggle mounts them, with a sample submission of all; returns the broken cases.

    The broken ones are made of a good case, one for each of `BROKEN`. A training case is there, too, that cannot be
    read: the kernel must not open it.
    """
    task = read_task(data)
    competition = competition_of(task)
    for_data, for_bundle = MOUNTS[mounts]
    shutil.copytree(bundle, inputs / for_bundle.format(owner="somebody", slug="radiogen-files"))
    folder = inputs / for_data.format(slug=competition.slug)
    for case in chosen:
        copy_case(data, case, folder)
    broken = broken_ids(task, chosen)
    _break_cases(folder, chosen[0], broken, task)
    (folder / "train" / chosen[0] / task.sequences[0]).mkdir(parents=True)
    sample = pd.DataFrame({ID: [*chosen, *broken], LABEL: 0.5})
    files.write_csv(folder / competition.sample_submission, task.to_file(sample))
    return broken


def copy_case(data: Path, case: str, folder: Path) -> None:
    """Copy a test case into the folder. Raises UserError where it is moved or changed meanwhile."""
    try:
        shutil.copytree(data / "test" / case, folder / "test" / case)
    except OSError as error:  # that of a whole tree is one, too, with a list of files instead of a reason
        raise UserError(data / "test" / case, "was changed or moved while it was copied",
                        f"run the same command again, with {parameter('data')} where it was moved") from error


def broken_ids(task: Task, taken: Sequence[str]) -> list[str]:
    """Ids of the task for the cases of `BROKEN`, none of them in `taken`: a good id whose last digits are others.

    Raises UserError where the task's ids leave none.
    """
    made: list[str] = []
    for example in (taken[0], task.id_example):
        found = re.search(r"\d+(?=\D*$)", example)
        width = len(found[0]) if found else 0
        for number in range(10**width - 1, max(10**width - 2000, -1), -1) if found else ():
            name = f"{example[:found.start()]}{number:0{width}d}{example[found.end():]}" if found else ""
            if task.is_id(name) and name not in taken and name not in made:
                made.append(name)
            if len(made) == len(BROKEN):
                return sorted(made)
    raise UserError(task.name, "has ids without a number, so that no broken test case can be named for a rehearsal",
                    "give the data set ids such as " + task.id_example)


def _break_cases(folder: Path, good: str, broken: Sequence[str], task: Task) -> None:
    """The cases of `BROKEN`, made from a good one."""
    test = folder / "test"
    blank, empty, damaged = (test / case for case in broken)
    shutil.copytree(test / good, blank)
    for path in blank.rglob("*"):
        if path.is_file():
            _make_blank(path)
    first = series_path(folder, "test", good, sequences_present(folder, "test", good, task)[0])
    target = empty / first.name if is_nifti(first) else empty / first.name / "Image-1.dcm"
    files.write_bytes(target, b"no image")
    shutil.copytree(test / good, damaged)
    present = [series_path(folder, "test", damaged.name, name)
               for name in sequences_present(folder, "test", damaged.name, task)]
    for path in [present[0]] if present[0].is_file() else present[0].iterdir():
        path.write_bytes(path.read_bytes()[:150])
    for path in present[1:-1][:1]:  # one is left, from which the case is predicted
        path.unlink() if path.is_file() else shutil.rmtree(path)


def _make_blank(path: Path) -> None:
    """Replace every voxel of a file by 0. A compressed DICOM file stays as it is, and so does what is no image."""
    if is_nifti(path):
        import nibabel

        image = nibabel.Nifti1Image.from_filename(path)
        blank = nibabel.Nifti1Image(np.zeros(image.shape, np.uint8), image.affine)
        path.unlink()
        nibabel.save(blank, path)
    elif path.suffix == ".dcm":
        import pydicom

        dataset = pydicom.dcmread(path)
        if not dataset.file_meta.TransferSyntaxUID.is_compressed:
            dataset.PixelData = bytes(len(dataset.PixelData))
            dataset.save_as(path)
