"""What a run would mean for patients: computed on cases that chose nothing, or left out."""

import numpy as np
import pandas as pd
import pytest

from radiogen.evaluation.clinical.judge import AS_PREDICTED, judge_clinical
from radiogen.evaluation.stats.metrics import brier
from radiogen.runs.predictions import scored

from ..acquisitions import made, run_from


def _run(cases=200, **options):
    folds, _ = made(cases, **options)
    return run_from(folds, 2.0 * (2.0 * folds["label"].to_numpy() - 1), 3.0)


def test_calibration_is_shown_as_predicted_and_after_each_recalibration():
    table = _run()
    found = judge_clinical(table)
    assert set(found.calibrations) == {AS_PREDICTED, "logistic", "isotonic"}
    assert found.calibrations[AS_PREDICTED].brier == brier(*scored(table))
    slopes = {name: one.calibration.slope.value for name, one in found.calibrations.items()}
    assert abs(slopes["logistic"] - 1) < abs(slopes[AS_PREDICTED] - 1)


def test_the_holdout_has_no_part_in_it():
    table = _run(holdout_fraction=0.2)
    held = table["fold"] == "holdout"
    changed = table.assign(label=np.where(held, 1 - table["label"], table["label"]))
    first, second = judge_clinical(table), judge_clinical(changed)
    assert first.rates == second.rates and first.calibrations == second.calibrations
    pd.testing.assert_frame_equal(first.benefit, second.benefit)
    assert first.rates.sensitivity.cases + first.rates.specificity.cases == (~held).sum()


@pytest.mark.parametrize("few", [lambda table: table[table["fold"] == "0"], lambda table: table[table["label"] == 1]])
def test_with_one_fold_or_one_class_nothing_is_said(few):
    assert judge_clinical(few(_run())) is None
