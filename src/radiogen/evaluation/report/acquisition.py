"""What the acquisition alone says of the labels, as text, tables and a picture: models that see no image.

In: a table of geometry, labels, perhaps a run. Out: text to print, and `planes.csv`, `auc.csv`, `image_free.png`.
"""

from dataclasses import dataclass
from pathlib import Path

from radiogen.core import files
from radiogen.dataset.geometry import read_geometry
from radiogen.dataset.labels import data_labels, read_labels
from radiogen.dataset.patients import read_patients
from radiogen.dataset.scanner import read_scanner
from radiogen.evaluation.audit.confounds import judge_confounds
from radiogen.evaluation.audit.image_free import StudySettings, study
from radiogen.evaluation.audit.known_inputs import Known
from radiogen.evaluation.figures.confound_figures import image_free_png
from radiogen.evaluation.text_tables import rounded, text_table
from radiogen.evaluation.wording import confound_sentences
from radiogen.runs import layout
from radiogen.runs.folds import read_folds
from radiogen.runs.predictions import read_predictions
from radiogen.task import read_task

_SHOWN = ["model", "auc", "low", "high", "within_fold_auc", "repeated_auc", "p", "trained_p"]


@dataclass(frozen=True)
class AcquisitionReport:
    """text: what was found, for a terminal. written: the files."""

    text: str
    written: tuple[Path, ...]


def report_acquisition(geometry: Path, labels: Path, output: Path, *, run: Path | None = None,
                       settings: StudySettings | None = None, medals: bool = False) -> AcquisitionReport:
    """Study which labels follow from planes, sizes and case ids, write the tables and the picture to `output`.

    labels: a label table, or the folder of a data set. run: a run's folder, whose predictions are compared with those
    models. settings: of `image_free.study`. medals: mark
    in the picture where the competition's medals began.
    Raises UserError where a table is missing or damaged.
    """
    home = labels if labels.is_dir() else labels.parent
    task = read_task(home)
    table = read_geometry(geometry, task)
    known = data_labels(labels)[0] if labels.is_dir() else read_labels(labels, task)
    found = study(known, table, settings or StudySettings())
    shares = rounded(found.shares.astype({"positive": str}).rename(columns={"positive": task.positive}))
    text = f"{text_table(shares)}\n\n{text_table(rounded(found.models[_SHOWN]))}\n\n{found.sentence}"
    if run is not None:
        judged = judge_confounds(read_predictions(run / layout.PREDICTIONS), read_folds(run / layout.FOLDS), table,
                                 known=Known(read_scanner(run), read_patients(run)))
        text += "\n  ".join([f"\n\n{run.name}: {', '.join(judged.outcomes)}", *confound_sentences(judged)])
    title = f"Without any image: {home.resolve().name}, {len(known)} cases"
    written = (files.write_csv(output / "planes.csv", found.shares), files.write_csv(output / "auc.csv", found.models),
               image_free_png(output / "image_free.png", found.shares, found.models, title, medals=medals, task=task))
    return AcquisitionReport(text, written)
