"""What several tests share: where the real series are, and a small data set made once a session."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

if TYPE_CHECKING:
    from radiogen.training.recipe.recipe import Recipe

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ["RADIOGEN_CALLED_AS"] = "scripts"  # messages are those of `python scripts/<command>.py`


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


@pytest.fixture(scope="session")
def imagenet_layers() -> Path:
    """The first 30 layers of Keras's ImageNet weights; the tests that need them are skipped where they are absent."""
    path = SHARED / "resnet50_imagenet_conv1_to_conv3_block1.h5"
    if not path.is_file():
        pytest.skip(f"{path.name} is not beside this clone")
    return path


@pytest.fixture(autouse=True, scope="session")
def console():
    """Notes and warnings of the package are shown as a command shows them, in tests that call the library, too."""
    from radiogen.core.console import log_to_console

    log_to_console()


@pytest.fixture
def as_library(monkeypatch):
    """Messages are those that a program reads which imports the package."""
    from radiogen.core.wording import CALLED_AS

    monkeypatch.delenv(CALLED_AS)


@pytest.fixture
def as_competition(monkeypatch) -> Callable[[Path], None]:
    """Has the label table of the data set that it is given recognised as the competition's."""
    from radiogen.dataset import known_cases
    from radiogen.dataset.labels import read_labels
    from radiogen.task import RSNA_MICCAI

    def recognise(data: Path) -> None:
        labels = read_labels(data / "train_labels.csv")
        mark = known_cases.labels_fingerprint(labels, RSNA_MICCAI.blank_series)
        task = dataclasses.replace(RSNA_MICCAI, labels_sha256=mark)
        monkeypatch.setattr(known_cases, "read_task", lambda folder: task)

    return recognise


@pytest.fixture(scope="session")
def small_data(tmp_path_factory) -> Path:
    """20 labelled cases and 2 test cases, FLAIR and T1wCE; label 1 has a bright corner in T1wCE."""
    from benchmarks.synthetic.series_files import write_series

    folder = tmp_path_factory.mktemp("data") / "small"
    labels = {}
    for number in range(22):
        case, label = f"{number:05d}", number % 2
        split = "train" if number < 20 else "test"
        for sequence in ("FLAIR", "T1wCE"):
            voxels = np.random.default_rng([number, len(sequence)]).integers(50, 150, (8, 8, 8)).astype(np.uint16)
            if sequence == "T1wCE" and label:
                voxels[2:5, 2:5, 2:5] = 400
            write_series(folder / split / case / sequence, voxels)
        if split == "train":
            labels[case] = label
    pd.DataFrame({"BraTS21ID": labels.keys(), "MGMT_value": labels.values()}).to_csv(
        folder / "train_labels.csv", index=False)
    pd.DataFrame({"BraTS21ID": ["00020", "00021"], "MGMT_value": 0.5}).to_csv(
        folder / "sample_submission.csv", index=False)
    return folder


@pytest.fixture(scope="session")
def small_cache(small_data, small_recipe, tmp_path_factory) -> Path:
    """Where the arrays of `small_data` for `small_recipe` are, for tests that change none of them."""
    from radiogen.training.workflow import preprocess

    cache = tmp_path_factory.mktemp("small-cache")
    preprocess(small_data, [small_recipe], cache, workers=1)
    return cache


@pytest.fixture(scope="session")
def small_recipe() -> "Recipe":
    """Cubes of 8 voxels, two folds, four epochs."""
    from radiogen.training.recipe.recipes import DEMO_3D

    return DEMO_3D.replace(sequences=("FLAIR", "T1wCE"), size=8, edge_mm=12.0, width=4, epochs=4, folds=2,
                               batch_size=4, micro_batch_size=4)
