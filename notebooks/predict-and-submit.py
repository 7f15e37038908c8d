"""Predict and submit: the notebook of the code competition, which runs at Kaggle without internet.

In: the private data set that push_kernel.py made of trained runs, and the competition's test series. Out:
`submission.csv`. All code is in the package, a wheel in that data set; here it is found, installed and called.
"""

# %% [markdown]
# # Predict and submit
#
# This competition takes notebooks, not tables: Kaggle runs this one again on a hidden test set, without internet and
# for nine hours at most, and scores the `submission.csv` that it leaves behind. What could go wrong there, nobody
# sees. So each step below says what it does, what it checks, and what it does with a case that is broken.
#
# 1. Find what is attached, wherever this session mounts it.
# 2. Install the package and what Kaggle's image lacks from wheels, without internet.
# 3. See which networks were brought, and whether each file is the one that was trained.
# 4. Make arrays of the test series, predict with every network, take the mean, write the submission.
# 5. Look at the result.

# %% [markdown]
# ## 1. Find what is attached
#
# Older sessions mount a data set as `/kaggle/input/<name>`, newer ones as `/kaggle/input/datasets/<owner>/<name>`,
# and the competition accordingly. The data set is recognised by a file in it, `radiogen-bundle.json`, which lists
# everything that was brought, each file with its hash.

# %%
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(os.environ.get("RADIOGEN_REHEARSAL_ROOT", "/kaggle"))  # a rehearsal has the same folders elsewhere
DEPTHS = ("*", "*/*", "*/*/*")
BUNDLE = next(path.parent for depth in DEPTHS for path in (ROOT / "input").glob(f"{depth}/radiogen-bundle.json"))
MANIFEST = json.loads((BUNDLE / "radiogen-bundle.json").read_text())
print("bundle:", BUNDLE)
print("runs:  ", ", ".join(MANIFEST["runs"]))

# %% [markdown]
# ## 2. Install without internet
#
# `--no-index` keeps pip from looking on the network, `--no-deps` from replacing anything of Kaggle's image. A
# package that the session has in a version that will do is left alone: to replace one that is loaded can crash the
# session.

# %%
if find_spec("radiogen") is None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index",
                    "--no-deps", "--find-links", str(BUNDLE), "radiogen"], check=True)

from radiogen.kaggle.kernels.carried import install_carried

print("installed:", ", ".join(install_carried(BUNDLE)) or "nothing but radiogen")

# %% [markdown]
# ## 3. The networks
#
# A run is one recipe trained in several folds: a network a fold. Weights are carried without their Python code; the
# network is built again from the recipe, so that another version of Keras can load them. Of each file the hash is
# compared with the one that it had when it was packed: a cut upload ends the session here, and not with a bad score.

# %%
import pandas as pd
from IPython.display import display

from radiogen.core import files

rows = []
for run, members in MANIFEST["runs"].items():
    recipe = json.loads((BUNDLE / members["recipe.json"]["file"]).read_text())
    networks = [kept for place, kept in members.items() if place.endswith(".weights.h5")]
    rows.append({
        "run": run, "recipe": recipe["name"], "sequences": ", ".join(recipe["data"]["sequences"]),
        "networks": len(networks), "MB": sum((BUNDLE / kept["file"]).stat().st_size for kept in networks) / 1e6,
        "as packed": all(files.sha256(BUNDLE / kept["file"]) == kept["sha256"] for kept in members.values())})
display(pd.DataFrame(rows).set_index("run").rename_axis(None).style.format({"MB": "{:.1f}"}))

# %% [markdown]
# ## 4. Predict
#
# `predict_session` walks through these steps. It never reads a training series, and no test case can end it:
#
# * **The list of cases** is that of `sample_submission.csv`, in its order; the folder may hold more or fewer.
# * **Arrays.** Every series of the test set is read as in training: slices by position, the same grid, the same
#   scaling. A series that is blank, cut or missing is left out, and the case is predicted from its others. A case of
#   which nothing can be read gets the share of positive training cases, which costs a ranking least.
# * **Predictions.** Every network of every run predicts every case; the mean over folds is a run's answer, the mean
#   over runs is the submission's.
# * **The check.** The file is read back: the sample's heading, ids and order, and a number between 0 and 1 in each
#   row.
#
# What happened is written beside it, in `session.json`: versions, times, warnings, and the cases that got the share.

# %%
from radiogen.core.console import log_to_console
from radiogen.kaggle.kernels.session import predict_session

os.environ["RADIOGEN_HIDE_PROGRESS"] = "1"  # no progress bars in the notebook's output
log_to_console()
SUBMISSION = predict_session(BUNDLE, ROOT / "input", ROOT / "working")
assert SUBMISSION == ROOT / "working" / "submission.csv"  # the name that Kaggle looks for

# %% [markdown]
# ## 5. Look at the result
#
# While Kaggle scores the notebook on the hidden test set, nobody looks: the pictures are left out there, so that
# they cannot fail. What was written is `submission.csv`.

# %%
RECORD = json.loads((ROOT / "working" / "session.json").read_text())
if not os.environ.get("KAGGLE_IS_COMPETITION_RERUN"):
    table = pd.read_csv(SUBMISSION, dtype={0: str})
    display(table.head())
    display(pd.Series({
        "cases": RECORD["cases"], "predicted from their series": RECORD["cases"] - len(RECORD["imputed"]),
        "with the training share": len(RECORD["imputed"]), "warnings": len(RECORD["warnings"]),
        "seconds for arrays": round(RECORD["seconds"]["preprocess"]),
        "seconds for predictions": round(RECORD["seconds"]["predict"])}, name="this session").to_frame())

# %%
if not os.environ.get("KAGGLE_IS_COMPETITION_RERUN"):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 2.8), layout="constrained")
    axes.hist(table.iloc[:, 1], bins=[place / 20 for place in range(21)], color="#0072B2")
    axes.axvline(RECORD["prevalence"], color="#D55E00", linestyle="--")
    axes.set(xlabel="submitted probability (dashed: the training share)", ylabel="test cases", xlim=(0, 1))
    axes.spines[["top", "right"]].set_visible(False)
    plt.show()

# %% [markdown]
# A histogram that is one bar says that the networks tell the cases apart by nothing; two peaks at 0 and 1 that they
# are surer than an AUC near 0.6 allows. The AUC takes only the order, so neither is mended here.
