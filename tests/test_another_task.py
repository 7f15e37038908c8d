"""Another question, other ids, columns, classes and sequences: the same commands, and no word of the competition."""

import json
import re
import shutil

import pandas as pd
import pytest

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.dataset.fingerprint import data_fingerprint
from radiogen.evaluation.ensembles import write_ensemble
from radiogen.evaluation.report.report import evaluate_runs
from radiogen.evaluation.report.standing import reliability_summary
from radiogen.imaging.export.series_export import ExportSettings, export_series
from radiogen.imaging.inspect.quality import inspect_dataset, summarise
from radiogen.inference.label_permutation import _finish_draw, _prepare_draw, draw_run
from radiogen.inference.one_case import answer_text, predict_case
from radiogen.inference.workflow import predict
from radiogen.kaggle.kernels.bundle import _copy_run
from radiogen.kaggle.kernels.session import MANIFEST, predict_session
from radiogen.kaggle.submission import write_submission
from radiogen.networks.backend import keras
from radiogen.runs.fold_weights import write_weights
from radiogen.runs.predictions import complete, read_predictions
from radiogen.task import FILE, read_task
from radiogen.training import workflow
from radiogen.training.model import make_network
from radiogen.training.recipe.recipes import DEMO_3D, recipe_for
from radiogen.training.runs import fold_folder, open_run

IDH = {"name": "idh", "title": "IDH mutation from brain MRI", "question": "Is the glioma IDH-mutant?",
       "id_column": "patient", "label_column": "idh", "classes": {"wildtype": 0, "mutant": 1}, "target": "IDH mutation",
       "sequences": ["flair", "t1c"], "competition": {"slug": "glioma-idh"}}


@pytest.fixture(scope="module")
def data(small_data, tmp_path_factory):
    """`small_data` of another hospital: other names for everything."""
    folder = tmp_path_factory.mktemp("hospital") / "input" / "gliomas"
    labels = pd.read_csv(small_data / "train_labels.csv", dtype={"BraTS21ID": str})
    for split in ("train", "test"):
        for case in (small_data / split).iterdir():
            for old, new in (("FLAIR", "flair"), ("T1wCE", "t1c")):
                shutil.copytree(case / old, folder / split / f"P-{int(case.name)}" / new)
    ids = [f"P-{int(case)}" for case in labels["BraTS21ID"]]
    pd.DataFrame({"patient": ids, "idh": labels["MGMT_value"]}).to_csv(folder / "train_labels.csv", index=False)
    pd.DataFrame({"patient": ["P-21", "P-20"], "idh": 0.5}).to_csv(folder / "sample_submission.csv", index=False)
    (folder / FILE).write_text(json.dumps(IDH))
    return folder


@pytest.fixture(scope="module")
def run(data):
    """A predicted run with networks of random weights, judged."""
    recipe = recipe_for(DEMO_3D, read_task(data)).replace(size=8, width=4, folds=2, holdout_fraction=0.2, epochs=1,
                                                          batch_size=4, micro_batch_size=4)
    root = data.parent.parent
    run = workflow.begin_run(data, recipe, root / "models" / "idh", root / "input" / "cache", workers=1)
    for fold in ("0", "1"):
        keras.utils.set_random_seed(int(fold))
        write_weights(fold_folder(run, fold), make_network(run.recipe.network, run.recipe.data).save_weights)
    predict(run, workers=1)
    evaluate_runs(root / "models", ["idh"])
    return run.folder


@pytest.fixture
def copy(run):
    """A function that copies the run under another name; the copies are gone at the end."""
    made = []

    def copied(name):
        made.append(run.parent / name)
        return shutil.copytree(run, made[-1])
    yield copied
    for folder in made:
        shutil.rmtree(folder)


def test_a_case_to_leave_out_that_is_not_there_is_refused_with_an_id_that_is(data, tmp_path):
    with pytest.raises(UserError, match=r"00042: is not a case of .*/train; give names of its folders, such as P-0"):
        workflow.preprocess(data, [recipe_for(DEMO_3D, read_task(data))], tmp_path / "cache", leave_out=["00042"])


def test_a_series_that_the_publisher_declares_blank_is_left_out_in_words_that_hold_for_every_data_set(
        data, tmp_path, caplog):
    shutil.copytree(data, tmp_path / "input")
    (tmp_path / "input" / FILE).write_text(json.dumps(IDH | {"blank_series": {"P-3": "t1c"}}))
    recipe = recipe_for(DEMO_3D, read_task(data)).replace(size=8)
    with caplog.at_level("INFO"):
        (index,) = workflow.preprocess(tmp_path / "input", [recipe], tmp_path / "cache", workers=1)
    assert "P-3" not in set(index["case"])
    assert "P-3 is left out of demo-3d's training: its t1c holds no image, as its publisher says" in caplog.text


def test_a_recipe_reads_the_sequences_of_the_data_set(run):
    assert open_run(run).recipe.data.sequences == ("flair", "t1c") and read_task(run).positive == "mutant"


def test_every_table_of_the_run_and_its_cache_has_the_columns_of_the_task(run):
    cache = open_run(run).cache
    tables = {path.name: path.read_text().splitlines() for path in (*run.glob("*.csv"), *cache.glob("*.csv"))}
    for name in ("folds.csv", "predictions.csv", "arrays.csv", "geometry.csv", "provenance.csv", "index.csv"):
        assert tables[name][0].split(",")[0] == "patient" and tables[name][1].startswith("P-"), name
    assert "idh" in tables["folds.csv"][0].split(",") and "idh" in tables["predictions.csv"][0].split(",")


def test_nothing_that_is_written_names_the_competition(run, data):
    written = [path for folder in (run, open_run(run).cache) for path in folder.rglob("*")
               if path.suffix in (".csv", ".json", ".html")]
    assert len(written) > 20
    for path in written:
        found = re.search(r"(?i)mgmt|methylat|brats|rsna", re.sub(r"base64,[^\"]*", "", path.read_text()))
        assert found is None, f"{path.name}: {found[0]}"


def test_the_report_asks_the_question_of_the_task_in_the_words_of_its_classes(run):
    page = (run / "report.html").read_text()
    for text in (IDH["title"], IDH["question"], "of them mutant", "called<br>wildtype", "probability of IDH mutation"):
        assert text in page, text


def test_a_submission_has_the_columns_and_the_order_of_its_sample(run, data, tmp_path):
    made = write_submission(run.parent, "idh", tmp_path, allow_constant=True)
    assert [line.split(",")[0] for line in made.path.read_text().splitlines()] == ["patient", "P-21", "P-20"]


def test_an_ensemble_keeps_the_task_of_its_members(run, data, copy):
    path = write_ensemble(run.parent, ["idh", copy("twin").name], "both")
    assert read_task(path.parent) == read_task(run) and path.read_text().startswith("patient,fold,idh,")
    predictions = read_predictions(path)
    assert predictions["case"].str.startswith("P-").all() and len(predictions) == 22


def test_runs_of_two_tasks_are_not_joined(run, copy):
    other = copy("swapped")
    (other / FILE).write_text(json.dumps({**IDH, "classes": {"mutant": 0, "wildtype": 1}}))
    with pytest.raises(UserError, match="swapped/dataset.json: describes another task than that of idh"):
        write_ensemble(run.parent, ["idh", "swapped"], "both-tasks")
    assert not (run.parent / "both-tasks").exists()


def test_a_kernel_predicts_the_cases_of_the_task_as_predict_did(run, data, tmp_path):
    inputs = tmp_path / "input" / IDH["competition"]["slug"]
    shutil.copytree(data / "test", inputs / "test")
    shutil.copyfile(data / "sample_submission.csv", inputs / "sample_submission.csv")
    (tmp_path / "bundle").mkdir()
    members = _copy_run(run, tmp_path / "bundle")
    assert FILE in members
    files.write_json(tmp_path / "bundle" / MANIFEST, {"wheels": [], "runs": {"idh": members}})
    path = predict_session(tmp_path / "bundle", tmp_path / "input", tmp_path / "working", workers=1)
    made = pd.read_csv(path).set_index("patient")["idh"]
    expected = read_predictions(run / "predictions.csv").set_index("case")["probability"]
    assert made.index.tolist() == ["P-21", "P-20"]
    assert made.to_numpy() == pytest.approx(expected[made.index].to_numpy(), abs=1e-6)


def test_one_patient_is_answered_in_the_words_of_the_task(run, data):
    answer = predict_case(open_run(run), data / "test" / "P-20")
    expected = read_predictions(run / "predictions.csv").set_index("case")["probability"]["P-20"]
    assert answer.probability == pytest.approx(expected, abs=1e-6)
    text = answer_text(answer)
    assert "case P-20: probability of IDH mutation" in text and f"called {answer.called_as}" in text
    assert answer.called_as in IDH["classes"] and "the folder says" not in text


def test_a_run_is_worth_what_it_is_worth_in_the_words_of_the_task(run):
    near = read_predictions(run / "predictions.csv")["probability"].iloc[0]
    assert any(" are mutant (95 % interval" in line for line in reliability_summary(run, near))


def test_a_draw_of_the_label_permutation_test_keeps_the_task(run, monkeypatch):
    monkeypatch.setattr("radiogen.training.fit.train_folds", lambda *_: None)
    monkeypatch.setattr("radiogen.training.execution.processes.run_in_subprocess", lambda function, permuted, name: (
        complete(permuted.folds[permuted.folds["fold"] != "holdout"].assign(probability=0.5)), "nothing"))
    drawn = draw_run(open_run(run), 0)
    _prepare_draw(open_run(run), drawn)
    _finish_draw(drawn, 1)
    assert read_task(drawn.folder) == read_task(run)
    assert (drawn.folder / "predictions.csv").read_text().startswith("patient,fold,idh,")


def test_a_data_set_is_inspected_by_its_own_names(data, tmp_path):
    table, _ = inspect_dataset(data, drawn=0, workers=1)
    assert set(table["sequence"]) == {"flair", "t1c"} and set(table["refused"]) == {""}
    assert read_task(data).to_file(table).columns[0] == "patient"
    lines = summarise(table, ("flair", "t1c", "t2"))
    assert "in no case: t2" in lines and lines[0].startswith("cases: 22; series: 44")


def test_an_id_of_another_hospital_may_be_a_persons_and_names_no_export(data, tmp_path):
    settings = ExportSettings(formats=("nifti",))
    (_, path), = export_series([data / "train" / "P-3" / "t1c"], tmp_path, settings, key=b"a key of a test's own")
    assert path.is_file() and "P-3" not in path.name


def test_a_series_of_a_name_that_the_task_does_not_have_is_no_part_of_the_data_set(data, tmp_path):
    other = shutil.copytree(data, tmp_path / "gliomas")
    mark = data_fingerprint(other).key
    shutil.copytree(other / "train" / "P-3" / "t1c", other / "train" / "P-3" / "FLAIR")
    assert data_fingerprint(other).key == mark


def test_a_case_whose_name_is_no_id_of_the_task_is_named_with_the_example(data, tmp_path):
    other = shutil.copytree(data, tmp_path / "gliomas")
    (other / FILE).write_text(json.dumps({**IDH, "id_pattern": "P-[0-9]+", "id_example": "P-7"}))
    (other / "train" / "notes").mkdir()
    with pytest.raises(UserError, match="train/notes: is not a case: its name is no case id; rename it, as in P-7"):
        data_fingerprint(other)


def test_a_data_set_that_asks_something_else_than_when_the_run_began_is_refused(run, data, tmp_path):
    other = shutil.copytree(data, tmp_path / "gliomas")
    (other / FILE).write_text(json.dumps({**IDH, "classes": {"mutant": 0, "wildtype": 1}}))
    with pytest.raises(UserError, match="gliomas/dataset.json: describes another task than .*models/idh/dataset.json"):
        workflow.locate_runs([run], other)
