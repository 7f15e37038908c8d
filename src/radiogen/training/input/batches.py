"""Batches as a Keras PyDataset, which `fit` takes; inputs.py makes them, without Keras.

In: as `InputBatches`. Out: the same batches.
"""

import numpy as np
import pandas as pd

from radiogen.core.errors import UserError
from radiogen.networks.backend import keras
from radiogen.training.execution.devices import Share
from radiogen.training.input.inputs import CachedImages, InputBatches, Sampling, label_inputs, list_inputs
from radiogen.training.recipe.recipe import Recipe

__all__ = ["Batches", "CachedImages", "Sampling", "label_inputs", "list_inputs"]


class Batches(InputBatches, keras.utils.PyDataset):
    """`InputBatches` for Keras."""

    def __init__(self, recipe: Recipe, images: CachedImages, inputs: pd.DataFrame, labels: np.ndarray | None = None, *,
                 sampling: Sampling | None = None, flip: tuple[int, ...] = (), share: Share = Share()):
        keras.utils.PyDataset.__init__(self, workers=1)
        InputBatches.__init__(self, recipe, images, inputs, labels, sampling=sampling, flip=flip, share=share)
        self.error: UserError | None = None
        """Why a batch could not be made: what runs Keras may not raise it as it was."""

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray] | tuple[np.ndarray]:
        try:
            return InputBatches.__getitem__(self, number)
        except UserError as error:
            self.error = error
            raise
