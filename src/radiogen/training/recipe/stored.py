"""A recipe read from a run's `recipe.json`, which may be of another version or changed by hand."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.runs.records import another_run, check_nested
from radiogen.training.recipe.checks import check_recipe
from radiogen.training.recipe.recipe import Recipe, from_dict, recipe_parts

NEEDED = ("name", "data.rank", "data.sequences", "data.size")


def read_recipe(path: Path) -> Recipe:
    """The recipe in this file; a field that an older version did not have gets its default.

    Raises UserError where the file is flat, a field is missing, unknown, of another type or not valid.
    """
    kept = files.read_json(path)
    kept = kept if isinstance(kept, dict) else {}
    check_nested(kept, path)
    strange = [f"{name} {value!r}"[:80] for name, value in _misfits(kept)]
    lacking = [name for name in NEEDED if not _has(kept, name)]
    if lacking or strange:
        problem = f"has no {lacking[0]}" if lacking else f"contains {strange[0]}"
        raise UserError(path, f"{problem}, so it is of another version of radiogen or damaged",
                        f"restore it, or {another_run()}")
    try:
        return check_recipe(from_dict(kept))
    except UserError as error:
        raise UserError(path, f"{error.where} {error.problem}", error.remedy) from error


def fits(value: object, kind: Any) -> bool:
    """Whether a JSON value is of the annotated type of a field."""
    parts = get_args(kind)
    if get_origin(kind) is Literal:
        return any(type(value) is type(part) and value == part for part in parts)
    if get_origin(kind) is tuple:
        return isinstance(value, list) and all(fits(each, parts[0]) for each in value)
    if parts:
        return any(fits(value, part) for part in parts)
    return type(value) in ((int, float) if kind is float else (kind,))


def _misfits(kept: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Fields, by path, that no recipe has or whose value is of another type."""
    parts, kinds = recipe_parts(), get_type_hints(Recipe)
    for name, value in kept.items():
        if name in parts and isinstance(value, dict):
            own = get_type_hints(parts[name])
            yield from ((f"{name}.{field}", each) for field, each in value.items()
                        if field not in own or not fits(each, own[field]))
        elif name in parts or name not in kinds or not fits(value, kinds[name]):
            yield name, value


def _has(kept: Mapping[str, Any], path: str) -> bool:
    part, _, name = path.rpartition(".")
    place = kept.get(part, {}) if part else kept
    return name in place if isinstance(place, dict) else True  # a part that is not a mapping is a misfit
