"""Text, page and JSON say the same: they are renderings of one assessment, and none of them computes a number."""

import contextlib
import html
import json
import re
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pandas as pd
import pytest

from radiogen.evaluation.audit.finding_text import finding_row
from radiogen.evaluation.audit.findings import Severity
from radiogen.evaluation.external.sentences import external_lines
from radiogen.evaluation.mask_quality import mask_sentences, masks_table
from radiogen.evaluation.others.origin import Origin, origin_facts
from radiogen.evaluation.report.assess import assess
from radiogen.evaluation.report.assessment_json import VERSION, assessment_record, plain
from radiogen.evaluation.report.page import render_page
from radiogen.evaluation.report.summary import cohort_lines, summarise
from radiogen.evaluation.report.text import report_text
from radiogen.evaluation.stats.intervals import DRAWS
from radiogen.evaluation.stats.verdicts import Outcome
from radiogen.evaluation.text_tables import p_text
from radiogen.evaluation.wording import run_verdict_sentence
from radiogen.runs.predicted_run import open_predictions

from .outline import Outline
from .small_runs import RUNS, write_small_runs

DECLARED = {"0.5", "0.25", "0.05", "0.001", "0.8", "1.5"}
"""Constants of the wording: thresholds, levels, the Brier score of 0.5 everywhere."""


@pytest.fixture(scope="module")
def assessment(tmp_path_factory):
    root = tmp_path_factory.mktemp("small")
    models = write_small_runs(root)
    with contextlib.chdir(root):  # a clone may have an input/phantom of its own
        found = assess([open_predictions(models, name) for name in RUNS])
    return replace(found, runs=(found.runs[0], _of_features(found), found.runs[2]), site_folds=pd.DataFrame(
        {"run": [*RUNS[:2]], "folds_by": ["site", "patient"], "sites": 3, "cases": 112, "auc": [0.6123, 0.7234],
         "low": [0.5112, 0.6447], "high": [0.7113, 0.8056], "p": [0.0313, 0.00012]}))


def _of_features(found):
    """The second run as if learners had made it from a table of features, and its holdout were another cohort."""
    one = found.runs[1]
    origin = Origin("features", "table.csv", "ab", True, learner="logistic regression", features=30, cohort="other.csv")
    return replace(one, run=replace(one.run, facts={**one.run.facts, **origin_facts(origin)}),
                   cohort_difference=found.differences[1].comparison)


@pytest.fixture(scope="module")
def record(assessment):
    return json.loads(json.dumps(assessment_record(assessment), allow_nan=False))


@pytest.fixture(scope="module")
def rendered(assessment):
    return render_page(assessment)


@pytest.fixture(scope="module")
def page(rendered):
    """The page's words, those beside a figure too: no style, script, drawing, recipe and no row of a single case."""
    text = rendered[rendered.index("<body>"):rendered.index('<section id="made">')]
    text = re.sub(r'<(?:svg|img|canvas)[^>]* (?:aria-label|alt)="([^"]*)"', r" \1 \g<0>", text)
    text = re.sub(r'<svg.*?</svg>|<details class="predictions".*?</details>', " ", text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def _numbers(value):
    """Every number of a JSON value."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _numbers(one)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def _shown(record):
    """How each number of the record may be shown: one to three decimals, two digits, as a p-value."""
    forms = set(DECLARED)
    for value in _numbers(record):
        forms |= {f"{abs(value):.{digits}f}" for digits in (1, 2, 3)} | {f"{abs(value):.2g}"}
        forms |= {p_text(value)} if value >= 0 else set()
        forms.add(str(Decimal(str(abs(value))).quantize(Decimal("0.001"), ROUND_HALF_EVEN)))
    return forms


def _decimals(text):
    return re.findall(r"(?<![\w.])\d+\.\d+(?:e-\d+)?(?![\w.])|(?<![\w.])\de-\d+", text)


def test_every_number_of_the_text_is_one_of_the_record_rounded(assessment, record):
    text = report_text(assessment)
    assert len(_decimals(text)) > 100
    assert set(_decimals(text)) - _shown(record) == set()


def test_every_number_of_the_page_is_one_of_the_record_rounded(page, record):
    assert len(_decimals(page)) > 300
    assert set(_decimals(page)) - _shown(record) == set()


def test_floats_of_the_record_are_not_rounded(assessment, record):
    for one, kept in zip(assessment.runs, record["runs"], strict=True):
        assert kept["sets"]["out_of_fold"]["auc"]["value"] == one.main.verdict.estimate.value
        assert [row["brier"] for row in kept["fold_metrics"]] == one.fold_metrics["brier"].tolist()


def test_the_verdict_of_each_run_is_the_same_in_all_three(assessment, record, page):
    text = " ".join(report_text(assessment).split())
    for one, kept in zip(assessment.runs, record["runs"], strict=True):
        outcome = Outcome[kept["verdict"]["outcome"].upper()]
        assert outcome is one.outcome
        assert kept["verdict"]["tone"] == one.verdict.tone and f"verdict: {run_verdict_sentence(one.verdict)}." in text
        numbers = Outcome[kept["sets"]["out_of_fold"]["outcome"].upper()]
        assert kept["verdict"]["by_numbers"] == kept["sets"]["out_of_fold"]["outcome"]
        words = f"{numbers}: AUC {kept['sets']['out_of_fold']['auc']['value']:.3f} within folds"
        assert f"out-of-fold: {words}" in text and f"Out-of-fold: {words}" in page
    assert [name.lower() for name in record["runs"][-1]["verdict"]["conclusions"]] == [
        one.name.lower() for one in assessment.last.conclusions]


def test_the_summary_is_the_same_sentences_in_text_and_page(assessment, page):
    text, said = " ".join(report_text(assessment).split()), summarise(assessment.last)
    for one in (said.judged, said.verdict, said.reason, *said.auc, said.alarms, said.unchecked):
        assert one in text and one in page
    for head, sentence in said.lines:
        assert f"{head}: {sentence}" in text and f"{head} {sentence}" in page


def test_headings_are_in_order_and_every_figure_and_table_says_what_it_shows(rendered):
    found = Outline(rendered)
    assert found.headings[0] == 1 and found.skipped() == []
    assert found.silent == [] and found.bare == [] and len(found.said) > 15
    assert len(found.tables) > 30 and all(table.caption for table in found.tables)
    assert found.without_unit() == []


def test_alarms_stand_in_the_same_order_in_all_three(assessment, record, page):
    text = " ".join(report_text(assessment).split())
    for one, kept in zip(assessment.runs, record["runs"], strict=True):
        rows = [finding_row(finding) for finding in one.findings]
        assert [(row["code"], row["severity"].replace(" ", "_")) for row in rows] == [
            (finding["code"], finding["severity"]) for finding in kept["findings"]]
    assert len(assessment.runs[0].of_severity(Severity.ALARM)) == 2  # two cases with the same pixels, a high AUC
    for row in (finding_row(finding) for one in assessment.runs for finding in one.warnings):
        assert f"{row['severity']}: {row['check']}: {row['sentence']}" in text
        assert f"{row['severity']} {row['check']}: {row['sentence']}." in page
    sentences = [row["sentence"] for row in (finding_row(one) for one in assessment.last.findings)]
    places = [page.index(sentence, page.index("Leakage review")) for sentence in sentences]
    assert places == sorted(places)


def test_a_difference_of_runs_is_decided_once(assessment, record, page):
    text = " ".join(report_text(assessment).split())
    for one, kept in zip(assessment.differences, record["comparison"]["differences"], strict=True):
        assert kept["comparison"]["outcome"] == one.comparison.outcome.name.lower()
        assert f"{one.run} against {one.other}: {one.comparison.outcome}" in page
        assert f"AUC {kept['comparison']['estimate']['value']:+.3f}" in text


def test_what_is_said_of_another_hospital_is_the_same_in_all_three(assessment, record, page):
    judged, = assessment.runs[0].external.cohorts
    kept, = record["runs"][0]["external"]["cohorts"]
    assert kept["difference"]["estimate"]["value"] == judged.difference.estimate.value
    assert kept["outside"]["verdict"]["outcome"] == judged.outside.verdict.outcome.name.lower()
    assert len(kept["shift"]) == len(judged.shift) and kept["looks"]["judged"] == 1
    text = " ".join(report_text(assessment).split())
    lines = external_lines(judged)
    assert len(lines) == 10
    for head, sentence in lines:
        assert f"{head}: {sentence}" in text and f"{head[0].upper()}{head[1:]} {sentence}." in page
    assert record["runs"][0]["external"]["stale"] == ["old"]
    assert "a on old: predicted by other networks" in text and "a on old: predicted by other networks" in page


def test_folds_by_site_stand_beside_folds_by_patient_in_all_three(assessment, record, page):
    text = " ".join(report_text(assessment).split())
    assert [row["folds_by"] for row in record["comparison"]["site_folds"]] == ["site", "patient"]
    assert "Folds by site beside folds by patient" in page and "folds by site beside folds by patient" in text
    for words in ("a site 3 112 0.612 0.511 0.711", "a-seed-43 patient 3 112 0.723 0.645 0.806"):
        assert words in page and words in text


def test_another_cohort_of_features_is_judged_alike_in_all_three(assessment, record, page):
    text, lines = " ".join(report_text(assessment).split()), cohort_lines(assessment.runs[1])
    kept = record["runs"][1]["cohort_difference"]
    assert f"AUC {kept['estimate']['value']:+.3f}" in dict(lines)["difference"]
    assert "cases of other.csv" in dict(lines)["outside"] and len(lines) == 4
    for head, sentence in lines:
        assert f"{head}: {sentence}" in text and f"{head[0].upper()}{head[1:]} {sentence}." in page
    assert record["runs"][0]["cohort_difference"] is None and cohort_lines(assessment.runs[0]) == []


def test_predicted_masks_are_the_same_in_all_three(assessment, record, page):
    sentences = mask_sentences(assessment.runs[0].masks)
    assert "137 of 140 cases" in sentences[0] and "3: the predicted tumour is far too large" in sentences[0]
    assert "in 118 of 120" in sentences[1] and "in 79 of 80" in sentences[2]
    text = " ".join(report_text(assessment).split())
    for one in sentences:
        assert one in text and f"{one[0].upper()}{one[1:]}." in page
    assert record["runs"][0]["masks"]["figures"]["dice"]["median"] == 0.8765
    assert record["runs"][1]["masks"] is None and page.count("Predicted masks") == 1


def test_without_true_masks_the_figures_are_those_of_the_locators_own_cases(assessment):
    masks = assessment.runs[0].masks
    none = replace(masks.figures, true_masks=0, dice=None, volume_error=None, centres_mm=None, box_mm=None,
                   wholly_inside=0, wholly_inside_of_predicted=0, least_inside=None)
    found = replace(masks, figures=none)
    assert any("no true mask" in one for one in mask_sentences(found))
    table = masks_table(found)
    assert table["wholly_inside"].isna().tolist() == table["dice"].isna().tolist() == [True, False]


def test_the_record_says_its_version_and_how_numbers_came_about(record):
    assert (record["version"], record["draws"], record["threshold"]) == (VERSION, DRAWS, 0.5)


def test_what_cannot_be_computed_is_null_and_an_outcome_is_its_name_in_small_letters():
    table = pd.DataFrame({"auc": [np.nan, 0.1 + 0.2], "cases": np.array([1, 2])})
    assert plain({"a": table, "b": np.float64("inf"), "c": pd.NA, "d": Outcome.UNCLEAR}) == {
        "a": [{"auc": None, "cases": 1}, {"auc": 0.1 + 0.2, "cases": 2}], "b": None, "c": None, "d": "unclear"}


def test_the_record_has_what_a_run_lacks_as_null_and_the_phantoms_ceiling(record):
    assert record["runs"][0]["acquisition"] is None and record["runs"][-1]["acquisition"] is not None
    assert record["runs"][0]["ceiling"] == {"data": "input/phantom", "auc": 0.983, "reason": ""}
