"""The step of the main job that predicts: arrays brought up to date, predictions written, a few cases explained."""

from pathlib import Path

from radiogen.runs.fold_locks import wait_for_training, working_run
from radiogen.training.runs import Run
from radiogen.training.workflow import locate_data


def predict(run: Run, *, data: Path | None = None, workers: int | None = None, explain: int = 8) -> Path:
    """Predict every case of the run's data set, arrays brought up to date first. Returns predictions.csv's path.

    data: as in `locate_data`.
    explain: of so many labelled cases Grad-CAM is kept for the report (explained.py); 0 for none.
    """
    from radiogen.inference.explained import write_explained
    from radiogen.inference.prediction import predict_run

    wait_for_training(run.folder)
    run = locate_data(run, data, workers=workers)
    with working_run(run.folder):
        path = predict_run(run)
        if explain:
            write_explained(run, explain)
        return path
