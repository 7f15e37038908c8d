"""Another version of Kaggle's client: the tests that talk to a Kaggle on loopback pass with it, too.

RADIOGEN_OTHER_KAGGLE names a folder with it: `pip install --no-deps --target FOLDER kaggle==2.2.5 kagglesdk==0.1.38`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TALKING = ("kernels/test_push.py", "kernels/test_probe.py", "training/test_chain.py", "test_client.py",
           "test_sending.py")


@pytest.mark.slow
def test_what_talks_to_kaggle_works_with_the_other_client():
    folder = os.environ.get("RADIOGEN_OTHER_KAGGLE", "")
    if not folder:
        pytest.skip("RADIOGEN_OTHER_KAGGLE names no folder with another version of the client")
    paths = os.pathsep.join([folder, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": paths}
    version = "import importlib.metadata, kagglesdk; print(importlib.metadata.version('kaggle'), kagglesdk.__file__)"
    shown = subprocess.run([sys.executable, "-c", version], env=environment, capture_output=True, text=True).stdout
    assert folder in shown and not shown.startswith(f"{_own()} "), shown
    end = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(
        str(HERE / name) for name in TALKING)], env=environment, cwd=HERE.parents[1], capture_output=True, text=True)
    assert end.returncode == 0, end.stdout


def _own():
    import importlib.metadata

    return importlib.metadata.version("kaggle")
