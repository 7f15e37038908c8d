"""A run is a folder under models/: its recipe, its folds, its data, and a folder for each fold.

In: a recipe, a data set, an index of arrays. Out: `recipe.json`, `run.json`, `folds.csv`, `environment.json`, written
once. Resuming a run requires the same recipe, folds and arrays; anything else is an error. The place of
the data set does not matter: a copy with the same labels and images is the same, and the run records its place.
"""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from radiogen.arrays.settings import CacheSettings, MaskSettings
from radiogen.arrays.stored_arrays import read_index
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.runs import layout
from radiogen.runs.environment import write_environment
from radiogen.runs.folds import fold_names, read_folds
from radiogen.runs.lineage import Ancestor, FirstWeights, first_weights_of, lineage_facts, lineage_of
from radiogen.runs.records import check_facts, read_facts, refuse_without_networks, write_facts, write_recipe
from radiogen.runs.tables import copy_geometry, write_arrays, write_folds, write_patients
from radiogen.task import FILE as TASK_FILE
from radiogen.task import ID, RSNA_MICCAI, Task, read_task, write_task
from radiogen.training.recipe.recipe import Recipe, as_dict, as_flat_dict
from radiogen.training.recipe.settings import DataSettings
from radiogen.training.recipe.stored import read_recipe


@dataclass(frozen=True)
class Run:
    """A run as it is on the disk.

    folder: models/<run>; data: the data set's folder; cache: the folder of its arrays; folds: `ID, LABEL,
    fold`; leave_out: by the user; known_bad: cases of which the recipe reads a sequence that is blank;
    arrays: `arrays_fingerprint` at the start of the run, "" where that is not known; lineage: the runs whose weights it
    started with, nearest first, () where it was trained from scratch; task: the data set's; patients: what is known of
    them when arrays are brought up to date, else None (the run's own copy is `read_patients(run.folder)`);
    first_weights: those of others that its networks, or its first ancestor's, started with.
    """

    folder: Path
    recipe: Recipe
    data: Path
    cache: Path
    folds: pd.DataFrame
    leave_out: tuple[str, ...] = ()
    known_bad: tuple[str, ...] = ()
    arrays: str = ""
    lineage: tuple[Ancestor, ...] = ()
    task: Task = RSNA_MICCAI
    patients: pd.DataFrame | None = None
    first_weights: FirstWeights | None = None


def cache_settings(data: DataSettings) -> CacheSettings:
    """The arrays that a recipe's inputs are read from."""
    whole = data.rank == 3 or data.sequences_as_channels or data.cube_slices
    slab = data.geometry == "slab"
    mask = MaskSettings(data.region, data.margin_mm, data.crop_edge_mm, data.mask_channel, data.without_mask,
                        (data.mask or "").partition("@")[2])
    return CacheSettings(
        kind="slabs" if slab else "cubes" if whole else "slices", sequences=data.sequences, size=data.size,
        geometry=data.geometry, normalisation=data.normalisation,
        slices_per_series=None if whole else data.slices_per_series,
        edge_mm=data.edge_mm if whole and data.geometry == "isotropic" else None, dtype=data.array_dtype,
        depth=(data.depth or data.size) if slab else None, window=data.window,
        mask=mask if data.uses_mask else None)


def run_name(data: Path, recipe: str) -> str:
    """The default name of a run: `<data set>-<recipe>`."""
    return f"{files.name_from(data)}-{recipe}"


def prepare_run(run: Run, index: pd.DataFrame) -> None:
    """Write the run's tables, or check that existing ones agree. Raises UserError where they do not.

    `record_place` writes where the data set and the arrays are now.
    """
    facts = {"recipe": run.recipe.name, "rank": run.recipe.data.rank,
             "data": files.recorded_path(run.data, run.folder), "cache": files.recorded_path(run.cache, run.folder),
             "cases": len(run.folds), "leave_out": list(run.leave_out), "known_bad": list(run.known_bad),
             "arrays": arrays_fingerprint(run.folds, index),
             **({"lineage": lineage_facts(run.lineage)} if run.lineage else {}),
             **({"first_weights": asdict(run.first_weights)} if run.first_weights else {})}
    if (run.folder / layout.RUN).is_file():
        kept = read_facts(run.folder)
        _check_same(run, kept, facts)
        _copy_tables(run, index)
        return
    write_task(run.folder, run.task)
    write_recipe(run.folder, as_dict(run.recipe))
    write_folds(run.folder, run.folds)
    write_environment(run.folder)
    _copy_tables(run, index)
    write_facts(run.folder, facts)


def record_place(run: Run) -> None:
    """Update the places of the run's data set and arrays in run.json.

    The arrays are the same; the data set was moved, or another version of this package keeps the arrays elsewhere.
    """
    kept = read_facts(run.folder)
    moved = _moved(run, kept)
    if moved or files.found_path(kept["cache"], run.folder).resolve() != run.cache.resolve():
        before = dict.fromkeys([*kept.get("moved_from", ()), *([kept["data"]] if moved else [])])
        write_facts(run.folder, {**kept, "data": files.recorded_path(run.data, run.folder),
                                 "cache": files.recorded_path(run.cache, run.folder), "moved_from": list(before)})


def open_run(folder: Path) -> Run:
    """The run in this folder. Raises UserError where there is none."""
    folder = Path(folder)
    if not (folder / layout.RUN).is_file():
        raise layout.no_such_run(folder)
    facts = read_facts(folder)
    refuse_without_networks(folder, facts)
    check_facts(folder, facts, ("data", "cache"))
    return Run(folder, read_recipe(folder / layout.RECIPE), files.found_path(facts["data"], folder),
               files.found_path(facts["cache"], folder),
               read_folds(folder / layout.FOLDS), tuple(facts["leave_out"]), tuple(facts.get("known_bad", ())),
               str(facts.get("arrays") or ""), lineage_of(facts, folder / layout.RUN), read_task(folder),
               first_weights=first_weights_of(facts, folder / layout.RUN))


def arrays_fingerprint(folds: pd.DataFrame, index: pd.DataFrame) -> str:
    """A hash of the arrays of all labelled cases: other images under the same ids change it."""
    rows = index[index[ID].isin(folds[ID])].sort_values(ID)
    return hashlib.sha256("".join(rows[ID] + rows["sha256"]).encode()).hexdigest()


def run_index(run: Run) -> pd.DataFrame:
    """The index of the run's arrays. Raises UserError where they are not those of the run's start."""
    index = read_index(run.cache)
    if run.arrays and arrays_fingerprint(run.folds, index) != run.arrays:
        raise UserError(run.cache / "index.csv", f"does not list the arrays that {run.folder.name} was started with",
                        "run the same command again: it updates the arrays first")
    return index


def fold_folder(run: Run, fold: str) -> Path:
    """The folder of a fold's network."""
    return layout.fold_folder(run.folder, fold)


def trained_folds(run: Run) -> list[str]:
    """The folds whose network is finished."""
    return [fold for fold in fold_names(run.folds) if (fold_folder(run, fold) / layout.WEIGHTS).is_file()]


def refuse_locator(run: Run) -> None:
    """Raise UserError for the run of a locator, which predicts no label."""
    if run.recipe.network.locates:
        raise UserError(run.folder, "is a locator: it says where the tumour is, and nothing of the label",
                        f"name it in another recipe: {parameter('data.mask', f'locator:{run.folder.name}')}")


def choose_folds(folds: int, fold: str) -> list[str]:
    """The names of all of `folds` folds, or of one: `all` or a number. Raises UserError where there is no such fold."""
    names = [str(number) for number in range(folds)]
    if fold == "all":
        return names
    if fold not in names:
        raise UserError(parameter("fold", fold), "there is no such fold", f"choose one of {', '.join(names)}, or all")
    return [fold]


def seeded_names(name: str, recipe: Recipe, seeds: int) -> dict[str, Recipe]:
    """The runs of `seeds` seeds from the recipe's up, on one split: `name`, then `name-seed-43`, ... and their recipes.

    Raises UserError where seeds is below 1.
    """
    if seeds < 1:
        raise UserError(parameter("seeds", seeds), "is too few", "give 1 or more")
    split = recipe.seed_of_split
    more = range(recipe.seed + 1, recipe.seed + seeds)
    return {name: recipe, **{f"{name}-seed-{seed}": recipe.replace(seed=seed, split_seed=split) for seed in more}}


def _copy_tables(run: Run, index: pd.DataFrame) -> None:
    """The tables that outlive the cache: geometry of the series, hashes of the arrays, what is known of patients."""
    copy_geometry(run.cache, run.folder)
    write_arrays(run.folder, index)
    write_patients(run.folder, run.patients)


def _check_same(run: Run, kept: dict[str, Any], facts: dict[str, Any]) -> None:
    remedy = _another_name(run)
    refuse_without_networks(run.folder, kept, f"choose another {parameter('run')} name")
    check_facts(run.folder, kept, ("data", "cache", "arrays"))
    recipe = as_flat_dict(read_recipe(run.folder / layout.RECIPE))
    for path, value in as_flat_dict(run.recipe).items():
        before = recipe[path]
        if before != value:
            if path == "optimisation.epochs":
                remedy = _another_name(run, f", with {parameter('start_from')} {run.folder.name} to keep its weights")
            raise UserError(run.folder, f"was made with {parameter(path)} {before}, not {value}", remedy)
    if read_task(run.folder) != run.task:
        raise UserError(run.data / TASK_FILE, f"describes another task than {run.folder / TASK_FILE}",
                        f"restore it, or {remedy}")
    since = "have changed since"
    if _moved(run, kept):
        since = f"are not those of {run.data}: it was made from {kept['data']}, and this is no copy of that"
        remedy = f"give that data set or a copy with {parameter('data')}, or {remedy}"
    folds = read_folds(run.folder / layout.FOLDS)
    if not folds.equals(run.folds.astype(folds.dtypes)):
        raise UserError(run.folder / layout.FOLDS, f"the labels, the cases or their patients {since}", remedy)
    if kept["arrays"] != facts["arrays"]:
        raise UserError(run.folder, f"was made from other images: its own {since}", remedy)


def _moved(run: Run, kept: dict[str, Any]) -> bool:
    """Whether the data set now lies somewhere else than run.json says."""
    return files.found_path(kept["data"], run.folder).resolve() != run.data.resolve()


def _another_name(run: Run, how: str = "") -> str:
    """The remedy where a run has changed since its start; how: words that follow the name."""
    return f"choose another {parameter('run')} name{how}, or delete {run.folder} to train it again"
