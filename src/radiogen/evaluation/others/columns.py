"""Which column of somebody's table is which: recognised by the names that are in use, or named by the user.

In: a heading, and a `Naming`. Out: names of columns. Names are compared without regard to case and punctuation, and
the first of a list that a table has is taken.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from radiogen.core.errors import UserError
from radiogen.core.files import valid_name
from radiogen.core.wording import parameter

Scores = Literal["probabilities", "logits", "any"]

IDS = ("id", "case", "case id", "patient", "patient id", "subject", "subject id", "sample", "sample id", "study id",
       "study", "image id", "image", "file name", "file", "name")
FOLDS = ("fold", "cv fold", "fold id", "fold number", "fold index", "k fold")
SPLITS = ("split", "set", "partition", "subset")
LABELS = ("label", "labels", "y true", "true label", "label true", "ground truth", "truth", "true", "target", "y",
          "class", "outcome", "gt", "observed", "reference")
PROBABILITIES = ("probability", "prob", "proba", "predicted probability", "prediction probability", "probability 1",
                 "prob 1", "proba 1", "p 1", "class 1", "y prob", "y proba", "pred prob", "pred proba", "y score",
                 "score", "logit", "logits", "p", "y pred", "y hat", "pred", "prediction", "predicted", "output",
                 "model output")


@dataclass(frozen=True)
class Naming:
    """How somebody's tables are to be read; what is not named is recognised."""

    id_column: str | None = None
    """Column of the cases' ids (default: recognised by its name)."""
    fold_column: str | None = None
    """Column of folds, or of splits such as train and test (default: recognised by its name)."""
    label_column: str | None = None
    """Column of the labels (default: recognised by its name)."""
    probability_column: str | None = None
    """Column of the probability of the positive class (default: recognised by its name)."""
    positive: str | None = None
    """What the positive class is called in the column of labels (default: recognised, as 1 beside 0)."""
    negative: str | None = None
    """What the other class is called; with both, cases of any other cell are left out."""
    scores: Scores = "probabilities"
    """What the column holds: probabilities; logits, which the logistic function turns into probabilities; or numbers on
    any scale, of which only the order is judged."""
    split: str | None = None
    """Judge only rows whose fold or split is this (default: all rows)."""


def folded(name: str) -> str:
    """A name without case and punctuation: `Y_prob` and `y.prob` are `yprob`."""
    return re.sub(r"[\W_]+", "", name.casefold())


def find_column(heading: Sequence[str], known: Sequence[str], named: str | None = None) -> str | None:
    """The column that is named, else the first of `known` that the heading has; None where it has none of them."""
    by_name = {folded(name): name for name in reversed(heading) if name}
    if named is not None:
        return named if named in heading else by_name.get(folded(named))
    return next((by_name[folded(name)] for name in known if folded(name) in by_name), None)


def find_id(heading: Sequence[str], named: str | None = None, taken: Collection[str | None] = ()) -> str | None:
    """The column of ids: named or known, else the only one whose name ends with `id`."""
    found = find_column(heading, IDS, named)
    if found is not None or named is not None:
        return found
    ending = [name for name in heading if name not in taken and folded(name).endswith("id")]
    return ending[0] if len(ending) == 1 else None


def required(path: Path, heading: Sequence[str], found: str | None, what: str, option: str, named: str | None) -> str:
    """`found`, or a UserError that names the option and what the table has."""
    if found is not None:
        return found
    problem = (f"row 1: has no column {named!r}" if named is not None else f"row 1: no column is recognised as {what}")
    shown = ", ".join(name for name in heading if name)
    raise UserError(path, f"{problem} (it has: {shown if len(shown) <= 200 else shown[:197] + '...'})",
                    f"name it: {parameter(option)} COLUMN")


def safe_id(text: str) -> str:
    """An id as a file's name may be: `sub 01/T1.nii` becomes `sub-01-T1.nii`; others stay as they are."""
    return valid_name(text) or "case"
