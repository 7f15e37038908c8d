"""Another question, other ids, columns, classes and sequences: the same commands, and no word of the competition."""

import json
import re
import shutil

import pandas as pd
import pytest

from radiogen.core.errors import UserError
from radiogen.evaluation.report.report import evaluate_runs
from radiogen.inference.workflow import predict
from radiogen.kaggle.submission import write_submission
from radiogen.networks.backend import keras
from radiogen.runs.fold_weights import write_weights
from radiogen.task import FILE, read_task
from radiogen.training import workflow
from radiogen.training.model import make_network
from radiogen.training.recipe.recipes import DEMO_3D, recipe_for
from radiogen.training.runs import fold_folder, open_run

IDH = {"name": "idh", "title": "IDH mutation from brain MRI", "question": "Is the glioma IDH-mutant?",
       "id_column": "patient", "label_column": "idh", "classes": {"wildtype": 0, "mutant": 1}, "target": "IDH mutation",
       "sequences": ["flair", "t1c"]}


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


def test_a_data_set_that_asks_something_else_than_when_the_run_began_is_refused(run, data, tmp_path):
    other = shutil.copytree(data, tmp_path / "gliomas")
    (other / FILE).write_text(json.dumps({**IDH, "classes": {"mutant": 0, "wildtype": 1}}))
    with pytest.raises(UserError, match="gliomas/dataset.json: describes another task than .*models/idh/dataset.json"):
        workflow.locate_runs([run], other)
