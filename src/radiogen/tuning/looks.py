"""Every trial of a search goes on record in the ledger beside the runs: it looked at the labels of its cases.

In: a run that is tuned, a trial that has ended and what it scored. Out: an entry of the cohort `tuning`.
"""

import hashlib
import json
import logging

import pandas as pd

from radiogen.core.clock import utc_text
from radiogen.core.errors import UserError
from radiogen.runs import layout
from radiogen.runs.external.cohorts import labels_digest
from radiogen.runs.ledger.looks import KEPT, TUNING, Look, append_look
from radiogen.runs.predictions import scores_digest
from radiogen.task import LABEL
from radiogen.training.recipe.recipe import as_dict
from radiogen.training.runs import Run
from radiogen.tuning.search import Trial
from radiogen.tuning.space import recipe_of

_LOG = logging.getLogger(__name__)


def record_trial(run: Run, trial: Trial, scored: pd.DataFrame) -> None:
    """Note the trial in the ledger; scored: `ID, LABEL, fold, probability`, each case by a network that did not see it.

    A models folder that is not writable is a warning, and no error.
    """
    models, recipe = run.folder.parent, recipe_of(run.recipe, trial.parameters)
    digest = hashlib.sha256(json.dumps(as_dict(recipe), sort_keys=True).encode()).hexdigest()
    look = Look(utc_text(), run.folder.name, TUNING, str(run.data), run.cache.parent.name.rpartition("-")[2],
                len(scored), int((scored[LABEL] == 1).sum()), labels_digest(scored), digest, "", "judged",
                f"{trial.score:.6f}", run.recipe.name, scores_digest(scored))
    try:
        append_look(models, look, scored.astype({LABEL: int})[list(KEPT)])
    except (OSError, UserError) as error:
        _LOG.warning(f"{models / layout.LEDGER}: a trial of {run.folder.name} is not recorded ({error})")
