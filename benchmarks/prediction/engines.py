"""Time the engines that predict beside MONAI, with their memory; prints a Markdown table that docs/ quotes.

In: nothing but this machine, and an interpreter that has PyTorch and MONAI (--peer-python). Out: volumes a second,
their ratio to MONAI's in the same round, the peak memory, and what a process takes until its first batch is predicted.
Every contestant is a process of its own that waits while the others run; every round runs each once, in a new random
order. Medians of the rounds, quartiles in brackets.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np
import tyro

from benchmarks.prediction.contestant import Predictor
from benchmarks.processes import WaitingProcess, in_random_order, quartiles, started
from benchmarks.speed.training import machine_text
from radiogen.core.errors import UserError, run_command

CONTESTANT = Path(__file__).with_name("contestant.py")
ENGINES = ("MONAI", "keras", "frozen", "openvino")
NAMES = {"MONAI": "MONAI, eager", "keras": "Keras", "frozen": "TensorFlow, constant graph", "openvino": "OpenVINO"}
Case = Literal["resnet50", "isotropic-3d"]


def main(rounds: int = 7, steps: int = 3, cases: tuple[Case, ...] = ("resnet50", "isotropic-3d"),
         engines: tuple[Literal["MONAI", "keras", "frozen", "openvino"], ...] = ENGINES, small: bool = False,
         peer_python: Path | None = None, output: Path | None = None) -> None:
    """Time the engines that predict beside MONAI, with their memory; prints Markdown tables.

    Args:
        rounds: How often each contestant runs.
        steps: Batches a round.
        cases: resnet50: ResNet-50 of cubes of 64, a channel, batch 4; isotropic-3d: the recipe's ResNet-10 of cubes of
            96, two channels, batch 8.
        engines: Who takes part.
        small: Cubes of 16, to see whether it runs.
        peer_python: Interpreter with torch and monai (default: this one).
        output: Markdown file to write the tables to as well.
    """
    from radiogen.core import files

    texts = []
    with tempfile.TemporaryDirectory() as room:
        for case in cases:
            contestants = predictors(case, engines, Path(room), small)
            texts.append(f"**{case}**\n\n{race_text(contestants, rounds, steps, str(peer_python or sys.executable))}")
    text = "\n\n".join([*texts, machine_text()])
    print(text)
    if output:
        files.write_text(output, text + "\n")


def predictors(case: Case, engines: tuple[str, ...], room: Path, small: bool = False) -> list[Predictor]:
    """The contestants of a case, whose weights are written to `room`."""
    from radiogen.training.recipe.recipes import ISOTROPIC_3D, REPORT_3D

    recipe, batch = (REPORT_3D, 4) if case == "resnet50" else (ISOTROPIC_3D, ISOTROPIC_3D.optimisation.micro_batch_size)
    network, data = recipe.network, recipe.data
    shape = {"architecture": network.architecture, "size": 16 if small else data.size, "channels": data.channels,
             "batch": batch, "pooling": network.pooling, "weights": str(room / f"{case}.weights.h5")}
    made = [Predictor(NAMES[engine], engine, **shape) for engine in engines]
    if set(engines) - {"MONAI"}:
        subprocess.run([sys.executable, "-c", _SAVE, json.dumps(shape)], check=True, capture_output=True)
    return made


_SAVE = """
import json, sys
from radiogen.networks.residual import build_network
from radiogen.networks.settings import NetworkSettings
shape = json.loads(sys.argv[1])
settings = NetworkSettings(shape["architecture"], pooling=shape["pooling"])
build_network(settings, (*[shape["size"]] * 3, shape["channels"])).save_weights(shape["weights"])
"""
"""Writes weights in a process of its own: this one stays small."""


def race_text(contestants: list[Predictor], rounds: int, steps: int, peer: str) -> str:
    """The table of contestants, ratios to the first of those that start; others are named with the reason."""
    notes: list[str] = []
    with contextlib.ExitStack() as stack:
        running: dict[Predictor, WaitingProcess] = {}
        for each in contestants:
            try:
                python = peer if each.engine == "MONAI" else sys.executable
                running[each] = stack.enter_context(started(CONTESTANT, each, python))
            except UserError as error:
                notes.append(str(error))
        seconds: dict[Predictor, list[float]] = {each: [] for each in running}
        for each, process in in_random_order(running, rounds):
            answer = process.run(steps)
            process.peak = answer["peak"]
            seconds[each].append(answer["seconds"] / steps)
    head = ["| engine | volumes/s | times the first's | peak memory, GB | first batch after, s | processor time, s |",
            "| --- | --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *_rows(running, seconds), *([""] if notes else []), *notes])


def _rows(running: dict[Predictor, WaitingProcess], seconds: dict[Predictor, list[float]]) -> list[str]:
    rows, first = [], np.array(next(iter(seconds.values()), []))
    for place, (each, process) in enumerate(running.items()):
        times = np.array(seconds[each])
        rates, ratios = each.batch / times, first / times
        ratio = f"**{np.median(ratios):.2f}** ({quartiles(ratios)})" if place else "1"
        rows.append(f"| {each.name} | {np.median(rates):.3g} ({quartiles(rates)}) | {ratio} "
                    f"| {process.peak / 1e9:.2f} | {process.facts['start']:.1f} | {process.facts['processor']:.1f} |")
    return rows


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
