"""Predict every case of a run's data set, or the one patient whose series lie in a folder."""

from pathlib import Path

import tyro

from radiogen.cli.given import require
from radiogen.cli.names import OneRun, one_run
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command
from radiogen.networks.engines.choice import EngineName, switch_engine


def main(name: tyro.conf.Positional[OneRun] = None, /, run: OneRun = None, case: Path | None = None,
         data: Path | None = None, models: Path = Path("models"), output: Path | None = None,
         workers: int | None = None, engine: EngineName = "auto") -> None:
    """Predict every case of a run's data set, or the one patient whose series lie in a folder.

    Example: predict phantom-demo-3d
    Args:
        name: The same as --run.
        run: Name of the run under models/.
        case: Folder with one patient's series, flat or in subfolders: only this case is predicted, with a picture.
        data: The run's data set, of the same labels and images, where it was moved or copied (default: as last known).
        models: Where runs are kept.
        output: With --case: folder for picture and record (default: models/RUN/cases).
        workers: Processes for making missing arrays (default: one per available core).
        engine: What computes the networks; keras switches the faster ones off. RADIOGEN_ENGINE says so to any command.
    """
    if (chosen := one_run(name, run)) is None:
        raise UserError("RUN", "no run is named", f"{command('predict')} RUN, the name of a folder under models/")
    require([models / chosen], data, series=[case])
    from radiogen.inference.workflow import predict
    from radiogen.training import runs, workflow

    switch_engine(engine)
    if case is not None:
        workflow.locate_runs([models / chosen], data)
        _predict_one(models / chosen, case, output or models / chosen / "cases")
    else:
        path = predict(runs.open_run(models / chosen), data=data, workers=workers)
        print(f"predictions: {path}\nnext: {command('evaluate')} --run {as_run(models / chosen)}")


def _predict_one(folder: Path, case: Path, output: Path) -> None:
    from radiogen.core import files
    from radiogen.evaluation.clinical.one_patient import judge_patient_of, patient_lines
    from radiogen.evaluation.figures.case_figure import case_png
    from radiogen.evaluation.report.standing import reliability_summary
    from radiogen.inference import one_case
    from radiogen.training import runs

    one_case.check_output(output, *one_case.case_mark(case))
    answer = one_case.predict_case(run := runs.open_run(folder), case)
    print(one_case.answer_text(answer), flush=True)
    judged = judge_patient_of(folder, answer.by_fold, answer.known.case if answer.known else "")
    standing = reliability_summary(folder, answer.probability)
    print("\n".join([*patient_lines(judged, answer.task), f"how reliable {folder.name} is:",
                     *(f"  {line}" for line in standing)]), flush=True)
    with files.working_folder(output):
        one_case.write_record(output, answer, run, {"standing": standing, "judgement": judged and vars(judged)})
        picture = case_png(output / f"{answer.name}.png", answer.views, one_case.title_text(answer),
                           one_case.heat_text(answer), one_case.DISCLAIMER)
    print(f"picture: {picture}\n{one_case.DISCLAIMER}")
