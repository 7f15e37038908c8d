"""Show what can be foretold without any image: methylation by plane, and models from planes, sizes and case ids."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from pathlib import Path

from radiogen.core.errors import UserError, as_run, call_main, run_command
from radiogen.core.files import checked_name
from radiogen.runs import layout


def main(geometry: Path | None = None, labels: Path | None = None, data: Path | None = None, run: str | None = None,
         models: Path = Path("models"), output: Path = Path("image_free"), seed: int = 42, repeats: int = 10,
         permutations: int = 200, medals: bool = False) -> None:
    """Show what can be foretold without any image: methylation by plane, and models from planes, sizes and case ids.

    Args:
        geometry: Table with a row a series (default, with --run: the run's geometry.csv).
        labels: Table of labels (default: train_labels.csv of --data, or the run's folds.csv).
        data: Data set whose labels to take.
        run: Judge this run against the image-free models, too; it needs folds.csv and predictions.csv.
        models: Where runs are kept.
        output: Folder for the two tables and the picture.
        seed: Of the folds and the draws.
        repeats: Other draws of the folds, for the mean.
        permutations: Trainings on permuted labels, for the p-value of the planes.
        medals: Mark where the competition's medals began.
    """
    run = run if run is None else checked_name("--run", run)
    geometry = geometry or (models / run / layout.GEOMETRY if run else None)
    labels = labels or (data / "train_labels.csv" if data else models / run / layout.FOLDS if run else None)
    if geometry is None or labels is None:
        raise UserError("--geometry" if geometry is None else "--labels", "is not given",
                        "name a table of geometry and one of labels (or --data), or give --run NAME for both")

    from radiogen.core import files
    from radiogen.runs.folds import read_folds
    from radiogen.dataset.geometry import read_geometry
    from radiogen.dataset.labels import read_labels
    from radiogen.runs.predictions import read_predictions
    from radiogen.evaluation.figures.confound_figures import image_free_png
    from radiogen.evaluation.audit.confounds import judge_confounds
    from radiogen.evaluation.audit.image_free import study
    from radiogen.evaluation.text_tables import rounded, text_table
    from radiogen.evaluation.wording import confound_sentences

    table, known = read_geometry(geometry), read_labels(labels)
    found = study(known, table, seed=seed, repeats=repeats, permutations=permutations)
    wanted = ["model", "auc", "low", "high", "within_fold_auc", "repeated_auc", "p", "trained_p"]
    shares = rounded(found.shares.astype({"methylated": str}))
    print(f"{text_table(shares)}\n\n{text_table(rounded(found.models[wanted]))}\n\n{found.sentence}")
    if run:
        predictions = read_predictions(models / run / layout.PREDICTIONS)
        judged = judge_confounds(predictions, read_folds(models / run / layout.FOLDS), table)
        print(f"\n{run}: {', '.join(judged.outcomes)}", *confound_sentences(judged), sep="\n  ")
    title = f"Without any image: {labels.resolve().parent.name}, {len(known)} cases"
    written = [files.write_csv(output / "planes.csv", found.shares), files.write_csv(output / "auc.csv", found.models),
               image_free_png(output / "image_free.png", found.shares, found.models, title, medals=medals)]
    print("\nfiles written:", *written, sep="\n  ")
    then = f"evaluate.py {as_run(models / run)}" if run else "train.py --fold all"
    print(f"next: python scripts/{then}")


if __name__ == "__main__":
    run_command(lambda: call_main(main))
