"""How a table of features is judged: learners and options, read before anything heavy is imported."""

from dataclasses import dataclass

LOGISTIC, CENTROID, FOREST = "logistic", "centroid", "forest"
LEARNERS = (LOGISTIC, CENTROID, FOREST)


@dataclass(frozen=True)
class StudyOptions:
    """How a table of features is judged."""

    folds: int = 5
    """Outer folds."""
    seed: int = 42
    """Of folds, learners and permutations."""
    learners: tuple[str, ...] = LEARNERS
    """Among logistic, centroid, forest; with several, a run is added that chooses among them in the inner folds."""
    features: int | None = None
    """So many features are selected (default: 5, 20 or 80, as the inner folds choose)."""
    permutations: int = 19
    """Label-permutation test: everything is fitted again on so many permutations of the labels, 19 at least."""
    select_before: bool = False
    """Show the wrong way beside the right one: features selected on all cases, the scored ones among them."""
