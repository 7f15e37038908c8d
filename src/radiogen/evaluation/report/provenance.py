"""From a prediction back to what made it: fold, seed, network, array, the files of its series, and the command.

In: a run's folder. Out: a table with a row a prediction, which is written beside the run and stands behind every row of
the page; and what the run says of how it was made. What is not there any more (a cache that was cleared, a network that
was not copied along) leaves its cell empty.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from radiogen.core import files
from radiogen.dataset.labels import ID
from radiogen.runs.fold_weights import Networks, check_run
from radiogen.runs.folds import HOLDOUT, TEST
from radiogen.runs.layout import WEIGHTS
from radiogen.runs.lineage import Ancestor, lineage_of
from radiogen.runs.predicted_run import PredictedRun

COLUMNS = (ID, "fold", "run", "seed", "networks", "networks_sha256", "array", "array_sha256", "slices",
           "series_files", "series_sha256", "command")


@dataclass(frozen=True)
class Making:
    """How a run was made: `recipe.json`, `environment.json`, `run.json` as they are (places inside the project's folder
    from there on), and its networks' hashes by fold.

    members: of an ensemble, by name; it has no recipe and no network of its own. lineage: the runs whose networks it
    began with, nearest first; ancestors: how those were made, as far as they are still there.
    """

    name: str
    facts: dict
    recipe: dict
    environment: dict
    networks: dict[str, str]
    arrays: dict[str, str]
    members: dict[str, "Making"] = field(default_factory=dict)
    lineage: tuple[Ancestor, ...] = ()
    ancestors: tuple["Making", ...] = ()

    @property
    def first(self) -> "Making":
        """Itself, or of an ensemble the first member that is there: who knows recipe and versions."""
        return next((one for one in self.members.values() if one.recipe), self)


def read_making(folder: Path, networks: Networks | None = None) -> Making:
    """What the run in `folder`, models/<run>, says of how it was made.

    networks: what was checked before, as in `fold_weights.check_run`; each of the others is hashed. Raises
    UserError where a network is not the one that training of its fold wrote.
    """
    facts, recipe, environment = _facts(folder), _json(folder / "recipe.json"), _json(folder / "environment.json")
    members = {name: read_making(folder.parent / name, networks) for name in facts.get("members", ())
               if (folder.parent / name).is_dir()}
    lineage = lineage_of(facts, folder / "run.json")
    places = [folder.parent / one.run for one in lineage]
    ancestors = tuple(Making(place.name, _facts(place), _json(place / "recipe.json"), {}, {}, {},
                             lineage=lineage[number:]) for number, place in enumerate(places, start=1))
    return Making(folder.name, facts, recipe, environment, check_run(folder, networks), _arrays(folder / "arrays.csv"),
                  members, lineage, ancestors)


def provenance_table(run: PredictedRun, making: Making) -> pd.DataFrame:
    """`COLUMNS`, a row a prediction, or for an ensemble a row a prediction and member.

    `networks`: files of all networks that scored the case, joined by a space; `series_sha256`: of each series' files
    when the array was made, `<sequence>:<sha256>`, which `LC_ALL=C sha256sum * | cut -c-64 | sha256sum` gives again;
    `command`: what makes the row again from the DICOM files, and `series_files` those; `slices`: in 2D which of the
    array were seen, `<sequence>:<numbers>`, in 3D how many each series had, which all went in, `<sequence>:<count>`.
    """
    members = making.members or {run.name: making}
    tables = [_member_rows(run.predictions, one, run.folder.parent) for one in members.values()]
    if making.members:
        tables = [table.assign(command=" && ".join(commands(making))) for table in tables]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)
    return table.sort_values([ID, "run"], kind="stable", ignore_index=True)[list(COLUMNS)]


def commands(making: Making) -> list[str]:
    """The commands that make the run again, in order; every field of its recipe is told, so that no default counts."""
    if making.members:
        own = [command for one in making.members.values() for command in commands(one)]
        return [*dict.fromkeys(own), _join_command(making)]
    if not making.facts.get("data"):
        return []
    recipe = making.facts.get("recipe", "")
    left_out = making.facts.get("leave_out") or []
    more = f" --leave-out {shlex.join(left_out)}" if left_out else ""
    more += f" --start-from {shlex.quote(making.lineage[0].run)}" if making.lineage else ""
    before = [command for one in reversed(making.ancestors) for command in commands(one)[:1]]  # they predict nothing
    data, name = shlex.quote(making.facts["data"]), shlex.quote(making.name)
    train = (f"python scripts/train.py --data {data} --recipe {shlex.quote(recipe)} --run {name} --fold all{more} "
             f"{_options(making.recipe)}".rstrip())
    return [*before, train, f"python scripts/predict.py --run {name}"]


def _facts(folder: Path) -> dict[str, Any]:
    """`run.json`, with places inside the project's folder from there on."""
    return {name: files.recorded_path(told, folder) if name in ("data", "cache") and told else told
            for name, told in _json(folder / "run.json").items()}


def _member_rows(predictions: pd.DataFrame, making: Making, models: Path) -> pd.DataFrame:
    folder = models / making.name
    cache, data = making.facts.get("cache", ""), making.facts.get("data", "")
    sequences = making.recipe.get("sequences", ())
    command, seen = " && ".join(commands(making)), _seen_slices(folder / "predictions_slices.csv")
    rows = []
    for case, fold in zip(predictions[ID], predictions["fold"], strict=True):
        asked = [name for name in making.networks if fold in (name, HOLDOUT, TEST)]
        split = TEST if fold == TEST else "train"
        note = _json(files.found_path(cache, folder) / f"{case}.json") if cache else {}
        counts = " ".join(f"{one['sequence']}:{one['slices']}" for one in note.get("geometry", ()))
        rows.append({
            ID: case, "fold": fold, "run": making.name, "seed": making.recipe.get("seed", ""),
            "networks": " ".join(files.recorded_path(folder / f"fold-{name}" / WEIGHTS, folder) for name in asked),
            "networks_sha256": " ".join(making.networks[name] for name in asked),
            "array": f"{cache}/{case}.npy" if cache else "", "array_sha256": making.arrays.get(case, ""),
            "slices": seen.get(case) or counts,
            "series_files": " ".join(f"{data}/{split}/{case}/{name}/*" for name in sequences) if data else "",
            "series_sha256": " ".join(f"{name}:{mark}" for name, mark in note.get("contents", {}).items()),
            "command": command})
    return pd.DataFrame(rows, columns=COLUMNS)


def _options(recipe: Mapping) -> str:
    """Every field of a recipe as the option of scripts/train.py that sets it, whatever the recipe's defaults are."""
    words = []
    for name, value in recipe.items():
        option = name.replace("_", "-")
        if name == "name":
            continue
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        elif isinstance(value, list):
            words.append(" ".join([f"--{option}", shlex.join(map(str, value))]))
        else:
            words.append(f"--{option} {shlex.quote(str(value))}")
    return " ".join(words)


def _join_command(making: Making) -> str:
    return (f"python scripts/ensemble.py --run {shlex.join(making.facts['members'])} --name {shlex.quote(making.name)} "
            f"--method {shlex.quote(making.facts.get('method', 'mean'))}")


def _seen_slices(path: Path) -> dict[str, str]:
    """By case, `<sequence>:<numbers>` of the slices that a 2D run predicted."""
    if not path.is_file():
        return {}
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if not {ID, "sequence", "slice"} <= set(table.columns):
        return {}
    numbers = table.groupby([ID, "sequence"], sort=False)["slice"].agg(",".join).reset_index()
    return (numbers["sequence"] + ":" + numbers["slice"]).groupby(numbers[ID], sort=False).agg(" ".join).to_dict()


def _arrays(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    return dict(zip(table[ID], table["sha256"], strict=True)) if {ID, "sha256"} <= set(table.columns) else {}


def _json(path: Path) -> Mapping:
    """The file as it is, {} where it is missing or no table of names."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
