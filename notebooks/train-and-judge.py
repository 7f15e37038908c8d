"""Train and judge: arrays, networks of all folds, out-of-fold predictions, and what they are worth.

In: the competition's data, or another data set. Out: a run in `/kaggle/working` and its judgement. It holds no weights,
and writes no submission; what it trains is private. README.md here says how it becomes a notebook.
"""

# %% [markdown]
# # Train and judge
#
# From DICOM series to a sentence that says what a network has learnt, in five steps:
#
# 1. **Arrays**: each series is read once, ordered by position, resampled to millimetres and cached.
# 2. **Folds**: by patient, with both classes and all planes spread evenly.
# 3. **Networks**: one a fold. A fold that is cut off resumes from its checkpoint.
# 4. **Out-of-fold predictions**: each case is scored by the network that has not seen it.
# 5. **The verdict**: an AUC with its interval, held against chance and against what is known without any image.

# %% [markdown]
# ## Set-up
#
# At Kaggle the package `radiogen` comes as a wheel in the attached data set. On your own machine it is installed
# already, and the notebook takes the data set that `RADIOGEN_DATA` names, or else the phantom that `make demo`
# makes.

# %%
import json
import os
import subprocess
import sys
from pathlib import Path

os.environ["RADIOGEN_HIDE_PROGRESS"] = "1"  # no progress bars between the pictures
ROOT = Path(os.environ.get("RADIOGEN_REHEARSAL_ROOT", "/kaggle"))
DEPTHS = ("*", "*/*", "*/*/*")  # /kaggle/input/<dataset>, or /kaggle/input/datasets/<owner>/<dataset>
for manifest in [path for depth in DEPTHS for path in (ROOT / "input").glob(f"{depth}/radiogen-bundle.json")][:1]:
    for wheel in json.loads(manifest.read_text())["wheels"]:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index",
                        "--no-deps", "--find-links", str(manifest.parent), wheel], check=True)

# %%
import tempfile

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from radiogen.arrays.stored_arrays import open_array
from radiogen.core.console import log_to_console
from radiogen.dataset.geometry import planes_together, read_geometry
from radiogen.evaluation import wording
from radiogen.evaluation.figures.run_figures import BLUE, ORANGE, probabilities_figure, roc_figure
from radiogen.evaluation.report.assess import assess
from radiogen.evaluation.stats.power import fold_groups, resolvability_table
from radiogen.inference.workflow import predict
from radiogen.kaggle.mounts import competition_folder
from radiogen.runs.layout import GEOMETRY
from radiogen.runs.predicted_run import open_predictions
from radiogen.runs.predictions import out_of_fold, scored
from radiogen.runs.training_records import read_histories
from radiogen.task import ID, LABEL, read_task
from radiogen.training import workflow
from radiogen.training.recipe.recipes import find_recipe
from radiogen.training.runs import choose_folds

plt.rcParams.update({"figure.dpi": 100, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 11,
                     "axes.titlelocation": "left", "figure.constrained_layout.use": True})
INPUT = ROOT / "input"
PHANTOM = next((path for path in (Path("input/phantom"), Path("../input/phantom")) if path.is_dir()), Path("phantom"))
DATA = Path(os.environ["RADIOGEN_DATA"]) if "RADIOGEN_DATA" in os.environ else (
    competition_folder(INPUT) if INPUT.is_dir() else PHANTOM)
WORK = ROOT / "working" if INPUT.is_dir() else Path(tempfile.mkdtemp(prefix="radiogen-notebook-"))
task = read_task(DATA)


def say(text):
    """Show a sentence whose numbers were computed."""
    display(Markdown(text))


# %% [markdown]
# ## The recipe
#
# A recipe is a frozen record of everything that decides the weights, the seed among it. On the competition's data it
# is `isotropic-3d`: T1w before and after contrast as two channels of one cube of 2 mm voxels, in which a millimetre
# is the same in every direction and patient. On a phantom it is a small one.

# %%
if (DATA / "phantom.json").is_file():
    recipe = find_recipe("demo-3d").replace(
        size=24, epochs=10, folds=3, holdout_fraction=0.0,
        description="T1w and T1wCE as two channels of one small cube through a short 3D residual network.")
else:
    recipe = find_recipe("isotropic-3d")
say(f"**{recipe.name}**: {recipe.description.splitlines()[0]}")
display(pd.Series({
    "sequences": ", ".join(recipe.data.sequences), "edge of the cube, voxels": recipe.data.size,
    "network": recipe.network.architecture, "epochs": recipe.optimisation.epochs,
    "inputs a step": recipe.optimisation.batch_size, "folds": recipe.split.folds,
    "part that nobody sees until the end": recipe.split.holdout_fraction, "seed": recipe.seed},
    name="value").to_frame())

# %% [markdown]
# ## 1. Arrays
#
# Each series is read once. A series with a hole, a repeated slice or a scout in its folder is mended or refused, and
# the log says which. The arrays are kept in a cache whose name holds a fingerprint of the data, so that the next
# training starts at once and never on the arrays of other files.

# %%
log_to_console()
run = workflow.begin_run(DATA, recipe, WORK / "models" / "train-and-judge", WORK / "cache")

# %%
labels = run.folds.set_index(ID)[LABEL]
shown = [*labels.index[labels == 0][:3], *labels.index[labels == 1][:3]]
figure, axes = plt.subplots(len(recipe.data.sequences), len(shown), squeeze=False, figsize=(11, 4), facecolor="black")
for column, case in zip(axes.T, shown, strict=True):
    cube = np.asarray(open_array(run.cache, case))
    for place, channel, sequence in zip(column, cube, recipe.data.sequences, strict=True):
        place.imshow(channel[len(channel) // 2], cmap="gray", origin="upper")
        place.set_axis_off()
        place.set_title(f"{case} {sequence}\n{task.classes[labels[case]]}", color="white", fontsize=8, loc="center")
figure.suptitle("what the network sees: the middle of each cube", color="white", fontsize=10)
plt.show()

# %% [markdown]
# ## 2. Folds, and what so many cases can show
#
# Folds are drawn once, by patient, before anything is trained. With them one number is already fixed: how good a
# network has to be before this data set can show that it is better than chance. It is worth knowing before the GPU
# is switched on.

# %%
display(pd.crosstab(run.folds["fold"], run.folds[LABEL].map(dict(enumerate(task.classes))))
        .rename_axis(index="fold", columns=None))
reach = resolvability_table(fold_groups(run.folds))
row = reach.iloc[0]
say(f"On {row['number']} cases an AUC around 0.5 is known to **+-{row['half_width']:.3f}**. "
    + (f"A true AUC of **{row['smallest_auc']:.3f}** is called better than chance in four studies of five."
       if row["smallest_auc"] < 1 else "They are too few to show anything in four studies of five."))

# %% [markdown]
# ## 3. Networks
#
# Every fold is a process of its own: nothing leaks from one into the next, and each can be trained in another
# session. No epoch is chosen by the fold that is scored.

# %%
workflow.train(run, choose_folds(recipe.split.folds, "all"))

# %%
figure, axes = plt.subplots(figsize=(7, 3.2))
for fold, history in read_histories(run.folder).items():
    axes.plot(history["epoch"], history["loss"], color=BLUE, linewidth=1, linestyle="--")
    axes.plot(history["epoch"], history["val_loss"], color=ORANGE, linewidth=1.5, label=f"fold {fold}")
axes.plot([], [], color=BLUE, linestyle="--", label="training")
handles, names = axes.get_legend_handles_labels()
axes.legend([handles[-1], handles[0]], ["training", "the fold that is scored"], frameon=False)
axes.axhline(np.log(2), color="grey", linestyle=":")
axes.set(xlabel="epoch", ylabel="cross-entropy", title="all folds (dotted: knowing nothing)")
plt.show()

# %% [markdown]
# ## 4. Out-of-fold predictions
#
# Each case gets the probability of the one network that was not trained on it. Test cases get the mean of all.

# %%
predict(run, explain=0)
predicted = open_predictions(run.folder.parent, run.folder.name)
truth, probabilities = scored(out_of_fold(predicted.predictions))
for figure in (roc_figure({run.recipe.name: (truth, probabilities)}, "out-of-fold, 95 % band", scale=0.8),
               probabilities_figure(truth, probabilities, "each case's probability", task=task)):
    figure.set_dpi(90)
    display(figure)

# %% [markdown]
# ## 5. The verdict
#
# An AUC alone says little. The same predictions are held against chance, allowing for the fact that the networks of
# the folds share training cases; against models that see no image, only planes and sizes; and a review looks for
# leaks: the same patient on both sides, copies, weights that saw the cases before.

# %%
assessed = assess([predicted]).last
said = assessed.main.verdict
say(f"> **{wording.verdict_sentence(said)}.**\n>\n> {wording.reach_sentence(said)}.")
say(f"**Verdict on the run: {wording.run_verdict_sentence(assessed.verdict)}.**")
if assessed.confounds is not None:
    say("\n".join(f"* {sentence}" for sentence in wording.confound_sentences(assessed.confounds)))
say("\n".join(f"* {one.severity}: {one.check}" for one in assessed.warnings)
    or "The review for leaks found nothing to warn of.")

# %% [markdown]
# The same by the planes of the sequences that the network sees: whoever is right in some planes only has learnt the
# planes, or their hospital.

# %%
rows = out_of_fold(predicted.predictions)
planes = planes_together(read_geometry(run.folder / GEOMETRY), rows[ID], recipe.data.sequences)
table = rows.assign(plane=planes).groupby("plane").agg(
    cases=(ID, "size"), positive=(LABEL, lambda values: values.astype(int).mean()),
    predicted=("probability", "mean")).rename_axis(None)
display(table.style.format({"positive": "{:.2f}", "predicted": "{:.2f}"}))

# %% [markdown]
# ## What follows
#
# * *Not distinguishable from chance* is a result: say so, with the interval.
# * *Better than chance* is one, too, once no model without images does as well and another hospital agrees.
# * `python scripts/evaluate.py` writes all of this, and more, as one page.
# * *Predict and submit* carries the networks to the hidden test set.
