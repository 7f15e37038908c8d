"""What a run's networks began with, by its run.json: other runs, fold by fold (the lineage), or a file of weights.

In: a run's folder, its folds. Out: its ancestors, nearest first, each with the hashes of its weights, its epochs and a
fingerprint of its folds; the file and its hash. A fold's weights have seen the cases of all other folds, so they may
begin only the same fold of a run with the same folds: training checks it before it begins, evaluation in what was
recorded.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from radiogen.core.errors import UserError
from radiogen.runs import layout
from radiogen.runs.records import another_run, read_facts
from radiogen.task import ID, LABEL

IMAGENET = "imagenet"
"""Stands for Keras's own weights instead of a file."""


@dataclass(frozen=True)
class Ancestor:
    """A run whose networks another one began with.

    run: its name; weights: the SHA-256 of each fold's; epochs: by fold, after how many of its own they were taken;
    folds: `folds_fingerprint` of its folds.
    """

    run: str
    weights: Mapping[str, str]
    epochs: Mapping[str, int]
    folds: str


@dataclass(frozen=True)
class FirstWeights:
    """The weights that others trained and the networks of a run, or of its first ancestor, began with.

    file: its name, or `imagenet`; sha256: of the file, "" for ImageNet's, which each fold records when it begins.
    """

    file: str
    sha256: str


def folds_fingerprint(folds: pd.DataFrame) -> str:
    """A hash of which case of which label is in which fold or in the holdout, whatever the order of the rows."""
    rows = sorted(f"{case},{label},{fold}\n" for case, label, fold in
                  zip(folds[ID], folds[LABEL].astype(str), folds["fold"], strict=True))
    return hashlib.sha256("".join(rows).encode()).hexdigest()


def lineage_of(facts: Mapping, path: Path) -> tuple[Ancestor, ...]:
    """The ancestors that run.json records, nearest first; () where the run began from nothing.

    facts: what run.json holds; path: its path. Raises UserError where it is damaged.
    """
    records = facts.get("lineage", [])
    good = isinstance(records, list) and all(isinstance(one, dict) and set(one) == {"run", "weights", "epochs", "folds"}
                                          and isinstance(one["run"], str) and isinstance(one["folds"], str)
                                          and _holds(one["weights"], str) and _holds(one["epochs"], int)
                                          for one in records)
    if not good:
        raise UserError(path, "has no readable lineage: another version of radiogen wrote it, or it is damaged",
                        f"restore it, or {another_run()}")
    return tuple(Ancestor(**one) for one in records)


def lineage_facts(lineage: Sequence[Ancestor]) -> list[dict]:
    """The lineage as run.json keeps it."""
    return [{name: dict(value) if isinstance(value, Mapping) else value for name, value in asdict(one).items()}
            for one in lineage]


def first_weights_of(facts: Mapping, path: Path) -> FirstWeights | None:
    """The weights of others that run.json records; None where networks began at random, or it is an older run.

    facts: what run.json holds; path: its path. Raises UserError where the record is damaged.
    """
    record = facts.get("first_weights")
    if record is None:
        return None
    if not _holds(record, str) or set(record) != {"file", "sha256"}:
        raise UserError(path, "has no readable record of its first weights: it is damaged",
                        f"restore it, or {another_run()}")
    return FirstWeights(**record)


def beginning_text(first: FirstWeights | None, lineage: Sequence[Ancestor]) -> str:
    """`lineage_text`, and `began with resnet_10.pth (SHA-256 0123456789...)`; "" where networks began at random."""
    parts = [lineage_text(lineage)]
    if first is not None:
        file = "ImageNet's weights" if first.file == IMAGENET else first.file
        parts.append(f"began with {file}" + (f" (SHA-256 {first.sha256[:10]}...)" if first.sha256 else ""))
    return ", which ".join(filter(None, parts))


def read_lineage(folder: Path) -> tuple[Ancestor, ...]:
    """`lineage_of` the run in `folder`, models/<run>; () where it has no run.json."""
    return lineage_of(read_facts(folder), Path(folder) / layout.RUN)


def lineage_text(lineage: Sequence[Ancestor]) -> str:
    """`started from b (40 epochs), which started from a (20 epochs)`; "" for a run that began from nothing."""
    parts = []
    for one in lineage:
        counts = sorted(set(one.epochs.values()))
        many = "?" if not counts else str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        parts.append(f"started from {one.run} ({many} epoch{'' if many == '1' else 's'})")
    return ", which ".join(parts)


def _holds(value: object, kind: type) -> bool:
    return isinstance(value, dict) and all(type(each) is kind for each in value.values())
