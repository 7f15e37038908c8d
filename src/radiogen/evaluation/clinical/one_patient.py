"""What a run's probability for one patient is worth: recalibrated, and the classes that cannot be ruled out.

In: the run's predictions and what each network says of the patient. Out: a `PatientJudgement`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.evaluation.clinical.conformal import COVERAGE, class_p_values, conformal_set
from radiogen.evaluation.clinical.recalibration import fit_recalibration
from radiogen.runs import layout
from radiogen.runs.predictions import out_of_fold, read_predictions, scored
from radiogen.task import ID, Task


@dataclass(frozen=True)
class PatientJudgement:
    """probability: the mean of the networks' recalibrated probabilities. p_values: of class 0 and class 1 (conformal).
    classes: those that cannot be ruled out at `COVERAGE`; None where a class has no out-of-fold case."""

    probability: float
    p_values: tuple[float, float]
    classes: tuple[int, ...] | None


def judge_patient_of(folder: Path, by_fold: Mapping[str, float], leave_out: str = "") -> PatientJudgement | None:
    """`judge_patient` with the predictions of the run in `folder`; None where it has no out-of-fold case."""
    path = Path(folder) / layout.PREDICTIONS
    if not path.is_file():
        return None
    predictions = read_predictions(path)
    return judge_patient(predictions, by_fold, leave_out) if len(out_of_fold(predictions)) else None


def judge_patient(predictions: pd.DataFrame, by_fold: Mapping[str, float], leave_out: str = "") -> PatientJudgement:
    """Judge a patient by the run's out-of-fold cases.

    by_fold: the patient's probability by the fold whose network gave it. leave_out: the id of the case of the run that
    the patient is, if any: it has no part in its own judgement. The recalibration is fitted to what single networks say
    of cases that they had not seen, and applied to each network's word by itself: their mean is at worst too cautious
    (Ranjan and Gneiting, J. R. Stat. Soc. B 2010;72:71).
    """
    others = predictions[predictions[ID] != leave_out]
    fitted = fit_recalibration(*scored(out_of_fold(others)))
    p_values = class_p_values(others, by_fold)[0]
    return PatientJudgement(float(fitted(np.array(list(by_fold.values()))).mean()),
                            (float(p_values[0]), float(p_values[1])), conformal_set(p_values))


def patient_lines(judged: PatientJudgement | None, task: Task) -> list[str]:
    """The recalibrated probability and the set of classes, a line each; none where nobody could be judged."""
    if judged is None:
        return []
    lines = [f"recalibrated by its out-of-fold cases, each network by itself, the probability of {task.target} is "
             f"{judged.probability:.3f}, at worst too cautious"]
    if judged.classes is None:
        return [*lines, "which classes can be ruled out is not known: a class has no out-of-fold case"]
    share = f"sets made this way hold the true class of {COVERAGE:.0%} of the patients of each class"
    named = [task.classes[label] for label in judged.classes]
    if len(named) == 2:
        return [*lines, f"neither {named[0]} nor {named[1]} can be ruled out; {share}"]
    if not named:
        return [*lines, f"the patient is unlike the cases of both classes; {share}"]
    return [*lines, f"{task.classes[1 - judged.classes[0]]} is ruled out, {named[0]} is left; {share}"]
