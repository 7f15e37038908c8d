"""Whether a run has seen a case before: a network's answer on what trained it says nothing of the network.

In: a run, the folders of a case's series and the array made of them. Out: the run's own case that this is, and by what
it was recognised: the same files, the same array (files of other names), or the same picture of one series (others
missing).
Ids are not believed: another hospital's 00042 is another patient.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from radiogen.dataset.fingerprint import contents_hash
from radiogen.dataset.thumbnails import DIGITS
from radiogen.runs.folds import HOLDOUT, TEST
from radiogen.runs.tables import read_arrays
from radiogen.task import ID
from radiogen.training.runs import Run


@dataclass(frozen=True)
class Known:
    """A case of the run: its id, its place (a fold's number, `holdout`, `test`, or "" for none), what showed it."""

    case: str
    place: str
    by: str

    @property
    def trained(self) -> bool:
        """Whether networks of the run were trained on it."""
        return self.place not in (HOLDOUT, TEST, "")


def find_known(run: Run, folders: Mapping[str, Path], sha256: str, perceptual_hash: str) -> Known | None:
    """The case of `run` that has the same series, or None.

    folders: by sequence. sha256, perceptual_hash: of the array that the run's settings make of them, as in arrays.csv.
    """
    by_files = _same_files(run.cache, folders)
    if by_files:
        return _placed(run, by_files, "the same files")
    arrays = read_arrays(run.folder)
    if arrays is None:
        return None
    for column, mark, by in (("sha256", sha256, "the same voxels"),
                             ("perceptual_hash", perceptual_hash, "the same pictures")):
        same = arrays.loc[(arrays[column].str[:DIGITS] == mark[:DIGITS]) & (mark != ""), ID]
        if len(same):
            return _placed(run, same.iloc[0], by)
    return None


def same_id(run: Run, name: str) -> bool:
    """Whether the run was trained or judged on a case that is called `name`."""
    return name in set(run.folds[ID])


def _same_files(cache: Path, folders: Mapping[str, Path]) -> str:
    """The id of a case whose array in `cache` was made from a series with these very files, in this order of names."""
    notes = sorted(Path(cache).glob("*.json")) if Path(cache).is_dir() else []
    if not notes:
        return ""
    own = {name: contents_hash(folder) for name, folder in folders.items()}
    for note in notes:
        try:
            kept = json.loads(note.read_text(encoding="utf-8")).get("contents", {})
        except (OSError, ValueError, AttributeError):
            continue
        if any(mark and kept.get(name) == mark for name, mark in own.items()):
            return note.stem
    return ""


def _placed(run: Run, case: str, by: str) -> Known:
    own = run.folds.loc[run.folds[ID] == case, "fold"]
    arrays = read_arrays(run.folder)
    if len(own):
        return Known(case, own.iloc[0], by)
    tested = arrays is not None and (arrays.loc[arrays[ID] == case, "split"] == TEST).any()
    return Known(case, TEST if tested else "", by)
