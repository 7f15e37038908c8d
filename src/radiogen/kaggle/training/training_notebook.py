"""The notebook of a training session at Kaggle, cell by cell; `push_session.py` writes the session's order into it.

In: the private dataset that train_on_kaggle.py made, the competition, the outputs of earlier sessions. Out: the
session's packs and record. All code is in the package, a wheel in the dataset.
"""

# %% [markdown]
# # A training session of radiogen
#
# Made by `scripts/train_on_kaggle.py`. It installs the package from the attached dataset, without internet, goes on
# where the last session stopped, and ends before the limit with everything that the next one needs.

# %%
import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

BEGAN = time.monotonic()
ORDER: dict[str, Any] = {}
# A rehearsal on another machine has the same folders elsewhere.
ROOT = Path(os.environ.get("RADIOGEN_REHEARSAL_ROOT", "/kaggle"))
SCRATCH = Path(os.environ.get("TMPDIR", "/tmp")) / "radiogen"
DEPTHS = ("*", "*/*", "*/*/*")  # /kaggle/input/<dataset>, or /kaggle/input/datasets/<owner>/<dataset>
BUNDLE = next(path.parent for depth in DEPTHS for path in (ROOT / "input").glob(f"{depth}/radiogen-bundle.json"))
RECIPES = json.loads((BUNDLE / "radiogen-bundle.json").read_text())["training"]["recipes"]
print("bundle:", BUNDLE, "session:", ORDER, "runs:", ", ".join(RECIPES))

# %%
if importlib.util.find_spec("radiogen") is None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index",
                    "--no-deps", "--find-links", str(BUNDLE), "radiogen"], check=True)

# %%
from radiogen.core.console import log_to_console  # noqa: E402  (it is installed by the cell above)
from radiogen.kaggle.kernels.carried import install_carried  # noqa: E402
from radiogen.kaggle.training.session import Order, run_session  # noqa: E402

log_to_console()
install_carried(BUNDLE)
SCRATCH.mkdir(parents=True, exist_ok=True)
order = Order(ORDER["number"], ORDER["kind"], RECIPES, ORDER["competition"], BEGAN + ORDER["seconds"], BUNDLE)
print(run_session(order, ROOT / "input", ROOT / "working", SCRATCH).read_text())
