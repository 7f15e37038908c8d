"""The page: all that is known of runs in one file that opens from a disk or a mail, on a desk or a phone, or on paper.

In: an `Assessment`. Out: HTML with its style, script, charts and images inside: nothing is fetched from anywhere. The
template (page.html) holds the words around the numbers; what it shows is put together here, as plain tables and text,
and Jinja escapes it. No figure is computed here but what the charts draw of the predictions.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd

from radiogen.evaluation.audit.doubtful import finding_cases
from radiogen.evaluation.audit.finding_text import finding_row
from radiogen.evaluation.audit.findings import Severity
from radiogen.evaluation.checklists.checklist import checklists
from radiogen.evaluation.clinical.sentences import calibration_table, clinical_lines
from radiogen.evaluation.external.assessment import ExternalAssessment
from radiogen.evaluation.external.sentences import external_lines, measures_table, stale_sentence
from radiogen.evaluation.mask_quality import mask_sentences, masks_table
from radiogen.evaluation.others import origin
from radiogen.evaluation.report.assessment import Assessment, ConfusionMatrix, RunAssessment
from radiogen.evaluation.report.page_charts import (
    clinical_charts,
    comparison_charts,
    external_charts,
    run_charts,
    scale,
)
from radiogen.evaluation.report.page_images import PAGE_BYTES, by_label, run_images
from radiogen.evaluation.report.provenance import RunProvenance, commands
from radiogen.evaluation.report.summary import USE, cohort_lines, summarise
from radiogen.evaluation.stats.listed import Sample, rows_of_each, sample_predictions
from radiogen.evaluation.text_tables import field_text, rounded
from radiogen.evaluation.wording import (
    comparison_sentence,
    confound_sentences,
    permutation_sentence,
    slice_sentence,
    verdict_sentence,
)
from radiogen.runs import layout
from radiogen.runs.explained import Explained
from radiogen.runs.folds import HOLDOUT
from radiogen.runs.lineage import beginning_text, lineage_text
from radiogen.runs.predictions import THRESHOLD
from radiogen.task import ID, LABEL

HEADINGS = {"auc": "AUC", "f1": "F1", "low": "from", "high": "to", "p": "p", "brier": "Brier score", "rho": "rho",
            "run_auc": "AUC of the run", "baseline_auc": "AUC without images", "smallest_auc": "smallest AUC",
            "within_fold_auc": "AUC within folds", "within_fold_low": "from", "within_fold_high": "to",
            "optimistic_auc": "optimistic AUC", "p_adjusted": "p adjusted", "bootstrap_low": "from, bootstrap",
            "bootstrap_high": "to, bootstrap", ID: "patient",
            "slope_low": "from", "slope_high": "to", "intercept_low": "from", "intercept_high": "to",
            "positive_value": "PPV", "positive_value_low": "from", "positive_value_high": "to",
            "negative_value": "NPV", "negative_value_low": "from", "negative_value_high": "to",
            "inside_low": "from", "inside_high": "to", "outside_low": "from", "outside_high": "to", "ks": "KS",
            "psi": "PSI", "psi_by_chance": "PSI by chance", "inside_auc": "AUC inside", "outside_auc": "AUC outside",
            "dice": "Dice", "dice_low": "from", "dice_high": "to", "centres_mm": "boxes' middles apart",
            "box_mm": "boxes' sides apart", "wholly_inside": "whole tumour in crop", "least_inside": "least in crop"}
UNITS = {**dict.fromkeys(("cases", "positive", "number", "seeds", "sites", "uncertain"), "n"),
         **dict.fromkeys(("auc", "within_fold_auc", "run_auc", "baseline_auc", "optimistic_auc", "smallest_auc",
                          "inside_auc", "outside_auc", "accuracy", "precision", "recall", "f1", "average_precision",
                          "brier", "calibration_error", "threshold", "prevalence", "positive_value", "negative_value",
                          "ks"), "0 to 1"),
         **dict.fromkeys(("gain", "half_width", "smallest_difference", "resolvable"), "of AUC"),
         **dict.fromkeys(("predicted", "true_masks", "wholly_inside"), "n"),
         **dict.fromkeys(("centres_mm", "box_mm"), "mm"),
         **dict.fromkeys(("dice", "volume_error", "least_inside"), "0 to 1"),
         "rho": "−1 to 1", "slope": "1 is right", "intercept": "0 is right", "psi": "0: no shift"}
"""Of columns; *from* and *to* have that of the column before them."""
SHOWN_CORRELATIONS = SHOWN_SHIFTS = 12
MARKS = {"good": "✓", "none": "–", "poor": "!"}
"""Beside the verdict's words, so that its colour is not the only sign."""


def render_page(assessment: Assessment) -> str:
    """The page as HTML; the template shows the last run first."""
    import jinja2

    last = assessment.last
    pictures = PAGE_BYTES // max(1, sum(one.explained is not None for one in assessment.runs))
    each = rows_of_each(len(assessment.runs))
    parts = [{**_run_part(one, last=one is last, pictures=pictures, rows=each),
              "own_resolution": own_resolution(one, last)}
             for one in assessment.runs]
    explained = any(part["images"] is not None for part in parts)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
                                     lstrip_blocks=True)
    return environment.from_string(_kept("page.html")).render(
        title=last.name, style=_kept("page.css"), script=_kept("viewer.js"), summary=summarise(last), use=USE,
        scale=scale(last), tone=last.verdict.tone, mark=MARKS[last.verdict.tone], task=last.run.task, runs=parts,
        comparison=_comparison(assessment), files=layout,
        framed=any(part["own_resolution"] for part in parts),
        resolvability=_table(assessment.resolvability), checklists=checklists(last, explained),
        data=_script_data(parts, assessment))


def own_resolution(assessed: RunAssessment, last: RunAssessment) -> str:
    """Where, from the folder of the run `last` on, the page of a run's images lies; "" where there is none."""
    if assessed.explained is None or not (assessed.run.folder / layout.REPORT_IMAGES).is_file():
        return ""
    beside = "" if assessed is last else f"../{assessed.run.folder.name}/"
    return quote(f"{beside}{layout.REPORT_IMAGES}")


def _comparison(assessment: Assessment) -> dict:
    """Forest, confusion matrices of the holdout, both tables, differences of the last run from each other one."""
    tables, summary = [], assessment.summary
    for prefix, title in (("out_of_fold", "Out-of-fold: AUC pooled and within folds, all else with folds pooled"),
                          ("holdout", "Holdout")):
        if summary[f"{prefix}_cases"].any():
            own = summary[["run", *(name for name in summary if name.startswith(f"{prefix}_"))]]
            tables.append((title, _table(own.rename(columns=lambda name, cut=f"{prefix}_": name.removeprefix(cut)
                                                    .removeprefix("auc_")))))
    return {"charts": comparison_charts(assessment), "tables": tables,
            "matrices": [_matrix(f"{one.name}, holdout", one.matrices[HOLDOUT]) for one in assessment.runs
                         if HOLDOUT in one.matrices],
            "differences": [f"{one.run} against {one.other}: {comparison_sentence(one.comparison)}"
                            for one in assessment.differences],
            "sites": _table(assessment.site_folds) if len(assessment.site_folds) else None,
            "seeds": _table(assessment.seeds) if len(assessment.seeds) else None,
            "ensemble": None if assessment.ensemble is None else _table(assessment.ensemble)}


def _run_part(assessed: RunAssessment, last: bool, pictures: int, rows: int) -> dict:
    """All that the page shows of one run; pictures: how many bytes its images may take; rows: how many predictions."""
    folder, found, listed = assessed.run.folder, assessed.confounds, _listed(assessed, rows)
    return {"name": assessed.name, "last": last, "task": assessed.run.task, "charts": run_charts(assessed),
            "slices": "" if assessed.slices is None else slice_sentence(assessed.slices),
            "verdicts": [(one.name.capitalize(), verdict_sentence(one.verdict)) for one in assessed.sets],
            "folds": _table(assessed.fold_metrics), "thresholds": _table(assessed.thresholds),
            "matrices": [_matrix("Holdout" if fold == HOLDOUT else f"Fold {fold}", one)
                         for fold, one in assessed.matrices.items()],
            "clinical": None if assessed.clinical is None else {
                "lines": clinical_lines(assessed.clinical, assessed.run.task), "charts": clinical_charts(assessed),
                "calibration": _table(calibration_table(assessed.clinical)),
                "predictive": _table(assessed.clinical.predictive_values)},
            "confounds": None if found is None else {
                "sentences": confound_sentences(found), "models": _table(found.image_free),
                "gains": _table(found.gains), "planes": _table(found.within_planes),
                "groups": _table(found.groups.drop(columns=["cohort", "too_small"])) if len(found.groups) else None,
                "correlations": _table(found.correlations.head(SHOWN_CORRELATIONS)),
                "hidden": max(0, len(found.correlations) - SHOWN_CORRELATIONS)},
            "masks": None if assessed.masks is None else {
                "sentences": mask_sentences(assessed.masks), "table": _table(masks_table(assessed.masks))},
            "labels": None if assessed.label_sensitivity is None else _table(assessed.label_sensitivity),
            "permutations": [permutation_sentence(one) for one in assessed.permutations],
            "permutation_pictures": [(_inline(path), permutation_sentence(one)) for one in assessed.permutations
                                     if (path := folder / layout.permutation_picture(one.within)).is_file()],
            "findings": [finding_row(one) for one in assessed.findings],
            "external": [_external(assessed, one) for one in assessed.external.cohorts],
            "cohort": cohort_lines(assessed),
            "stale": [stale_sentence(assessed.name, name) for name in assessed.external.stale],
            "images": None if assessed.explained is None else _images(
                assessed.explained, assessed.run.task.classes, pictures),
            "predictions": _predictions(listed, assessed.provenance_table), "listed": listed.text,
            "provenance": _provenance(assessed.provenance),
            "files": sorted(path.name for path in folder.iterdir()
                            if path.is_file() and path.name[0] != "." and path.name != layout.REPORT)}


def _external(assessed: RunAssessment, judged: ExternalAssessment) -> dict:
    """All that the page shows of a run on one external cohort."""
    shift = judged.shift.sort_values("psi", ascending=False, kind="stable").drop(
        columns=["inside_cases", "outside_cases", "p"])  # in the table's file
    return {"name": judged.name, "lines": external_lines(judged), "charts": external_charts(assessed.run, judged),
            "measures": _table(measures_table(judged)),
            "groups": _table(judged.groups.drop(columns="too_small")) if len(judged.groups) else None,
            "image_free": _table(judged.image_free) if len(judged.image_free) else None,
            "shift": _table(shift.head(SHOWN_SHIFTS)), "hidden": max(0, len(shift) - SHOWN_SHIFTS),
            "looks": _table(judged.looks.rows[["date", "run", "cases", "positive", "outcome", "auc"]])}


def _images(explained: Explained, classes: tuple[str, str], most: int) -> dict:
    images = run_images(explained, classes, most)
    return {**{name: getattr(images, name) for name in ("sequence", "sequences", "rank", "left_out", "planes",
                                                        "sections", "cube_of", "cases")},
            "by_label": [(label, cases) for label, cases in by_label(images) if cases]}


def _listed(assessed: RunAssessment, most: int) -> Sample:
    """The predictions of a run that are listed, at most so many, among them cases that a finding or an image names."""
    named = {case for one in assessed.findings if one.severity is not Severity.PASSED for case in finding_cases(one)}
    if assessed.explained is not None:
        named |= set(assessed.explained.ids.tolist())
    return sample_predictions(assessed.run.predictions, named, most)


def _predictions(sample: Sample, provenance: pd.DataFrame) -> list[dict]:
    """A row a case that is listed; test cases have no label."""
    hashes = provenance.drop_duplicates(ID).set_index(ID)["array_sha256"].reindex(sample.predictions[ID]).fillna("")
    return [{"id": row[ID], "fold": row["fold"], "label": "" if pd.isna(row[LABEL]) else str(row[LABEL]),
             "probability": f"{row['probability']:.3f}", "predicted": row["predicted"],
             "right": None if pd.isna(row[LABEL]) else bool(row[LABEL] == row["predicted"]), "array": mark[:10]}
            for row, mark in zip(sample.predictions.to_dict("records"), hashes, strict=True)]


def _provenance(made: RunProvenance) -> dict:
    """Recipe, versions, data, networks and commands as the page shows them; an ensemble's members side by side."""
    members = list(made.members.values()) or [made]
    names = list(dict.fromkeys(name for one in members for name in one.recipe))
    recipe = [[name.replace("_", " "), *(_shown(one.recipe.get(name, "")) for one in members)] for name in names]
    first = made.first
    versions = {**{name: value for name, value in first.environment.items() if name != "packages"},
                **first.environment.get("packages", {})}
    return {"members": [one.name for one in members], "recipe": recipe,
            "versions": [(name.replace("_", " "), _shown(value)) for name, value in versions.items()],
            "facts": [[name.replace("_", " "), *(_shown(one.facts.get(name, "")) for one in members)]
                      for name in dict.fromkeys(name for one in members for name in one.facts)
                      if name not in ("lineage", "first_weights", origin.KEY)]
            + ([["made from", *(origin.origin_text(one) if (one := origin.origin_of(member.facts)) else "training"
                                for member in members)]] if any(origin.origin_of(one.facts) for one in members) else [])
            + ([["started from", *(lineage_text(one.lineage).removeprefix("started from ") or "nothing"
                                   for one in members)]] if any(one.lineage for one in members) else [])
            + ([["initial weights", *(beginning_text(one.first_weights, ()).removeprefix("began with ") or "random"
                                      for one in members)]] if any(one.first_weights for one in members) else []),
            "first": [(one.run, fold, mark) for member in members for one in member.lineage
                      for fold, mark in one.weights.items()],
            "networks": [(one.name, fold, mark) for one in members for fold, mark in one.networks.items()],
            "commands": commands(made)}


def _script_data(parts: Sequence[dict], assessment: Assessment) -> str:
    """What viewer.js reads: the cases' pictures and, by run and case, where a prediction comes from; JSON for HTML."""
    cases = {part["name"]: [asdict(case) for case in part["images"]["cases"]] if part["images"] else []
             for part in parts}
    for group in cases.values():
        for case in group:
            case.pop("views")
            case.pop("still")
    pool: dict[str, int] = {}
    columns = ["run", "seed", "networks", "networks_sha256", "array", "array_sha256", "slices",
               "series_files", "series_sha256"]
    rows: dict[str, dict[str, list]] = {}
    for one, part in zip(assessment.runs, parts, strict=True):
        listed = one.provenance_table[one.provenance_table[ID].isin({row["id"] for row in part["predictions"]})]
        own = rows.setdefault(one.name, {})
        for case, *cells in listed[[ID, *columns]].astype(str).to_numpy().tolist():
            own.setdefault(case, []).append([pool.setdefault(_without_case(cell, case), len(pool)) for cell in cells])
    content = {"cases": cases, "columns": columns, "rows": rows, "texts": list(pool),
            "commands": {one.name: commands(one.provenance) for one in assessment.runs},
            "classes": {one.name: one.run.task.classes for one in assessment.runs}}
    return json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")


def _without_case(cell: str, case: str) -> str:
    """Paths with a zero byte, which is in no path, for the case's id, so that all cases share one text."""
    parts = []
    for path in cell.split(" "):
        folder, name, rest = path.rpartition(f"/{case}/")
        parts.append(f"{folder}/\0/{rest.replace(case, chr(0))}" if name else
                     f"{path.removesuffix(f'/{case}.npy')}/\0.npy" if path.endswith(f"/{case}.npy") else path)
    return " ".join(parts)


def _inline(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _matrix(title: str, matrix: ConfusionMatrix) -> dict:
    """Counts of a confusion matrix, true classes down, and how dark each cell is."""
    most = max(1, max(map(max, matrix.counts)))
    return {"title": title, "cells": [[(count, round(count / most, 2)) for count in row] for row in matrix.counts],
            "right": matrix.right, "cases": matrix.cases}


def _table(table: pd.DataFrame) -> dict:
    """A table as text: headings in words, three decimals, a dash where there is nothing."""
    text = rounded(table.astype({name: object for name in table if table[name].dtype == bool}))
    for name in ("p", "p_adjusted"):
        if name in text:
            text[name] = table[name].map(lambda value: "" if pd.isna(value) else f"{value:.2g}")
    for name in ("number", "positive"):
        if name in text:
            text[name] = table[name].map(lambda value: f"{value:g}")
    for name in ("inside", "outside"):  # medians of counts among shares
        if name in text:
            text[name] = table[name].map(lambda value: f"{value:.3f}".removesuffix(".000"))
    if "field" in text:
        text["field"] = field_text(text["field"])
    numeric = [pd.api.types.is_numeric_dtype(table[name]) for name in table]
    return {"headings": [(_heading(name), number, UNITS.get(name.removesuffix("_at_half"), "") if number else "")
                         for name, number in zip(table.columns, numeric, strict=True)],
            "rows": [[(cell if cell not in ("", "nan") else "–", number) for cell, number in
                      zip(row, numeric, strict=True)] for row in text.to_numpy().tolist()]}


def _heading(name: str) -> str:
    own = name.removesuffix("_at_half")
    heading = HEADINGS.get(own, own.replace("_", " "))
    return heading if own == name else f"{heading} at {THRESHOLD:g}"


def _shown(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


def _kept(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
