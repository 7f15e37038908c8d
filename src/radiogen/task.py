"""What a data set is about: how its tables name cases and labels, what the labels mean, its sequences, what is
known of it before any file is opened.

In: the folder of a data set, a cache or a run. Out: its `Task`. A folder describes its task in `dataset.json`; a folder
without that file is read as the competition's (`RSNA_MICCAI`). In memory all tables call the columns `ID` and `LABEL`;
whoever reads or writes a file exchanges these names for the task's own.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radiogen.core import files
from radiogen.core.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

ID, LABEL = "case", "label"
"""Columns of every table in memory: the case's id, text, and its label, 1 for the positive class."""

FILE = "dataset.json"
TAKEN = ("fold", "probability", "predicted", "split", "sequence", "slice")
"""Names of columns that stand beside the task's own in this package's tables."""
SOURCE_FIELDS = ("images", "files", "mask", "labels", "label_values")
"""Fields of `dataset.json` that say where a data set's files lie (dataset/source.py); they are no part of its task."""
ANY_NAME = r"\w[\w.-]*"
"""Ids that are safe as names of files."""
METRICS = ("auc", "average_precision", "neg_log_loss", "neg_brier_score", "accuracy", "balanced_accuracy", "f1",
           "matthews_corrcoef")
"""What a task may be scored by: the AUC, and metrics by the names of scikit-learn's scorers."""


@dataclass(frozen=True)
class Competition:
    """What Kaggle says of the competition that a data set is of.

    slug: its name in the address of its page. sample_submission: the file whose ids and order a submission has.
    code_only: it takes notebooks, not tables; internet: whether they may use it; session_hours: how long one may run.
    train_cases, test_cases: that can be downloaded; train_images: files of the training series; hidden_test_cases: that
    only a notebook sees, about. Each number is 0 where it is not published.
    """

    slug: str
    sample_submission: str = "sample_submission.csv"
    code_only: bool = False
    internet: bool = False
    session_hours: float = 9.0
    train_cases: int = 0
    test_cases: int = 0
    train_images: int = 0
    hidden_test_cases: int = 0


@dataclass(frozen=True)
class Task:
    """What a data set's tables and folders are called, and what they mean.

    name: of the task, as messages say it; title: of the report's page. id_column, label_column: of the CSVs with labels
    and predictions. classes: what label 0 and label 1 are called; 1 is the positive class. target: what the probability
    is of, as in "probability of methylation". question: what the report asks. sequences: the names of the series'
    folders. id_pattern: a regular expression that a whole id matches. id_example: one, for messages. blank_series: by
    case the sequence that holds no image, as its publisher says. same_patient: groups of cases that are of one patient.
    also_called: what a case `{case}` is called in other data sets, "" where it has no other name.
    labels_sha256: a fingerprint of the label table (`labels_fingerprint` of dataset/known_cases.py) for which alone
    `blank_series` and `same_patient` hold; "" where they hold for every one. mask_values: by part of the tumour the
    numbers that it has in a case's mask; {}: every number but 0 is tumour. metric: one of
    `METRICS`, by which its publisher scores it; runs are judged by the AUC whatever it is. competition: at Kaggle, of
    which it is; None for any other data set.

    Examples
    --------
    >>> task = Task(name="glioma", label_column="idh", classes=("wildtype", "mutant"))
    >>> task.positive
    'mutant'
    """

    name: str
    id_column: str = ID
    label_column: str = LABEL
    classes: tuple[str, str] = ("negative", "positive")
    target: str = "the positive class"
    question: str = "Do the images tell the classes apart?"
    sequences: tuple[str, ...] = ("FLAIR", "T1w", "T1wCE", "T2w")
    id_pattern: str = ANY_NAME
    id_example: str = "patient-042"
    blank_series: Mapping[str, str] = field(default_factory=dict)
    same_patient: tuple[tuple[str, ...], ...] = ()
    also_called: str = ""
    mask_values: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    labels_sha256: str = ""
    metric: str = "auc"
    title: str = "Classification of brain MRI"
    competition: Competition | None = None

    @property
    def negative(self) -> str:
        """The name of label 0."""
        return self.classes[0]

    @property
    def positive(self) -> str:
        """The name of label 1."""
        return self.classes[1]

    def is_id(self, text: str) -> bool:
        """Whether `text` is a case id of this task and safe as a file's name."""
        return re.fullmatch(self.id_pattern, text) is not None and re.fullmatch(ANY_NAME, text) is not None

    def is_other_name(self, text: str) -> bool:
        """Whether `text` is what a case of this task is called in other data sets."""
        before, found, after = self.also_called.partition("{case}")
        return bool(found) and text.startswith(before) and text.endswith(after) and self.is_id(
            text[len(before):len(text) - len(after)])

    def id_fault(self, text: str) -> str:
        """How to write an id instead of `text`, which is none."""
        example = self.id_example
        lost = text.isdigit() and example.isdigit() and len(text) < len(example)
        return f"{'leading zeros were lost: write it' if lost else 'write ids'} as in {example}"

    def to_file(self, table: "pd.DataFrame") -> "pd.DataFrame":
        """A table of memory with the columns that the task's files have."""
        return table.rename(columns={ID: self.id_column, LABEL: self.label_column})

    def from_file(self, table: "pd.DataFrame") -> "pd.DataFrame":
        """A table of a file with the columns that tables have in memory."""
        return table.rename(columns={self.id_column: ID, self.label_column: LABEL})

    def column(self, name: str) -> str:
        """What a column of memory is called in the task's files."""
        return {ID: self.id_column, LABEL: self.label_column}.get(name, name)


RSNA_MICCAI = Task(
    name="rsna-miccai-brain-tumor-radiogenomic-classification",
    title="MGMT promoter methylation from brain MRI",
    id_column="BraTS21ID",
    label_column="MGMT_value",
    classes=("unmethylated", "methylated"),
    target="methylation",
    question="Can MRI before surgery tell whether a glioblastoma's MGMT promoter is methylated?",
    sequences=("FLAIR", "T1w", "T1wCE", "T2w"),
    id_pattern="[0-9]{5}",
    id_example="00042",
    blank_series={"00109": "FLAIR", "00123": "T1w", "00709": "FLAIR"},
    same_patient=(("00557", "00639"), ("00626", "00758")),
    also_called="BraTS2021_{case}",
    labels_sha256="cc28ba1e433d496afe02cce0177683c8328f2664d73d60ed087c098b51abe813",
    competition=Competition(
        "rsna-miccai-brain-tumor-radiogenomic-classification", code_only=True, train_cases=585, test_cases=87,
        train_images=348_641, hidden_test_cases=5 * 87),
)
"""The competition at Kaggle. Its organisers asked to leave out the cases of `blank_series` (its data page): of training
and scoring, never of a submission. `same_patient`: by the BraTS 2021 ids in UCSF-PDGM's metadata the second of each is
a follow-up examination of the first (UCSF-PDGM-429 and -433). The fingerprint is of its train_labels.csv (585 rows, 582
without the blank cases). Its pages give the number of training images, nine hours without internet, and a hidden test
set of about five times the visible one."""


def read_task(folder: Path) -> Task:
    """The task of a data set, a cache or a run, by the `dataset.json` in its folder; without one, the competition's.

    Raises UserError, naming the file and the field, for a file that describes no task.
    """
    text = description_text(folder)
    return RSNA_MICCAI if text is None else _described_task(Path(folder) / FILE, text)


def description_text(folder: Path) -> str | None:
    """A folder's `dataset.json` as it is written; None where it has none. Raises UserError where it cannot be read."""
    path = Path(folder) / FILE
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def read_description(path: Path, text: str) -> dict[str, Any]:
    """The fields of a `dataset.json`. Raises UserError where it is damaged, or has a field that is not known."""
    known = [*_known(), *SOURCE_FIELDS]
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(content, dict):
        raise UserError(path, "is no table of names", f"write an object with the fields {', '.join(known)}")
    unknown = [name for name in content if name not in known]
    if unknown:
        raise UserError(path, f"has a field {unknown[0]!r} that no data set has", f"use {', '.join(known)}")
    return content


def write_task(folder: Path, task: Task) -> None:
    """Write `dataset.json` into a cache's or a run's folder; the competition's folders have none."""
    if task != RSNA_MICCAI:
        content = asdict(task)
        content["classes"] = {name: number for number, name in enumerate(task.classes)}
        files.write_json(Path(folder) / FILE, content)


def _unreadable(path: Path, error: Exception) -> UserError:
    return UserError(path, f"cannot be read ({error})", "write it as JSON in UTF-8: docs/data-sets.md shows one")


def _known() -> list[str]:
    return [each.name for each in fields(Task)]


@lru_cache(maxsize=64)
def _described_task(path: Path, text: str) -> Task:
    """The task that a file describes, each field looked at; the same text is parsed once."""
    content = read_description(path, text)
    given = {name: value for name, value in content.items() if name in _known()}
    for name, value in given.items():
        if not _is_good(name, value):
            raise UserError(path, f"{name} is {value!r}", _REMEDIES.get(name, "write a text"))
    given |= {name: tuple(given[name]) for name in ("sequences",) if name in given}
    given |= {name: tuple(map(tuple, given[name])) for name in ("same_patient",) if name in given}
    given |= {name: {part: tuple(numbers) for part, numbers in given[name].items()}
              for name in ("mask_values",) if name in given}
    if given.get("competition"):
        given["competition"] = Competition(**given["competition"])
    if "classes" in given:
        given["classes"] = tuple(sorted(given["classes"], key=given["classes"].get))
    task = Task(**{"name": path.parent.name, **given})
    if task.id_column == task.label_column:
        raise UserError(path, f"id_column and label_column are both {task.id_column!r}", "name two columns")
    return task


_REMEDIES = {
    "classes": 'name both, as in {"wildtype": 0, "mutant": 1}',
    "sequences": "list the names of the series' folders, each once; mask is the name of the tumour's mask",
    "blank_series": 'write a sequence by case, as in {"patient-042": "FLAIR"}',
    "id_pattern": "write a regular expression that a whole id matches",
    "id_column": f"write the column's name; {', '.join(TAKEN)} have another meaning here",
    "label_column": f"write the column's name; {', '.join(TAKEN)} have another meaning here",
    "same_patient": 'list the cases of each patient who has several, as in [["patient-042", "patient-043"]]',
    "also_called": "write the other name with {case} for the id, as in BraTS2021_{case}",
    "mask_values": 'write the numbers of each part, whole and above 0, as in {"necrosis": [1], "enhancing": [4]}',
    "metric": f"write one of {', '.join(METRICS)}",
    "competition": 'write its name and what differs from the usual, as in {"slug": "its-name", "code_only": true}; the '
                   f"fields are {', '.join(each.name for each in fields(Competition))}",
}


def _is_good(name: str, value: object) -> bool:
    if name == "classes":
        return isinstance(value, dict) and sorted(map(repr, value.values())) == ["0", "1"] and all(value)
    if name == "sequences":
        return (isinstance(value, list) and bool(value) and len({*map(str, value)}) == len(value)
                and all(isinstance(each, str) and re.fullmatch(ANY_NAME, each) and each != "mask" for each in value))
    if name == "blank_series":
        return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
    if name == "same_patient":
        return isinstance(value, list) and _are_disjoint(value)
    if name == "mask_values":
        return isinstance(value, dict) and all(isinstance(numbers, list) and numbers and all(
            type(each) is int and each > 0 for each in numbers) for numbers in value.values())
    if name == "competition":
        return value is None or (isinstance(value, dict) and _is_competition(value))
    if not isinstance(value, str) or (not value and name not in ("labels_sha256", "also_called")):
        return False
    if name == "also_called":
        return not value or "{case}" in value
    if name == "id_pattern":
        try:
            re.compile(value)
        except re.error:
            return False
    return not (name.endswith("_column") and value in TAKEN) and not (name == "metric" and value not in METRICS)


def _is_competition(content: dict[str, object]) -> bool:
    """Whether these are fields of a competition, each of its type, the slug and the sample safe as names of files."""
    usual = {each.name: each.default for each in fields(Competition)}
    names = [content.get("slug"), content.get("sample_submission", usual["sample_submission"])]
    return (set(content) <= set(usual) and all(isinstance(name, str) and re.fullmatch(ANY_NAME, name) for name in names)
            and all(isinstance(content[name], (int, float) if isinstance(usual[name], float) else type(usual[name]))
                    and isinstance(content[name], bool) == isinstance(usual[name], bool)
                    and content[name] >= 0  # type: ignore[operator]
                    for name in set(content) - {"slug", "sample_submission"}))


def _are_disjoint(groups: list[object]) -> bool:
    """Whether each is a list of at least two texts, and no text stands twice."""
    if not all(isinstance(group, list) and len(group) > 1 for group in groups):
        return False
    names = [name for group in groups if isinstance(group, list) for name in group]
    return all(isinstance(name, str) for name in names) and len(names) == len(set(names))
