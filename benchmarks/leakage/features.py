"""How an AUC of 0.7 is made from nothing, on real patients: features selected before the folds, and inside them.

In: a folder with UPENN-GBM's CaPTk features and clinical table, and UCSF-PDGM's pyradiomics features and metadata, as
TCIA publishes them (`upenn_captk.csv`, `upenn_clinical.csv`, `ucsf_pyradiomics_t1gd.csv`, `ucsf_pdgm_metadata.csv`).
Out: a Markdown table, and with --picture one picture. The 20 best features, logistic regression with C = 1, five
seeds of the folds: the same but for where the 20 are selected. Age and sex beside each; what one cohort says of the
other. Nothing of the tables is copied.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from radiogen.core.errors import run_command

if TYPE_CHECKING:
    import numpy as np

    from radiogen.evaluation.others.nested import Cases

SEEDS = (0, 1, 2, 3, 4)
SELECTED = 20
INSIDE, BEFORE, AGE_SEX = "20 features selected inside the folds", "20 features selected before", "age and sex"


@dataclass(frozen=True)
class Source:
    """One cohort: its tables, and how they call the label and its classes."""

    name: str
    features: str
    labels: str
    column: str
    positive: str
    negative: str


SOURCES = (Source("UPENN-GBM, CaPTk", "upenn_captk.csv", "upenn_clinical.csv", "MGMT", "Methylated", "Unmethylated"),
           Source("UCSF-PDGM, pyradiomics", "ucsf_pyradiomics_t1gd.csv", "ucsf_pdgm_metadata.csv", "MGMT status",
                  "positive", "negative"))


def main(folder: Path, permutations: int = 99, picture: Path | None = None, output: Path | None = None) -> None:
    """How an AUC of 0.7 is made from nothing, on real patients.

    Args:
        folder: Holds the four tables.
        permutations: Trainings on permuted labels, of the first seed, of the right way and of the wrong one.
        picture: Where the picture is written (default: nowhere).
        output: Where the table is written, too.
    """
    from radiogen.core import files
    from radiogen.core.progress import progress

    cohorts = {one.name: read_cohort(folder, one) for one in SOURCES}
    areas = {name: {way: [] for way in (INSIDE, BEFORE, AGE_SEX)} for name in cohorts}
    for seed in progress(SEEDS, "folds", len(SEEDS), "seed"):
        for name, (cases, clinical) in cohorts.items():
            for way, area in seed_areas(cases, clinical, seed).items():
                areas[name][way].append(area)
    nulls = {name: permuted_areas(cases, permutations) for name, (cases, _) in cohorts.items()}
    lines = [*study_lines(cohorts, areas, nulls), "", *transfer_lines(folder)]
    print("\n".join(lines))
    if output is not None:
        files.write_text(output, "\n".join(lines) + "\n")
    if picture is not None:
        draw(picture, areas, nulls, cohorts)


def read_cohort(folder: Path, source: Source) -> "tuple[Cases, Cases]":
    """Labelled patients with their features, and with age and sex; a follow-up examination is left out."""
    import numpy as np

    from radiogen.evaluation.others.columns import Naming
    from radiogen.evaluation.others.features import read_features
    from radiogen.evaluation.others.labels import read_label_table
    from radiogen.evaluation.others.nested import Cases
    from radiogen.evaluation.others.patients import read_patient_table

    naming = Naming(label_column=source.column, positive=source.positive, negative=source.negative)
    table = read_features(folder / source.features, naming)
    labels = read_label_table(folder / source.labels, naming).label
    names = [case for case in table.cases if case in labels and "_FU" not in case]
    patients = read_patient_table(folder / source.labels)[0].set_index("case").reindex(names)
    sex = patients["sex"].map({"F": 0.0, "M": 1.0}).to_numpy(float)
    found = Cases(table.rows(names), np.array([labels[case] for case in names]) == 1, np.array(names),
                  np.full(len(names), "0", dtype=object), table.names)
    return found, replace(found, inputs=np.stack([patients["age"].to_numpy(float), sex], axis=1), names=("age", "sex"))


def seed_areas(cases: "Cases", clinical: "Cases", seed: int) -> dict[str, float]:
    """The AUC of each way on one draw of five folds, all folds pooled."""
    from radiogen.core.auc import auc
    from radiogen.evaluation.others.nested import selected_before

    cases, clinical = with_folds(cases, seed), with_folds(clinical, seed)
    return {INSIDE: auc(cases.labels, inside(cases, SELECTED)),
            BEFORE: auc(cases.labels, selected_before(cases, SELECTED)),
            AGE_SEX: auc(clinical.labels, inside(clinical, 2))}


def with_folds(cases: "Cases", seed: int) -> "Cases":
    """The cases in five folds, stratified."""
    import numpy as np
    from sklearn.model_selection import StratifiedKFold

    folds = np.empty(len(cases.labels), dtype=object)
    splitter = StratifiedKFold(5, shuffle=True, random_state=seed)
    for number, (_, judged) in enumerate(splitter.split(cases.inputs, cases.labels)):
        folds[judged] = str(number)
    return replace(cases, folds=folds.astype(str))


def inside(cases: "Cases", features: int) -> "np.ndarray":
    """Out-of-fold probabilities: the `features` best of each training part, logistic regression, C = 1."""
    import numpy as np

    from radiogen.evaluation.others.learners import Setting, fit_predict, split_part
    from radiogen.evaluation.others.study_options import LOGISTIC

    found = np.empty(len(cases.labels))
    for fold in np.unique(cases.folds):
        train, scored = np.flatnonzero(cases.folds != fold), np.flatnonzero(cases.folds == fold)
        part = split_part(cases.inputs, cases.labels, train, scored)
        found[scored] = fit_predict(part, Setting(LOGISTIC, features), 0)
    return found


def permuted_areas(cases: "Cases", draws: int) -> "dict[str, np.ndarray]":
    """The AUCs of both ways where labels mean nothing, (draws,) each: permuted within the folds of the first seed."""
    import numpy as np

    from radiogen.core.auc import auc
    from radiogen.core.progress import progress
    from radiogen.evaluation.others.nested import permute_by_patient, selected_before

    random, cases = np.random.default_rng(7), with_folds(cases, SEEDS[0])
    found: dict[str, list[float]] = {INSIDE: [], BEFORE: []}
    for _ in progress(range(draws), "permuted labels", draws, "draw"):
        drawn = permute_by_patient(cases, random)
        found[INSIDE].append(auc(drawn.labels, inside(drawn, SELECTED)))
        found[BEFORE].append(auc(drawn.labels, selected_before(drawn, SELECTED)))
    return {way: np.array(values) for way, values in found.items()}


def study_lines(cohorts: "dict[str, tuple[Cases, Cases]]", areas: dict[str, dict[str, list[float]]],
                nulls: "dict[str, dict[str, np.ndarray]]") -> list[str]:
    """A row a cohort and way: lowest and highest AUC of the seeds, the verdict of the first, permuted labels."""
    from radiogen.evaluation.stats.label_permutation import one_sided_p

    lines = ["| cohort | way | AUC, five seeds | on labels that mean nothing: median, highest | p, trained |",
             "| --- | --- | --- | --- | --- |"]
    for name, ways in areas.items():
        cases = cohorts[name][0]
        head = (f"{name}: {len(cases.labels)} patients, {int(cases.labels.sum())} methylated, {len(cases.names):,} "
                "features")
        for way, values in ways.items():
            null = nulls[name].get(way)
            drawn = "" if null is None or not len(null) else f"{sorted(null)[len(null) // 2]:.3f}, {null.max():.3f}"
            p = "" if not drawn or null is None else f"{one_sided_p(values[0], null):.2f}"
            lines.append(f"| {head} | {way} | {min(values):.3f} to {max(values):.3f} | {drawn} | {p} |")
            head = ""
    return lines


def transfer_lines(folder: Path) -> list[str]:
    """Trained on all of one cohort, tested on the other: what both tables have is the tumour's volume, age and sex.

    CaPTk's and pyradiomics' features have no name in common; parts of a tumour and a whole one differ.
    """
    import numpy as np

    from radiogen.evaluation.others.learners import Setting, fit_predict, split_part
    from radiogen.evaluation.others.study_options import LOGISTIC
    from radiogen.evaluation.stats.verdicts import verdict

    cohorts = {one.name: volume_age_sex(*read_cohort(folder, one)) for one in SOURCES}
    lines = ["| trained on | tested on | of | AUC outside | verdict |", "| --- | --- | --- | --- | --- |"]
    for own, other in ((0, 1), (1, 0)):
        (name, train), (tested, judged) = (list(cohorts.items())[number] for number in (own, other))
        labels = np.concatenate([train.labels, judged.labels])
        for what, columns in (("volume", [0]), ("age and sex", [1, 2]), ("volume, age and sex", [0, 1, 2])):
            inputs = np.concatenate([train.inputs, judged.inputs])[:, columns]
            part = split_part(inputs, labels, np.arange(len(train.labels)), np.arange(len(train.labels), len(labels)))
            found = verdict(judged.labels, fit_predict(part, Setting(LOGISTIC), 0))
            lines.append(f"| {name.split(',')[0]} | {tested.split(',')[0]} | {what} | {found.estimate.value:.3f} "
                         f"({found.estimate.low:.3f} to {found.estimate.high:.3f}) | *{found.outcome}* |")
    return lines


def volume_age_sex(cases: "Cases", clinical: "Cases") -> "Cases":
    """Log of the whole tumour's volume, age, sex; of CaPTk's parts the sum."""
    import numpy as np

    parts = [number for number, name in enumerate(cases.names)
             if name in ("original_shape_VoxelVolume", *(f"T1GD_{part}_Volumetric_Volume" for part in
                                                         ("ET", "ED", "NC", "NET")))]
    volume = np.nansum(cases.inputs[:, parts], axis=1)
    return replace(clinical, inputs=np.column_stack([np.log1p(volume), clinical.inputs]),
                   names=("volume", *clinical.names))


def draw(path: Path, areas: dict[str, dict[str, list[float]]], nulls: "dict[str, dict[str, np.ndarray]]",
         cohorts: "dict[str, tuple[Cases, Cases]]") -> None:
    """A panel a cohort: AUCs of the five seeds, and behind them what the same way reaches on permuted labels."""
    from matplotlib.figure import Figure

    from radiogen.core import files

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    for axis, (name, ways) in zip(figure.subplots(1, len(areas), sharey=True), areas.items(), strict=True):
        for number, (way, values) in enumerate(ways.items()):
            null = nulls[name].get(way)
            if null is not None and len(null):
                body = axis.violinplot(null, positions=[number], widths=0.8, showextrema=False)["bodies"][0]
                body.set(facecolor="0.75", alpha=0.9, edgecolor="none")
            axis.plot([number + 0.06 * (seed - 2) for seed in range(len(values))], values, "o",
                      color=("#1b6ca8", "#c0392b", "#555555")[number], markersize=6)
        axis.axhline(0.5, color="0.4", linewidth=0.8, linestyle="--")
        axis.set_xticks(range(len(ways)), ["20 features\nselected inside\nthe folds", "20 features\nselected before\n"
                                           "(leakage)", "age and sex"])
        axis.set_title(f"{name.split(',')[0]}, {len(cohorts[name][0].labels)} patients, "
                       f"{len(cohorts[name][0].names):,} features", fontsize=10)
    figure.axes[0].set_ylabel("AUC, cross-validated")
    figure.suptitle("How 0.7 is made from nothing: dots are five seeds, grey the same on permuted labels", fontsize=11)
    files.write_by_name(path, lambda part: figure.savefig(part, dpi=150))


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
