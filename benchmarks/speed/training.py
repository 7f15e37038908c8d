"""Time training and prediction beside their peers; prints Markdown tables that docs/ quotes.

In: nothing but this machine (and an interpreter that has PyTorch and MONAI: --peer-python). Out: volumes or slices a
second, and their ratio to the peer's in the same round. Every contestant is a process of its own that waits while the
others run; every round runs each once, in a new random order. Medians and quartiles of the rounds.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

import contextlib
import os
import platform
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import tyro

from benchmarks.processes import WaitingProcess, in_random_order, quartiles, started
from benchmarks.speed.contestants.training import Contestant
from radiogen.core.errors import UserError, run_command

PRODUCT = "matrix product"


def main(rounds: int = 5, parts: tuple[str, ...] = ("3d", "2d", "input", "memory"), batch: int = 4, size_3d: int = 64,
         size_2d: int = 224, steps: int = 2, gpu: bool = False, peer_python: Path | None = None,
         output: Path | None = None, only: str = "") -> None:
    """Time training and prediction beside their peers; prints Markdown tables.

    Args:
        rounds: How often each contestant runs.
        parts: 3d and 2d: networks beside their peers; input: what an epoch waits for its images; memory: of an epoch
            with one and ten times the cases.
        batch: Volumes a step; slices a step are eight times as many.
        size_3d: Edge of a volume in voxels.
        size_2d: Edge of a slice in pixels.
        steps: Steps a round.
        gpu: On the first GPU, in bfloat16, PyTorch compiled.
        peer_python: Interpreter with torch and monai (default: this one, where it has them).
        output: Markdown file to write the tables to as well.
        only: Race only the groups that these words describe, such as `train radiogen resnet50 stem 2`; by default all.
    """
    from radiogen.core import files

    peer = str(peer_python) if peer_python else _own_peer()
    unknown = set(parts) - {"3d", "2d", "input", "memory"}
    if unknown:
        raise UserError(f"--parts {' '.join(sorted(unknown))}", "is no part", "choose among 3d 2d input memory")
    texts = []
    for part, rank, size, many in (("3d", 3, size_3d, batch), ("2d", 2, size_2d, 8 * batch)):
        if part in parts:
            groups = [group for group in contestants(rank, size, many, gpu) if only in _description(group)]
            texts += [race_text(groups, rounds, steps, peer)] if groups else []
    if "input" in parts or "memory" in parts:
        from benchmarks.speed import training_input

        texts += [training_input.input_text(rounds)] if "input" in parts else []
        texts += [training_input.memory_text()] if "memory" in parts else []
    text = "\n\n".join([*texts, machine_text()])
    print(text)
    if output:
        files.write_text(output, text + "\n")


def contestants(rank: int, size: int, batch: int, gpu: bool) -> list[list[Contestant]]:
    """Groups of contestants; each group's peer, the one that the ratios are to, comes first."""
    precision = "bfloat16" if gpu else "float32"
    groups = []
    for job in ("train", "predict"):
        base = {"rank": rank, "size": size, "batch": batch, "job": job, "precision": precision, "gpu": gpu}
        if rank == 3:
            for stride in (2, 1):
                groups.append(_group("resnet50", {**base, "stem_stride": stride}))
            if not gpu:
                groups.append(_group("isotropic-3d's resnet10", {**base, "size": 96, "batch": 8, "channels": 2,
                                                                 "recipe": "isotropic-3d"}))
            groups.append([Contestant("MONAI resnet50, its default", "MONAI", stem_stride=1, **base),
                           Contestant("radiogen resnet50, its default", "radiogen", stem_stride=2, **base)])
        else:
            groups.append([Contestant("keras.applications ResNet50, plain fit", "keras.applications", **base),
                           Contestant("PyTorch (MONAI) resnet50", "MONAI", **base),
                           Contestant("radiogen resnet50", "radiogen", **base)])
    if not gpu:
        base = {"rank": rank, "size": size, "batch": batch, "job": "predict"}
        groups.append([Contestant("radiogen resnet50", "radiogen", **base),
                       Contestant("radiogen resnet50, bfloat16", "radiogen", **base, precision="bfloat16")])
    return groups


def _group(network: str, base: dict) -> list[Contestant]:
    """MONAI, on a CPU that trains also tuned and compiled; this package, there also with Keras's layers."""
    group = [Contestant(f"MONAI {network}", "MONAI", **base)]
    if base["job"] == "train" and not base["gpu"]:
        group += [Contestant(f"MONAI {network}, tuned", "MONAI", tuned=True, **base),
                  Contestant(f"MONAI {network}, tuned and compiled", "MONAI", tuned=True, compiled=True, **base),
                  Contestant(f"radiogen {network}, Keras's layers", "radiogen", tuned=True, **base)]
    return [*group, Contestant(f"radiogen {network}", "radiogen", **base)]


def _description(group: Sequence[Contestant]) -> str:
    """What a group does, its own contestant last: `train radiogen resnet50 stem 2`."""
    return f"{group[-1].job} {group[-1].name} stem {group[-1].stem_stride}"


def race_text(groups: list[list[Contestant]], rounds: int, steps: int, peer: str | None) -> str:
    """The table of some groups of contestants; peers that cannot be started are named with the reason."""
    rows, notes = [], []
    unit = "volumes" if groups[0][0].rank == 3 else "slices"
    product = Contestant(PRODUCT, "product", 0, 4096 if groups[0][0].gpu else 2048, 1, "", gpu=groups[0][0].gpu,
                         precision=groups[0][0].precision)
    for group in groups:
        with contextlib.ExitStack() as stack:
            running = {}
            for contestant in (*group, product):
                python = peer if contestant.engine == "MONAI" else sys.executable
                try:
                    running[contestant] = stack.enter_context(_started(contestant, python))
                except UserError as error:
                    notes.append(f"{contestant.name}: {error}")
            times = _rounds(running, rounds, steps)
            facts = {contestant: process.facts for contestant, process in running.items()}
        rows += _rows(group, times, facts)
    head = [f"| | job | stem stride | {unit}/s | times the peer's | share of the matrix peak |",
            "| --- | --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *rows, *([""] if notes else []), *dict.fromkeys(notes)])


def _started(contestant: Contestant, python: str | None) -> AbstractContextManager[WaitingProcess]:
    if python is None:
        raise UserError("--peer-python", "no torch and monai here", "name an interpreter that has them")
    return started(Path(__file__).with_name("contestants") / "training.py", contestant, python)


def _rounds(running: dict[Contestant, WaitingProcess], rounds: int, steps: int) -> dict[Contestant, list[float]]:
    """Seconds a step, by contestant and round."""
    times: dict[Contestant, list[float]] = {contestant: [] for contestant in running}
    for contestant, process in in_random_order(running, rounds):
        many = 10 if contestant.name == PRODUCT else steps
        times[contestant].append(process.run(many) / many)
    return times


def _rows(group: Sequence[Contestant], times: dict[Contestant, list[float]],
          facts: dict[Contestant, dict]) -> list[str]:
    import numpy as np

    peer = next((each for each in group if each in times), None)
    product = next((each for each in times if each.name == PRODUCT), None)
    peak = facts[product]["forward_flop"] / min(times[product]) if product else None
    flop = {each.stem_stride: facts[each]["forward_flop"] for each in group if "forward_flop" in facts.get(each, {})}
    rows = []
    for each in (one for one in group if one in times):
        seconds = np.array(times[each])
        rates, ratios = each.batch / seconds, np.array(times[peer]) / seconds
        work = flop.get(each.stem_stride, 0) * each.batch * (3 if each.job == "train" else 1)
        share = f"{work / np.median(seconds) / peak:.0%}" if work and peak else ""
        ratio = "1" if each is peer else f"**{np.median(ratios):.2f}** ({quartiles(ratios)})"
        rows.append(f"| {each.name} | {each.job} | {each.stem_stride} | {np.median(rates):.3g} ({quartiles(rates)}) "
                    f"| {ratio} | {share} |")
    return rows


def machine_text() -> str:
    """The machine, the versions and the date, in one line."""
    import importlib.metadata
    import time

    cpu = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("tensorflow", "keras", "numpy"))
    return (f"{len(os.sched_getaffinity(0))} cores of {cpu}; Python {platform.python_version()}, {versions}; "
            f"{time.strftime('%Y-%m-%d')}. Medians, quartiles in brackets.")


def _own_peer() -> str | None:
    import importlib.util

    return sys.executable if all(importlib.util.find_spec(name) for name in ("torch", "monai")) else None


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
