"""Pictures: there, large enough, the same for the same numbers, and different for different ones."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from radiogen.core.errors import UserError
from radiogen.evaluation.figures.run_figures import (
    calibration_png,
    confusion_matrix_png,
    history_png,
    probabilities_png,
    roc_png,
)
from radiogen.task import Task

LABELS = np.arange(60) % 2 == 0
SCORES = np.clip(np.random.default_rng(2).normal(0.4 + 0.2 * LABELS, 0.2), 0, 1)


LONG = "ROC of upenn-gbm-isotropic-3d-three-seeds-rotated on another-hospital-of-a-long-name-2026"


def test_a_long_title_ends_before_the_edges_of_the_picture(tmp_path):
    curves = {"out-of-fold": (LABELS, SCORES)}
    for path in (confusion_matrix_png(tmp_path / "a.png", LABELS, SCORES >= 0.5, LONG),
                 roc_png(tmp_path / "b.png", curves, LONG), history_png(tmp_path / "c.png", _history(tmp_path), LONG)):
        top = imread(path)[:75, :, :3]
        assert (top.min() < 0.5) and (top[:, :3] == 1).all() and (top[:, -3:] == 1).all()


def _history(folder: Path) -> Path:
    path = folder / "history.csv"
    path.write_text("epoch,loss,accuracy,val_loss,val_accuracy\n1,0.7,0.5,0.8,0.4\n2,0.5,0.8,0.7,0.6\n")
    return path


def test_every_picture_is_a_png_of_800_to_1200_pixels_width(tmp_path):
    written = [
        confusion_matrix_png(tmp_path / "a.png", LABELS, SCORES >= 0.5, "run, fold 0"),
        history_png(tmp_path / "b.png", _history(tmp_path), "run, fold 0"),
        roc_png(tmp_path / "c.png", {"out-of-fold": (LABELS, SCORES)}, "ROC"),
        calibration_png(tmp_path / "d.png", {"out-of-fold": (LABELS, SCORES)}, "calibration"),
        probabilities_png(tmp_path / "e.png", LABELS, SCORES, "run")]
    for path in written:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert 800 <= imread(path).shape[1] <= 1200


def test_the_same_numbers_give_the_same_bytes(tmp_path):
    first = roc_png(tmp_path / "a.png", {"x": (LABELS, SCORES)}, "ROC").read_bytes()
    assert roc_png(tmp_path / "a.png", {"x": (LABELS, SCORES)}, "ROC").read_bytes() == first


def test_the_true_class_goes_down_and_the_predicted_one_across(tmp_path):
    labels = np.array([1] * 40 + [0] * 4)  # 40 methylated cases that were all called unmethylated: lower left
    picture = imread(confusion_matrix_png(tmp_path / "a.png", labels, np.zeros(44, dtype=int), "t"))[..., :3].mean(-1)
    height, width = picture.shape
    rows, columns = np.nonzero(picture < 0.35)  # the dark cell
    assert 0.5 < rows.mean() / height < 0.9 and columns.mean() / width < 0.55


def test_a_curve_of_one_class_is_named_and_not_drawn(tmp_path):
    path = roc_png(tmp_path / "a.png", {"holdout": (np.ones(5, dtype=bool), SCORES[:5])}, "ROC")
    assert imread(path).ndim == 3


def test_a_history_without_validation_is_drawn(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,loss\n1,0.7\n")
    assert history_png(tmp_path / "a.png", tmp_path / "history.csv", "t").is_file()


def test_a_missing_or_empty_history_is_reported(tmp_path):
    with pytest.raises(UserError, match="nowhere.csv"):
        history_png(tmp_path / "a.png", tmp_path / "nowhere.csv", "t")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(UserError, match="empty.csv"):
        history_png(tmp_path / "a.png", tmp_path / "empty.csv", "t")
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize("draw", [
    lambda path, **task: confusion_matrix_png(path, LABELS, SCORES >= 0.5, "run", **task),
    lambda path, **task: calibration_png(path, {"x": (LABELS, SCORES)}, "run", **task),
    lambda path, **task: probabilities_png(path, LABELS, SCORES, "run", **task)],
    ids=["confusion matrix", "calibration", "probabilities"])
def test_a_picture_names_the_classes_of_the_task(tmp_path, draw):
    default = draw(tmp_path / "a.png").read_bytes()
    other = draw(tmp_path / "b.png", task=Task("idh", classes=("wildtype", "mutant"), target="mutation")).read_bytes()
    assert default != other
