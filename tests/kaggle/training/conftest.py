"""A plan of one run of two folds, and a Kaggle on loopback whose sessions leave what a real one would."""

import json
from pathlib import Path

import pytest

from radiogen.core import files
from radiogen.kaggle.training import chain
from radiogen.kaggle.training.packs import pack
from radiogen.kaggle.training.plan import TrainingPlan
from radiogen.training.recipe.recipe import as_dict

from ..small_run import RECIPE, write_paper_run

RUN = "data-small"


@pytest.fixture
def plan(tmp_path):
    return TrainingPlan("somebody", "Radiogen train small", ("demo-3d",), models=tmp_path / "models", hours=9.0)


class Sessions:
    """What sessions leave at Kaggle: one makes the arrays, the next trains fold 0, the last the rest.

    fails: by session, a reason that it records, once.
    """

    def __init__(self, kaggle, scratch: Path):
        self.kaggle, self.scratch, self.fails, self.orders = kaggle, scratch, {}, []
        kaggle.on_push = self.run

    def run(self, kernel: str, version: int, body: dict) -> None:
        """A pushed kernel has run: its output is there."""
        source = "".join(cell["source"] for cell in json.loads(body["text"])["cells"])
        line, = [line for line in source.splitlines() if line.startswith("ORDER = ")]
        order = json.loads(line.removeprefix("ORDER = ").replace("'", '"'))
        self.orders.append((order, body.get("kernelDataSources", []), bool(body.get("enableGpu"))))
        number, reason = order["number"], self.fails.pop(order["number"], "")
        folds = {RUN: {"trained": ["0", "1"][:max(0, number - 1)], "left": ["0", "1"][max(0, number - 1):]}}
        outputs = {}
        run = write_paper_run(self.scratch / str(number) / RUN)
        for name, wanted in (("models.pack", True), ("arrays.pack", order["kind"] == "arrays")):
            if wanted:
                outputs[name] = pack(run.parent, self.scratch / name) | {"content": (self.scratch / name).read_bytes()}
        record = {"number": number, "kind": order["kind"], "done": number in (1, 3) and not reason, "reason": reason,
                  "folds": folds, "epochs": 1, "seconds": {"epoch": 100.0, "session": 1.0},
                  "packs": {name: {"sha256": one["sha256"], "bytes": one["bytes"]} for name, one in outputs.items()}}
        self.kaggle.outputs[kernel, version] = {
            **{name: one["content"] for name, one in outputs.items()},
            "radiogen-session.json": json.dumps(record).encode()}


@pytest.fixture
def sessions(kaggle, tmp_path):
    return Sessions(kaggle, tmp_path / "there")


@pytest.fixture
def runs():
    return {RUN: RECIPE}


@pytest.fixture
def train(api, plan, runs, tmp_path, monkeypatch):
    """Call `train_there`, without building the package's wheel; pause: called instead of sleeping."""
    def bundle(plan, runs, folder, wheels):
        files.write_json(folder / "radiogen-bundle.json",
                         {"training": {RUN: as_dict(RECIPE)}, "wheels": [], "runs": {}})
        files.write_json(folder / "dataset-metadata.json", {
            "id": plan.names.dataset, "title": plan.names.dataset_title, "licenses": [{"name": "other"}],
            "subtitle": "Package, wheels and trained folds of radiogen"})
        return folder

    monkeypatch.setattr(chain, "write_training_bundle", bundle)
    return lambda pause=lambda _: None: chain.train_there(api, plan, runs, tmp_path / "output", pause=pause)
