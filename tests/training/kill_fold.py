"""Train fold 0 of runs in processes that kill themselves: `python kill_fold.py RUN PLAN [RUN PLAN ...]`.

PLAN is `none`, `rename:N` (before the N-th checkpoint gets its name) or `seed:N` (before events drawn from this seed: a
batch that is read, a file that is flushed, a file that is renamed). A killed fold is started again, until it ends.
Prints a line a run: how often it was killed. The network has dropout, whose random state is no weight.
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np

from radiogen.networks.backend import keras
from radiogen.training import fit
from radiogen.training.runs import open_run

EVENTS = 40


def network_with_dropout(settings, data, kinds):
    """A convolution with batch normalisation and dropout."""
    layers = keras.layers
    images = layers.Input(data.input_shape, name="input")
    x = kinds.BatchNormalization(name="bn")(kinds.Conv3D(4, 3, strides=2, activation="relu", name="conv")(images))
    x = layers.Dropout(0.5, name="dropout")(layers.Flatten(name="flat")(x))
    return keras.Model(images, layers.Dense(2, activation="softmax", name="predictions")(x))


def kill_before(number, counts):
    """Kill this process before the `number`-th call for which `counts(name, arguments)` is true."""
    calls = [0]

    def wrap(place, name):
        wrapped = getattr(place, name)

        def call(*arguments, **options):
            calls[0] += bool(counts(name, arguments))
            if calls[0] == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return wrapped(*arguments, **options)

        setattr(place, name, call)

    wrap(os, "fsync")
    wrap(Path, "replace")
    wrap(fit.Batches, "__getitem__")


def is_checkpoint(name, arguments):
    """A rename that makes a file the checkpoint."""
    return name == "replace" and Path(arguments[1]).name == "checkpoint.npz"


def train(run, plan, random):
    """Train in a new process; returns whether it was killed."""
    process = os.fork()
    if not process:
        kind, _, number = plan.partition(":")
        if kind == "rename":
            kill_before(int(number), is_checkpoint)
        elif kind == "seed":
            kill_before(random, lambda name, arguments: True)
        fit.make_network = network_with_dropout
        fit.train_fold(run, "0")
        os._exit(0)
    status = os.waitpid(process, 0)[1]
    if status and not os.WIFSIGNALED(status):
        sys.exit(f"{run.folder}: a fold ended with code {os.waitstatus_to_exitcode(status)}")
    return bool(status)


def main(words):
    """One run after the other."""
    for folder, plan in zip(words[::2], words[1::2], strict=True):
        run, kills = open_run(Path(folder)), 0
        random = np.random.default_rng(int(plan.partition(":")[2] or 0))
        while train(run, plan if kills < 5 else "none", int(random.integers(1, EVENTS))):
            kills += 1
            plan = "none" if plan.startswith("rename") else plan
        print(kills, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
