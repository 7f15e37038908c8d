"""The benchmark of hospitals: labels go with the hospital, and the mean of the draws is judged."""

import numpy as np

from benchmarks.leakage.sites import OWN, drawn_labels, mean_interval, site_facts
from radiogen.phantom.hospitals import HOSPITALS

SITES = {f"{number:05d}": HOSPITALS[number % 4].name for number in range(4000)}


def test_labels_go_with_the_hospital_in_nine_of_ten_patients():
    table = drawn_labels(SITES, 0)
    shares = table.groupby(table["case"].map(SITES))["label"].mean()
    for place, hospital in enumerate(HOSPITALS):
        assert abs(shares[hospital.name] - (OWN if place % 2 == 0 else 1 - OWN)) < 0.04


def test_another_draw_has_other_labels():
    assert not drawn_labels(SITES, 0).equals(drawn_labels(SITES, 1))


def test_the_interval_of_the_mean_narrows_with_the_draws():
    random = np.random.default_rng(0)
    _, low, high = mean_interval(0.5 + 0.05 * random.normal(size=10))
    _, lower, higher = mean_interval(0.5 + 0.05 * random.normal(size=1000))
    assert higher - lower < high - low


def test_a_mean_away_from_chance_or_a_low_one_by_patient_fails():
    spread = np.linspace(-0.02, 0.02, 20)
    good = site_facts({"patient": 0.85 + spread, "site": 0.5 + spread})
    bad = site_facts({"patient": 0.70 + spread, "site": 0.4 + spread})
    assert [fact.holds for fact in good] == [True, True] and [fact.holds for fact in bad] == [False, False]
