"""Show what can be predicted without any image: the label by plane, and models from planes, sizes and case ids."""

from pathlib import Path

from radiogen.cli.given import require
from radiogen.core.errors import UserError
from radiogen.core.files import checked_name
from radiogen.core.wording import as_run, command
from radiogen.runs import layout


def main(geometry: Path | None = None, labels: Path | None = None, data: Path | None = None, run: str | None = None,
         models: Path = Path("models"), output: Path = Path("image_free"), seed: int = 42, repeats: int = 10,
         permutations: int = 200, medals: bool = False) -> None:
    """Show what can be predicted without any image: the label by plane, and models from planes, sizes and case ids.

    Example: confounds --run phantom-demo-3d

    Args:
        geometry: Table with a row per series (default, with --run: the run's geometry.csv).
        labels: Table of labels (default: those of --data, or the run's folds.csv).
        data: Data set whose labels are used.
        run: Compare this run with the image-free models, too; it needs folds.csv and predictions.csv.
        models: Where runs are kept.
        output: Folder for the two tables and the picture.
        seed: Seed of the folds and the draws.
        repeats: Further draws of the folds, for the mean.
        permutations: Trainings on permuted labels, for the p-value of the planes.
        medals: Mark the scores of the competition's medals.
    """
    run = run if run is None else checked_name("--run", run)
    geometry = geometry or (models / run / layout.GEOMETRY if run else None)
    labels = labels or (data if data else models / run / layout.FOLDS if run else None)
    if geometry is None or labels is None:
        raise UserError("--geometry" if geometry is None else "--labels", "is missing",
                        "name a table of geometry and one of labels (or --data), or --run NAME for both")
    require([models / run] if run else [], data, (geometry, labels))
    from radiogen.evaluation.audit.image_free import StudySettings
    from radiogen.evaluation.report.acquisition import report_acquisition

    report = report_acquisition(geometry, labels, output, run=models / run if run else None, medals=medals,
                                settings=StudySettings(seed=seed, repeats=repeats, permutations=permutations))
    print(report.text)
    print("\nfiles written:", *report.written, sep="\n  ")
    then = f"{command('evaluate')} {as_run(models / run)}" if run else f"{command('train')} --fold all"
    print(f"next: {then}")
