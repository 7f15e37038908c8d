"""Training: the arrays of a run's training folds, Keras `fit`, one network a fold.

In: a `Run` whose tables are written. Out: in each fold's folder `history.csv` and, when its last epoch is done,
`model.weights.h5`. The number of epochs is fixed beforehand and nothing is chosen on the fold that is scored: its loss
is shown and not used. Each fold runs in a process of its own, for `fit` in a loop leaks (tf-keras#286).
"""

import concurrent.futures
import contextlib
import math
import multiprocessing
import os
import signal
import threading
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen import files
from radiogen.dataset.folds import HOLDOUT
from radiogen.dataset.labels import ID
from radiogen.errors import UserError
from radiogen.imaging.cache import read_index
from radiogen.learning.backend import keras
from radiogen.learning.batches import Batches, label_inputs, list_inputs, recipe_network
from radiogen.learning.checkpoints import load_checkpoint, save_checkpoint
from radiogen.learning.recipes import Recipe
from radiogen.learning.runs import WEIGHTS, Run, fold_folder


def train_folds(run: Run, folds: list[str], at_once: int = 1) -> None:
    """Train each of `folds` that is not finished, `at_once` side by side, which share the cores.

    Raises UserError naming the folds that failed, after the others.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    todo = [fold for fold in folds if not (fold_folder(run, fold) / WEIGHTS).is_file()]
    for fold in sorted(set(folds) - set(todo), key=int):
        print(f"fold {fold} is trained already", flush=True)
    threads = max(1, len(os.sched_getaffinity(0)) // at_once) if at_once > 1 else 0
    children = []
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        waiting = {fold: pool.submit(_in_process, context, run, fold, threads, children) for fold in todo}
        try:
            reasons = {fold: future.result() for fold, future in waiting.items()}
        except BaseException:  # Ctrl-C: nothing more is begun, and what runs is ended
            pool.shutdown(wait=False, cancel_futures=True)
            for child in children:
                child.terminate()
            raise
    failed = {fold: reason for fold, reason in reasons.items() if reason}
    if failed:
        first = next(iter(failed))
        raise UserError(run.folder, f"fold {', '.join(failed)} failed: {failed[first]}",
                        f"mend that, then: python scripts/train.py --run {run.folder.name} --fold {first}")


def train_fold(run: Run, fold: str) -> None:
    """Train one fold in this process, from its last checkpoint where there is one."""
    recipe, folder = run.recipe, fold_folder(run, fold)
    folder.mkdir(parents=True, exist_ok=True)
    index = read_index(run.cache)
    judged = run.folds["fold"] == fold
    train, validation = (_batches(run, index, cases, fold, training=training) for cases, training in
                         ((run.folds[~judged & (run.folds["fold"] != HOLDOUT)], True), (run.folds[judged], False)))
    set_seed(recipe.seed, int(fold))
    model = compile_network(recipe, len(train.inputs), train.num_batches)
    checkpoint = folder / "checkpoint.npz"
    history = load_checkpoint(checkpoint, model) if checkpoint.is_file() else []
    model.fit(train, validation_data=validation, epochs=recipe.epochs, initial_epoch=len(history), verbose=0,
              shuffle=False,
              callbacks=[_Bar(f"fold {fold}", recipe.epochs, train.num_batches, len(history)),
                         _Keeper(checkpoint, folder / "history.csv", history, train)])
    files.write_by_name(folder / WEIGHTS, model.save_weights)
    checkpoint.unlink(missing_ok=True)


def compile_network(recipe: Recipe, inputs: int, batches: int) -> keras.Model:
    """The recipe's network with its optimiser, for `inputs` training inputs in `batches` batches an epoch."""
    model = recipe_network(recipe)
    batch = min(recipe.batch_size, inputs)
    accumulate = max(1, min(batches, math.ceil(batch / recipe.memory_batch)))
    rate = _learning_rate(recipe, max(1, recipe.epochs * batches // accumulate))
    optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay) if recipe.weight_decay else \
        keras.optimizers.Adam(rate)
    if accumulate > 1:
        optimizer.gradient_accumulation_steps = accumulate
    model.compile(optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    optimizer.build(model.trainable_variables)
    return model


def set_seed(*parts: int) -> None:
    """Seed every generator that Keras may use and ask for operations that repeat themselves bit for bit."""
    keras.utils.set_random_seed(int(np.random.SeedSequence(parts).generate_state(1)[0]))
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()


def _in_process(context: multiprocessing.context.BaseContext, run: Run, fold: str, threads: int,
                children: list) -> str | None:
    """Train a fold in a new process, noted in `children`; returns why it failed, None where it did not."""
    ours, theirs = context.Pipe()
    process = context.Process(target=_fold_process, args=(run, fold, threads, theirs), name=f"fold {fold}")
    process.start()
    children.append(process)
    theirs.close()
    try:
        reason = ours.recv()
    except EOFError:
        reason = "died"
    ours.close()
    process.join()
    if reason != "died":
        return reason
    if process.exitcode == -signal.SIGKILL:
        return "was killed by the system, most likely for memory: try a smaller --memory-batch"
    return f"its process ended with code {process.exitcode}"


def _fold_process(run: Run, fold: str, threads: int, answer: "multiprocessing.connection.Connection") -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends its folds
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, args=(answer,), daemon=True).start()
    if threads and keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
    try:
        train_fold(run, fold)
        answer.send(None)
    except UserError as error:
        answer.send(str(error))
    except Exception as error:
        if type(error).__name__ not in ("ResourceExhaustedError", "MemoryError"):
            raise
        answer.send(f"memory ran out with --memory-batch {run.recipe.memory_batch}: halve it; --batch-size stays, "
                    "gradients are accumulated")


def _end_with_parent(connection: "multiprocessing.connection.Connection") -> None:
    """A fold whose parent was killed must not go on writing beside the one that is started in its place."""
    with contextlib.suppress(EOFError, OSError):
        connection.recv()  # nothing is ever sent: this returns when the parent's end is closed
    os._exit(1)


def _batches(run: Run, index: pd.DataFrame, cases: pd.DataFrame, fold: str, *, training: bool) -> Batches:
    inputs = list_inputs(run.recipe, index, cases[ID].tolist())
    return Batches(run.recipe, run.cache, inputs, label_inputs(inputs, cases), training=training, fold=int(fold))


def _learning_rate(recipe: Recipe, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    if recipe.schedule == "constant":
        return recipe.learning_rate
    warm_up = max(1, steps // 20)
    return keras.optimizers.schedules.CosineDecay(0.0, max(1, steps - warm_up), warmup_target=recipe.learning_rate,
                                                  warmup_steps=warm_up)


class _Bar(keras.callbacks.Callback):
    """A tqdm bar over all steps, with the epoch and the losses beside it."""

    def __init__(self, description: str, epochs: int, steps: int, done: int):
        super().__init__()
        self.description, self.epochs, self.steps, self.done = description, epochs, steps, done

    def on_train_begin(self, logs: dict | None = None) -> None:
        from radiogen.progress import progress

        self.bar = progress(None, self.description, self.epochs * self.steps, "step", self.done * self.steps)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.bar.update()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        shown = {name: f"{logs[name]:.3f}" for name in ("loss", "accuracy", "val_loss", "val_accuracy") if name in logs}
        self.bar.set_postfix(refresh=False, epoch=f"{epoch + 1}/{self.epochs}", **shown)

    def on_train_end(self, logs: dict | None = None) -> None:
        self.bar.close()


class _Keeper(keras.callbacks.Callback):
    """After each epoch the checkpoint and the history; a loss that is no number ends the fold before either."""

    def __init__(self, checkpoint: Path, table: Path, history: list[dict], train: Batches):
        super().__init__()
        self.checkpoint, self.table, self.history, self.train = checkpoint, table, history, train

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.train.begin(epoch)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if not math.isfinite(logs["loss"]):
            raise UserError(self.checkpoint.parent, f"the loss became {logs['loss']} in epoch {epoch + 1}; the epoch "
                            "before is kept", "lower --learning-rate, in a new --run")
        self.history.append({"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}})
        save_checkpoint(self.checkpoint, self.model, self.history)
        files.write_csv(self.table, pd.DataFrame(self.history))
