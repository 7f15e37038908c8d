"""What is said of a run before anything else, in plain clinical English: the same sentences in text and page.

In: a `RunAssessment`. Out: a `Summary`: a headline that fits the first screen of a telephone (what was judged, the
verdict, the AUC, alarms, what nobody checked), and ten lines on it. Nothing is computed here, and nothing is called
better that the verdicts do not call so. docs/judgement.md says why each sentence is worded as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from radiogen.evaluation.audit.confounds import EXPLAINED, Conclusion
from radiogen.evaluation.audit.finding_text import sentence, unseen_sentence
from radiogen.evaluation.audit.findings import Severity
from radiogen.evaluation.audit.run_verdict import RunVerdict
from radiogen.evaluation.others.origin import origin_of, origin_sentence
from radiogen.evaluation.report.assessment import Ceiling, RunAssessment, SetAssessment, SetName
from radiogen.evaluation.stats.intervals import Estimate
from radiogen.evaluation.stats.shares import Share
from radiogen.evaluation.stats.verdicts import Outcome, Verdict
from radiogen.evaluation.text_tables import p_text
from radiogen.evaluation.wording import GAP, WITHIN, comparison_sentence, verdict_sentence
from radiogen.runs.lineage import beginning_text
from radiogen.runs.predictions import THRESHOLD
from radiogen.runs.tuned.tuning import Tuning
from radiogen.task import Task

Line = tuple[str, str]
LEAST_P = 0.001
"""A smaller p-value is shown as less than this."""
NAMES: Mapping[SetName, str] = {"out-of-fold": "cross-validation", "holdout": "holdout"}
USE = "Research software, not a medical device: nothing here may guide diagnosis or treatment."


@dataclass(frozen=True)
class Summary:
    """The headline, each field a sentence or two, and ten lines (heading, sentences).

    judged: which data set, and how many cases. verdict: the outcome in a few words; reason: one sentence why. auc: what
    the verdict rests on, and its interval with what it is of. alarms: what forbids to believe the numbers; unchecked:
    what nobody looked at.
    """

    judged: str
    verdict: str
    reason: str
    auc: tuple[str, str]
    alarms: str
    unchecked: str
    lines: tuple[Line, ...]


def summarise(assessed: RunAssessment) -> Summary:
    """The summary of a run."""
    said = assessed.verdict
    unchecked = f"Not checked: {', '.join(said.unchecked)}." if said.unchecked else "Every check was made."
    return Summary(_judged(assessed), _capital(said.outcome), _reason(assessed), _area(assessed.main.verdict),
                   _alarms(assessed), unchecked, tuple(_lines(assessed)))


def ceiling_sentence(ceiling: Ceiling | None) -> str:
    """What a phantom says of the best AUC that is possible on it; "" on other data."""
    if ceiling is None:
        return ""
    return (f"The images are a phantom, made by a computer; the best AUC that any method can reach on it is "
            f"{ceiling.auc:.3f}." if ceiling.auc is not None else
            f"The images are a phantom, made by a computer: {ceiling.reason or 'its best AUC is not known'}.")


def cohort_lines(assessed: RunAssessment) -> list[Line]:
    """Of a run on a table of features: what it is worth on the other cohort that it was tested on; [] without one."""
    origin, held = origin_of(assessed.run.facts), assessed.held_out
    if origin is None or not origin.cohort or held is None:
        return []
    lines = [("outside", f"{held.verdict.cases} cases of {origin.cohort}, {held.verdict.positives} "
              f"{assessed.run.task.positive}, by a model of all cases inside: {verdict_sentence(held.verdict)}"),
             ("inside", f"cross-validation, {verdict_sentence(assessed.main.verdict)}")]
    if assessed.cohort_difference is not None:
        lines.append(("difference", f"outside less inside: {comparison_sentence(assessed.cohort_difference)}"))
    return [*lines, ("overlap", "none by case ids; nothing else of the two tables was compared")]


def _lines(assessed: RunAssessment) -> list[Line]:
    by_name = {one.name: one for one in assessed.sets}
    return [
        ("Question", _question(assessed)),
        ("How judged", _how(assessed)),
        ("Cross-validation", _found(by_name.get("out-of-fold"), assessed.run.task)),
        ("Holdout", _found(by_name.get("holdout"), assessed.run.task)),
        ("Uncertainty", _uncertainty(assessed)),
        ("Could be found", _reach(assessed)),
        ("Without images", _without(assessed)),
        ("As a test", _calls(assessed)),
        ("Warnings", _warnings(assessed)),
        ("Use", " ".join(filter(None, [ceiling_sentence(assessed.ceiling), USE]))),
    ]


def _judged(assessed: RunAssessment) -> str:
    patients, task, facts = assessed.patients, assessed.run.task, assessed.provenance.facts
    origin = origin_of(facts)
    data = f"File {origin.file}" if origin else f"Data set {PurePath(facts['data']).name}" if facts.get("data") else ""
    whose = f" ({origin.cohort})" if origin is not None and origin.cohort else ""
    text = f"{patients.labelled} cases with a known label, {patients.positive} of them {task.positive}"
    text += f": {patients.in_folds} in {patients.folds} folds of cross-validation" if patients.in_folds else ""
    text += f"{',' if patients.in_folds else ':'} {patients.held_out} held out{whose}" if patients.held_out else ""
    more = f" {patients.unlabelled} more without a label were only predicted." if patients.unlabelled else ""
    return f"{data}{', ' if data else ''}{text}.{more}"


def _area(found: Verdict) -> tuple[str, str]:
    if np.isnan(found.estimate.value):
        return ("No AUC", "the scored cases are of one class")
    where = "within the folds of cross-validation" if found.pooled is not None else "on one set of cases"
    return (f"AUC {found.estimate.value:.3f}",
            f"95 % interval {found.estimate.low:.3f} to {found.estimate.high:.3f}, {where}")


def _reason(assessed: RunAssessment) -> str:
    """Why the verdict is what it is, in one sentence."""
    said, found = assessed.verdict, assessed.main.verdict
    if np.isnan(found.estimate.value):
        return "Cases of one class have no ranking to be judged."
    test = f"(two-sided {_p(found)})"
    high = f"an AUC of up to {found.estimate.high:.3f}"
    text = {Outcome.BETTER: f"The predictions rank cases better than chance {test}",
            Outcome.WORSE: f"The predictions rank cases worse than chance {test}",
            Outcome.UNCLEAR: f"Chance is not ruled out {test}, and neither is {high}",
            Outcome.NOT_ESTABLISHED: f"Better than chance by the numbers alone {test}, but not to be relied on because "
                                     f"of {_forbidden(said)}"}
    parts = [text[said.outcome], _beside_images(assessed)]
    parts += [f"on the holdout alone: {said.holdout}"] if said.holdout is not None else []
    return f"{'; '.join(filter(None, parts))}."


def _forbidden(said: RunVerdict) -> str:
    """What forbids to believe numbers that are better than chance."""
    few = all(one.p <= 1 / (len(one.areas) + 1) for one in said.reached)
    leak = any(one.leaks for one in said.reached)
    parts = ["an alarm of the leakage review" if said.alarms else "",
             ("trainings on permuted labels that are better than chance themselves" if leak else
              "too few trainings on permuted labels" if few else "trainings on permuted labels that do as well")
             if said.reached else "",
             "a holdout worse than chance" if said.holdout is Outcome.WORSE else "",
             "cases that a network may have seen, without which it is not better" if said.depends_on_doubtful else ""]
    return " and ".join(filter(None, parts))


def _beside_images(assessed: RunAssessment) -> str:
    """What the comparison with models that see no image adds; "" where it was not made."""
    found = assessed.confounds
    if found is None:
        return ""
    if not EXPLAINED.isdisjoint(found.conclusions):
        return (f"{found.conclusions[-1]}: not shown to be better than a model that sees no image ({found.best}), and "
                f"{' and '.join(found.at_chance)} not distinguishable from chance")
    return ("better than the best model that sees no image" if Conclusion.ABOVE_BASELINE in found.conclusions else
            f"not shown to be better than a model that sees no image ({found.best})")


def _alarms(assessed: RunAssessment) -> str:
    said, notes = assessed.verdict, len(assessed.of_severity(Severity.NOTE))
    parts = [f"{len(said.alarms)} alarm{'s' * (len(said.alarms) > 1)} of the leakage review: {', '.join(said.alarms)}"
             if said.alarms else "No alarm of the leakage review"]
    parts += [f"trainings on labels permuted {WITHIN[one.within]}: " + (
        f"AUC {one.median:.3f} (median), better than chance" if one.leaks else f"p = {p_text(one.p)}")
              for one in said.reached]
    parts += [f"{notes} note{'s' * (notes > 1)}"] if notes else []
    return f"{'; '.join(parts)}."


def _question(assessed: RunAssessment) -> str:
    made = assessed.provenance
    members = [one.recipe for one in made.members.values()] or [made.recipe]
    names = list(dict.fromkeys(name for recipe in members for name in recipe.get("sequences", ())))
    return assessed.run.task.question + (f" Sequences: {', '.join(names)}." if names else "")


def _how(assessed: RunAssessment) -> str:
    name, facts = assessed.name, assessed.provenance.facts
    if (origin := origin_of(facts)) is not None:
        return origin_sentence(origin)
    made = (f"{name} joins {', '.join(facts['members'])}. " if facts.get("members") else
            f"{name}, recipe {facts['recipe']}. " if facts.get("recipe") else f"{name}. ")
    made += tuning_sentence(assessed.tuning)
    began = beginning_text(assessed.provenance.first_weights, assessed.provenance.lineage)
    made += f"{_capital(began)}{', fold by fold' * bool(assessed.provenance.lineage)}. " if began else ""
    without = assessed.without_doubtful
    rest = "" if without is None else (f" Without the {assessed.main.verdict.cases - without.cases} cases in "
                                       f"question: {verdict_sentence(without)}.")
    return made + unseen_sentence(assessed.findings) + rest


def tuning_sentence(tuning: Tuning | None) -> str:
    """Of a tuned procedure, that it is one, and how optimistic its own scores are; "" for another run."""
    if tuning is None:
        return ""
    same = ", ".join(f"{path.rpartition('.')[2].replace('_', ' ')} {max(counts.values())}"
                     for path, counts in tuning.chosen.items())
    itself = f" {_capital(tuning.kept_text)}." if tuning.kept_text else ""
    return (f"It is a tuned procedure: for each fold, {tuning.trials} trials in {tuning.inner_folds} inner folds of "
            f"the other folds' cases chose the recipe that scored it.{itself} The chosen recipes had a mean AUC of "
            f"{tuning.inner_auc:.3f} in the inner folds and {tuning.auc:.3f} in the folds: an optimism of "
            f"{tuning.optimism:+.3f}. In how many of {len(tuning.folds)} folds the same value was chosen: {same}. ")


def _found(part: SetAssessment | None, task: Task) -> str:
    if part is None or np.isnan(part.verdict.estimate.value):
        return "Not judged: no case, or none of one of the classes."
    found, pooled = part.verdict, part.verdict.pooled
    pairs = "pairs" if pooled is None else "pairs of one fold, each"
    text = (f"AUC {_interval(found.estimate)}, two-sided {_p(found)}: of 100 {pairs} of one {task.positive} and one "
            f"{task.negative} case, {round(100 * found.estimate.value)} are ranked in the right order (ties count "
            "half); chance gets 50.")
    if pooled is not None and abs(pooled.value - found.estimate.value) >= GAP:
        text += (f" All folds pooled: {pooled.value:.3f}; that also compares cases that were scored by different "
                 "models, whose probabilities are on different scales.")
    return text


def _uncertainty(assessed: RunAssessment) -> str:
    """What the interval and the p-value allow for, and what they do not."""
    crossed, found = assessed.main.verdict.pooled is not None, assessed.main.verdict
    text = ("95 % intervals of AUCs are DeLong's: made this way, 95 of 100 hold the AUC that these trained models have "
            "on patients of this kind. They do not allow for another training, nor for patients of another kind.")
    text += (" The p-value of cross-validation allows for the overlap of its training sets (Nadeau and Bengio)."
             if crossed else "")
    if found.outcome is Outcome.UNCLEAR and not found.estimate.low <= 0.5 <= found.estimate.high:
        text += " That is why the interval leaves out 0.5 and the p-value is not below 0.05."
    others = sum(one.name != assessed.main.name for one in assessed.sets)
    return text + (" The p-values of this summary are not corrected for one another."
                   if others or assessed.confounds is not None else "")


def _reach(assessed: RunAssessment) -> str:
    limits = [f"{one.verdict.resolvable:.2f} ({NAMES[one.name]})" if one.verdict.resolvable < 1 else
              f"no AUC ({NAMES[one.name]}: too few cases)" for one in assessed.sets]
    return (f"A true AUC of {' or of '.join(limits)} would be called better than chance in 80 % of studies with as "
            "many cases; a smaller one less often. That no signal is found does not mean that there is none.")


def _without(assessed: RunAssessment) -> str:
    found = assessed.confounds
    if found is None:
        return "Not checked: the run keeps no table of how its series were acquired."
    gain = found.comparison.estimate
    return (f"Of the models that see no image, the best on these very cases, a choice that favours it, has AUC "
            f"{found.baseline.estimate.value:.3f} ({found.best}). The run's AUC less that one: {gain.value:+.3f} (95 % "
            f"interval {gain.low:+.3f} to {gain.high:+.3f}, two-sided {_p_text(gain.p)}, corrected for "
            f"cross-validation): {found.comparison.outcome}.")


def _calls(assessed: RunAssessment) -> str:
    """Of every set: in cross-validation single networks call, and beside them their mean on the holdout."""
    ours = origin_of(assessed.run.facts) is None
    names = {"out-of-fold": f"In cross-validation{', each case by the network of its fold' * ours}",
             "holdout": f"On the holdout{', by the mean of all networks' * ours}"}
    parts = [f"{names[one.name]}: sensitivity {_share(one.calls.sensitivity)}, specificity "
             f"{_share(one.calls.specificity)}; right in {one.calls.matrix.right} of {one.calls.matrix.cases} (always "
             f"the commoner class: {one.calls.commonest}); Brier score {one.measures['brier']:.3f}."
             for one in assessed.sets]
    return (f"Called {assessed.run.task.positive} from a probability of {THRESHOLD:g} up, with 95 % intervals. "
            f"{' '.join(parts)} A Brier score of 0.25 is that of always saying 0.5; 0 is perfect.")


def _warnings(assessed: RunAssessment) -> str:
    found = [f"{_capital(one.severity)}, {one.check}: {sentence(one)}." for one in assessed.warnings]
    return " ".join(found or ["The leakage review found nothing in what it could check."])


def _interval(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} (95 % interval {estimate.low:.3f} to {estimate.high:.3f})"


def _share(share: Share) -> str:
    if not share.cases:
        return "not known"
    return f"{share.value:.0%} ({share.low:.0%} to {share.high:.0%}; {share.found} of {share.cases})"


def _p(found: Verdict) -> str:
    """The p-value of an AUC with its test."""
    test = "corrected for cross-validation" if found.pooled is not None else "by permutation"
    return f"{_p_text(found.estimate.p)}, {test}"


def _p_text(value: float) -> str:
    return f"p < {LEAST_P:g}" if value < LEAST_P else f"p = {p_text(value)}"


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
