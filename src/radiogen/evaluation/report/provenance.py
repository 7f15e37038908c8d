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
from radiogen.core.wording import command
from radiogen.dataset.layout import Split, series_path
from radiogen.runs import layout
from radiogen.runs.environment import read_environment
from radiogen.runs.fold_weights import Networks, check_run
from radiogen.runs.folds import HOLDOUT, TEST
from radiogen.runs.lineage import Ancestor, FirstWeights, first_weights_of, lineage_of
from radiogen.runs.predicted_run import PredictedRun
from radiogen.runs.records import read_facts, read_recipe, recipe_fields
from radiogen.runs.tables import read_arrays, read_as_text
from radiogen.task import ID

COLUMNS = (ID, "fold", "run", "seed", "networks", "networks_sha256", "array", "array_sha256", "slices",
           "series_files", "series_sha256", "command")


@dataclass(frozen=True)
class RunProvenance:
    """How a run was made: `recipe.json`, `environment.json`, `run.json` as they are (places inside the project's folder
    from there on), and its networks' hashes by fold.

    members: of an ensemble, by name; it has no recipe and no network of its own. lineage: the runs whose networks it
    began with, nearest first; ancestors: how those were made, as far as they are still there; first_weights: those of
    others that it or its first ancestor began with.
    """

    name: str
    facts: dict
    recipe: dict
    environment: dict
    networks: dict[str, str]
    arrays: dict[str, str]
    members: dict[str, "RunProvenance"] = field(default_factory=dict)
    lineage: tuple[Ancestor, ...] = ()
    ancestors: tuple["RunProvenance", ...] = ()
    first_weights: FirstWeights | None = None

    @property
    def first(self) -> "RunProvenance":
        """Itself, or of an ensemble the first member that is there: who knows recipe and versions."""
        return next((one for one in self.members.values() if one.recipe), self)


def read_run_provenance(folder: Path, networks: Networks | None = None) -> RunProvenance:
    """What the run in `folder`, models/<run>, says of how it was made.

    networks: what was checked before, as in `fold_weights.check_run`; each of the others is hashed. Raises
    UserError where a network is not the one that training of its fold wrote.
    """
    facts, recipe = _facts(folder), recipe_fields(read_recipe(folder))
    members = {name: read_run_provenance(folder.parent / name, networks) for name in facts.get("members", ())
               if (folder.parent / name).is_dir()}
    lineage = lineage_of(facts, folder / layout.RUN)
    places = [folder.parent / one.run for one in lineage]
    ancestors = tuple(RunProvenance(place.name, _facts(place), recipe_fields(read_recipe(place)), {}, {}, {},
                             lineage=lineage[number:]) for number, place in enumerate(places, start=1))
    return RunProvenance(folder.name, facts, recipe, read_environment(folder), check_run(folder, networks),
                         _arrays(folder), members, lineage, ancestors,
                         first_weights_of(facts, folder / layout.RUN))


def provenance_table(run: PredictedRun, provenance: RunProvenance) -> pd.DataFrame:
    """`COLUMNS`, a row a prediction, or for an ensemble a row a prediction and member.

    `networks`: files of all networks that scored the case, joined by a space; `series_sha256`: of each series' files
    when the array was made, `<sequence>:<sha256>`, which `LC_ALL=C sha256sum * | cut -c-64 | sha256sum` gives again;
    `command`: what makes the row again from the DICOM files, and `series_files` those; `slices`: in 2D which of the
    array were seen, `<sequence>:<numbers>`, in 3D how many each series had, which all went in, `<sequence>:<count>`.
    """
    members = provenance.members or {run.name: provenance}
    tables = [_member_rows(run.predictions, one, run.folder.parent) for one in members.values()]
    if provenance.members:
        tables = [table.assign(command=" && ".join(commands(provenance))) for table in tables]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)
    return table.sort_values([ID, "run"], kind="stable", ignore_index=True)[list(COLUMNS)]


def commands(provenance: RunProvenance) -> list[str]:
    """The commands that make the run again, in order; every field of its recipe is given, so that no default counts."""
    if provenance.members:
        own = [command for one in provenance.members.values() for command in commands(one)]
        return [*dict.fromkeys(own), _join_command(provenance)]
    if not provenance.facts.get("data"):
        return []
    recipe = provenance.facts.get("recipe", "")
    left_out = provenance.facts.get("leave_out") or []
    more = f" --leave-out {shlex.join(left_out)}" if left_out else ""
    more += f" --start-from {shlex.quote(provenance.lineage[0].run)}" if provenance.lineage else ""
    before = [command for one in reversed(provenance.ancestors) for command in commands(one)[:1]]  # no prediction
    data, name = shlex.quote(provenance.facts["data"]), shlex.quote(provenance.name)
    if "tuning" in provenance.facts:
        return [_tune_command(provenance, f"--data {data} --recipe {shlex.quote(recipe)} --run {name}{more}")]
    train = (f"{command('train')} --data {data} --recipe {shlex.quote(recipe)} --run {name} --fold all{more} "
             f"{_options(provenance.recipe)}".rstrip())
    return [*before, train, f"{command('predict')} --run {name}"]


def _facts(folder: Path) -> dict[str, Any]:
    """`run.json`, with places inside the project's folder from there on."""
    return {name: files.recorded_path(value, folder) if name in ("data", "cache") and value else value
            for name, value in read_facts(folder).items()}


def _member_rows(predictions: pd.DataFrame, provenance: RunProvenance, models: Path) -> pd.DataFrame:
    folder = models / provenance.name
    cache, data = provenance.facts.get("cache") or "", provenance.facts.get("data") or ""
    sequences = provenance.recipe.get("sequences", ())
    command, seen = " && ".join(commands(provenance)), _seen_slices(folder)
    notes, series = files.found_path(cache, folder), files.found_path(data, folder)
    recorded, rows = files.recorded_path(series, folder), []
    for case, fold in zip(predictions[ID], predictions["fold"], strict=True):
        networks = [name for name in provenance.networks if fold in (name, HOLDOUT, TEST)]
        split: Split = "test" if fold == TEST else "train"
        note = _note(notes / f"{case}.json") if cache else {}
        counts = " ".join(f"{one['sequence']}:{one['slices']}" for one in note.get("geometry", ()))
        rows.append({
            ID: case, "fold": fold, "run": provenance.name, "seed": provenance.recipe.get("seed", ""),
            "networks": " ".join(files.recorded_path(layout.fold_folder(folder, name) / layout.WEIGHTS, folder)
                                 for name in networks),
            "networks_sha256": " ".join(provenance.networks[name] for name in networks),
            "array": f"{cache}/{case}.npy" if cache else "", "array_sha256": provenance.arrays.get(case, ""),
            "slices": seen.get(case) or counts,
            "series_files": " ".join(_series_files(series_path(series, split, case, name), series, recorded, folder)
                                     for name in sequences if data),
            "series_sha256": " ".join(f"{name}:{mark}" for name, mark in note.get("contents", {}).items()),
            "command": command})
    return pd.DataFrame(rows, columns=COLUMNS)


def _series_files(path: Path, data: Path, recorded: str, run: Path) -> str:
    """The files of a series, from the recorded place of its data set: a pattern, or the one NIfTI file."""
    inside = path.is_relative_to(data)
    place = str(Path(recorded) / path.relative_to(data)) if inside else files.recorded_path(path, run)
    return place + ("" if path.is_file() else "/*")


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


def _tune_command(provenance: RunProvenance, start: str) -> str:
    facts = provenance.facts["tuning"]
    return (f"{command('tune')} {start} --space {shlex.quote(f'models/{provenance.name}')}/{layout.TUNING_FOLDER}/"
            f"{layout.SPACE} --trials {facts['trials']} --inner-folds {facts['inner_folds']}"
            f"{'' if facts['prune'] else ' --no-prune'} {_options(provenance.recipe)}")


def _join_command(provenance: RunProvenance) -> str:
    facts = provenance.facts
    return (f"{command('ensemble')} --run {shlex.join(facts['members'])} --name {shlex.quote(provenance.name)} "
            f"--method {shlex.quote(facts.get('method', 'mean'))}")


def _seen_slices(folder: Path) -> dict[str, str]:
    """By case, `<sequence>:<numbers>` of the slices that a 2D run predicted."""
    table = read_as_text(folder / layout.SLICE_PREDICTIONS, (ID, "sequence", "slice"))
    if table is None:
        return {}
    numbers = table.groupby([ID, "sequence"], sort=False)["slice"].agg(",".join).reset_index()
    return (numbers["sequence"] + ":" + numbers["slice"]).groupby(numbers[ID], sort=False).agg(" ".join).to_dict()


def _arrays(folder: Path) -> dict[str, str]:
    table = read_arrays(folder, (ID, "sha256"))
    return {} if table is None else dict(zip(table[ID], table["sha256"], strict=True))


def _note(path: Path) -> Mapping:
    """What a cache notes of a case, {} where it is missing or no table of names."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
