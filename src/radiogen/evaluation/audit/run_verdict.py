"""What is finally said of a run: its numbers, and all that forbids to believe them.

In: the verdict on the scored cases, what the acquisition explains, the findings of the leakage review, the label
permutations. Out: a `RunVerdict`; text, page and JSON only format it. A run with an alarm, with trainings on permuted
labels that do as well or are better than chance themselves, or with a verdict that depends on cases which a network
may have seen, is never *better than chance*, whatever the numbers are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from radiogen.evaluation.audit.confounds import EXPLAINED, Conclusion
from radiogen.evaluation.audit.findings import Check, ReviewFinding, Severity
from radiogen.evaluation.stats.label_permutation import LEVEL, PermutationTest
from radiogen.evaluation.stats.verdicts import Outcome

IMAGE_FREE, PERMUTATIONS = "models without images", "trained label permutations"


class Tone(StrEnum):
    """How a page shows the verdict: green, grey or red."""

    GOOD = "good"
    NONE = "none"
    POOR = "poor"


@dataclass(frozen=True)
class RunVerdict:
    """What is said of a run.

    outcome: `by_numbers`, but `Outcome.NOT_ESTABLISHED` where that is *better* and something forbids it. by_numbers: of
    the set that the run is judged by; holdout: of the holdout beside it, None where there is none. conclusions: of the
    comparison with the acquisition. alarms: the checks of the leakage review that raised one. reached: tests by label
    permutation with p above 0.05, or whose own draws are better than chance. unchecked: what nobody looked at, in
    words. without_doubtful: of the set that the run is judged by, less the cases that a network may have seen (audit/
    doubtful.py); None where there are none.
    """

    outcome: Outcome
    by_numbers: Outcome
    holdout: Outcome | None
    conclusions: tuple[Conclusion, ...]
    alarms: tuple[Check, ...]
    reached: tuple[PermutationTest, ...]
    unchecked: tuple[str, ...]
    without_doubtful: Outcome | None = None

    @property
    def depends_on_doubtful(self) -> bool:
        """Whether the cases that a network may have seen are needed to call the run better than chance."""
        return self.without_doubtful not in (None, Outcome.BETTER)

    @property
    def tone(self) -> Tone:
        """Good: better than chance, nothing forbids it, and the acquisition does not explain it."""
        if self.outcome is Outcome.UNCLEAR:
            return Tone.NONE
        unexplained = EXPLAINED.isdisjoint(self.conclusions)
        return Tone.GOOD if self.outcome is Outcome.BETTER and unexplained else Tone.POOR


def judge_run(by_numbers: Outcome, holdout: Outcome | None, conclusions: Sequence[Conclusion] | None,
              findings: Iterable[ReviewFinding], permutations: Sequence[PermutationTest],
              without_doubtful: Outcome | None = None) -> RunVerdict:
    """Decide what is said of a run; conclusions: None where no geometry is known; without_doubtful: as in `RunVerdict`.

    *Better* is forbidden by an alarm of any check, a label-permutation test with p above 0.05 (too few draws cannot
    have less) or with draws that are better than chance, a holdout that is worse than chance, and cases that a network
    may have seen where the others alone are not better than chance. What is not checked forbids nothing and is named.
    """
    found = list(findings)
    alarms = tuple(dict.fromkeys(one.check for one in found if one.severity is Severity.ALARM))
    reached = tuple(one for one in permutations if one.p > LEVEL or one.leaks)
    unchecked = [str(one.check) for one in found if one.severity is Severity.NOT_CHECKED]
    unchecked += [IMAGE_FREE] if conclusions is None else []
    unchecked += [] if permutations else [PERMUTATIONS]
    depends = without_doubtful not in (None, Outcome.BETTER)
    forbidden = bool(alarms or reached or holdout is Outcome.WORSE or depends)
    outcome = Outcome.NOT_ESTABLISHED if by_numbers is Outcome.BETTER and forbidden else by_numbers
    return RunVerdict(outcome, by_numbers, holdout, tuple(conclusions or ()), alarms, reached,
                      tuple(dict.fromkeys(unchecked)), without_doubtful)
