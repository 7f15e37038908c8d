"""The benchmark of external validation fails where an interval is too narrow or an overlap is let pass."""

import dataclasses

import numpy as np
import pytest

from benchmarks.accuracy import external
from radiogen.core.auc import auc
from radiogen.evaluation.external import overlap
from radiogen.evaluation.external.overlap import Overlap, Way, find_overlap
from radiogen.evaluation.stats import intervals


def test_a_drawn_cohort_has_its_auc_and_its_prevalence():
    labels, probabilities = external.drawn_cohort(np.random.default_rng(0), 40_000, 0.7, 0.4)
    assert auc(labels, probabilities) == pytest.approx(0.7, abs=0.01) and labels.mean() == 0.4


def test_the_drop_is_held_and_an_interval_of_half_the_width_is_caught(monkeypatch):
    study = (0.85, 0.70, 160, 60)
    assert external.drop_fact(*study, draws=150, seed=1).holds
    honest = intervals.delong_unpaired

    def narrow(*cohorts):
        found = honest(*cohorts)
        reach = (found.high - found.low) / 4
        return dataclasses.replace(found, low=found.value - reach, high=found.value + reach)

    monkeypatch.setattr(intervals, "delong_unpaired", narrow)
    assert not external.drop_fact(*study, draws=150, seed=1).holds


@pytest.mark.parametrize("way", Way)
def test_the_copy_is_recognised_by_its_way_alone(way):
    own, other, pair = external.with_copy(way, [1, 2, 3])
    assert find_overlap(own, other).pairs == {way: (pair,)}


def test_every_renamed_patient_is_refused_and_a_blind_comparison_is_caught(monkeypatch):
    assert all(fact.holds for fact in external.overlap_facts(5, 1))
    monkeypatch.setattr(overlap, "find_overlap", lambda own, other: Overlap({}, (), (), 0, 10))
    assert [fact.holds for fact in external.overlap_facts(5, 1)] == [False] * len(Way) + [True]
