"""Where in its images a network found what it says: Grad-CAM of a few cases, kept beside the run.

In: a predicted run. Out: `models/<run>/explained.npz`, images and heat maps as bytes, which the report draws. Grad-CAM
(Selvaraju et al., ICCV 2017) weighs the last feature maps by the mean gradient of the score. Our networks end in one
global pooling and one dense layer, so that gradient is the dense layer's own weight (their section 3.1: Grad-CAM is
then CAM): no back end has to compute gradients. A test holds it against TensorFlow's.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.arrays.stored_arrays import check_arrays, read_index
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command
from radiogen.inference.engine import open_engine
from radiogen.networks.grad_cam import grad_cam
from radiogen.runs.explained import Explained, write_explained_cases
from radiogen.runs.folds import HOLDOUT
from radiogen.runs.layout import PREDICTIONS
from radiogen.runs.predictions import holdout, out_of_fold, read_predictions
from radiogen.task import ID, LABEL
from radiogen.training.input.inputs import CachedImages, InputBatches, list_inputs
from radiogen.training.model import load_trained
from radiogen.training.recipe.settings import DataSettings
from radiogen.training.runs import Run, trained_folds

SLICES = 64
"""Slices a case at most; of more, as many at even distances."""


def write_explained(run: Run, cases: int = 8) -> Path:
    """Write `explained.npz`: images and heat of `cases` cases, chosen by `choose_cases`; returns its path.

    A case that several networks scored has the mean of their heat. Raises UserError where the run has no predictions,
    no trained fold or other arrays than it was made from.
    """
    chosen = choose_cases(read_predictions(run.folder / PREDICTIONS), cases)
    folds = trained_folds(run)
    if chosen.empty or not folds:
        raise UserError(run.folder, "has no labelled case and network to explain",
                        f"train and predict it: {command('train')} --run {as_run(run.folder)} --fold all")
    index = read_index(run.cache)
    check_arrays(run.cache, index, chosen[ID])
    inputs = {case: explained_inputs(run.recipe.data, index, case) for case in chosen[ID]}
    count = min(SLICES, min(map(len, inputs.values()))) if run.recipe.data.rank == 2 else 1
    inputs = {case: rows.iloc[_spread(len(rows), count)] for case, rows in inputs.items()}
    heat = _heat(run, folds, chosen, inputs)
    return write_explained_cases(run.folder, _pictures(run, index, chosen, inputs, heat))


def choose_cases(predictions: pd.DataFrame, cases: int) -> pd.DataFrame:
    """The most confident right and wrong answers to both labels, from the holdout, else out-of-fold.

    In turn of: positive and called so, negative and called so, positive missed, negative called
    positive; within each, those whose probability lies farthest from 0.5 first. A group that is empty leaves its
    turn to the others. Returns rows of `predictions`, `cases` at most.
    """
    kept = holdout(predictions)
    kept = kept[kept[LABEL].notna()] if kept[LABEL].notna().any() else out_of_fold(predictions)
    kept = kept[kept[LABEL].notna()]
    wrong = kept["predicted"] != kept[LABEL]
    order = kept.assign(group=2 * wrong + (kept[LABEL] == 0), sure=-(kept["probability"] - 0.5).abs())
    order = order.sort_values(["sure", ID])
    order = order.assign(turn=order.groupby("group").cumcount()).sort_values(["turn", "group"])
    return order.head(cases)[list(predictions.columns)].reset_index(drop=True)


def explained_inputs(data: DataSettings, index: pd.DataFrame, case: str, sequence: str | None = None) -> pd.DataFrame:
    """The network's inputs of one case that are of one sequence (the first), or of all where they are channels."""
    rows = list_inputs(data, index, [case])
    own = rows["sequence"] == (sequence or data.sequences[0])
    return rows if data.sequences_as_channels or len(data.sequences) == 1 else rows[own].reset_index(drop=True)


def _heat(run: Run, folds: list[str], chosen: pd.DataFrame, inputs: dict[str, pd.DataFrame]) -> dict[str, np.ndarray]:
    """By case, heat in [0, 1], ([inputs,] slices, rows, columns): the mean of the networks that may judge it."""
    from radiogen.core.progress import progress

    batches = {case: _batches(run, rows) for case, rows in inputs.items()}
    engine, _ = open_engine(run.recipe, sum(map(len, batches.values())))
    heat: dict[str, np.ndarray] = dict.fromkeys(chosen[ID], np.zeros(()))
    for fold in progress(folds, f"explain {run.folder.name}", len(folds), "fold"):
        own = chosen[chosen["fold"].isin([fold, HOLDOUT])]
        if own.empty:
            continue
        load_trained(engine, run, fold)
        for case, called in zip(own[ID], own["predicted"], strict=True):
            found = np.concatenate([grad_cam(engine, batch, called) for batch in batches[case]])
            heat[case] = heat[case] + found / (found.max() or 1)
    return {case: np.asarray(one) / (np.max(one) or 1) for case, one in heat.items()}


def _pictures(run: Run, index: pd.DataFrame, chosen: pd.DataFrame, inputs: dict[str, pd.DataFrame],
              heat: dict[str, np.ndarray]) -> Explained:
    """What `write_explained` keeps."""
    data, images, hot, views, numbers = run.recipe.data, [], [], [], []
    for case in chosen[ID]:
        rows = inputs[case]
        shape = heat[case].shape[-2:]
        batch = np.concatenate(list(_batches(run, rows)))
        hot.append(np.round(255 * heat[case]).astype(np.uint8).reshape(-1, *shape))
        images.append(_bytes(batch[..., 0]).reshape(-1, *shape))
        numbers.append(rows["slice"].to_numpy(int) if data.rank == 2 else np.arange(len(images[-1])))
        place = int(hot[-1].sum(axis=(1, 2)).argmax())
        views.append(_views(run, index, case, batch, place / max(len(images[-1]) - 1, 1)))
    return Explained(
        ids=chosen[ID].to_numpy(str), folds=chosen["fold"].to_numpy(str), labels=chosen[LABEL].to_numpy(int),
        probabilities=chosen["probability"].to_numpy(float), called=chosen["predicted"].to_numpy(int),
        sequence=data.sequences[0], sequences=np.array(data.sequences), rank=data.rank, geometry=data.geometry,
        images=np.stack(images), heat=np.stack(hot), slices=np.stack(numbers), views=np.stack(views))


def _views(run: Run, index: pd.DataFrame, case: str, batch: np.ndarray, share: float) -> np.ndarray:
    """One slice of each sequence, (sequences, rows, columns), at this share of the way through its slices."""
    data = run.recipe.data
    if data.sequences_as_channels or len(data.sequences) == 1:
        stacks = [batch[..., channel] for channel in range(len(data.sequences))]
    else:
        stacks = []
        for name in data.sequences:
            rows = explained_inputs(data, index, case, name)
            place = round(share * (len(rows) - 1)) if data.rank == 2 else 0
            stacks += [batch[..., 0] for batch in _batches(run, rows.iloc[[place]])] or [np.zeros_like(batch[..., 0])]
    flat = [_bytes(stack).reshape(-1, *stack.shape[-2:]) for stack in stacks]
    return np.stack([slices[round(share * (len(slices) - 1))] for slices in flat])


def _batches(run: Run, rows: pd.DataFrame) -> list[np.ndarray]:
    """The inputs as the network sees them when it predicts, in the order of `rows`."""
    images = CachedImages(run.cache, run.recipe.data)
    return list(InputBatches(run.recipe, images, rows.reset_index(drop=True)).images_alone())


def _bytes(image: np.ndarray) -> np.ndarray:
    """Intensities as uint8: 0..1 as they are, z-scores between their extremes."""
    low, high = float(image.min()), float(image.max())
    if low < 0 or high > 1:
        image = (image - low) / max(high - low, 1e-9)
    return np.round(255 * image).astype(np.uint8)


def _spread(length: int, count: int) -> np.ndarray:
    """`count` of `length` places, at even distances."""
    return np.round(np.linspace(0, length - 1, count)).astype(int)
