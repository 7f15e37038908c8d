"""The notebook that runs at Kaggle, cell by cell; `kernel.py` turns the parts between `# %%` into its cells.

In: the private dataset that push_kernel.py made, and the competition's test series. Out: `submission.csv`. All
code is in the package, a wheel in the dataset; here it is only found, installed and called.
"""

# %% [markdown]
# # MGMT promoter methylation from brain MRI
#
# Made by `scripts/push_kernel.py` of radiogen. It installs the package from the attached dataset, without internet,
# makes arrays from the DICOM series of the test set, and writes the mean prediction of all folds of all runs.

# %%
import json
import os
import subprocess
import sys
from pathlib import Path

# A rehearsal on another machine has the same folders elsewhere.
ROOT = Path(os.environ.get("RADIOGEN_REHEARSAL_ROOT", "/kaggle"))
DEPTHS = ("*", "*/*", "*/*/*")  # /kaggle/input/<dataset>, or /kaggle/input/datasets/<owner>/<dataset>
BUNDLE = next(path.parent for depth in DEPTHS for path in (ROOT / "input").glob(f"{depth}/radiogen-bundle.json"))
MANIFEST = json.loads((BUNDLE / "radiogen-bundle.json").read_text())
print("bundle:", BUNDLE, "runs:", ", ".join(MANIFEST["runs"]))

# %%
for wheel in MANIFEST["wheels"]:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index",
                    "--no-deps", "--find-links", str(BUNDLE), wheel], check=True)

# %%
from radiogen.core.console import log_to_console  # noqa: E402  (it is installed by the cell above)
from radiogen.kaggle.kernels.session import predict_session  # noqa: E402

log_to_console()
predict_session(BUNDLE, ROOT / "input", ROOT / "working")
print((ROOT / "working" / "submission.csv").read_text()[:200])
