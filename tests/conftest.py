"""What several tests share: where the real series are, and a small phantom data set made once a session."""

import os
from collections.abc import Callable
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


@pytest.fixture
def as_competition(monkeypatch) -> Callable[[Path], None]:
    """Has the label table of the data set that it is given recognised as the competition's."""
    from radiogen.dataset import known_bad
    from radiogen.dataset.labels import read_labels

    def recognise(data: Path) -> None:
        labels = read_labels(data / "train_labels.csv")
        monkeypatch.setattr(known_bad, "LABELS_SHA256", known_bad.labels_fingerprint(labels))

    return recognise
