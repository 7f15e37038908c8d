"""What a 2D run says of each slice, in a sentence."""

from radiogen.dataset.labels import LABEL
from radiogen.evaluation.stats.metrics import measure
from radiogen.runs.folds import TEST
from radiogen.runs.predicted_run import PredictedRun
from radiogen.runs.predictions import out_of_fold
from radiogen.runs.tables import read_slices


def slice_sentence(run: PredictedRun) -> str:
    """A 2D run's figures per slice, "" for others; slices of a case are no independent witnesses: no interval."""
    slices = read_slices(run.folder)
    if slices is None or not {"fold", LABEL, "probability"} <= set(slices.columns):
        return ""
    told = measure(out_of_fold(slices[slices["fold"] != TEST]))
    return (f"per slice, not per case: {told['cases']:,} slices out-of-fold, accuracy {told['accuracy']:.3f}, "
            f"precision {told['precision']:.3f}, recall {told['recall']:.3f}, F1 {told['f1']:.3f}, "
            f"AUC {told['auc']:.3f}")
