"""The hospital behind the planes: what public tables say of the competition's 585 training cases.

In: a folder of tables (`brats21_sites.csv` of BraTS 2021, `ucsf_pdgm_metadata.csv` of UCSF-PDGM, both published by
TCIA), the competition's `train_labels.csv` and `sample_submission.csv`, and a table of geometry. Out: a Markdown table
of facts and the picture. Exit code 1 where a fact is another than the one that docs/hospital.md states.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from benchmarks.accuracy.controls import Fact, exit_unless_held, write_facts
from radiogen.core.errors import run_command

if TYPE_CHECKING:
    import pandas as pd

    from radiogen.evaluation.stats.intervals import Estimate

UCSF = "18"
"""The number of UCSF in the table of BraTS 2021's sites."""
BRONZE = 0.574
"""Where the competition's bronze medal began, on the private leaderboard."""
TWICE = (("00557", "00639"), ("00758", "00626"))


@dataclass(frozen=True)
class Tables:
    """cases: `case, label, site ("" where not known), ucsf, plane` (of FLAIR). ucsf: UCSF's own table by BraTS id.

    test: ids of the public test cases. geometry: as `read_geometry` returns it.
    """

    cases: "pd.DataFrame"
    ucsf: "pd.DataFrame"
    test: list[str]
    geometry: "pd.DataFrame"


def main(tables: Path, competition: Path, geometry: Path | None = None, output: Path | None = None,
         picture: Path | None = None, test_cases: Path | None = None) -> None:
    """State the facts of docs/hospital.md from public tables; seconds.

    Args:
        tables: Folder with brats21_sites.csv and ucsf_pdgm_metadata.csv.
        competition: Folder with train_labels.csv and sample_submission.csv.
        geometry: Table with a row per series (default: series_geometry.csv beside the labels).
        output: Markdown file to write the table to as well.
        picture: PNG to draw.
        test_cases: CSV to write the public test cases with a published label to.
    """
    from benchmarks.leakage.hospital_figure import hospital_png
    from radiogen.core import files

    read = read_tables(tables, competition, geometry or competition / "series_geometry.csv")
    facts = [*hospital_facts(read), *plane_facts(read), *label_facts(read)]
    write_facts(facts, output, about="about")
    if picture:
        hospital_png(picture, read.cases, planes_within_hospitals(read), BRONZE)
    if test_cases:
        files.write_csv(test_cases, published_test_cases(read))
    exit_unless_held(facts, "a fact is another than docs/hospital.md states (above)")


def read_tables(tables: Path, competition: Path, geometry: Path) -> Tables:
    """The public tables, joined by case."""
    import pandas as pd

    from radiogen.dataset.geometry import read_geometry
    from radiogen.dataset.labels import read_labels
    from radiogen.task import ID, RSNA_MICCAI

    series = read_geometry(geometry, RSNA_MICCAI)
    sites = _text(tables / "brats21_sites.csv").set_index("BraTS21ID")["site"]
    cases = read_labels(competition / "train_labels.csv", RSNA_MICCAI)
    flair = series[series["sequence"] == "FLAIR"].set_index(ID)["plane"]
    cases = cases.assign(site=cases[ID].map(sites).fillna(""), plane=cases[ID].map(flair))
    own = _text(tables / "ucsf_pdgm_metadata.csv")
    own = own[own["BraTS21 ID"] != ""].assign(**{ID: lambda table: table["BraTS21 ID"].str[-5:]}).set_index(ID)
    test = pd.read_csv(competition / "sample_submission.csv", dtype=str)["BraTS21ID"]
    return Tables(cases.assign(ucsf=cases["site"] == UCSF), own, list(test), series)


def hospital_facts(read: Tables) -> list[Fact]:
    """How many cases are of UCSF, and what that says of the label."""
    from scipy.stats import chi2_contingency

    from radiogen.core.auc import auc
    from radiogen.evaluation.stats.intervals import bootstrap_interval

    known = read.cases[read.cases["site"] != ""]
    labels, inside = known["label"].to_numpy(int) == 1, known["ucsf"].to_numpy(bool)
    p = chi2_contingency([[(labels & inside).sum(), (~labels & inside).sum()],
                          [(labels & ~inside).sum(), (~labels & ~inside).sum()]]).pvalue
    area, (low, high) = auc(labels, inside.astype(float)), bootstrap_interval(labels, inside.astype(float))
    return [
        Fact("hospital", "577 of 585 cases have a site, 247 of them UCSF (site 18)",
             f"{len(known)} of {len(read.cases)}, {inside.sum()}", (len(known), inside.sum()) == (577, 247)),
        Fact("hospital", "61.9 % of UCSF's are methylated, 44.8 % of the others, p = 7e-5",
             f"{100 * labels[inside].mean():.1f} %, {100 * labels[~inside].mean():.1f} %, p = {p:.1e}",
             abs(labels[inside].mean() - 0.619) < 5e-4 and abs(labels[~inside].mean() - 0.448) < 5e-4 and p < 7e-5),
        Fact("hospital", f"\"is it UCSF\" alone has an AUC of 0.584, above bronze ({BRONZE})",
             f"{area:.3f} (95 % interval {low:.3f} to {high:.3f})", round(area, 3) == 0.584)]


def plane_facts(read: Tables) -> list[Fact]:
    """The plane is mostly the hospital."""
    cases = read.cases[read.cases["site"] != ""]
    oblique = cases[cases["plane"] != "axial"]
    within = planes_within_hospitals(read)
    return [
        Fact("plane", "225 of the 227 FLAIR series that are not axial are UCSF's",
             f"{int(oblique['ucsf'].sum())} of {len(oblique)}", (oblique["ucsf"].sum(), len(oblique)) == (225, 227)),
        Fact("plane", "within hospitals the four planes are at chance",
             f"AUC {within.value:.3f} ({within.low:.3f} to {within.high:.3f}, p = {within.p:.2f})", within.p >= 0.05)]


def label_facts(read: Tables) -> list[Fact]:
    """Patients that are there twice, labels that are a threshold, test labels that are public."""
    own = read.ucsf
    patients = own["ID"].str.replace(r"_FU\d+d$", "", regex=True).str.extract(r"(\d+)$")[0].astype(int)
    train = read.cases.set_index("case")
    twice = sorted(tuple(sorted(group.index)) for _, group in patients[patients.index.isin(train.index)].groupby(
        patients) if len(group) > 1)
    known = own[own.index.isin(train.index)]
    labels = train["label"].reindex(known.index).astype(int)
    grey, low = known["MGMT index"] == "1", known["MGMT index"] == "0"
    published = published_test_cases(read)
    return [
        Fact("patients", "two patients are in the training set twice", "; ".join(" = ".join(pair) for pair in twice),
             twice == sorted(tuple(sorted(pair)) for pair in TWICE)),
        Fact("labels", "all 27 UCSF cases of MGMT index 1, positive for UCSF, have label 0",
             f"{int(grey.sum())} cases, {int((known['MGMT status'][grey] == 'positive').sum())} positive for UCSF, "
             f"{int(labels[grey].sum())} with label 1", grey.sum() == 27 and labels[grey].sum() == 0),
        Fact("labels", "index 0: label 0 in 67 of 67; above 1 or not stated: label 1 in 153 of 153",
             f"{int((labels[low] == 0).sum())} of {int(low.sum())}; {int(labels[~grey & ~low].sum())} of "
             f"{int((~grey & ~low).sum())}", (labels[low] == 0).all() and labels[~grey & ~low].all()),
        Fact("test", "36 of the 87 public test cases have a published label",
             f"{len(published)} of {len(read.test)}", (len(published), len(read.test)) == (36, 87))]


def published_test_cases(read: Tables) -> "pd.DataFrame":
    """`case, ucsf_id`: the public test cases whose MGMT status UCSF's table states."""
    own = read.ucsf[read.ucsf["MGMT status"].isin(["positive", "negative"])]
    rows = own[own.index.isin(read.test)].sort_index()
    return rows.reset_index()[["case", "ID"]].set_axis(["case", "ucsf_id"], axis=1)


def planes_within_hospitals(read: Tables) -> "Estimate":
    """The AUC of the planes, out of fold, where only cases of UCSF, or only cases of others, are compared."""
    from radiogen.evaluation.audit.image_free import PLANES, image_free_predictions
    from radiogen.evaluation.stats.intervals import stratified_auc
    from radiogen.runs.folds import make_folds
    from radiogen.runs.predictions import scored

    folds = make_folds(read.cases[["case", "label"]], holdout_fraction=0)
    found = image_free_predictions(folds, read.geometry, models=(PLANES,))[PLANES].merge(
        read.cases[["case", "ucsf", "site"]], on="case")
    found = found[found["site"] != ""]
    return stratified_auc(*scored(found), (found["ucsf"].astype(str) + found["fold"]).to_numpy(str))


def _text(path: Path) -> "pd.DataFrame":
    import pandas as pd

    return pd.read_csv(path, dtype=str, keep_default_na=False)


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
