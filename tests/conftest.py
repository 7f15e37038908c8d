"""What several tests share: where the real series are, and a small phantom data set made once a session."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")


SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder that holds `dicom/` and `tcga_lgg_side/`; the tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("RADIOGEN_REAL_DATA", SHARED))
    if not (folder / "dicom").is_dir():
        pytest.skip("no real series here: set RADIOGEN_REAL_DATA to the folder that holds dicom/ and tcga_lgg_side/")
    return folder


@pytest.fixture(scope="session")
def rsna_tables() -> Path:
    """The folder of the competition's own small tables."""
    if not (SHARED / "rsna").is_dir():
        pytest.skip("the competition's tables are not beside this clone")
    return SHARED / "rsna"
