"""What a run knows of the items of a checklist, by topic.

In: the assessment of a run. Out: by topic an answer and where it is shown. A topic that this run knows nothing of is
missing, and so is what no program can know.
"""

from collections.abc import Mapping
from pathlib import Path

from radiogen.evaluation.external.sentences import claim_sentence
from radiogen.evaluation.others.origin import origin_of, origin_text
from radiogen.evaluation.report.assessment import Patients, RunAssessment
from radiogen.evaluation.report.provenance import RunProvenance
from radiogen.evaluation.text_tables import p_text
from radiogen.runs import layout
from radiogen.runs.lineage import lineage_text
from radiogen.task import RSNA_MICCAI

TOLD_OF = frozenset({"architecture", "array_dtype", "batch_size", "edge_mm", "epochs", "flips", "folds", "gamma",
                     "geometry", "holdout_fraction", "learning_rate", "normalisation", "pooling", "rank", "schedule",
                     "seed", "sequences", "shift", "size", "width"})
"""Fields of a recipe that the answers tell of; where one is missing (a run of another version) the model is unknown."""

Answer = tuple[str, tuple[tuple[str, str], ...]]
Answers = dict[str, Answer]
NONE = "none: not validated on another cohort"


def answers_of(assessed: RunAssessment, explained: bool = False) -> Answers:
    """By topic what is known, and links: (place on the page or file, its name). explained: whether there are Grad-CAM
    images."""
    return {**_data_answers(assessed), **_model_answers(assessed.provenance), **_building_answers(assessed),
            **_evaluation_answers(assessed, explained), **_result_answers(assessed, explained)}


def _data_answers(assessed: RunAssessment) -> Answers:
    provenance, patients, task = assessed.provenance, assessed.patients, assessed.run.task
    recipe, facts, data = _recipe(provenance), provenance.first.facts, provenance.facts.get("data")
    origin = origin_of(facts)
    answers: Answers = {
        "method": ("deep learning: residual networks on MRI" if recipe else origin_text(origin) if origin else
                   "deep learning on MRI", ()),
        "question": (f"{task.question} No hypothesis was registered.", (("#summary", "summary"),)),
        "objectives": (f"{task.question} Development" + (
            " and evaluation, on another cohort, too" if assessed.external.cohorts else
            " and evaluation on the same data set"), (("#summary", "summary"),)),
        "labels": (f"{task.label_column}: 1 {task.positive}, 0 {task.negative}. How and when it was assessed is for "
                   "the author to say", ()),
        "size": (f"{patients.labelled} labelled cases. What so many can show was worked out; they are as many as there "
                 "were, not as many as were needed.", (("#resolvability", "what can be seen"),)),
        "partitions": (_partition(recipe, patients), ((f"{_place(provenance)}{layout.FOLDS}", layout.FOLDS),)),
        "level": ("the patient, identified by case ids", (("#leakage", "leakage review"),)),
        "flow": (_flow(assessed), (("#predictions", "predictions"),))}
    if data:
        public = Path(data).name == RSNA_MICCAI.name
        answers["data"] = (f"{data}" + (", the RSNA-MICCAI competition's data (Kaggle, 2021)" if public else
                                        "; where those came from: unknown"), (("#made", "how it was made"),))
    if recipe:
        answers["preprocessing"] = (_preprocessing(recipe), (("#made", "recipe"),))
        answers["subsets"] = (f"{', '.join(recipe['sequences'])} of each case; " + (
            f"{recipe['slices_per_series']} slices of the middle of each" if recipe.get("slices_per_series") else
            "all slices"), (("#made", "recipe"),))
        left_out, bad = (", ".join(facts.get(name) or ()) or "nobody" for name in ("leave_out", "known_bad"))
        answers["missing"] = ("training needs every sequence of the recipe; a test case is predicted from what is "
                              f"left. Left out by hand: {left_out}; because a series is known to be blank: {bad}.",
                              (("#made", "how it was made"),))
    return answers


def _model_answers(provenance: RunProvenance) -> Answers:
    recipe, environment = _recipe(provenance), provenance.first.environment
    answers: Answers = {}
    place = _place(provenance)
    if recipe:
        head = "one logit" if recipe.get("outputs") == 1 else "softmax over two classes"
        answers["model"] = (f"{recipe['architecture']} in {recipe['rank']}D, {recipe['width']} filters first, "
                            f"{recipe['pooling']} pooling, {head}; layers in networks/architecture.py",
                            (("#made", "recipe"), (f"{place}{layout.RECIPE}", layout.RECIPE)))
        began = lineage_text(provenance.first.lineage)
        answers["first_weights"] = (f"{began}, each fold with the same fold's network" if began else
                                    recipe.get("weights") and f"{recipe['weights']}" or
                                    f"random (He), seed {recipe['seed']}", (("#made", "recipe"),))
        answers["training"] = (_training(provenance), (("#training", "training curves"),
                                                       (f"{place}{layout.RECIPE}", layout.RECIPE)))
        share = recipe.get("early_stopping_fraction", 0)
        answers["selection"] = (f"the epoch with the lowest loss on {share:.0%} of the training folds' cases, which "
                                "train nothing" if share else
                                "the last of a fixed number of epochs; the scored fold chooses nothing",
                                (("#training", "training curves"),))
    if environment:
        packages = environment.get("packages", {})
        versions = ", ".join(f"{name} {packages[name]}" for name in ("tensorflow", "keras", "numpy", "pydicom")
                             if packages.get(name, "not installed") != "not installed")
        answers["software"] = (f"radiogen {environment.get('radiogen', '?')}, Python {environment.get('python', '?')}, "
                               f"{versions}",
                               (("#made", "versions"), (f"{place}{layout.ENVIRONMENT}", layout.ENVIRONMENT)))
        answers["code"] = (f"radiogen {environment.get('radiogen', '?')}, under the MIT licence; code of one's own is "
                           "for the author to say", (("#made", "versions"),))
    if provenance.facts.get("members"):
        answers["ensemble"] = (f"{provenance.facts.get('method', 'mean')} of {', '.join(provenance.facts['members'])}",
                               (("#comparison", "comparison"),))
    elif recipe:
        answers["ensemble"] = ("holdout and test: mean of all folds' networks; no other ensemble",
                               (("#made", "recipe"),))
    return answers


def _building_answers(assessed: RunAssessment) -> Answers:
    """What follows from recipe and networks together: how the model was built, how it predicts, what it needs."""
    provenance, recipe = assessed.provenance, _recipe(assessed.provenance)
    answers: Answers = {
        "output": (f"the probability of {assessed.run.task.positive}; classes at 0.5 and at the threshold of the "
                   "largest Youden index of the other folds' cases", (("#folds", "tables per fold"),))}
    if not recipe:
        return answers
    weights = sum(len(one.networks) for one in provenance.members.values()) or len(provenance.networks)
    made = (("#made", "how it was made"),)
    answers["building"] = (f"{_training(provenance)}. Internal validation: {recipe['folds']} folds by patient; nothing "
                           "is tuned on a scored fold", (("#training", "training curves"),))
    answers["calculation"] = ("by the networks of the run, whose files are named by their SHA-256; predict.py applies "
                              "them to a case", made)
    answers["specification"] = (f"recipe, {weights} networks and package versions are in the run's folder; access to "
                                "them is for the author to say", made)
    answers["availability"] = answers["specification"]
    balance = recipe.get("balance", "nothing")
    answers["imbalance"] = ("none: folds keep the share of positive cases" + (
        "" if balance == "nothing" else "; cases are drawn so that the label says nothing of the planes"), made)
    answers["poor_input"] = ("findings of the reader name what is wrong with a series; predict.py abstains on a case "
                             "that is unlike those that trained the run", ())
    return answers


def _evaluation_answers(assessed: RunAssessment, explained: bool) -> Answers:
    confounds, external = assessed.confounds, assessed.external
    answers: Answers = {
        "measures": ("AUC, accuracy, precision, recall, F1, average precision, Brier score, calibration error; "
                     f"positive class: {assessed.run.task.positive}", (("#folds", "tables per fold"),)),
        "uncertainty": ("AUC within folds; 95 % intervals by DeLong on the logit scale; p corrected for "
                        "cross-validation, permutation test of the holdout; DeLong's test of differences",
                        (("#summary", "summary"), ("#comparison", "comparison"))),
        "internal": (_internal(assessed), (("#summary", "summary"), ("#folds", "tables per fold"))),
        "external": ("; ".join(map(claim_sentence, external.cohorts)) or NONE, (("#external", "another hospital"),)),
        "differences": ("; ".join(f"{one.name}: {one.changed} fields of the acquisition differ" for one in
                                  external.cohorts) or NONE, (("#external", "another hospital"),))}
    analyses = ["thresholds from other folds", *(["models without images", "AUC within planes"] if confounds else []),
                *(["label-permutation test"] if assessed.permutations else [])]
    answers["robustness"] = (", ".join(analyses),
                             (("#image-free", "without images"),) if confounds else (("#folds", "tables"),))
    if confounds is not None:
        answers["acquisition"] = ("plane, size and spacing of each series were read from the files and held against "
                                  "the predictions; the protocol itself is for the author to say",
                                  (("#image-free", "without images"),))
        if len(confounds.groups):
            fields = ", ".join(dict.fromkeys(confounds.groups["by"]))
            answers["groups"] = (f"cases, positive cases and AUC by {fields}; further clinical data are for the author "
                                 "to say", (("#image-free", "without images"),))
        if confounds.same_sites is not None:
            one = confounds.same_sites
            answers["clusters"] = (f"AUC where only cases of one site are compared: {one.value:.3f} ({one.low:.3f} to "
                                   f"{one.high:.3f})", (("#image-free", "without images"),))
            sites = (confounds.groups["by"] == "site").sum() if len(confounds.groups) else 0
            if sites:
                answers["centres"] = (f"{sites} sites; setting and places are for the author to say",
                                      (("#image-free", "without images"),))
    if explained:
        answers["explanation"] = ("Grad-CAM of the most confident right and wrong calls; whether it shows what the "
                                  "network uses was not checked here", (("#images", "images"),))
    return answers


def _result_answers(assessed: RunAssessment, explained: bool) -> Answers:
    patients, clinical = assessed.patients, assessed.clinical
    answers: Answers = {
        "performance": ("training folds are not scored; each fold, all folds pooled and the holdout are", (
            ("#folds", "tables per fold"), (layout.FOLD_METRICS, layout.FOLD_METRICS))),
        "diagnostic": ("see the summary and the curves", (("#summary", "summary"), ("#curves", "ROC"))),
        "failures": ("every wrong call can be listed" + ("; the most confident ones have images" if explained else ""),
                     (("#predictions", "predictions"), *((("#images", "images"),) if explained else ()))),
        "numbers": (f"{patients.labelled} patients, {patients.positive} of them {assessed.run.task.positive}; "
                    f"{patients.in_folds} in {patients.folds} folds, {patients.held_out} held out",
                    (("#folds", "tables per fold"),)),
        "limits": (_limits(assessed), (("#image-free", "without images"), ("#leakage", "leakage review"))),
        "use": ("none: research software, not for diagnosis or treatment", ())}
    if clinical is not None:
        before, after = (clinical.calibrations[name] for name in ("as predicted", "logistic"))
        answers["recalibration"] = ("logistic and isotonic, fitted in the other folds; the figures of the summary are "
                                    "of probabilities as they were predicted", (("#clinical", "calibration"),))
        answers["recalibrated"] = (f"Brier score {before.brier:.3f} as predicted, {after.brier:.3f} after logistic "
                                   "recalibration in the other folds", (("#clinical", "calibration"),))
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
    limits += dict.fromkeys(f"{one.severity}: {one.check}" for one in assessed.warnings)
    limits += [f"trained on permuted labels it does as well (p = {p_text(one.p)})" for one in assessed.verdict.reached]
    return "; ".join(limits)


def _internal(assessed: RunAssessment) -> str:
    """The AUC of each set of the run's own cohort."""
    return "; ".join(f"{one.name}: {one.verdict.cases} cases, AUC {one.verdict.estimate.value:.3f} "
                     f"({one.verdict.estimate.low:.3f} to {one.verdict.estimate.high:.3f})" for one in assessed.sets)
