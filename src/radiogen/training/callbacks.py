"""Callbacks of Keras `fit`: a progress bar, and after each epoch a checkpoint and the history.

In: a fold's batches and its state. Out: `checkpoint.npz` and `history.csv`, complete after each epoch. A NaN or
infinite loss ends the fold at its batch, before anything is written. No class here uses the fold that is scored.
"""

import math
import time
from pathlib import Path
from typing import Any

from radiogen.core.errors import UserError
from radiogen.core.progress import progress
from radiogen.core.wording import parameter
from radiogen.networks.backend import backend, keras
from radiogen.runs.layout import CHECKPOINT
from radiogen.runs.training_records import epoch_text, write_history
from radiogen.training.checkpoints import FoldState, save_checkpoint
from radiogen.training.input.batches import Batches


class CheckpointCallback(keras.callbacks.Callback):
    """Starts each epoch of the batches, and writes the checkpoint and the history after it.

    stop: the early-stopping cases, None for a fixed number of epochs; patience: epochs without improvement; owner: the
    run and fold that the checkpoint belongs to; writes: False on all machines of a cluster but the first. `state` is
    the fold's.
    """

    def __init__(self, folder: Path, state: FoldState, train: Batches, *, stop: Batches | None = None,
                 patience: int = 0, owner: dict[str, Any] | None = None, writes: bool = True):
        super().__init__()
        self.folder, self.state, self.train, self.patience = folder, state, train, patience
        self.stop = None if stop is None else backend().feed(stop)
        self.owner, self.writes = owner, writes

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.train.begin(epoch)
        self.began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None  # Keras always passes them here
        if not math.isfinite(logs["loss"]):
            self._stop_not_finite(logs["loss"])

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        if self.stop is not None:
            metrics = self.model.evaluate(self.stop, verbose=0, return_dict=True)
            if not math.isfinite(metrics["loss"]):
                self._stop_not_finite(metrics["loss"])
            logs |= {f"stop_{name}": value for name, value in metrics.items()}
        state = self.state.after(logs, time.perf_counter() - self.began)
        if self.stop is not None:
            state = state.improved(logs["stop_loss"], self.model.get_weights())
            self.model.stop_training = state.waited >= self.patience
        if self.writes:
            save_checkpoint(self.folder / CHECKPOINT, self.model, state, self.owner)
            write_history(self.folder, state.history)
        self.state = state

    def _stop_not_finite(self, loss: float) -> None:
        raise UserError(self.folder, f"the loss became {loss} in epoch {len(self.state.history) + 1}; the previous "
                        "epoch is kept",
                        f"lower {parameter('optimisation.learning_rate')}, in a new {parameter('run')}")


class ProgressBar(keras.callbacks.Callback):
    """A row of the progress display over all steps, with loss and AUC of the last epoch: training/validation."""

    def __init__(self, description: str, epochs: int, steps: int, done: int):
        super().__init__()
        self.description, self.epochs, self.steps, self.done = description, epochs, steps, done

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.bar = progress(None, self.description, self.epochs * self.steps, "step", self.done * self.steps)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.bar.update()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        self.bar.note(epoch_text(epoch + 1, self.epochs, logs))

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.bar.close()
