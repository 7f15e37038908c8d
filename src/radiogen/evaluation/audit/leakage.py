"""How a run could have fooled its judge: patients and pixels on both sides of a split, a holdout looked at twice.

In: the tables of a run's folder. Out: findings in words, each with its remedy. What cannot be looked at is said to be
unchecked and is no error. Patients are told apart by their ids, which is all that the competition's layout knows;
pixels by the hash of a case's cached arrays and by a difference hash of 256 bits that outlives another encoding.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import NormalDist
from typing import Literal

import numpy as np
import pandas as pd

from radiogen.core import files
from radiogen.dataset.labels import ID, LABEL
from radiogen.dataset.layout import COMPETITION
from radiogen.evaluation.stats.metrics import auc, scored
from radiogen.runs import layout
from radiogen.runs.fold_weights import Networks, check_run, unrecorded
from radiogen.runs.folds import TEST
from radiogen.runs.lineage import Ancestor, folds_fingerprint, lineage_text, read_lineage
from radiogen.runs.predictions import holdout, out_of_fold

Severity = Literal["alarm", "note", "passed", "not checked"]

SUSPICIOUS_AUC = 0.75
"""On the competition's data: gold began at 0.601, and no figure above 0.65 has been repeated by others."""
LIKENESS_BITS = 256
LIKENESS_LIMIT = 10
"""Bits of difference up to which two cases may be one image: a real FLAIR series with 1 % noise or another gamma
differs from itself in at most 9 (of 24 series), two different patients in at least 14."""
SCORINGS = "holdout_scorings.csv"
SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """What one check found: its `severity`, the check's name, a sentence, and what to do (empty where it passed)."""

    severity: Severity
    check: str
    sentence: str
    remedy: str = ""


def review_run(folder: Path, predictions: pd.DataFrame, networks: Networks | None = None) -> list[Finding]:
    """Every check on the run in `folder`, models/<run>; alarms first. Reads, writes nothing.

    Takes `folds.csv`, `arrays.csv`, `recipe.json`, `run.json` and `holdout_scorings.csv` from the folder as far as
    they are there; predictions: the run's own; networks: as in `review_networks`. For an ensemble the arrays of its
    first member that has some count.
    """
    folds = _read(folder / "folds.csv", (ID, LABEL, "fold"))
    arrays = next((table for place in with_members(folder)
                   if (table := _read(place / "arrays.csv", (ID, "split", "sha256", "likeness"))) is not None), None)
    findings = [*review_patients(folds, predictions, arrays), *review_pixels(folds, arrays),
                *review_networks(folder, networks),
                *(finding for place in with_members(folder) for finding in review_lineage(place)),
                review_holdout(_read(folder / SCORINGS, ("date", "sha256"))),
                review_auc(predictions, suspicious_auc(folder))]
    order = ("alarm", "note", "not checked", "passed")
    return sorted(findings, key=lambda finding: order.index(finding.severity))


def review_networks(folder: Path, networks: Networks | None = None) -> list[Finding]:
    """Whether each network is the one that training of its fold wrote, members' of an ensemble too; [] without any.

    networks: what was checked before, as in `fold_weights.check_run`.
    Raises UserError where one is not: its out-of-fold predictions were made by a network that saw the cases.
    """
    places, check = with_members(folder), "networks"
    count = sum(len(check_run(place, networks)) for place in places)
    lines = [line for place in places if (line := unrecorded(place))]
    if lines:
        return [Finding("not checked", check, "; ".join(lines), "train the run again where it has to be shown")]
    text = f"{count} networks, each the file that training of its fold wrote"
    return [Finding("passed", check, text)] if count else []


def review_lineage(folder: Path) -> list[Finding]:
    """Whether the networks that a run began with had seen the cases that its own networks judge; [] where it began
    from nothing.

    Takes what run.json and each fold's `first_weights.json` recorded, and the ancestors themselves where they are
    still there. Other folds anywhere in the lineage, or another fold's network, are alarms.
    """
    check, lineage = "lineage", read_lineage(folder)
    firsts = {fold: first for fold, place in layout.fold_folders(folder, holding=layout.FIRST_WEIGHTS).items()
              if "run" in (first := files.read_json(place / layout.FIRST_WEIGHTS))}
    folds = _read(folder / "folds.csv", (ID, LABEL, "fold"))
    if not lineage:
        told = [f"fold {fold} began with a network of {first['run']}" for fold, first in firsts.items()]
        return [Finding("alarm", check, f"{', '.join(told)}, and run.json tells of none", "restore run.json, or train "
                        "a new run")] if told else []
    own = folds_fingerprint(folds) if folds is not None else ""
    findings = [Finding("alarm", check, f"it began with networks of {one.run}, whose folds are others: they had seen "
                        "cases that its own networks judge", "train a new run from nothing")
                for one in lineage if one.folds != own]
    parent = lineage[0]
    wrong = {fold: next((other for other, digest in parent.weights.items() if digest == first.get("sha256")), "")
             for fold, first in firsts.items() if first.get("sha256") != parent.weights.get(fold)}
    for fold, other in wrong.items():
        words = (f"the network of fold {other} of {parent.run}, which had seen its cases" if other else
                 f"another network than run.json tells of {parent.run}")
        findings.append(Finding("alarm", check, f"fold {fold} began with {words}",
                                "restore run.json, or train a new run"))
    for one in lineage:
        findings += _review_ancestor(folder.parent / one.run, one, own)
    return findings or [Finding("passed", check, f"{lineage_text(lineage)}, on the same folds")]


def findings_text(findings: Sequence[Finding]) -> str:
    """The findings as lines for a terminal."""
    return "\n".join(f"{one.severity}: {one.check}: {one.sentence}" + (f"; {one.remedy}" if one.remedy else "")
                     for one in findings)


def review_patients(folds: pd.DataFrame | None, predictions: pd.DataFrame,
                    arrays: pd.DataFrame | None = None) -> list[Finding]:
    """Whether a patient stands in two folds, in training and test, or was scored by a network that had seen them.

    folds: the table of folds; arrays: with `BraTS21ID, split`; None where they are missing.
    """
    check = "patients"
    if folds is None:
        return [_unchecked(check, "folds.csv")]
    findings = []
    doubled = folds.loc[folds[ID].duplicated(), ID].unique()
    if len(doubled):
        findings.append(Finding("alarm", check, f"{_ids(doubled)} in more than one row of folds.csv",
                                "keep one row a patient and train again"))
    test = set(predictions.loc[predictions["fold"] == TEST, ID])
    if arrays is not None:
        test |= set(arrays.loc[arrays["split"] == "test", ID])
    both = sorted(test & set(folds[ID]))
    if both:
        findings.append(Finding("alarm", check, f"{_ids(both)} in the training and in the test set",
                                "take them out of the labels and train again"))
    own = predictions[predictions["fold"] != TEST].merge(folds[[ID, "fold"]].drop_duplicates(ID), on=ID, how="left",
                                                         suffixes=("", "_kept"))
    moved = own.loc[own["fold_kept"].notna() & (own["fold"] != own["fold_kept"]), ID]
    if len(moved):
        findings.append(Finding("alarm", check, f"{_ids(moved)} predicted in another fold than folds.csv says, so by a "
                                "network that may have seen them", "predict again, with the folds of the training"))
    strange = own.loc[own["fold_kept"].isna(), ID]
    if len(strange):
        findings.append(Finding("alarm", check, f"{_ids(strange)} predicted but in no fold",
                                "predict again, with the folds of the training"))
    return findings or [Finding("passed", check, f"{len(folds)} patients, each in one fold")]


def review_pixels(folds: pd.DataFrame | None, arrays: pd.DataFrame | None) -> list[Finding]:
    """Whether two cases have the same pixels, or nearly, across folds or across training and test.

    arrays: `BraTS21ID, split, sha256, likeness`, the last 64 hexadecimal digits or empty. Copies within one fold leak
    nothing and are a note.
    """
    check = "pixels"
    if arrays is None or folds is None:
        return [_unchecked(check, "arrays.csv" if arrays is None else "folds.csv")]
    place = dict(zip(folds[ID], folds["fold"], strict=True))
    cases = arrays.assign(place=[TEST if split == "test" else place.get(case)
                                 for case, split in zip(arrays[ID], arrays["split"], strict=True)])
    cases = cases[cases["place"].notna()].reset_index(drop=True)
    same = [pair for _, group in cases[cases["sha256"] != ""].groupby("sha256") for pair in _pairs(group.index)]
    alike, limit = _alike(cases)
    findings = []
    for pairs, severity, words in ((same, "alarm", "the same pixels"),
                                   ([pair for pair in alike if pair not in set(same)], "note",
                                    f"nearly the same pixels (up to {limit} of {LIKENESS_BITS} bits differ)")):
        across = [pair for pair in pairs if cases["place"][pair[0]] != cases["place"][pair[1]]]
        within = [pair for pair in pairs if pair not in set(across)]
        if across:
            findings.append(Finding(severity, check, f"{words} on both sides of a split: {_shown(cases, across)}",
                                    "look at both; if they are one patient, keep one case and train again"))
        if within:
            findings.append(Finding("note", check, f"{words} within a fold: {_shown(cases, within)}",
                                    "look at both; one patient would count twice"))
    return findings or [Finding("passed", check, f"{len(cases)} cases, no two with the same or nearly the same pixels "
                                f"(up to {limit} of {LIKENESS_BITS} bits)")]


def review_holdout(scorings: pd.DataFrame | None) -> Finding:
    """Whether the holdout was scored once; scorings: as `record_holdout_scoring` keeps them, or None."""
    if scorings is None:
        return Finding("not checked", "holdout", f"{SCORINGS} is missing: it was not scored yet")
    if len(scorings) == 1:
        return Finding("passed", "holdout", f"scored once, on {scorings['date'].iloc[0]}")
    return Finding("note", "holdout", f"scored {len(scorings)} times with different predictions "
                   f"({', '.join(scorings['date'])}): the last figure is no longer that of unseen cases",
                   "report the first scoring, or say how many there were")


def review_auc(predictions: pd.DataFrame, limit: float | None) -> Finding:
    """Whether an AUC, out-of-fold or on the holdout, is too good to be believed; `limit` None: nobody set one."""
    if limit is None:
        return Finding("not checked", "AUC", "no suspicious_auc is set for this data set")
    areas = {name: auc(*scored(cases)) for name, cases in (("out-of-fold", out_of_fold(predictions)),
                                                          ("holdout", holdout(predictions)))}
    high = [f"{name} {area:.3f}" for name, area in areas.items() if area > limit]
    if high:
        return Finding("alarm", "AUC", f"{' and '.join(high)}: above {limit:.2f}, more than anyone has reproduced",
                       "look for cases that share a patient, a burnt-in mark, labels tied to planes or ids, a choice "
                       "made on the scored folds; then judge on data of another hospital")
    return Finding("passed", "AUC", f"no AUC is above {limit:.2f}")


def suspicious_auc(folder: Path) -> float | None:
    """The limit that the run's `recipe.json` sets, of an ensemble the lowest of its members'; else SUSPICIOUS_AUC on
    the competition's data, else None."""
    recipes = [files.read_json(place / "recipe.json") for place in with_members(folder)
               if (place / "recipe.json").is_file()]
    limits = [limit for recipe in recipes if isinstance(limit := recipe.get("suspicious_auc"), int | float)]
    if limits:
        return float(min(limits))
    path = folder / "run.json"
    data = files.read_json(path).get("data") if path.is_file() else None
    return SUSPICIOUS_AUC if data and Path(data).name == COMPETITION else None


def record_holdout_scoring(folder: Path, predictions: pd.DataFrame) -> pd.DataFrame:
    """Note in `models/<run>/holdout_scorings.csv` that the holdout is scored now, unless these predictions were before.

    Returns the table: `date` (UTC), `cases`, `auc`, `sha256` (of the holdout's ids, labels and probabilities). To be
    called, with the folder held, before a figure on the holdout is shown; without holdout cases nothing is written.
    """
    kept = holdout(predictions).sort_values(ID)
    path = folder / SCORINGS
    past = _read(path, ("date", "cases", "auc", "sha256"))
    past = pd.DataFrame(columns=["date", "cases", "auc", "sha256"]) if past is None else past
    if kept.empty:
        return past
    text = "\n".join(f"{row[ID]},{row[LABEL]},{row['probability']!r}" for row in kept.to_dict("records"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    if digest in set(past["sha256"]):
        return past
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    row = {"date": now, "cases": str(len(kept)), "auc": f"{auc(*scored(kept)):.6f}", "sha256": digest}
    table = pd.concat([past, pd.DataFrame([row])], ignore_index=True)
    files.write_csv(path, table)
    return table


def _review_ancestor(place: Path, told: Ancestor, own: str) -> list[Finding]:
    """An ancestor as it is now: whether it still has the networks that were recorded, and then the folds."""
    folds = _read(place / "folds.csv", (ID, LABEL, "fold"))
    there = {fold: files.read_json(one / layout.WEIGHTS_RECORD).get("sha256")
             for fold, one in layout.fold_folders(place, holding=layout.WEIGHTS_RECORD).items()}
    if folds is None or there != dict(told.weights):
        return []  # it was deleted, or is another run of that name now: what was recorded has to do
    if folds_fingerprint(folds) == own:
        return []
    return [Finding("alarm", "lineage", f"{told.run}, with whose networks it began, has other folds than run.json "
                    "tells", "train a new run from nothing")]


def with_members(folder: Path) -> list[Path]:
    """The run's folder and, of an ensemble, those of its members."""
    path = folder / "run.json"
    members = files.read_json(path).get("members", ()) if path.is_file() else ()
    return [folder, *(folder.parent / name for name in members)]


def likeness_limit(distances: np.ndarray) -> int:
    """Up to how many bits two cases of this set count as nearly the same; distances: of all pairs.

    `LIKENESS_LIMIT`, or less where the set is so large or its heads so alike that different patients would come that
    near by chance: a normal curve through the median and the lower deviation may put 0.05 pairs below the limit.
    """
    if len(distances) < 10:
        return LIKENESS_LIMIT
    middle, low = np.percentile(distances, [50, 15.87])
    reach = -NormalDist().inv_cdf(0.05 / len(distances))
    return int(np.clip(np.floor(middle - reach * (middle - low)), 2, LIKENESS_LIMIT))


def _alike(cases: pd.DataFrame) -> tuple[list[tuple[int, int]], int]:
    """Pairs of rows whose difference hashes lie within the limit, and the limit."""
    known = cases.index[cases["likeness"].str.fullmatch("[0-9a-f]{64}").to_numpy(dtype=bool)]
    if len(known) < 2:
        return [], LIKENESS_LIMIT
    bits = np.unpackbits(np.array([list(bytes.fromhex(cases["likeness"][row])) for row in known], np.uint8), axis=1)
    bits = bits.astype(np.float32)
    common = bits @ (1 - bits.T)
    distances = (common + common.T).astype(int)
    upper = np.triu_indices(len(known), 1)
    limit = likeness_limit(distances[upper])
    near = distances[upper] <= limit
    return [(known[one], known[other]) for one, other in zip(upper[0][near], upper[1][near], strict=True)], limit


def _pairs(rows: pd.Index) -> list[tuple[int, int]]:
    """All pairs of a group of rows."""
    return [(one, other) for number, one in enumerate(rows) for other in rows[number + 1:]]


def _shown(cases: pd.DataFrame, pairs: list[tuple[int, int]]) -> str:
    told = [" and ".join(f"{cases[ID][row]} ({_place(cases['place'][row])})" for row in pair) for pair in pairs[:SHOWN]]
    return ", ".join(told) + (f" and {len(pairs) - SHOWN} more pairs" if len(pairs) > SHOWN else "")


def _place(name: str) -> str:
    return f"fold {name}" if name.isdigit() else name


def _ids(ids: Sequence[str]) -> str:
    told = list(dict.fromkeys(ids))
    words = ", ".join(told[:SHOWN]) + (f" and {len(told) - SHOWN} more" if len(told) > SHOWN else "")
    return f"{words} {'is' if len(told) == 1 else 'are'}"


def _read(path: Path, columns: Sequence[str]) -> pd.DataFrame | None:
    """A table as text, doubled ids and all; None where it is missing or not of this form."""
    if not path.is_file():
        return None
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except ValueError:
        return None
    return table if set(columns) <= set(table.columns) else None


def _unchecked(check: str, name: str) -> Finding:
    return Finding("not checked", check, f"{name} is missing")
