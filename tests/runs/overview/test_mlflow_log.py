"""What is logged to MLflow is what the run's files say."""

import pytest

from radiogen.core.errors import UserError
from radiogen.runs.overview import mlflow_log
from radiogen.runs.overview.state import run_states

from .folders import judge, predict, write_run


@pytest.fixture
def state(tmp_path):
    folder = write_run(tmp_path / "models", folds={"fold-0": 2}, trained=("fold-0",))
    predict(folder)
    judge(folder, ["a"])
    (folder / "roc.png").write_bytes(b"picture")
    (folder / "report.html").write_text("report")
    one, = run_states(tmp_path / "models")
    return one


def test_parameters_are_the_recipes_fields_by_their_paths(state):
    found = mlflow_log.parameters(state)
    assert found["recipe"] == "demo-3d" and found["optimisation.learning_rate"] == "0.1" and found["seed"] == "42"
    assert "description" not in found


def test_curves_are_by_epoch_and_the_auc_is_that_of_the_report(state):
    found = set(mlflow_log.metrics(state))
    assert found == {("fold 0/loss", 0.89, 1), ("fold 0/val_auc", 0.51, 1), ("fold 0/loss", 0.88, 2),
                     ("fold 0/val_auc", 0.52, 2), ("AUC", 0.61, 0), ("AUC low", 0.405, 0), ("AUC high", 0.78, 0)}


def test_figures_and_the_report_are_among_the_artifacts(state):
    assert {path.name for path in mlflow_log.artifacts(state)} == {"recipe.json", "roc.png", "assessment.json",
                                                                   "report.html"}


def test_without_mlflow_one_line_says_what_to_install(state, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "mlflow", None)
    with pytest.raises(UserError, match="--mlflow: needs MLflow; pip install mlflow-skinny"):
        mlflow_log.log_runs([state], "mlruns")


def test_what_comes_next_is_a_servers_page_or_what_shows_a_folder():
    assert mlflow_log.next_step("https://host:5000") == "open https://host:5000 in a browser"
    assert mlflow_log.next_step("my runs").endswith("ALLOW_FILE_STORE=true mlflow ui --backend-store-uri 'my runs'")


def test_a_run_is_logged_once_for_each_judgement(state, tmp_path):
    mlflow = pytest.importorskip("mlflow", reason="MLflow is an extra: pip install mlflow-skinny")
    assert "logged as" in mlflow_log.log_runs([state], str(tmp_path / "mlruns"))[0]
    assert "is logged already" in mlflow_log.log_runs([state], str(tmp_path / "mlruns"))[0]
    client = mlflow.MlflowClient(tracking_uri=(tmp_path / "mlruns").as_uri())
    logged, = client.search_runs([client.get_experiment_by_name("data").experiment_id])
    assert logged.data.params["data.size"] == "8" and logged.data.metrics["AUC"] == 0.61
    assert [one.value for one in client.get_metric_history(logged.info.run_id, "fold 0/loss")] == [0.89, 0.88]
    assert {one.path for one in client.list_artifacts(logged.info.run_id)} >= {"roc.png", "report.html"}
