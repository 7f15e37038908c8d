"""Ten lines that a clinician can read: what was asked, of how many patients, what was found, and how far to trust it.

In: runs and what is said of them. Out: pairs of a heading and a sentence; the last run named is the one that is told
of. The words are those of the verdicts: nothing is called better here that is not called so there.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.core import files
from radiogen.dataset.labels import LABEL
from radiogen.evaluation.audit.confounds import EXPLAINED
from radiogen.evaluation.report.judgement import Judgement
from radiogen.evaluation.report.provenance import Making
from radiogen.evaluation.stats.intervals import BETTER, UNCLEAR, Verdict, verdict
from radiogen.evaluation.stats.metrics import brier, counts, scored
from radiogen.runs.folds import HOLDOUT, TEST
from radiogen.runs.lineage import lineage_text
from radiogen.runs.predicted_run import PredictedRun
from radiogen.runs.predictions import THRESHOLD, holdout, out_of_fold

Line = tuple[str, str]

SERIOUS = "alarm", "note"


def summary_lines(runs: Sequence[PredictedRun], judged: Mapping[str, Judgement], making: Making) -> list[Line]:
    """Ten lines (heading, sentence) on the last of `runs`; making: how that one was made."""
    run, judgement = runs[-1], judged[runs[-1].name]
    parts = {"cross-validation": out_of_fold(run.predictions), HOLDOUT: holdout(run.predictions)}
    verdicts = {name: verdict(*scored(cases)) for name, cases in parts.items() if cases[LABEL].notna().any()}
    return [
        ("Question", _question(making)),
        ("Patients", _patients(run.predictions)),
        ("Judged how", _how(run, making)),
        ("Found", _found("cross-validation", verdicts)),
        ("Held out", _found(HOLDOUT, verdicts)),
        ("Verdict", _verdict(verdicts, judgement)),
        ("Could be seen", _reach(verdicts)),
        ("Without images", _without(judgement)),
        ("As a test", _calls(parts, verdicts)),
        ("Warnings", _warnings(judgement, run)),
    ]


def tone(run: PredictedRun, judgement: Judgement) -> str:
    """`good`: better than chance and not explained by acquisition; `none`: not told from chance; else `poor`."""
    words = verdict(*scored(_main_cases(run.predictions))).words
    if words == UNCLEAR:
        return "none"
    explained = judgement.confounds is not None and EXPLAINED in judgement.confounds.words
    return "good" if words == BETTER and not explained else "poor"


def ceiling(data: str | Path | None) -> str:
    """What a phantom says of the best AUC that is possible on it; '' on other data."""
    path = Path(data) / "phantom.json" if data else None
    if path is None or not path.is_file():
        return ""
    told = files.read_json(path)
    best = told.get("ceiling_auc")
    return (f"The images are a phantom, made by a computer; the best AUC that any method can reach on it is {best:.3f}."
            if isinstance(best, int | float) else
            f"The images are a phantom, made by a computer: {told.get('ceiling', 'its best AUC is not known')}.")


def _main_cases(predictions: pd.DataFrame) -> pd.DataFrame:
    """The cases of cross-validation, or where there are none the holdout."""
    judged = out_of_fold(predictions)
    return judged if judged[LABEL].notna().any() else holdout(predictions)


def _question(making: Making) -> str:
    members = [one.recipe for one in making.members.values()] or [making.recipe]
    names = list(dict.fromkeys(name for recipe in members for name in recipe.get("sequences", ())))
    told = f" ({', '.join(names)})" if names else ""
    return f"Can MRI before surgery{told} tell whether a glioblastoma's MGMT promoter is methylated?"


def _patients(predictions: pd.DataFrame) -> str:
    known = predictions[predictions[LABEL].notna()]
    inside, kept = out_of_fold(known), holdout(known)
    told = f"{len(known)} with a known label, {int((known[LABEL] == 1).sum())} of them methylated"
    told += f": {len(inside)} in {inside['fold'].nunique()} folds" if len(inside) else ""
    told += f", {len(kept)} held out" if len(kept) else ""
    unknown = int((predictions["fold"] == TEST).sum())
    return told + (f". {unknown} more without a label were only predicted." if unknown else ".")


def _how(run: PredictedRun, making: Making) -> str:
    made = (f"{run.name} joins {', '.join(making.facts['members'])}. " if making.facts.get("members") else
            f"{run.name}, recipe {making.facts['recipe']}. " if making.facts.get("recipe") else f"{run.name}. ")
    began = lineage_text(making.lineage)
    made += f"{began[0].upper()}{began[1:]}, fold by fold. " if began else ""
    return made + "Every patient was scored by networks that had not seen that patient."


def _found(name: str, verdicts: Mapping[str, Verdict]) -> str:
    if name not in verdicts or np.isnan(verdicts[name].estimate.value):
        return "Not judged: no patient, or none of one of the classes."
    told = verdicts[name].estimate
    return (f"AUC {told.value:.3f}, 95 % interval {told.low:.3f} to {told.high:.3f}: of 100 pairs of a methylated and "
            f"an unmethylated patient {round(100 * told.value)} are put in the right order. A coin gets 50.")


def _verdict(verdicts: Mapping[str, Verdict], judgement: Judgement) -> str:
    words = [one.words for one in verdicts.values()][:1]
    words += list(judgement.confounds.words[1:]) if judgement.confounds is not None else []
    told = "; ".join(words) if words else UNCLEAR
    held = verdicts.get(HOLDOUT)
    told += f". On the holdout alone: {held.words}" if held is not None and len(verdicts) > 1 else ""
    return f"{told[0].upper()}{told[1:]}."


def _reach(verdicts: Mapping[str, Verdict]) -> str:
    told = [f"{name}: an AUC from {one.resolvable:.2f} up" if one.resolvable < 1 else f"{name}: nothing, too few"
            for name, one in verdicts.items()]
    return (f"With so many patients four studies of five would find, by {', by '.join(told)}. Anything smaller cannot "
            "be told from chance here, whether or not it is there." if told else "Not known.")


def _without(judgement: Judgement) -> str:
    found = judgement.confounds
    if found is None:
        return "Not checked: the run keeps no table of how its series were acquired."
    own = found.gains[(found.gains["set"] == "out-of-fold") & (found.gains["model"] == found.best)]
    if own.empty:
        return "Not checked: no case was scored out-of-fold."
    row = own.iloc[0]
    return (f"A model that sees no image ({found.best}) reaches AUC {row['baseline_auc']:.3f} on the same patients. "
            f"The run's gain over it is {row['gain']:+.3f} (95 % interval {row['low']:+.3f} to {row['high']:+.3f}): "
            f"{row['words']}.")


def _calls(parts: Mapping[str, pd.DataFrame], verdicts: Mapping[str, Verdict]) -> str:
    name = next(iter(verdicts), None)
    if name is None:
        return "Not judged."
    labels, probabilities = scored(parts[name])
    right = int(((probabilities >= THRESHOLD) == labels).sum())
    most = max(int(labels.sum()), int((~labels).sum()))
    recall = counts(labels, probabilities)["recall"]
    specificity = (probabilities[~labels] < THRESHOLD).mean() if (~labels).any() else np.nan
    return (f"Calling methylated from a probability of {THRESHOLD:g} up is right in {right} of {len(labels)}; always "
            f"saying the commoner answer is right in {most}. Sensitivity {recall:.0%}, specificity {specificity:.0%}. "
            f"Brier score {brier(labels, probabilities):.3f} (0.25: as good as always saying 0.5).")


def _warnings(judgement: Judgement, run: PredictedRun) -> str:
    told = [f"{one.check}: {one.sentence}" for one in judgement.findings if one.severity in SERIOUS]
    unseen = [one.check for one in judgement.findings if one.severity == "not checked"]
    parts = [f"{len(told)} from the leakage review ({'; '.join(told)})." if told else
             "The leakage review found nothing."]
    parts += [f"Not checked: {', '.join(unseen)}."] if unseen else []
    data = run.facts.get("data")
    parts += [ceiling(files.found_path(data, run.folder) if data else None)]
    parts += ["Research software: not for diagnosis or treatment."]
    return " ".join(part for part in parts if part)
