"""Ten lines that a clinician can read: the question, of how many patients, what was found, and how far to trust it.

In: an `Assessment`. Out: pairs of a heading and a sentence; they are on one run. The words
are those of the verdicts: nothing is called better here that is not called so there.
"""

import numpy as np

from radiogen.evaluation.audit.finding_text import sentence, unseen_sentence
from radiogen.evaluation.audit.findings import Severity
from radiogen.evaluation.others.origin import origin_of, origin_sentence
from radiogen.evaluation.report.assessment import Ceiling, Patients, RunAssessment, SetAssessment
from radiogen.evaluation.wording import GAP, run_verdict_sentence
from radiogen.runs.lineage import beginning_text
from radiogen.runs.predictions import THRESHOLD
from radiogen.task import Task

Line = tuple[str, str]


def summary_lines(assessed: RunAssessment) -> list[Line]:
    """Ten lines (heading, sentence) on a run."""
    by_name = {one.name: one for one in assessed.sets}
    return [
        ("Question", _question(assessed)),
        ("Patients", _patients(assessed.patients, assessed.run.task)),
        ("Judged how", _how(assessed)),
        ("Found", _found(by_name.get("out-of-fold"), assessed.run.task)),
        ("Held out", _found(by_name.get("holdout"), assessed.run.task)),
        ("Verdict", _verdict(assessed)),
        ("Could be seen", _reach(assessed)),
        ("Without images", _without(assessed)),
        ("As a test", _calls(assessed)),
        ("Warnings", _warnings(assessed)),
    ]


def ceiling_sentence(ceiling: Ceiling | None) -> str:
    """What a phantom says of the best AUC that is possible on it; "" on other data."""
    if ceiling is None:
        return ""
    return (f"The images are a phantom, made by a computer; the best AUC that any method can reach on it is "
            f"{ceiling.auc:.3f}." if ceiling.auc is not None else
            f"The images are a phantom, made by a computer: {ceiling.reason or 'its best AUC is not known'}.")


def _question(assessed: RunAssessment) -> str:
    made = assessed.provenance
    members = [one.recipe for one in made.members.values()] or [made.recipe]
    names = list(dict.fromkeys(name for recipe in members for name in recipe.get("sequences", ())))
    return assessed.run.task.question + (f" Sequences: {', '.join(names)}." if names else "")


def _patients(patients: Patients, task: Task) -> str:
    text = f"{patients.labelled} with a known label, {patients.positive} of them {task.positive}"
    text += f": {patients.in_folds} in {patients.folds} folds" if patients.in_folds else ""
    text += f", {patients.held_out} held out" if patients.held_out else ""
    unknown = patients.unlabelled
    return text + (f". {unknown} more without a label were only predicted." if unknown else ".")


def _how(assessed: RunAssessment) -> str:
    name, facts = assessed.name, assessed.provenance.facts
    if (origin := origin_of(facts)) is not None:
        return origin_sentence(origin)
    made = (f"{name} joins {', '.join(facts['members'])}. " if facts.get("members") else
            f"{name}, recipe {facts['recipe']}. " if facts.get("recipe") else f"{name}. ")
    began = beginning_text(assessed.provenance.first_weights, assessed.provenance.lineage)
    made += f"{began[0].upper()}{began[1:]}{', fold by fold' * bool(assessed.provenance.lineage)}. " if began else ""
    return made + unseen_sentence(assessed.findings)


def _found(part: SetAssessment | None, task: Task) -> str:
    if part is None or np.isnan(part.verdict.estimate.value):
        return "Not judged: no patient, or none of one of the classes."
    estimate, pooled = part.verdict.estimate, part.verdict.pooled
    pairs = "pairs" if pooled is None else "pairs within a fold"
    text = (f"AUC {estimate.value:.3f}, 95 % interval {estimate.low:.3f} to {estimate.high:.3f}: of 100 {pairs} of one "
            f"{task.positive} and one {task.negative} patient {round(100 * estimate.value)} are put in the right "
            "order. A coin gets 50.")
    if pooled is not None and abs(pooled.value - estimate.value) >= GAP:
        text += (f" All folds pooled: {pooled.value:.3f}; that also compares patients who were scored by different "
                 "networks, whose probabilities are on different scales.")
    return text


def _verdict(assessed: RunAssessment) -> str:
    text = run_verdict_sentence(assessed.verdict)
    return f"{text[0].upper()}{text[1:]}."


def _reach(assessed: RunAssessment) -> str:
    names = {"out-of-fold": "cross-validation"}
    limits = [f"{names.get(one.name, one.name)}: an AUC of {one.verdict.resolvable:.2f}"
              if one.verdict.resolvable < 1 else f"{names.get(one.name, one.name)}: none, too few"
              for one in assessed.sets]
    return (f"With so many patients four studies of five would call better than chance, by {', by '.join(limits)}. A "
            "smaller one is called so less often: that it was not found does not say that it is not there.")


def _without(assessed: RunAssessment) -> str:
    found = assessed.confounds
    if found is None:
        return "Not checked: the run keeps no table of how its series were acquired."
    gain = found.comparison.estimate
    return (f"A model that sees no image ({found.best}) reaches AUC {found.baseline.estimate.value:.3f} on the same "
            f"patients. The run's gain over it is {gain.value:+.3f} (95 % interval {gain.low:+.3f} to {gain.high:+.3f}"
            f"): {found.comparison.outcome}.")


def _calls(assessed: RunAssessment) -> str:
    """Of every set: the calls of single networks, and beside them those of their mean on the holdout."""
    names = {"out-of-fold": "By cross-validation, each patient by one network",
             "holdout": "On the holdout, by the mean of all networks"}
    parts = [f"{names[one.name]}: right in {one.calls.matrix.right} of {one.calls.matrix.cases} (always saying the "
             f"commoner answer: {one.calls.commonest}), sensitivity {one.calls.sensitivity:.0%}, specificity "
             f"{one.calls.specificity:.0%}, Brier score {one.measures['brier']:.3f}." for one in assessed.sets]
    return (f"Calling {assessed.run.task.positive} from a probability of {THRESHOLD:g} up. {' '.join(parts)} A Brier "
            "score of 0.25 is as good as always saying 0.5.")


def _warnings(assessed: RunAssessment) -> str:
    warnings = [f"{one.check}: {sentence(one)}" for one in assessed.warnings]
    unseen = [one.check for one in assessed.of_severity(Severity.NOT_CHECKED)]
    parts = [f"{len(warnings)} from the leakage review ({'; '.join(warnings)})." if warnings else
             "The leakage review found nothing."]
    parts += [f"Not checked: {', '.join(unseen)}."] if unseen else []
    parts += [ceiling_sentence(assessed.ceiling), "Research software: not for diagnosis or treatment."]
    return " ".join(part for part in parts if part)
