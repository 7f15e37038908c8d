"""How a run could have fooled its judge: patients and pixels on both sides of a split, a holdout looked at twice.

In: the tables of a run's folder. Out: findings as data (findings.py; finding_text.py says them in words). What cannot
be looked at is said to be unchecked and is no error. Patients are those of the run's `patients.csv`, without one each
case is taken for a patient; pixels are compared by the hash of a case's cached arrays and by a perceptual hash, which
outlives another encoding, and whose thumbnail outlives a copy that is moved, mirrored, turned or cut (near_pixels.py).
"""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from radiogen.core import files
from radiogen.core.auc import auc
from radiogen.core.clock import utc_text
from radiogen.dataset.patients import other_names, patient_of, read_patients
from radiogen.dataset.seen_cases import in_cohort, of_images, seen_arrays, seen_cases, seen_names
from radiogen.dataset.thumbnails import DIGITS
from radiogen.evaluation.audit.findings import Code, ReviewFinding, Severity
from radiogen.evaluation.audit.near_hashes import HASH_BITS, HASH_DISTANCE_LIMIT, is_hash, limit_within, near_hashes
from radiogen.evaluation.audit.near_pixels import near_thumbnails
from radiogen.evaluation.audit.origin import review_origin
from radiogen.evaluation.others.origin import origin_of
from radiogen.runs import layout
from radiogen.runs.fold_weights import Networks, check_run, unrecorded_folds
from radiogen.runs.folds import TEST
from radiogen.runs.lineage import IMAGENET, Ancestor, folds_fingerprint, read_lineage
from radiogen.runs.predictions import holdout, out_of_fold, scored, scores_digest
from radiogen.runs.records import read_facts, read_recipe, recipe_fields, with_members
from radiogen.runs.tables import read_arrays, read_as_text, read_seen_cases
from radiogen.task import ID, LABEL, RSNA_MICCAI, read_task

SUSPICIOUS_AUC = 0.75
"""On the competition's data: gold began at 0.601, and no figure above 0.65 has been repeated by others."""


def review_run(folder: Path, predictions: pd.DataFrame, networks: Networks | None = None) -> list[ReviewFinding]:
    """Every check on the run in `folder`, models/<run>; alarms first. Reads, writes nothing.

    Takes `folds.csv`, `arrays.csv`, `recipe.json`, `run.json` and `holdout_scorings.csv` from the folder as far as
    they are there; predictions: the run's own; networks: as in `review_networks`. For an ensemble the arrays of its
    first member that has some count.
    """
    folds = _read_folds(folder)
    arrays = next((table for place in with_members(folder) if (table := read_arrays(place)) is not None), None)
    patients = _patients(folder)
    findings = [*review_patients(folds, predictions, arrays, patients), *review_pixels(folds, arrays),
                *review_networks(folder, networks),
                *(finding for place in with_members(folder) for finding in review_lineage(place)),
                *(finding for place in with_members(folder) for finding in review_first_weights(place, predictions)),
                review_holdout(read_as_text(folder / layout.HOLDOUT_SCORINGS, ("date", "sha256"))),
                review_auc(predictions, suspicious_auc(folder))]
    findings = review_origin(origin_of(read_facts(folder)), findings)
    order = list(Severity)
    return sorted(findings, key=lambda finding: order.index(finding.severity))


def review_networks(folder: Path, networks: Networks | None = None) -> list[ReviewFinding]:
    """Whether each network is the one that training of its fold wrote, members' of an ensemble too; [] without any.

    networks: what was checked before, as in `fold_weights.check_run`.
    Raises UserError where one is not: its out-of-fold predictions were made by a network that saw the cases.
    """
    places = with_members(folder)
    count = sum(len(check_run(place, networks)) for place in places)
    unrecorded = {place.name: folds for place in places if (folds := unrecorded_folds(place))}
    if unrecorded:
        return [ReviewFinding(Code.WEIGHTS_UNRECORDED, {"runs": unrecorded})]
    return [ReviewFinding(Code.WEIGHTS_RECORDED, {"networks": count})] if count else []


def review_lineage(folder: Path) -> list[ReviewFinding]:
    """Whether the networks that a run began with had seen the cases that its own networks judge; [] where it began
    from nothing.

    Takes what run.json and each fold's `first_weights.json` recorded, and the ancestors themselves where they are
    still there. Other folds anywhere in the lineage, or another fold's network, are alarms.
    """
    lineage = read_lineage(folder)
    firsts = {fold: first for fold, place in layout.fold_folders(folder, holding=layout.FIRST_WEIGHTS).items()
              if "run" in (first := files.read_json(place / layout.FIRST_WEIGHTS))}
    folds = _read_folds(folder)
    if not lineage:
        sources = {fold: str(first["run"]) for fold, first in firsts.items()}
        return [ReviewFinding(Code.LINEAGE_UNRECORDED, {"sources": sources})] if sources else []
    own = folds_fingerprint(folds) if folds is not None else ""
    findings = [ReviewFinding(Code.LINEAGE_OTHER_FOLDS, {"run": one.run}) for one in lineage if one.folds != own]
    parent = lineage[0]
    wrong = {fold: next((other for other, digest in parent.weights.items() if digest == first.get("sha256")), "")
             for fold, first in firsts.items() if first.get("sha256") != parent.weights.get(fold)}
    for fold, other in wrong.items():
        values = {"run": parent.run, "fold": fold}
        findings.append(ReviewFinding(Code.LINEAGE_WRONG_FOLD, {**values, "source_fold": other}) if other else
                        ReviewFinding(Code.LINEAGE_WRONG_NETWORK, values))
    for one in lineage:
        findings += _review_ancestor(folder.parent / one.run, one, own)
    return findings or [ReviewFinding(Code.LINEAGE_SAME_FOLDS, {"lineage": lineage})]


def review_first_weights(folder: Path, predictions: pd.DataFrame) -> list[ReviewFinding]:
    """Whether the weights of others that a run's networks began with had seen the scored cases; [] where they began at
    random or with another run's alone.

    Takes what run.json and `saw.csv` in the run's folder recorded when it began. A row of `saw.csv` that names another
    cohort than this data set is of other patients, though an id may be the same: that is a note; a name that the
    patient has elsewhere (`other_names`) is the same patient in every cohort. Of a case of which images alone were seen
    the same id in the same cohort counts, and the same array in any: a note.
    """
    weights = recipe_fields(read_recipe(folder)).get("weights")
    if not weights:
        return []
    if weights == IMAGENET:
        return [ReviewFinding(Code.FIRST_WEIGHTS_PHOTOGRAPHS, {"run": folder.name})]
    values = {"run": folder.name, "weights": Path(weights).name}
    seen, task = read_seen_cases(folder), read_task(folder)
    if seen is None:
        return [ReviewFinding(Code.FIRST_WEIGHTS_UNKNOWN, {**values, "file": layout.SEEN_CASES})]
    here_called = {"", task.name.casefold(), Path(read_facts(folder).get("data") or "").name.casefold()}
    scored_ids = predictions.loc[predictions["fold"] != TEST, ID].tolist()
    patients = _patients(folder)
    names = other_names(patients, scored_ids, task)
    images, all_seen = seen[of_images(seen)], len(seen)
    shown = sorted({*seen_cases(images, scored_ids, names, here_called),
                    *seen_arrays(images, read_arrays(folder))} & set(scored_ids))
    seen = seen[~of_images(seen)]
    here = in_cohort(seen, here_called)
    own, elsewhere = seen_names(seen[here]), seen_names(seen[~here])
    both = seen_cases(seen, scored_ids, names, here_called)
    namesakes = sorted(case for case in scored_ids if case in elsewhere and case not in both)
    findings = [ReviewFinding(code, {**values, "patients": cases}) for code, cases in (
        (Code.FIRST_WEIGHTS_SAW, both), (Code.FIRST_WEIGHTS_SAW_IMAGES, shown)) if cases]
    if namesakes:
        cohorts = seen["cohort"]
        others = sorted({*cohorts[~here & seen[ID].isin(namesakes)]} or {*cohorts[~here]})
        findings.append(ReviewFinding(Code.FIRST_WEIGHTS_SAW_NAMESAKES,
                                      {**values, "patients": namesakes, "cohorts": others}))
    elif not both and here.any() and not any(task.is_id(name) or task.is_other_name(name) for name in own) and (
            patients is None):
        findings = [ReviewFinding(Code.FIRST_WEIGHTS_OTHER_IDS,
                                  {**values, "file": layout.SEEN_CASES, "example": task.id_example})]
    return findings or [ReviewFinding(Code.FIRST_WEIGHTS_UNSEEN, {**values, "seen": all_seen})]


def review_patients(folds: pd.DataFrame | None, predictions: pd.DataFrame,
                    arrays: pd.DataFrame | None = None, patients: pd.DataFrame | None = None) -> list[ReviewFinding]:
    """Whether a patient stands in two folds, in training and test, or was scored by a network that had seen them.

    folds: the table of folds; arrays: with `ID, split`; None where they are missing. patients: the patient of each case
    (`read_patients`); None where each case is taken for a patient.
    """
    if folds is None:
        return [ReviewFinding(Code.PATIENTS_UNCHECKED, {"file": layout.FOLDS})]
    findings = []
    doubled = folds.loc[folds[ID].duplicated(), ID].unique()
    if len(doubled):
        findings.append(_of_patients(Code.PATIENT_TWICE, doubled))
    test = set(predictions.loc[predictions["fold"] == TEST, ID])
    if arrays is not None:
        test |= set(arrays.loc[arrays["split"] == "test", ID])
    both = sorted(test & set(folds[ID]))
    if both:
        findings.append(_of_patients(Code.PATIENT_IN_TEST, both))
    own = predictions[predictions["fold"] != TEST].merge(folds[[ID, "fold"]].drop_duplicates(ID), on=ID, how="left",
                                                         suffixes=("", "_kept"))
    moved = own.loc[own["fold_kept"].notna() & (own["fold"] != own["fold_kept"]), ID]
    if len(moved):
        findings.append(_of_patients(Code.PATIENT_IN_OTHER_FOLD, moved))
    strange = own.loc[own["fold_kept"].isna(), ID]
    if len(strange):
        findings.append(_of_patients(Code.PATIENT_IN_NO_FOLD, strange))
    judged_by_nobody = set() if arrays is None else set(arrays.loc[arrays["split"] == "train", ID])  # without a label
    places = pd.concat([folds[[ID, "fold"]],
                        pd.DataFrame({ID: sorted(test - set(folds[ID]) - judged_by_nobody), "fold": TEST})])
    places = places.drop_duplicates(ID).assign(patient=lambda table: patient_of(patients, table[ID]))
    parted = places.groupby("patient")["fold"].transform("nunique") > 1
    splits = {patient: dict(zip(cases[ID], cases["fold"], strict=True))
              for patient, cases in places[parted].groupby("patient")}
    if splits:
        findings.append(ReviewFinding(Code.PATIENT_SPLIT, {"splits": splits}))
    return findings or [ReviewFinding(Code.PATIENTS_APART, {
        "patients": places.loc[places["fold"] != TEST, "patient"].nunique()})]


def review_pixels(folds: pd.DataFrame | None, arrays: pd.DataFrame | None) -> list[ReviewFinding]:
    """Whether two cases have the same pixels, or nearly, across folds or across training and test.

    arrays: `ID, split, sha256, perceptual_hash`, the last as in near_pixels.py or empty. Copies within one
    fold leak nothing and are a note.
    """
    if arrays is None or folds is None:
        return [ReviewFinding(Code.PIXELS_UNCHECKED, {"file": layout.ARRAYS if arrays is None else layout.FOLDS})]
    place = dict(zip(folds[ID], folds["fold"], strict=True))
    cases = arrays.assign(place=[TEST if split == "test" else place.get(case)
                                 for case, split in zip(arrays[ID], arrays["split"], strict=True)])
    cases = cases[cases["place"].notna()].reset_index(drop=True)
    copied = cases[(cases["sha256"] != "") & cases["sha256"].duplicated(keep=False)]
    same = [pair for _, group in copied.groupby("sha256") for pair in _pairs(group.index)]
    alike, limit = _alike(cases)
    findings, known, places = [], set(same), cases["place"].tolist()
    bits = {"limit": limit, "bits": HASH_BITS}
    for pairs, split, inside, values in (
            (same, Code.SAME_PIXELS_ACROSS, Code.SAME_PIXELS_WITHIN, {}),
            ([pair for pair in alike if pair not in known], Code.NEAR_PIXELS_ACROSS, Code.NEAR_PIXELS_WITHIN, bits)):
        across = [pair for pair in pairs if places[pair[0]] != places[pair[1]]]
        within = [pair for pair in pairs if places[pair[0]] == places[pair[1]]]
        findings += [ReviewFinding(code, {"pairs": _named(cases, found), **values})
                     for code, found in ((split, across), (inside, within)) if found]
    old = is_hash(cases["perceptual_hash"]) & (cases["perceptual_hash"].str.len() == DIGITS).to_numpy()
    if old.any():
        findings.append(ReviewFinding(Code.COPIES_UNCHECKED, {"cases": int(old.sum())}))
    return findings or [ReviewFinding(Code.PIXELS_APART, {"cases": len(cases), **bits})]


def review_holdout(scorings: pd.DataFrame | None) -> ReviewFinding:
    """Whether the holdout was scored once; scorings: as `record_holdout_scoring` keeps them, or None."""
    if scorings is None:
        return ReviewFinding(Code.HOLDOUT_UNSCORED, {"file": layout.HOLDOUT_SCORINGS})
    once = len(scorings) == 1
    return ReviewFinding(Code.HOLDOUT_SCORED_ONCE if once else Code.HOLDOUT_SCORED_AGAIN,
                         {"dates": list(scorings["date"])})


def review_auc(predictions: pd.DataFrame, limit: float | None) -> ReviewFinding:
    """Whether an AUC, out-of-fold or on the holdout, is too good to be believed; `limit` None: nobody set one."""
    if limit is None:
        return ReviewFinding(Code.AUC_UNLIMITED)
    areas = {name: auc(*scored(cases)) for name, cases in (("out-of-fold", out_of_fold(predictions)),
                                                          ("holdout", holdout(predictions)))}
    high = {name: area for name, area in areas.items() if area > limit}
    return ReviewFinding(Code.AUC_SUSPICIOUS, {"auc": high, "limit": limit}) if high else \
        ReviewFinding(Code.AUC_BELOW_LIMIT, {"limit": limit})


def suspicious_auc(folder: Path) -> float | None:
    """The limit that the run's `recipe.json` sets, of an ensemble the lowest of its members'; else SUSPICIOUS_AUC on
    the competition's data, else None."""
    recipes = [recipe_fields(read_recipe(place)) for place in with_members(folder)]
    limits = [limit for recipe in recipes if isinstance(limit := recipe.get("suspicious_auc"), int | float)]
    if limits:
        return float(min(limits))
    data = read_facts(folder).get("data")
    return SUSPICIOUS_AUC if data and Path(data).name == RSNA_MICCAI.name else None


def record_holdout_scoring(folder: Path, predictions: pd.DataFrame) -> pd.DataFrame:
    """Note in `models/<run>/holdout_scorings.csv` that the holdout is scored now, unless these predictions were before.

    Returns the table: `date` (UTC), `cases`, `auc`, `sha256` (of the holdout's ids, labels and probabilities). To be
    called, with the folder held, before a figure on the holdout is shown; without holdout cases nothing is written.
    """
    kept = holdout(predictions)
    path = folder / layout.HOLDOUT_SCORINGS
    past = read_as_text(path, ("date", "cases", "auc", "sha256"))
    past = pd.DataFrame(columns=["date", "cases", "auc", "sha256"]) if past is None else past
    if kept.empty:
        return past
    digest = scores_digest(kept)
    if digest in set(past["sha256"]):
        return past
    row = {"date": utc_text(), "cases": str(len(kept)), "auc": f"{auc(*scored(kept)):.6f}", "sha256": digest}
    table = pd.concat([past, pd.DataFrame([row])], ignore_index=True)
    files.write_csv(path, table)
    return table


def _review_ancestor(place: Path, ancestor: Ancestor, own: str) -> list[ReviewFinding]:
    """An ancestor as it is now: whether it still has the networks that were recorded, and then the folds."""
    folds = _read_folds(place)
    there = {fold: files.read_json(one / layout.WEIGHTS_RECORD).get("sha256")
             for fold, one in layout.fold_folders(place, holding=layout.WEIGHTS_RECORD).items()}
    if folds is None or there != dict(ancestor.weights):
        return []  # it was deleted, or is another run of that name now: what was recorded has to do
    if folds_fingerprint(folds) == own:
        return []
    return [ReviewFinding(Code.ANCESTOR_FOLDS_CHANGED, {"run": ancestor.run})]


def _alike(cases: pd.DataFrame) -> tuple[list[tuple[int, int]], int]:
    """Pairs of rows whose difference hashes lie within the limit or whose thumbnails show one series, and the limit."""
    known = cases.index[is_hash(cases["perceptual_hash"])]
    if len(known) < 2:
        return [], HASH_DISTANCE_LIMIT
    hashes = cases["perceptual_hash"][known]
    limit = limit_within(hashes)
    pairs = {*map(tuple, near_hashes(hashes, limit).tolist()), *near_thumbnails(list(hashes))}
    return [(known[one], known[other]) for one, other in sorted(pairs)], limit


def _pairs(rows: pd.Index) -> list[tuple[int, int]]:
    """All pairs of a group of rows."""
    return [(one, other) for number, one in enumerate(rows) for other in rows[number + 1:]]


def _named(cases: pd.DataFrame, pairs: list[tuple[int, int]]) -> list[list[dict[str, str]]]:
    """The pairs of rows as cases, each with its fold."""
    return [[{"case": cases[ID][row], "fold": cases["place"][row]} for row in pair] for pair in pairs]


def _patients(folder: Path) -> pd.DataFrame | None:
    """What is known of patients: the run's table, or that of an ensemble's first member that has one."""
    return next((table for place in with_members(folder) if (table := read_patients(place)) is not None), None)


def _of_patients(code: Code, ids: Iterable[str]) -> ReviewFinding:
    return ReviewFinding(code, {"patients": list(dict.fromkeys(ids))})


def _read_folds(folder: Path) -> pd.DataFrame | None:
    """The run's folds as text, doubled ids and all; None where they are missing or not of this form."""
    return read_as_text(folder / layout.FOLDS, (ID, LABEL, "fold"))
