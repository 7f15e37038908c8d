"""The page: all that is known of runs in one file that opens from a disk or a mail, on a desk or a phone, or on paper.

In: runs, their summary and judgement. Out: `report.html` beside the last run, with its style, script, charts and images
inside: nothing is fetched from anywhere. The template (page.html) holds the words around the numbers; what it shows is
put together here, as plain tables and text, and Jinja escapes it.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.core import files
from radiogen.dataset.labels import ID, LABEL
from radiogen.evaluation.audit.claim import claim_items
from radiogen.evaluation.predicted_runs import slice_sentence
from radiogen.evaluation.report.judgement import Judgement
from radiogen.evaluation.report.page_charts import best_image_free, comparison_charts, forest_rows, run_charts
from radiogen.evaluation.report.page_images import by_label, read_images
from radiogen.evaluation.report.page_paths import without_folders
from radiogen.evaluation.report.page_summary import summary_lines, tone
from radiogen.evaluation.report.provenance import Making, commands, provenance_table, read_making
from radiogen.evaluation.stats.intervals import compare, verdict
from radiogen.evaluation.stats.metrics import fold_table, scored
from radiogen.evaluation.stats.power import fold_groups, resolvability_table
from radiogen.evaluation.stats.seeds import seed_table
from radiogen.evaluation.text_tables import rounded
from radiogen.runs.fold_weights import Networks
from radiogen.runs.folds import HOLDOUT, TEST
from radiogen.runs.lineage import lineage_text
from radiogen.runs.predicted_run import PredictedRun
from radiogen.runs.predictions import THRESHOLD, holdout, out_of_fold

PAGE, PROVENANCE = "report.html", "provenance.csv"
HEADINGS = {"auc": "AUC", "f1": "F1", "low": "from", "high": "to", "p": "p", "brier": "Brier score", "rho": "rho",
            "run_auc": "AUC of the run", "baseline_auc": "AUC without images", "smallest_auc": "smallest AUC",
            "within_fold_auc": "AUC within folds", "within_fold_low": "from", "within_fold_high": "to",
            "optimistic_auc": "optimistic AUC", "p_adjusted": "p adjusted", "bootstrap_low": "from, bootstrap",
            "bootstrap_high": "to, bootstrap", ID: "patient", LABEL: "MGMT"}
SHOWN_CORRELATIONS = 12


def write_page(runs: Sequence[PredictedRun], summary: pd.DataFrame, judged: Mapping[str, Judgement],
               networks: Networks | None = None) -> list[Path]:
    """Write `report.html` into the last run's folder and `provenance.csv` into every run's; returns the paths.

    summary: `summary_table` of all runs; judged: by the run's name; networks: as in `read_making`. To be called with
    the last run's folder held.
    """
    import jinja2

    makings = {run.name: read_making(run.folder, networks) for run in runs}
    tables = {run.name: provenance_table(run, makings[run.name]) for run in runs}
    written = [files.write_csv(run.folder / PROVENANCE, tables[run.name]) for run in runs]
    parts = [_run_part(run, judged[run.name], makings[run.name], tables[run.name], last=run is runs[-1])
             for run in runs]
    explained = any(part["images"] is not None for part in parts)
    lines = summary_lines(runs, judged, makings[runs[-1].name])
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
                                     lstrip_blocks=True)
    text = environment.from_string(_kept("page.html")).render(
        title=runs[-1].name, style=_kept("page.css"), script=_kept("viewer.js"), lines=lines,
        tone=tone(runs[-1], judged[runs[-1].name]), runs=parts, comparison=_comparison(runs, summary, judged),
        resolvability=_table(resolvability_table(fold_groups(runs[-1].predictions))),
        claim=claim_items(runs[-1], judged[runs[-1].name], makings[runs[-1].name], explained),
        data=_script_data(parts, tables, makings))
    text = without_folders(text, runs[-1].folder.parent, makings.values())
    return [files.write_text(runs[-1].folder / PAGE, text), *written]


def _comparison(runs: Sequence[PredictedRun], summary: pd.DataFrame, judged: Mapping[str, Judgement]) -> dict:
    """Forest, confusion matrices of the holdout, both tables, differences of the last run from each other one."""
    tables = []
    for prefix, title in (("out_of_fold", "Out-of-fold, all folds pooled"), ("holdout", "Holdout")):
        if summary[f"{prefix}_cases"].any():
            own = summary[["run", *(name for name in summary if name.startswith(f"{prefix}_"))]]
            tables.append((title, _table(own.rename(columns=lambda name, cut=f"{prefix}_": name.removeprefix(cut)
                                                    .removeprefix("auc_")))))
    seeds = seed_table(runs)
    ensemble = runs[-1].folder / "ensemble.csv"
    joined = pd.read_csv(ensemble) if ensemble.is_file() and runs[-1].facts.get("members") else None
    matrices = [_matrix(f"{run.name}, holdout", holdout(run.predictions)) for run in runs
                if len(holdout(run.predictions))]
    return {"charts": comparison_charts(runs, forest_rows(summary), best_image_free(judged)), "tables": tables,
            "matrices": matrices, "differences": _differences(runs),
            "seeds": _table(seeds) if len(seeds) else None,
            "ensemble": None if joined is None else _table(joined)}


def _differences(runs: Sequence[PredictedRun]) -> list[str]:
    told, last = [], runs[-1]
    for run in runs[:-1]:
        pair = out_of_fold(last.predictions).merge(out_of_fold(run.predictions)[[ID, "probability"]], on=ID,
                                                   suffixes=("", "_other"))
        labels, own = scored(pair)
        found = compare(labels, own, pair.loc[pair[LABEL].notna(), "probability_other"].to_numpy(float))
        told.append(f"{last.name} against {run.name}: {found.sentence}")
    return told


def _run_part(run: PredictedRun, judgement: Judgement, making: Making, table: pd.DataFrame, last: bool) -> dict:
    """All that the page shows of one run."""
    judged, kept = out_of_fold(run.predictions), holdout(run.predictions)
    folds = sorted(judged.groupby("fold"), key=lambda pair: int(pair[0]))
    verdicts = [(name, verdict(*scored(cases)).sentence) for name, cases in (("Out-of-fold", judged), ("Holdout", kept))
                if len(cases)]
    confounds = judgement.confounds
    return {"name": run.name, "last": last, "slices": slice_sentence(run), "charts": run_charts(run),
            "verdicts": verdicts, "folds": _table(fold_table(run.predictions)),
            "thresholds": _table(judgement.thresholds),
            "matrices": [_matrix(f"Fold {fold}", cases) for fold, cases in folds]
            + ([_matrix("Holdout", kept)] if len(kept) else []),
            "confounds": None if confounds is None else {
                "sentences": confounds.sentences, "models": _table(confounds.image_free),
                "gains": _table(confounds.gains), "planes": _table(confounds.within_planes),
                "correlations": _table(confounds.correlations.head(SHOWN_CORRELATIONS)),
                "hidden": max(0, len(confounds.correlations) - SHOWN_CORRELATIONS)},
            "null": judgement.null, "null_pictures": [_inline(path) for path in sorted(run.folder.glob("null_*.png"))],
            "findings": judgement.findings, "images": _images(run.folder),
            "predictions": _predictions(run.predictions, table), "making": _making(making),
            "files": sorted(path.name for path in run.folder.iterdir()
                            if path.is_file() and path.name[0] != "." and path.name != PAGE)}


def _images(folder: Path) -> dict | None:
    images = read_images(folder)
    if images is None:
        return None
    return {**{name: getattr(images, name) for name in ("sequence", "sequences", "rank", "left_out", "planes",
                                                        "sections", "cube_of", "cases")},
            "by_label": [(label, cases) for label, cases in by_label(images) if cases]}


def _predictions(predictions: pd.DataFrame, table: pd.DataFrame) -> list[dict]:
    """A row a case, those first whose fold comes first; test cases have no label."""
    hashes = table.drop_duplicates(ID).set_index(ID)["array_sha256"]
    order = predictions.assign(place=predictions["fold"].map({HOLDOUT: 1000, TEST: 1001}).fillna(
        pd.to_numeric(predictions["fold"], errors="coerce")))
    return [{"id": row[ID], "fold": row["fold"], "label": "" if pd.isna(row[LABEL]) else str(row[LABEL]),
             "probability": f"{row['probability']:.3f}", "predicted": row["predicted"],
             "right": None if pd.isna(row[LABEL]) else bool(row[LABEL] == row["predicted"]),
             "array": hashes.get(row[ID], "")[:10]}
            for row in order.sort_values(["place", ID]).to_dict("records")]


def _making(making: Making) -> dict:
    """Recipe, versions, data, networks and commands as the page shows them; an ensemble's members side by side."""
    members = list(making.members.values()) or [making]
    names = list(dict.fromkeys(name for one in members for name in one.recipe))
    recipe = [[name, *(_shown(one.recipe.get(name, "")) for one in members)] for name in names]
    first = making.first
    versions = {**{name: value for name, value in first.environment.items() if name != "packages"},
                **first.environment.get("packages", {})}
    return {"members": [one.name for one in members], "recipe": recipe,
            "versions": [(name.replace("_", " "), _shown(value)) for name, value in versions.items()],
            "facts": [[name.replace("_", " "), *(_shown(one.facts.get(name, "")) for one in members)]
                      for name in dict.fromkeys(name for one in members for name in one.facts) if name != "lineage"]
            + ([["started from", *(lineage_text(one.lineage).removeprefix("started from ") or "nothing"
                                   for one in members)]] if any(one.lineage for one in members) else []),
            "first": [(one.run, fold, mark) for making in members for one in making.lineage
                      for fold, mark in one.weights.items()],
            "networks": [(one.name, fold, mark) for one in members for fold, mark in one.networks.items()],
            "commands": commands(making)}


def _script_data(parts: Sequence[dict], tables: Mapping[str, pd.DataFrame], makings: Mapping[str, Making]) -> str:
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
    rows = {name: {str(case): [[pool.setdefault(cell, len(pool)) for cell in row]
                               for row in group[columns].astype(str).to_numpy().tolist()]
                   for case, group in table.groupby(ID)} for name, table in tables.items()}
    told = {"cases": cases, "columns": columns, "rows": rows, "texts": list(pool),
            "commands": {name: commands(one) for name, one in makings.items()}}
    return json.dumps(told, separators=(",", ":")).replace("<", "\\u003c")


def _inline(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _matrix(title: str, cases: pd.DataFrame) -> dict:
    """Counts of a confusion matrix, true classes down, and how dark each cell is."""
    labels, probabilities = scored(cases)
    called = probabilities >= THRESHOLD
    cells = [[int(((labels == row) & (called == column)).sum()) for column in (False, True)] for row in (False, True)]
    most = max(1, max(map(max, cells)))
    return {"title": title, "cells": [[(count, round(count / most, 2)) for count in row] for row in cells],
            "right": int((labels == called).sum()), "cases": len(labels)}


def _table(table: pd.DataFrame) -> dict:
    """A table as text: headings in words, three decimals, a dash where there is nothing."""
    text = rounded(table.astype({name: object for name in table if table[name].dtype == bool}))
    for name in ("p", "p_adjusted"):
        if name in text:
            text[name] = table[name].map(lambda value: "" if pd.isna(value) else f"{value:.2g}")
    for name in ("number", "methylated"):
        if name in text:
            text[name] = table[name].map(lambda value: f"{value:g}")
    if "field" in text:
        text["field"] = text["field"].str.replace("_mm", ", mm").str.replace("_", " ")
    numeric = [pd.api.types.is_numeric_dtype(table[name]) for name in table]
    return {"headings": [(_heading(name), number) for name, number in zip(table.columns, numeric, strict=True)],
            "rows": [[(cell if cell not in ("", "nan") else "–", number) for cell, number in
                      zip(row, numeric, strict=True)] for row in text.to_numpy().tolist()]}


def _heading(name: str) -> str:
    own = name.removesuffix("_at_half")
    told = HEADINGS.get(own, own.replace("_", " "))
    return told if own == name else f"{told} at {THRESHOLD:g}"


def _shown(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


def _kept(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
