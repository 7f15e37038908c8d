"""A second competition: NIfTI, other ids, tables, another metric; each step at Kaggle follows its dataset.json."""

import json

import nibabel
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.kaggle.download import download_all, download_subset
from radiogen.kaggle.kernels.bundle import _copy_run
from radiogen.kaggle.kernels.kernel import Names, _check_kernel, _write_kernel
from radiogen.kaggle.kernels.rehearsal_input import BROKEN, lay_out
from radiogen.kaggle.kernels.session import MANIFEST, predict_session
from radiogen.kaggle.scoring import out_of_fold_score, score
from radiogen.kaggle.submission import write_submission
from radiogen.runs.predictions import out_of_fold, read_predictions
from radiogen.task import FILE, METRICS, read_task

SLUG = "meningioma-grade"
GRADE = {"name": "grade", "title": "Grade of meningioma", "id_column": "scan", "label_column": "high",
         "classes": {"low": 0, "high": 1}, "sequences": ["t1c", "t2"], "id_pattern": r"m-\d{3}", "id_example": "m-007",
         "labels": "grades.csv", "metric": "balanced_accuracy",
         "competition": {"slug": SLUG, "sample_submission": "example.csv", "train_cases": 8, "test_cases": 3,
                         "hidden_test_cases": 30, "session_hours": 3, "internet": True}}
TRAIN, TEST = [f"m-{number:03d}" for number in range(8)], ["m-012", "m-010", "m-011"]


def _nifti(folder, seed):
    voxels = np.random.default_rng(seed).integers(50, 400, (8, 8, 8)).astype(np.int16)
    path = folder / "x.nii.gz"
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([4.0, 4.0, 4.0, 1.0])), path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The competition's files by name."""
    folder = tmp_path_factory.mktemp("grade")
    data = {f"{'train' if case in TRAIN else 'test'}/{case}/{name}.nii.gz": _nifti(folder, [number, place])
            for number, case in enumerate([*TRAIN, *TEST]) for place, name in enumerate(GRADE["sequences"])}
    data["grades.csv"] = pd.DataFrame({"scan": TRAIN, "high": [1, 0] * 4}).to_csv(index=False).encode()
    data["example.csv"] = pd.DataFrame({"scan": TEST, "high": 0.5}).to_csv(index=False).encode()
    return data


def _describe(folder):
    files.write_text(folder / FILE, json.dumps(GRADE))
    return folder


@pytest.fixture(scope="module")
def data(published, tmp_path_factory):
    """The data set as a download leaves it."""
    folder = _describe(tmp_path_factory.mktemp("downloaded") / "input" / "meningioma")
    for name, content in published.items():
        files.write_bytes(folder / name, content)
    return folder


@pytest.fixture(scope="module")
def run(data):
    """A predicted run of two folds of this data set, with weights of chance."""
    from radiogen.inference.workflow import predict
    from radiogen.networks.backend import keras
    from radiogen.runs.fold_weights import write_weights
    from radiogen.training import workflow
    from radiogen.training.model import make_network
    from radiogen.training.recipe.recipes import DEMO_3D, recipe_for
    from radiogen.training.runs import fold_folder

    recipe = recipe_for(DEMO_3D, read_task(data)).replace(size=8, edge_mm=32.0, width=4, epochs=1, folds=2,
                                                          holdout_fraction=0.25, batch_size=4, micro_batch_size=4)
    made = workflow.begin_run(data, recipe, data.parent.parent / "models" / "grade", data.parent / "cache", workers=1)
    for fold in ("0", "1"):
        keras.utils.set_random_seed(int(fold))
        write_weights(fold_folder(made, fold), make_network(recipe.network, recipe.data).save_weights)
    predict(made, workers=1, explain=0)
    return made


def test_the_data_set_comes_whole_by_the_name_in_its_description(command, stand_in, published, tmp_path):
    stand_in.competition, stand_in.data = SLUG, published
    folder = _describe(tmp_path / "input" / "meningioma")
    end = command("download", "--data", folder)
    assert end.returncode == 0, end.stderr
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.parent != folder} == {
        name for name in published if "/" in name}
    assert "train: 8 cases, 16 series, 16 files, as the competition" in end.stdout
    asked = {body["competitionName"] for _, body in stand_in.asked if "competitionName" in body}
    assert asked == {SLUG}


def test_a_few_cases_come_with_the_columns_and_tables_of_the_competition(client, stand_in, published, tmp_path):
    stand_in.competition, stand_in.data = SLUG, published
    folder = _describe(tmp_path / "few")
    download_subset(folder, 2, competition=SLUG, login=lambda: client, pause=lambda _: None)
    assert pd.read_csv(folder / "grades.csv").to_dict("list") == {"scan": ["m-000", "m-001"], "high": [1, 0]}
    assert pd.read_csv(folder / "example.csv")["scan"].tolist() == ["m-012"]
    assert sorted(path.name for path in (folder / "test").iterdir()) == ["m-012"]


def test_kaggle_knows_no_competition_of_another_name(client, stand_in, tmp_path):
    stand_in.competition = SLUG
    with pytest.raises(UserError, match="Kaggle does not know it"):
        download_all(_describe(tmp_path / "x"), competition="other", login=lambda: client, pause=lambda _: None)


def test_a_metric_of_classes_gets_classes_in_the_order_of_the_sample_and_is_scored_as_scikit_learn_does(run, tmp_path):
    made = write_submission(run.folder.parent, "grade", tmp_path, allow_constant=True)
    table = pd.read_csv(made.path)
    assert list(table.columns) == ["scan", "high"] and table["scan"].tolist() == TEST
    assert set(table["high"]) <= {0, 1} and made.competition == SLUG
    cases = out_of_fold(read_predictions(run.folder / "predictions.csv"))
    record = files.read_json(made.record)
    assert record["metric"] == "balanced_accuracy" and record["out_of_fold"] == balanced_accuracy_score(
        cases["label"].astype(int), cases["probability"] >= 0.5)


def test_the_submission_is_sent_to_the_data_sets_competition(run, command, stand_in, tmp_path):
    stand_in.competition = SLUG
    end = command("submit", "--models", run.folder.parent, "--run", "grade", "--submissions", tmp_path / "sent",
                  "--allow-constant", "--send")
    assert end.returncode == 0, end.stderr
    assert stand_in.sent[0]["competitionName"] == SLUG
    assert pd.read_csv(tmp_path / "sent" / "grade.csv").to_csv(index=False).encode() in stand_in.uploads.values()


def test_the_kernel_has_the_competitions_name_and_its_rule_on_the_internet(run, tmp_path):
    names = Names("somebody", "Grade of meningioma", read_task(run.folder))
    kernel = _write_kernel(names, tmp_path / "kernel")
    _check_kernel(kernel, names)
    kept = files.read_json(kernel / "kernel-metadata.json")
    assert kept["competition_sources"] == [SLUG] and kept["enable_internet"] is True


def test_the_kernel_predicts_good_and_broken_cases_of_this_competition(run, data, tmp_path):
    (tmp_path / "bundle").mkdir()
    members = {"grade": _copy_run(run.folder, tmp_path / "bundle")}
    files.write_json(tmp_path / "bundle" / MANIFEST, {"wheels": [], "runs": members})
    broken = lay_out(tmp_path / "bundle", data, sorted(TEST), tmp_path / "input", "new")
    assert len(broken) == len(BROKEN) and all(read_task(data).is_id(case) for case in broken)
    path = predict_session(tmp_path / "bundle", tmp_path / "input", tmp_path / "working", workers=1)
    table = pd.read_csv(path).set_index("scan")["high"]
    expected = read_predictions(run.folder / "predictions.csv").set_index("case")["probability"]
    assert list(table.index) == [*sorted(TEST), *broken]
    assert (table[TEST] == (expected[TEST] >= 0.5).astype(int)).all()
    record = files.read_json(path.with_name("session.json"))
    assert broken[1] in record["imputed"] and broken[2] not in record["imputed"]


@pytest.mark.parametrize("metric", METRICS)
def test_more_is_better_in_every_metric_and_a_perfect_answer_is_best(metric):
    labels = np.array([0, 0, 1, 1, 1])
    perfect, good, bad = labels * 1.0, np.array([0.1, 0.75, 0.7, 0.8, 0.9]), np.array([0.9, 0.8, 0.2, 0.6, 0.1])
    assert score(labels, perfect, metric) > score(labels, good, metric) > score(labels, bad, metric)
    assert np.isnan(score(np.ones(3), np.array([0.1, 0.5, 0.9]), metric))


def test_a_loss_is_scikit_learns_with_its_sign_turned():
    labels, found = np.array([0, 1, 1]), np.array([0.2, 0.6, 0.9])
    assert score(labels, found, "neg_log_loss") == -log_loss(labels, found)


def test_without_a_labelled_prediction_there_is_no_score(run):
    rows = read_predictions(run.folder / "predictions.csv")
    assert out_of_fold_score(rows[rows["fold"] == "test"], read_task(run.folder)) is None
