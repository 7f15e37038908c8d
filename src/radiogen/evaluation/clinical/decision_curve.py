"""Whether acting on the probabilities would do more good than treating all patients alike: net benefit by threshold.

In: labels and probabilities. Out: a table. Vickers and Elkin, Med. Decis. Making 2006;26:565. Net benefit counts the
true positives of a policy and takes off its false positives, weighed by the odds of the threshold: who acts from a
probability of 0.2 up holds a missed case to be four times as bad as a needless treatment.
"""

import numpy as np
import pandas as pd

from radiogen.core.types import BoolArray, FloatArray

THRESHOLDS = np.round(np.arange(0.05, 0.96, 0.05), 2)


def decision_curve(labels: BoolArray, probabilities: FloatArray) -> pd.DataFrame:
    """`threshold, model, treat_all, treat_none`: net benefit in true positives a patient; one row a threshold.

    labels bool, probabilities of class 1, both (cases,). Empty where a class is missing.
    """
    columns = ["threshold", "model", "treat_all", "treat_none"]
    if labels.all() or not labels.any():
        return pd.DataFrame(columns=columns, dtype=float)
    weight = THRESHOLDS / (1 - THRESHOLDS)
    acted = probabilities[None] >= THRESHOLDS[:, None]
    benefit = (acted & labels).mean(axis=1) - (acted & ~labels).mean(axis=1) * weight
    return pd.DataFrame({"threshold": THRESHOLDS, "model": benefit,
                         "treat_all": labels.mean() - (~labels).mean() * weight, "treat_none": 0.0})
