"""Where a data set's files lie when its layout is not the competition's, and what the cells of its labels mean.

In: the fields `images`, `files`, `mask`, `labels` and `label_values` of `dataset.json`. Out: a `Source`, and by its
patterns the cases, series and masks under its folder of images, which may lie elsewhere and is only read. A pattern is
a path below that folder with `{case}` for the id; `*` and `?` are wildcards within one name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from radiogen.core.errors import UserError
from radiogen.task import FILE, Task, description_text, read_description, read_task

CASE = "{case}"
LABELS_TABLE = "train_labels.csv"
"""The label table where none is named."""
MASK = "mask"
"""The name of a case's mask in the competition's layout, and no name of a sequence."""

Patterns = tuple[str, ...]
"""Alternatives: the first that matches anything holds."""


@dataclass(frozen=True)
class Source:
    """Where files lie and what a label table's cells mean.

    images: the folder below which series and masks lie. files: by sequence the patterns of its file or folder; {}: the
    competition's layout there, `<split>/<case>/<sequence>`. mask: the patterns of a case's tumour mask. labels: the
    label table. label_values: by cell of the label column the class, 0 or 1; cases with another cell are left out; {}:
    the cells are 0 and 1.
    """

    images: Path
    labels: Path
    files: Mapping[str, Patterns] = field(default_factory=dict)
    mask: Patterns = ()
    label_values: Mapping[str, int] = field(default_factory=dict)


def read_source(data: Path) -> Source:
    """The source of the data set `data`. Raises UserError, naming field and remedy, for one that cannot be."""
    data, text = Path(data), description_text(data)
    return Source(data, data / LABELS_TABLE) if text is None else _described_source(data, text)


@lru_cache(maxsize=64)
def _described_source(data: Path, text: str) -> Source:
    path = data / FILE
    content, task = read_description(path, text), read_task(data)
    for name, check in _CHECKS.items():
        if name in content and not check(content[name]):
            raise UserError(path, f"{name} is {content[name]!r}", _REMEDIES[name])
    series = {name: as_patterns(value) for name, value in content.get("files", {}).items()}
    unnamed = sorted(set(task.sequences) ^ set(series))
    if series and unnamed:
        raise UserError(path, f"files and sequences do not agree: {', '.join(unnamed)}",
                        "give each sequence its pattern under the same name")
    return Source(data / content.get("images", ""), data / content.get("labels", LABELS_TABLE), series,
                  as_patterns(content.get("mask", [])), content.get("label_values", {}))


def find_cases(source: Source, task: Task) -> list[str]:
    """The ids of the cases that have at least one series by the patterns, sorted."""
    found = set()
    for pattern in (each for patterns in source.files.values() for each in patterns):
        matcher = _matcher(pattern, task)
        for path in source.images.glob(pattern.replace(CASE, "*")):
            if match := matcher.fullmatch(path.relative_to(source.images).as_posix()):
                found.add(match["case"])
    return sorted(case for case in found if task.is_id(case))


def find_file(source: Source, patterns: Patterns, case: str, what: str) -> Path | None:
    """The file or folder of a case by the first pattern that matches; None where none does.

    Raises UserError where one pattern matches several; what: they are, for the message.
    """
    for pattern in patterns:
        filled = pattern.replace(CASE, case)
        found = sorted(source.images.glob(filled)) if re.search(r"[*?]", pattern) else [
            path for path in [source.images / filled] if path.exists()]
        if len(found) > 1:
            raise UserError(found[0], f"is one of {len(found)} that {case} has as {what}: {found[1].name}, ...",
                            f"name the file with a narrower pattern in {FILE}, or keep one of them")
        if found:
            return found[0]
    return None


def _matcher(pattern: str, task: Task) -> re.Pattern[str]:
    """What a whole path below the images has to be to match a pattern; every {case} is the same id."""
    parts = re.split(r"(\{case\}|\*|\?)", pattern)
    texts, seen = {"*": "[^/]*", "?": "[^/]"}, False
    regex = ""
    for part in parts:
        if part == CASE:
            regex += "(?P=case)" if seen else f"(?P<case>(?!\\.)(?:{task.id_pattern}))"
            seen = True
        else:
            regex += texts.get(part) or re.escape(part)
    return re.compile(regex)


def as_patterns(value: str | list[str]) -> Patterns:
    """A field of `dataset.json` as patterns: one text is the only alternative."""
    return (value,) if isinstance(value, str) else tuple(value)


def _is_pattern(text: object) -> bool:
    if not isinstance(text, str) or CASE not in text or re.search(r"[\[\]\\]|\*\*", text):
        return False
    path = PurePosixPath(text)
    return not path.is_absolute() and ".." not in path.parts


def _are_patterns(value: object) -> bool:
    return _is_pattern(value) or (isinstance(value, list) and bool(value) and all(map(_is_pattern, value)))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


_CHECKS: dict[str, Any] = {
    "images": _is_text,
    "labels": _is_text,
    "files": lambda value: isinstance(value, dict) and bool(value) and all(map(_are_patterns, value.values())),
    "mask": _are_patterns,
    "label_values": lambda value: (isinstance(value, dict) and set(map(repr, value.values())) == {"0", "1"}),
}
_PATTERN = ("write a path below the images with {case} for the id, as in {case}/{case}_flair.nii.gz; * and ? are "
            "wildcards within a name; several alternatives are a list")
_REMEDIES = {
    "images": "write the folder of the images, absolute or from this file's folder on",
    "labels": "write the path of the label table, absolute or from this file's folder on",
    "files": _PATTERN, "mask": _PATTERN,
    "label_values": 'say what the label column\'s cells mean, as in {"negative": 0, "positive": 1}',
}
