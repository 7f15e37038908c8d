"""What a run says of itself: `run.json` and `recipe.json` as plain tables of names, and an ensemble's members.

In: a run's folder, models/<run>. Out: dictionaries, {} where a file is missing; a damaged one is a UserError.
`run.json` has `recipe, rank, data, cache, cases, leave_out, known_bad, arrays` and where it applies `moved_from,
lineage, first_weights`; that of an ensemble `members, method, data, predictions`. A recipe's fields mean what training
says they mean; here they are values by name.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command, parameter
from radiogen.runs import layout

NEVER_ALONE = ("rank", "sequences", "size")
"""Fields that stand in a part, in every recipe; older versions wrote all fields side by side."""


def read_facts(folder: Path) -> dict[str, Any]:
    """`run.json`, {} where there is none. Raises UserError where it is damaged."""
    return _read(Path(folder) / layout.RUN)


def write_facts(folder: Path, facts: Mapping[str, Any]) -> Path:
    """Write `run.json`."""
    return files.write_json(Path(folder) / layout.RUN, dict(facts))


def read_recipe(folder: Path) -> dict[str, Any]:
    """`recipe.json` as it is, {} where there is none.

    Raises UserError where it is damaged, or where an older version of radiogen wrote it.
    """
    path = Path(folder) / layout.RECIPE
    recipe = _read(path)
    check_nested(recipe, path)
    return recipe


def portable_recipe(folder: Path) -> dict[str, Any]:
    """`read_recipe`, but of a file of initial weights only its name, for its folder is this machine's."""
    recipe = read_recipe(folder)
    if weights := recipe["network"].get("weights"):
        recipe["network"]["weights"] = Path(weights).name
    return recipe


def write_recipe(folder: Path, recipe: Mapping[str, Any]) -> Path:
    """Write `recipe.json`."""
    return files.write_json(Path(folder) / layout.RECIPE, dict(recipe))


def recipe_fields(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe's name and fields by their own names, in no parts and without the description.

    No two parts have a field of the same name (training/recipe/).
    """
    fields: dict[str, Any] = {}
    for name, value in recipe.items():
        fields |= value if isinstance(value, Mapping) else {name: value} if name != "description" else {}
    return fields


def check_nested(recipe: Mapping[str, Any], where: object) -> None:
    """Raise UserError, naming `where`, for a recipe of an older version, whose fields stand in no parts."""
    if any(name in recipe for name in NEVER_ALONE):
        raise UserError(where, "is flat, as an older version of radiogen wrote it: its fields stand in parts now",
                        another_run())


def is_trained_run(folder: Path) -> bool:
    """Whether a run was begun in this folder; False for an ensemble."""
    folder = Path(folder)
    return (folder / layout.RECIPE).is_file() or (
        (folder / layout.RUN).is_file() and "members" not in read_facts(folder))


def _members_of(folder: Path) -> list[str]:
    """The names of an ensemble's members; [] for other runs."""
    return list(read_facts(folder).get("members") or ())


def with_members(folder: Path) -> list[Path]:
    """The run's folder and, of an ensemble, those of its members."""
    return [Path(folder), *(Path(folder).parent / name for name in _members_of(folder))]


def data_folder(folder: Path, facts: Mapping[str, Any]) -> Path | None:
    """Where the data set of a run lies that says so; facts: its `run.json`."""
    return files.found_path(facts["data"], folder) if facts.get("data") else None


def refuse_without_networks(folder: Path, facts: Mapping[str, Any], remedy: str = "") -> None:
    """Raise UserError for an ensemble and for predictions that were read from a file; facts: its `run.json`.

    remedy: "" where somebody wants its networks; else what to do in place of training into its folder.
    """
    if "members" in facts:
        raise UserError(folder, "has no networks of its own: it is an ensemble",
                        remedy or "name the runs that it consists of")
    if "origin" in facts:
        raise UserError(folder, "has no networks: its predictions were read from a file",
                        remedy or f"judge it: {command('evaluate')} --run {as_run(folder)}")


def check_facts(folder: Path, facts: object, needed: Sequence[str]) -> None:
    """Raises UserError unless run.json has as text what is `needed`, and which cases were left out."""
    kept = facts if isinstance(facts, dict) else {}
    good = {**{name: isinstance(kept.get(name), str) for name in needed}, "leave_out": _texts(kept.get("leave_out")),
            **{name: _texts(kept.get(name, [])) for name in ("known_bad", "moved_from")}}
    lacking = " and ".join(name for name in good if not good[name])
    if lacking:
        raise UserError(Path(folder) / layout.RUN, f"lacks {lacking}: another version of radiogen wrote it, or it is "
                        "damaged", another_run())


def another_run() -> str:
    """What to do where what a run says of itself cannot be used."""
    return f"train a new run with another {parameter('run')} name"


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    content = files.read_json(path)
    if not isinstance(content, dict):
        raise UserError(path, "is no table of names, so it is damaged", "restore it, or train a new run")
    return content
