"""The CLAIM checklist, filled in as far as a run knows: Mongan, Moy, Kahn, Radiol. Artif. Intell. 2020;2(2):e200029.

In: the assessment of a run. Out: 42 items, each with what is known and where it is shown, or *unknown*:
that is for the author, for no program knows who set the labels or who paid. The items are in words of our own
(claim_items.csv); numbers and sections are CLAIM's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pandas as pd

from radiogen.evaluation.external.sentences import claim_sentence
from radiogen.evaluation.others.origin import origin_of, origin_text
from radiogen.evaluation.report.assessment import Patients, RunAssessment
from radiogen.evaluation.report.provenance import RunProvenance
from radiogen.evaluation.text_tables import p_text
from radiogen.runs import layout
from radiogen.runs.lineage import lineage_text
from radiogen.task import RSNA_MICCAI

UNKNOWN = "unknown"
TOLD_OF = frozenset({"architecture", "array_dtype", "batch_size", "edge_mm", "epochs", "flips", "folds", "gamma",
                     "geometry", "holdout_fraction", "learning_rate", "normalisation", "pooling", "rank", "schedule",
                     "seed", "sequences", "shift", "size", "width"})
"""Fields of a recipe that the answers tell of; where one is missing (a run of another version) the model is unknown."""


@dataclass(frozen=True)
class Item:
    """One item; `answer` is UNKNOWN where only the author knows; `links` are (place on the page or file, its name)."""

    number: int
    section: str
    item: str
    answer: str
    links: tuple[tuple[str, str], ...] = ()

    @property
    def known(self) -> bool:
        """Whether the run knew."""
        return self.answer != UNKNOWN


def claim_items(assessed: RunAssessment, explained: bool = False) -> list[Item]:
    """The 42 items for a run; explained: whether the page has Grad-CAM images. Links: `#<section>` of the page, or a
    file that is there."""
    answers = {**_data_answers(assessed), **_model_answers(assessed.provenance),
               **_evaluation_answers(assessed, explained)}
    with resources.files(__package__).joinpath("claim_items.csv").open(encoding="utf-8") as file:
        rows = pd.read_csv(file).itertuples()
        rows_of_items = [(row, *answers.get(row.number, (UNKNOWN, ()))) for row in rows]
    return [Item(row.number, row.section, row.item, answer,
                 tuple(link for link in links if link[0].startswith("#") or (assessed.run.folder / link[0]).is_file()))
            for row, answer, links in rows_of_items]


Answers = dict[int, tuple[str, tuple[tuple[str, str], ...]]]


def _data_answers(assessed: RunAssessment) -> Answers:
    provenance, patients, task = assessed.provenance, assessed.patients, assessed.run.task
    recipe, facts, data = _recipe(provenance), provenance.first.facts, provenance.facts.get("data")
    origin = origin_of(facts)
    answers: Answers = {
        1: ("deep learning: residual networks on MRI" if recipe else origin_text(origin) if origin else
            "deep learning on MRI", ()),
        4: (f"{task.question} No hypothesis was registered.", (("#summary", "summary"),)),
        11: (f"{task.label_column}: 1 {task.positive}, 0 {task.negative}; sequences by the names of their folders", ()),
        19: (f"{patients.labelled} labelled cases. What so many can show was worked out; they are as many as there "
             "were, not as many as were needed.", (("#resolvability", "what can be seen"),)),
        20: (_partition(recipe, patients), ((f"{_place(provenance)}{layout.FOLDS}", layout.FOLDS),)),
        21: ("the patient, identified by case ids", (("#leakage", "leakage review"),)),
        33: (_flow(assessed), (("#predictions", "predictions"),))}
    if data:
        public = Path(data).name == RSNA_MICCAI.name
        answers[7] = (f"{data}" + (", the RSNA-MICCAI competition's data (Kaggle, 2021)" if public else
                                   "; where those came from: unknown"), (("#made", "how it was made"),))
    if recipe:
        answers[9] = (_preprocessing(recipe), (("#made", "recipe"),))
        answers[10] = (f"{', '.join(recipe['sequences'])} of each case; " + (
            f"{recipe['slices_per_series']} slices of the middle of each" if recipe.get("slices_per_series") else
            "all slices"), (("#made", "recipe"),))
        left_out, bad = (", ".join(facts.get(name) or ()) or "nobody" for name in ("leave_out", "known_bad"))
        answers[13] = ("training needs every sequence of the recipe; a test case is predicted from what is left. Left "
                       f"out by hand: {left_out}; because a series is known to be blank: {bad}.",
                       (("#made", "how it was made"),))
    return answers


def _model_answers(provenance: RunProvenance) -> Answers:
    recipe, environment = _recipe(provenance), provenance.first.environment
    answers: Answers = {}
    place = _place(provenance)
    if recipe:
        head = "one logit" if recipe.get("outputs") == 1 else "softmax over two classes"
        answers[22] = (f"{recipe['architecture']} in {recipe['rank']}D, {recipe['width']} filters first, "
                       f"{recipe['pooling']} pooling, {head}; layers in networks/residual.py",
                       (("#made", "recipe"), (f"{place}{layout.RECIPE}", layout.RECIPE)))
        began = lineage_text(provenance.first.lineage)
        answers[24] = (f"{began}, each fold with the same fold's network" if began else
                       recipe.get("weights") and f"{recipe['weights']}" or f"random (He), seed {recipe['seed']}",
                       (("#made", "recipe"),))
        answers[25] = (_training(provenance), (("#training", "training curves"),
                                              (f"{place}{layout.RECIPE}", layout.RECIPE)))
        share = recipe.get("early_stopping_fraction", 0)
        answers[26] = (f"the epoch with the lowest loss on {share:.0%} of the training folds' cases, which train "
                       "nothing" if share else "the last of a fixed number of epochs; the scored fold chooses nothing",
                       (("#training", "training curves"),))
    if environment:
        packages = environment.get("packages", {})
        versions = ", ".join(f"{name} {packages[name]}" for name in ("tensorflow", "keras", "numpy", "pydicom")
                         if packages.get(name, "not installed") != "not installed")
        answers[23] = (f"radiogen {environment.get('radiogen', '?')}, Python {environment.get('python', '?')}, "
                       f"{versions}",
                       (("#made", "versions"), (f"{place}{layout.ENVIRONMENT}", layout.ENVIRONMENT)))
    if provenance.facts.get("members"):
        answers[27] = (f"{provenance.facts.get('method', 'mean')} of {', '.join(provenance.facts['members'])}",
                       (("#comparison", "comparison"),))
    elif recipe:
        answers[27] = ("holdout and test: mean of all folds' networks; no other ensemble", (("#made", "recipe"),))
    return answers


def _evaluation_answers(assessed: RunAssessment, explained: bool) -> Answers:
    confounds, external = assessed.confounds, assessed.external
    answers: Answers = {
        28: ("AUC, accuracy, precision, recall, F1, average precision, Brier score, calibration error; positive class: "
             f"{assessed.run.task.positive}", (("#folds", "tables per fold"),)),
        29: ("AUC within folds; 95 % intervals by DeLong on the logit scale; p corrected for cross-validation, "
             "permutation test of the holdout; DeLong's test of differences",
             (("#summary", "summary"), ("#comparison", "comparison"))),
        32: ("; ".join(map(claim_sentence, external.cohorts)) or "none: not validated on another cohort",
             (("#external", "another hospital"),)),
        35: ("training folds are not scored; each fold, all folds pooled and the holdout are", (
            ("#folds", "tables per fold"), (layout.FOLD_METRICS, layout.FOLD_METRICS))),
        36: ("see the summary and the curves", (("#summary", "summary"), ("#curves", "ROC"))),
        37: ("every wrong call can be listed" + ("; the most confident ones have images" if explained else ""),
             (("#predictions", "predictions"), *((("#images", "images"),) if explained else ()))),
        38: (_limits(assessed), (("#image-free", "without images"), ("#leakage", "leakage review"))),
        39: ("none: research software, not for diagnosis or treatment", ())}
    analyses = ["thresholds from other folds", *(["models without images", "AUC within planes"] if confounds else []),
            *(["label-permutation test"] if assessed.permutations else [])]
    answers[30] = (", ".join(analyses), (("#image-free", "without images"),) if confounds else (("#folds", "tables"),))
    if explained:
        answers[31] = ("Grad-CAM of the most confident right and wrong calls; whether it shows what the network uses "
                       "was not checked here", (("#images", "images"),))
    return answers


def _recipe(provenance: RunProvenance) -> Mapping:
    recipe = provenance.first.recipe
    return recipe if set(recipe) >= TOLD_OF else {}


def _place(provenance: RunProvenance) -> str:
    """Where the files of the run, or of an ensemble's first member, lie as seen from the page."""
    return f"../{provenance.first.name}/" if provenance.members else ""


def _partition(recipe: Mapping, patients: Patients) -> str:
    text = f"{patients.in_folds} cases in folds, {patients.held_out} held out"
    if recipe:
        seed = recipe["seed"] if recipe.get("split_seed") is None else recipe["split_seed"]
        text += (f"; a holdout of {recipe['holdout_fraction']:.0%}, then {recipe['folds']} folds, at random within "
                 f"each class, seed {seed}")
    return text


def _preprocessing(recipe: Mapping) -> str:
    size = f"{recipe['size']} voxels across"
    grid = {"isotropic": f"resampled to {recipe['edge_mm']:g} mm, {size}", "stretch": f"each axis squeezed, {size}",
            "slab": f"{recipe.get('depth') or recipe['size']} slices, {size}"}[recipe["geometry"]]
    scaled = {"none": "as they are"}.get(recipe["normalisation"], recipe["normalisation"])
    return f"slices ordered by position; {grid}; intensities {scaled}; kept as {recipe['array_dtype']}"


def _training(provenance: RunProvenance) -> str:
    recipe = _recipe(provenance)
    degrees, zoom = recipe.get("rotation_degrees"), recipe.get("zoom")
    changes = [f"flipped {', '.join(recipe['flips'])}" if recipe["flips"] else "",
               f"shifted by up to {recipe['shift']:.0%}" if recipe["shift"] else "",
               f"rotated by up to {degrees:g} degrees" if degrees else "",
               f"zoomed by up to {zoom:.0%}" if zoom else "",
               f"gamma by up to {recipe['gamma']:.0%}" if recipe["gamma"] else ""]
    augmentation = ", ".join(change for change in changes if change) or "none"
    if recipe.get("balance", "nothing") != "nothing":
        augmentation += "; cases drawn so that the label says nothing of the planes"
    networks = sum(len(one.networks) for one in provenance.members.values()) or len(provenance.networks)
    return (f"Adam, learning rate {recipe['learning_rate']:g} ({recipe['schedule']}), batches of "
            f"{recipe['batch_size']}, {recipe['epochs']} epochs; augmentation: {augmentation}; {networks} networks")


def _flow(assessed: RunAssessment) -> str:
    patients, left_out = assessed.patients, assessed.provenance.first.facts.get("leave_out") or []
    return (f"{patients.in_folds} in folds, {patients.held_out} held out, {patients.unlabelled} without label; left "
            f"out by hand: {len(left_out)}; who was left out before: unknown")


def _limits(assessed: RunAssessment) -> str:
    cohorts = [one.name for one in assessed.external.cohorts]
    limits = [f"external test on {', '.join(cohorts)} alone" if cohorts else "one data set; no external test",
              "intervals do not hold another training"]
    limits += list(assessed.conclusions) if assessed.confounds is not None else ["confounds not checked"]
    limits += [f"{one.severity}: {one.check}" for one in assessed.warnings]
    limits += [f"trained on permuted labels it does as well (p = {p_text(one.p)})" for one in assessed.verdict.reached]
    return "; ".join(limits)
