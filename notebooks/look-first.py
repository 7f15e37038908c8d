"""Look first: what the competition's data is like before anything is trained.

In: the competition's data, read-only; `brats21_sites.csv`, where somebody attached it. Out: tables and pictures. It
holds no weights and writes no submission, so it may be public. README.md here says how it becomes a notebook.
"""

# %% [markdown]
# # Look first
#
# Before a network is trained on these scans, an hour of looking saves weeks. This notebook asks five questions:
#
# 1. **What is there?** How many patients, which labels, which cases are known to be bad.
# 2. **What are the scans like?** Planes, matrices and spacings of every series, from its headers.
# 3. **What do they look like?** A contact sheet.
# 4. **Who is there twice, and who comes from which hospital?** Both can make a score look better than it is.
# 5. **What can a leaderboard of so few patients show?**
#
# Every number is computed from the data by the cell that shows it. None is typed in.

# %% [markdown]
# ## Set-up
#
# At Kaggle the package `radiogen` comes as a wheel in the attached data set and is installed without internet. On
# your own machine it is installed already, and the notebook looks at the data set that `RADIOGEN_DATA` names, or
# else at the phantom that `make demo` makes. Two tables are used where they are attached, too: `brats21_sites.csv`,
# the hospital of each case (TCIA's page of BraTS 2021, CC BY 4.0), and `series_geometry.csv`, which saves reading
# all headers.

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
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from radiogen.core.auc import auc
from radiogen.core.errors import UserError
from radiogen.dataset.geometry import read_geometry
from radiogen.dataset.known_cases import known_bad
from radiogen.dataset.labels import data_labels, read_sample_submission
from radiogen.dataset.layout import series_path
from radiogen.dataset.patients import data_patients
from radiogen.evaluation.figures.confound_figures import MEDALS
from radiogen.evaluation.figures.run_figures import BLUE, GREEN, GREY, ORANGE
from radiogen.evaluation.stats.intervals import bootstrap_interval, wilson_interval
from radiogen.evaluation.stats.power import half_width, resolvable_auc
from radiogen.imaging.inspect.header_geometry import header_geometry
from radiogen.imaging.series import read_series
from radiogen.imaging.volume import display_order
from radiogen.kaggle.mounts import competition_folder, mounted_file
from radiogen.task import ID, LABEL, read_task

plt.rcParams.update({"figure.dpi": 100, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 11,
                     "axes.titlelocation": "left", "figure.constrained_layout.use": True})
INPUT = ROOT / "input"
PHANTOM = next((path for path in (Path("input/phantom"), Path("../input/phantom")) if path.is_dir()), Path("phantom"))
DATA = Path(os.environ["RADIOGEN_DATA"]) if "RADIOGEN_DATA" in os.environ else (
    competition_folder(INPUT) if INPUT.is_dir() else PHANTOM)
task = read_task(DATA)


def say(text):
    """Show a sentence whose numbers were computed."""
    display(Markdown(text))


def show(table, **formats):
    """Show a table, its numbers rounded."""
    display(table.style.format({name: formats[name] for name in formats if name in table}, na_rep="-"))


say(f"The data set is `{DATA.name}`: {task.title.lower() if not task.title[1].isupper() else task.title}. "
    f"*{task.question}*")

# %% [markdown]
# ## 1. What is there
#
# One row of the label table is one case: four series of one patient before surgery, and whether the tumour is of the
# positive class. The organisers know of a few series that hold no image; such cases are left out of training.

# %%
labels, _ = data_labels(DATA)
sample = read_sample_submission(DATA / "sample_submission.csv", task)
bad = known_bad(DATA)
positive = labels[LABEL] == 1
show(pd.DataFrame({"cases": [len(labels), int(positive.sum()), int((~positive).sum()), len(sample)]},
                  index=["labelled", task.positive, task.negative, "test cases that one can see"]))
say(f"**{100 * positive.mean():.1f} %** of the labelled cases are {task.positive}. "
    + (f"Known to be blank: {', '.join(f'{case} ({reason})' for case, reason in bad.items())}." if bad
       else "No series of this data set is known to be blank."))

# %% [markdown]
# ## 2. What the scans are like
#
# No pixel is read here: the headers say how each slice lies in the patient, and the order of the slices follows from
# their positions, never from file names. A series is *axial*, *coronal* or *sagittal* by the nearest axis.

# %%
table = mounted_file(INPUT, "series_geometry.csv")
geometry = header_geometry(DATA) if table is None else read_geometry(table, task)
known = geometry[geometry["plane"].notna()]
planes = pd.crosstab(known["sequence"], known["plane"]).reindex(task.sequences).rename_axis(index=None, columns=None)
same_plane = known.groupby(ID)["plane"].nunique() == 1
whole = known.groupby(ID)["sequence"].nunique() == len(task.sequences)
show(planes.assign(series=planes.sum(axis=1)))
say(f"In **{100 * (same_plane & whole).sum() / whole.sum():.0f} %** of the cases with all "
    f"{len(task.sequences)} series these lie in one plane. A network that stacks slices of the four as channels, "
    "without resampling them, mixes planes in all others.")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.4), width_ratios=(3, 2))
begin = np.zeros(len(planes))
for plane, colour in zip(planes.columns, (BLUE, ORANGE, GREEN), strict=False):
    left.barh(planes.index, planes[plane], left=begin, color=colour, label=plane)
    begin += planes[plane].to_numpy()
left.invert_yaxis()
left.set(title="planes by sequence", xlabel="series")
left.legend(frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.2))
for sequence, colour in zip(task.sequences, (BLUE, ORANGE, GREEN, GREY), strict=False):
    right.hist(known.loc[known["sequence"] == sequence, "slice_spacing_mm"].astype(float).dropna(),
               bins=np.linspace(0, 10, 41), histtype="step", linewidth=1.8, color=colour, label=sequence)
right.set(title="distance of neighbouring slices", xlabel="mm", ylabel="series")
right.legend(frameon=False)
plt.show()

# %% [markdown]
# Matrices and spacings differ as much as planes do. Whoever resizes every slice to a square, or every series to a
# cube, stretches most of them: a millimetre is then not the same along two axes, nor in two patients.

# %%
matrices = (known["rows"].astype(int).astype(str) + " x " + known["columns"].astype(int).astype(str)).value_counts()
show(matrices.head(8).rename("series").to_frame().assign(share=lambda table: 100 * table["series"] / len(known)),
     share="{:.1f} %")
numbers = known.assign(slices=known["slices"].astype(int), mm=known["slice_spacing_mm"].astype(float))
summary = numbers.groupby("sequence").agg(
    **{"fewest slices": ("slices", "min"), "median slices": ("slices", "median"), "most slices": ("slices", "max"),
       "thinnest, mm": ("mm", "min"), "thickest, mm": ("mm", "max")}).reindex(task.sequences).rename_axis(None)
show(summary, **{"median slices": "{:.0f}", "thinnest, mm": "{:.2f}", "thickest, mm": "{:.2f}"})
square = (known["rows"] == known["columns"]).mean()
say(f"There are **{len(matrices)} matrices**; {100 * square:.0f} % of the series are square. "
    f"{100 * (numbers['slices'] < 64).mean():.0f} % have fewer than 64 slices: a cube of that edge has to be "
    "interpolated between them.")

# %% [markdown]
# ## 3. What they look like
#
# The middle slice of each series, turned as a radiologist looks at it, with the pixels' true proportions. A thin
# dark picture in a row of others is a hint; so is a column that shows another plane in every row.

# %%
def draw(axes, case, sequence):
    """The middle slice of a series; why there is none, where it cannot be read."""
    axes.set_axis_off()
    try:
        volume = read_series(series_path(DATA, "train", case, sequence))
    except UserError:
        axes.text(0.5, 0.5, "cannot be read", color="white", ha="center", va="center", fontsize=8)
        return
    voxels, affine = display_order(volume.voxels, volume.affine)
    steps = np.ones(3) if affine is None else np.linalg.norm(affine[:3, :3], axis=0)
    middle = voxels[len(voxels) // 2].astype(float)
    axes.imshow(middle, cmap="gray", vmax=np.percentile(middle, 99.5), aspect=steps[1] / steps[2])


def sheet(cases, title):
    """A row a case, a column a sequence."""
    figure, axes = plt.subplots(len(cases), len(task.sequences), squeeze=False,
                                figsize=(2.2 * len(task.sequences), 2.3 * len(cases)), facecolor="black")
    for row, case in zip(axes, cases, strict=True):
        for place, sequence in zip(row, task.sequences, strict=True):
            draw(place, case, sequence)
            found = geometry[(geometry[ID] == case) & (geometry["sequence"] == sequence)]
            plane = found["plane"].iloc[0] if len(found) else "missing"
            place.set_title(f"{case} {sequence}, {plane}", color="white", fontsize=8, loc="center")
    figure.suptitle(title, color="white", fontsize=11)
    plt.show()


good = labels.loc[~labels[ID].isin(bad)]
chosen = pd.concat([good[good[LABEL] == label].head(3) for label in (0, 1)])
sheet(list(chosen[ID]), f"three cases {task.negative}, then three {task.positive}")

# %% [markdown]
# Can you tell the upper three from the lower three? If there is a signal, it is none that everybody sees, and a high
# score is the more surprising.

# %% [markdown]
# ## 4. Who is there twice
#
# A patient in the training part and in the validation part makes any score too good: the network recognises the
# head. Tables that [TCIA](https://www.cancerimagingarchive.net) published later say which cases are follow-ups of
# another.

# %%
patients = data_patients(DATA)
several = {} if patients is None else {name: list(rows[ID]) for name, rows in patients.groupby("patient")
                                       if len(rows) > 1 and rows[ID].isin(labels[ID]).all()}
say(f"**Patients with several labelled cases: {len(several)}**, "
    + "; ".join(" = ".join(cases) for cases in several.values()) + ". Keep them in one fold." if several
    else "No patient of this data set is known to be in it twice.")
for cases in list(several.values())[:2]:
    sheet(cases, f"one patient: {' and '.join(cases)}")

# %% [markdown]
# ## 5. The hospital
#
# Which hospital a scan comes from is written in every scanner's habits: plane, matrix, noise. If the classes are not
# equally common in all hospitals, a network can score without having seen a tumour.

# %%
table = mounted_file(INPUT, "brats21_sites.csv")
if table is not None:
    sites = pd.read_csv(table, dtype=str, keep_default_na=False).set_index(task.id_column)["site"]
elif patients is not None:
    sites = patients.set_index(ID)["site"]
else:
    sites = pd.Series(dtype=str)
flair = geometry[geometry["sequence"] == task.sequences[0]].set_index(ID)["plane"]
cases = labels.assign(site=labels[ID].map(sites).fillna(""), plane=labels[ID].map(flair).fillna("unknown"))
located = cases[cases["site"] != ""]
if located.empty:
    say("No table of hospitals is attached (`brats21_sites.csv`, from TCIA's page of BraTS 2021, CC BY 4.0): only "
        "the planes can be looked at, which are most of what a hospital's habit leaves in the headers.")


def shares(column, table):
    """By value of a column: cases, and the share of positive ones with its 95 % interval (Wilson)."""
    found = table.groupby(column)[LABEL].agg(["size", "sum"]).sort_values("size", ascending=False)
    low, high = wilson_interval(found["sum"].to_numpy(int), found["size"].to_numpy(int))
    return pd.DataFrame({"cases": found["size"], "positive, %": 100 * found["sum"] / found["size"], "from": 100 * low,
                         "to": 100 * high})


by = "site" if len(located) else "plane"
counted = shares(by, located if len(located) else cases)
show(counted.head(8), **{"positive, %": "{:.1f}", "from": "{:.1f}", "to": "{:.1f}"})

# %%
questions = {}
for site in counted.index[:1] if by == "site" else ():
    questions[f"is it hospital {site}?"] = (located[LABEL] == 1, (located["site"] == site).astype(float))
common = cases["plane"].mode()[0]
questions[f"is {task.sequences[0]} not {common}?"] = (cases[LABEL] == 1, (cases["plane"] != common).astype(float))
rows = {}
for name, (truth, answer) in questions.items():
    truth, answer = truth.to_numpy(bool), answer.to_numpy(float)
    if auc(truth, answer) < 0.5:  # the question may be put the other way round
        answer = 1 - answer
    rows[name] = (auc(truth, answer), *bootstrap_interval(truth, answer), len(truth))
without_image = pd.DataFrame(rows, index=["AUC", "from", "to", "cases"]).T
show(without_image, AUC="{:.3f}", **{"from": "{:.3f}", "to": "{:.3f}", "cases": "{:.0f}"})

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.4))
few = counted.head(6)
left.bar(range(len(few)), few["positive, %"], color=[ORANGE, *[BLUE] * (len(few) - 1)], width=0.6)
left.vlines(range(len(few)), few["from"], few["to"], color="black", linewidth=1.5)
left.axhline(100 * positive.mean(), color=GREY, linestyle=":")
left.set(xticks=range(len(few)), xticklabels=[f"{name}\n{cases}" for name, cases in few["cases"].items()],
         ylabel=f"{task.positive}, %", title=f"by {'hospital' if by == 'site' else 'plane of ' + task.sequences[0]}, "
         "95 % interval (dotted: all)")
for place, (_, row) in enumerate(without_image.iterrows()):
    right.plot([row["from"], row["to"]], [place, place], color=(ORANGE, BLUE)[place % 2], linewidth=3, alpha=0.5)
    right.plot(row["AUC"], place, "o", color=(ORANGE, BLUE)[place % 2], markersize=8)
    right.annotate(f"{row['AUC']:.3f}", (row["AUC"], place), (0, 8), textcoords="offset points", ha="center")
right.axvline(0.5, color=GREY, linestyle=":")
right.axvline(MEDALS["bronze"], color="#9a6324", linewidth=1)
right.set(yticks=range(len(without_image)), yticklabels=without_image.index, ylim=(-0.6, len(without_image) - 0.4),
          xlabel=f"AUC (dotted: chance; brown: bronze, {MEDALS['bronze']})",
          title="what one question is worth without any image")
plt.show()
best = without_image.sort_values("AUC").iloc[-1]
say(f"*{without_image['AUC'].idxmax()}* alone has an AUC of **{best['AUC']:.3f}** (95 % interval {best['from']:.3f} to "
    f"{best['to']:.3f}); the competition's bronze medal began at {MEDALS['bronze']}. Whatever a network reaches has to "
    "be held against this.")

# %% [markdown]
# ## 6. What an AUC on so few cases can show
#
# The public leaderboard scores the test cases that one can see. Suppose they hold as many positive cases as the
# training cases do, and somebody submits random numbers, many times.

# %%
def draws(cases, times, seed=0):
    """AUCs of random submissions on so many cases."""
    random, truth = np.random.default_rng(seed), np.arange(cases) < round(positive.mean() * cases)
    return np.array([auc(truth, random.random(cases)) for _ in range(times)])


seen = len(sample)
luck = draws(seen, 2000)
best_of = np.median(luck.reshape(20, 100).max(axis=1))
ones = round(positive.mean() * seen)
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.4))
left.hist(luck, bins=40, color=BLUE, alpha=0.8)
left.axvline(MEDALS["bronze"], color="#9a6324")
left.axvline(best_of, color=ORANGE)
left.set(title=f"2,000 random submissions, {seen} cases", xlabel="AUC (brown: bronze; orange: best of 100, median)",
         ylabel="submissions")
sizes = np.unique(np.geomspace(20, 5000, 60).astype(int))
right.plot(sizes, [half_width(round(positive.mean() * size), size - round(positive.mean() * size)) for size in sizes],
           color=BLUE, linewidth=2)
for size, name in ((seen, "public test"), (5 * seen, "hidden test"), (len(labels), "labelled")):
    right.plot(size, half_width(round(positive.mean() * size), size - round(positive.mean() * size)), "o", color=ORANGE)
    right.annotate(name, (size, half_width(round(positive.mean() * size), size - round(positive.mean() * size))),
                   (6, 6), textcoords="offset points", fontsize=9)
right.set(xscale="log", xlabel="cases", title="half the width of the 95 % interval around 0.5")
plt.show()
say(f"On {seen} cases an AUC is known to **+-{half_width(ones, seen - ones):.3f}**. "
    f"{100 * (luck > MEDALS['bronze']).mean():.0f} % of the random submissions are above bronze, and the best of "
    f"a hundred has {best_of:.3f}. To be called better than chance in four studies of five, the true AUC has to be "
    f"**{resolvable_auc([(ones, seen - ones)]):.3f}** on these cases, "
    f"{resolvable_auc([(5 * ones, 5 * (seen - ones))]):.3f} on five times as many, and "
    f"{resolvable_auc([(int(positive.sum()), int((~positive).sum()))]):.3f} on all labelled ones.")

# %% [markdown]
# ## What follows
#
# * Resample to millimetres, or choose one sequence whose plane hardly varies; do not stretch.
# * Split by patient, and look at the score within hospitals.
# * Hold each score against what is known without an image, and against its own interval.
# * Do not choose among submissions by the public leaderboard.
#
# *Train and judge* does this with a network, *Predict and submit* sends it to the hidden test set.
