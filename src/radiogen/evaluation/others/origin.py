"""Where predictions come from that no training of this package made: what `run.json` keeps of it, under `origin`.

In and out: an `Origin`. A run that was trained here has none. A table of predictions of another program, or of learners
fitted to a table of features, becomes a folder like a run's, so that the same judge reads it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

KEY = "origin"


@dataclass(frozen=True)
class Origin:
    """kind: a table of predictions, or learners on a table of features. file: its name; sha256: of it.

    folds: whether cases have folds; left_out: rows that are not judged, by why. scores: `probabilities`, `logits` or
    `any`; validation: whether the cases are a validation set's; calls: whether no probability but 0 and 1 is there.
    patients: whether a table says which cases are of one patient. Of features: learner, their number, features chosen
    before the split (leakage, on purpose), pairs of cases of different folds with the same features, the
    features that alone nearly are the label (AUC by name), and the other cohort that is the holdout.
    """

    kind: Literal["predictions", "features"]
    file: str
    sha256: str
    folds: bool
    patients: bool = False
    left_out: Mapping[str, int] = field(default_factory=dict)
    scores: str = "probabilities"
    validation: bool = False
    calls: bool = False
    learner: str = ""
    features: int = 0
    select_before: bool = False
    same_features: tuple[tuple[Mapping[str, str], Mapping[str, str]], ...] = ()
    near_label: Mapping[str, float] = field(default_factory=dict)
    cohort: str = ""


def origin_facts(origin: Origin) -> dict[str, Any]:
    """What `run.json` keeps of it."""
    return {KEY: asdict(origin)}


def origin_of(facts: Mapping[str, Any]) -> Origin | None:
    """The origin that `run.json` tells of; None for a run that was trained here."""
    content = facts.get(KEY)
    if not isinstance(content, Mapping):
        return None
    known = {one.name for one in fields(Origin)}
    return Origin(**{name: value for name, value in content.items() if name in known})


def origin_text(origin: Origin) -> str:
    """In a few words, for a heading."""
    if origin.kind == "predictions":
        return f"predictions of another program, from {origin.file}"
    leak = ", selected on all cases before the split: LEAKAGE, shown on purpose" if origin.select_before else ""
    return f"{origin.learner} on {origin.features:,} features of {origin.file}{leak}"


def origin_sentence(origin: Origin) -> str:
    """How the cases were scored, as far as that is known."""
    if origin.kind == "predictions":
        seen = ("Which patients trained the model that scored a fold is not known here." if origin.folds else
                "That none of these patients trained the model is taken on trust.")
        return f"{origin_text(origin)[0].upper()}{origin_text(origin)[1:]}. {seen}"
    if origin.select_before:
        return (f"{origin.learner[0].upper()}{origin.learner[1:]} on features that were selected on all patients, the "
                "scored ones among them. This is leakage, shown on purpose: no figure of this run is a result.")
    other = (f" Held out is another cohort, {origin.cohort}, whose patients trained nothing." if origin.cohort else "")
    return (f"{origin_text(origin)[0].upper()}{origin_text(origin)[1:]}. Each patient was scored by a model of the "
            f"other folds; features and settings were chosen inside those folds.{other}")
