"""radiogen: from brain-MRI DICOM series to a judged prediction of MGMT promoter methylation.

Research software, not a medical device. What most users want is here: `radiogen.read_series(folder)` gives a `Volume`;
a `Recipe` (`find_recipe` has those of the package), `begin_run`, `train` and `predict` make a run, and `assess` judges
it. Importing the package imports none of it: each name is looked up when it is first used, so that a command which
needs no network never loads TensorFlow.
"""

import importlib
from typing import Any

__version__ = "0.2.0.dev0"

_ROOMS = {
    "Volume": "radiogen.imaging.volume",
    "read_series": "radiogen.imaging.series",
    "read_volumes": "radiogen.imaging.series",
    "Recipe": "radiogen.training.recipe.recipe",
    "find_recipe": "radiogen.training.recipe.recipes",
    "begin_run": "radiogen.training.workflow",
    "train": "radiogen.training.workflow",
    "predict": "radiogen.inference.workflow",
    "open_predictions": "radiogen.runs.predicted_run",
    "assess": "radiogen.evaluation.report.assess",
}
__all__ = sorted(_ROOMS)


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'radiogen' has no attribute {name!r}")
    return getattr(importlib.import_module(_ROOMS[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
