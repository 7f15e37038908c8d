"""The step of the main job that predicts: arrays brought up to date, predictions written, a few cases explained."""

from pathlib import Path

from radiogen.runs.fold_locks import wait_for_training, working_run
from radiogen.runs.tuned.tuning import refuse_tuned
from radiogen.training.runs import Run, record_place
from radiogen.training.workflow import renew_arrays


def predict(run: Run, *, data: Path | None = None, workers: int | None = None, explain: int = 8) -> Path:
    """Predict every case of the run's data set, arrays brought up to date first. Returns predictions.csv's path.

    data: as in `renew_arrays`; recorded once the predictions are there, so that whoever reads the run meanwhile finds
    the place and the predictions of one state.
    explain: of so many labelled cases Grad-CAM is kept for the report (explained.py), and their images in three planes
    (pages/report_images.py); 0 for none.
    """
    from radiogen.inference.explained import write_explained
    from radiogen.inference.pages.report_images import write_report_images
    from radiogen.inference.prediction import predict_run

    refuse_tuned(run.folder)
    wait_for_training(run.folder)
    run = renew_arrays(run, data, workers=workers)
    with working_run(run.folder):
        path = predict_run(run)
        record_place(run)
        if explain:
            write_explained(run, explain)
            write_report_images(run)
        return path
