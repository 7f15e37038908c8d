"""Net benefit: by hand, against treating everybody or nobody."""

import numpy as np
import pytest

from radiogen.evaluation.clinical.decision_curve import decision_curve

LABELS = np.array([True, True, False, False, False])


def _row(table, threshold):
    return table[np.isclose(table["threshold"], threshold)].iloc[0]


def test_a_net_benefit_is_the_count_by_hand():
    row = _row(decision_curve(LABELS, np.array([0.9, 0.1, 0.8, 0.1, 0.1])), 0.2)
    assert row["model"] == pytest.approx(1 / 5 - 1 / 5 * 0.25)
    assert row["treat_all"] == pytest.approx(2 / 5 - 3 / 5 * 0.25) and row["treat_none"] == 0


def test_a_perfect_model_is_worth_the_share_of_positive_cases_at_every_threshold():
    table = decision_curve(LABELS, LABELS.astype(float))
    assert table["model"].tolist() == pytest.approx([0.4] * len(table))


def test_one_probability_for_everybody_is_treating_all_or_nobody():
    table = decision_curve(LABELS, np.full(5, 0.401))
    for threshold in (0.1, 0.4):
        assert _row(table, threshold)["model"] == pytest.approx(_row(table, threshold)["treat_all"])
    assert _row(table, 0.5)["model"] == 0


@pytest.mark.parametrize("labels", [[True, True], [False, False]])
def test_without_a_class_there_is_no_curve(labels):
    assert decision_curve(np.array(labels), np.array([0.2, 0.8])).empty
