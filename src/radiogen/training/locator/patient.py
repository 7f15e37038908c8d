"""The predicted mask of one patient's folder, for a recipe that crops to it.

In: a run whose recipe names a locator, a folder with the patient's series. Out: the note of the mask
(arrays/located.py), in a folder that lasts as long as the caller wants. A patient who trained the locator is predicted
by the networks that were not trained on him or her.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from radiogen.arrays.case_arrays import case_array, read_case
from radiogen.arrays.case_series import CaseSeries
from radiogen.arrays.located import located_path, write_located
from radiogen.core import files
from radiogen.dataset.fingerprint import contents_hash
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.inspect.recognise import recognise, series_folder_of
from radiogen.training.execution.processes import run_in_subprocess
from radiogen.training.locator.known import image_marks, patient_marks, unseen_by
from radiogen.training.locator.networks import open_locator
from radiogen.training.locator.predicted_masks import Wanted, input_settings, locate
from radiogen.training.runs import Run

_CASE = "patient"


def locate_patient(run: Run, folder: Path, room: Path) -> Path:
    """The note of the patient's predicted mask, in `room`.

    Raises UserError where the locator is not there, is another than the run's, or two series fit one sequence.
    """
    locator = open_locator(run.recipe.data, run.folder.parent)
    settings = input_settings(locator.run)
    found, _ = recognise(folder, tuple(dict.fromkeys([*settings.sequences, *run.recipe.data.sequences])))
    places: dict[str, Path | None] = {name: series_folder_of(found[name], room / "locator" / name) if name in found
                                      else room / "missing" for name in settings.sequences}
    series = read_case(places, [settings], whole=False, case=_CASE)
    if any(one.unusable is not None for one in series.values()):
        return _note(room, Finding(FindingCode.LOCATOR_INPUT))
    made = case_array(settings, series, whole=False)
    if made is None or made.grid is None or not _placed(series):
        return _note(room, Finding(FindingCode.LOCATOR_INPUT))
    marks = image_marks([contents_hash(path) for path in places.values() if path is not None],
                        series[settings.first_sequence].perceptual_hash)
    folds = unseen_by(marks | patient_marks(folder.name, run.task), locator.marks, locator.places, locator.folds)
    if not folds:
        return _note(room, Finding(FindingCode.LOCATOR_TRAINED))
    arrays = files.write_array(room / "locator-arrays" / f"{_CASE}.npy", made.array).parent
    job = Wanted(_CASE, np.asarray(made.grid), folds, {"folds": folds})
    run_in_subprocess(locate, locator.run, locator.sizes, arrays, [job], room / "located", name="locate")
    return located_path(room / "located", _CASE)


def _placed(series: Mapping[str, CaseSeries]) -> bool:
    return all(one.affine is not None for one in series.values())


def _note(room: Path, finding: Finding) -> Path:
    return write_located(room / "located", _CASE, finding, {})
