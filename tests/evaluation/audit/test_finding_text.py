"""Findings in words: every code has a sentence that names its values, and every alarm and note says what to do."""

import pytest

from radiogen.evaluation.audit.finding_text import finding_row, remedy, sentence
from radiogen.evaluation.audit.findings import POLICY, Code, ReviewFinding, Severity
from radiogen.runs.lineage import Ancestor

PAIR = [{"case": "00000", "fold": "0"}, {"case": "00005", "fold": "holdout"}]
VALUES = {"patients": ["00007"], "file": "folds.csv", "pairs": [PAIR], "limit": 7, "bits": 256, "cases": 60,
          "networks": 5, "runs": {"a": ["0", "1"]}, "lineage": (Ancestor("a", {}, {"0": 40}, ""),), "run": "a",
          "fold": "0", "source_fold": "1", "sources": {"0": "a"}, "splits": {"A": {"1": "0", "2": "1"}},
          "dates": ["2026-01-01", "2026-01-02"], "auc": {"holdout": 0.9}, "weights": "resnet_10.pth",
          "cohorts": ["elsewhere"], "seen": 3, "example": "00042", "cohort": "holdout", "number": 22, "looks": 30,
          "scored": 1, "best": 0.71, "p": 0.012, "p_best": 0.3, "names": ("a", "b"), "learner": "logistic regression",
          "features": 20}


@pytest.mark.parametrize("code", list(Code), ids=lambda code: code.name)
def test_every_code_has_a_sentence_and_every_alarm_and_note_a_remedy(code):
    finding = ReviewFinding(code, VALUES)
    assert sentence(finding) and "{" not in sentence(finding)
    assert bool(remedy(finding)) or finding.severity in (Severity.NOT_CHECKED, Severity.PASSED)


def test_every_code_has_a_severity_and_a_check():
    assert set(POLICY) == set(Code)


def test_patients_and_places_are_named_up_to_five():
    many = [f"{number:05d}" for number in range(7)]
    found = sentence(ReviewFinding(Code.PATIENT_IN_TEST, {"patients": many}))
    assert found.startswith("00000, 00001, 00002, 00003, 00004 and 2 more are in")
    assert "00000 (fold 0) and 00005 (holdout)" in sentence(ReviewFinding(Code.SAME_PIXELS_ACROSS, VALUES))


def test_a_look_says_which_it_is_of_how_many_at_how_many_patients():
    text = sentence(ReviewFinding(Code.LOOKS_BY_CHANCE, VALUES))
    assert text.startswith("the 22nd look of 30 at these 60 holdout patients (highest AUC 0.710)")
    assert "p = 0.012 by itself, 0.3 as one of 30" in text
    assert sentence(ReviewFinding(Code.LOOKED_BEFORE, VALUES | {"number": 11})).startswith("the 11th look")


def test_a_row_of_the_table_has_the_code_beside_the_words():
    row = finding_row(ReviewFinding(Code.AUC_SUSPICIOUS, {"auc": {"holdout": 0.91234}, "limit": 0.75}))
    assert row["code"] == "auc_suspicious" and row["severity"] == "alarm" and "holdout 0.912" in row["sentence"]
