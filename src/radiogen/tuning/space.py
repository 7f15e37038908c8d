"""What a search may change: recipe fields by their paths, each a list of values or a range of numbers.

In: a JSON file such as {"network.width": [8, 16], "optimisation.learning_rate": {"low": 1e-4, "high": 1e-2, "log":
true}}, and the recipe that is tuned. Out: a `Space` of which every recipe is valid, or a UserError that names the
field.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.training.recipe.checks import check_recipe
from radiogen.training.recipe.recipe import Recipe, field_defaults, field_value, recipe_parts
from radiogen.training.recipe.stored import fits

FIXED = {"seed": "a better seed is luck", "suspicious_auc": "it changes no training",
         "data.sequences": "which cases are left out depends on it",
         "network.weights": "what they have seen is checked for one file"}
"""Fields that no search may change, besides the split's, and why."""
MOST_COMBINATIONS = 20_000
"""Of values and ends of ranges that are checked together before the search."""


@dataclass(frozen=True)
class Choices:
    """One of these JSON values, lists as tuples."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, both included; log: evenly on a logarithmic scale; step: multiples of it from low up,
    None: any; whole: integers alone."""

    low: float
    high: float
    log: bool = False
    step: float | None = None
    whole: bool = False


Space = Mapping[str, Choices | Range]
"""By the path of a field."""


def read_space(path: Path, recipe: Recipe) -> Space:
    """The space in this file, for this recipe.

    Raises UserError where the file is no table of fields, a field cannot be searched, a value is none that the field
    takes, or values do not go together.
    """
    content = files.read_json(path)
    if not isinstance(content, dict) or not content:
        raise UserError(path, "is no table of a recipe's fields",
                        'write a field and its values, such as {"optimisation.epochs": [12, 24]}')
    space = {name: _domain(path, name, given) for name, given in content.items()}
    _check_together(path, space, recipe)
    return space


def recipe_of(recipe: Recipe, parameters: Mapping[str, Any]) -> Recipe:
    """The recipe with these values of fields, by their paths; lists become tuples."""
    return recipe.replace(**{path.rpartition(".")[2]: _tupled(value) for path, value in parameters.items()})


def parameters_of(recipe: Recipe, space: Space) -> dict[str, Any] | None:
    """The recipe's own values of the fields that are searched; None where the space does not have one of them."""
    own = {path: field_value(recipe, path) for path in space}
    return own if all(_has(space[path], value) for path, value in own.items()) else None


def space_facts(space: Space) -> dict[str, Any]:
    """The space as `read_space` reads it."""
    def facts(domain: Choices | Range) -> Any:
        if isinstance(domain, Choices):
            return [_listed(value) for value in domain.values]
        more = {"log": True} if domain.log else {} if domain.step is None else {"step": domain.step}
        return {"low": domain.low, "high": domain.high, **more}

    return {path: facts(domain) for path, domain in space.items()}


def parameter_facts(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Values of fields as JSON values."""
    return {path: _listed(value) for path, value in parameters.items()}


def _domain(path: Path, name: str, given: Any) -> Choices | Range:
    if name not in field_defaults() or name.startswith("split.") or name in FIXED:
        known = name in field_defaults()
        raise UserError(path, f"{name} {'cannot be searched' if known else 'is no field of a recipe'}"
                        + (f": {FIXED.get(name, 'the split decides who is scored')}" if known else ""),
                        "leave it out" if known else "name fields by their paths, such as optimisation.learning_rate")
    kind = _kind(name)
    if isinstance(given, list):
        wrong = [value for value in given if not fits(value, kind)]
        if wrong or not given:
            raise UserError(path, f"{name} has {f'the value {wrong[0]!r}' if wrong else 'no value'}",
                            "give the values that the field takes: docs/recipes.md")
        values = tuple(dict.fromkeys(_tupled(value) for value in given))
        return Choices(tuple(float(value) if kind is float else value for value in values))
    if isinstance(given, dict) and kind in (int, float):
        return _range(path, name, given, kind is int)
    raise UserError(path, f"{name} is {given!r}"[:80], 'give a list of values, or for a number {"low": 1, "high": 9}')


def _range(path: Path, name: str, given: Mapping[str, Any], whole: bool) -> Range:
    remedy = 'give {"low": 1, "high": 9}, and where wanted "log": true or "step": 2'
    log, step = given.get("log", False), given.get("step")
    numbers = [given.get("low"), given.get("high"), *([] if step is None else [step])]
    if set(given) - {"low", "high", "log", "step"} or type(log) is not bool or not all(
            type(one) in ((int,) if whole else (int, float)) and math.isfinite(one) for one in numbers):
        raise UserError(path, f"{name} is no range{' of whole numbers' * whole}", remedy)
    low, high = given["low"], given["high"]
    if not low < high or (step is not None and not _ends_on_a_step(low, high, step)):
        raise UserError(path, f"{name} goes from {low} to {high}{'' if step is None else f' by {step}'}", remedy)
    if log and (low <= 0 or step is not None):
        raise UserError(path, f"{name} is logarithmic, from {low}{'' if step is None else ' with a step'}",
                        "begin above 0 and leave out the step")
    return Range(low, high, log, step, whole) if whole else Range(float(low), float(high), log, step)


def _ends_on_a_step(low: float, high: float, step: float) -> bool:
    return step > 0 and abs((high - low) / step - round((high - low) / step)) < 1e-9


def _check_together(path: Path, space: Space, recipe: Recipe) -> None:
    """Raise UserError where a recipe of the space is not valid: every combination of values and ends of ranges."""
    ends = [domain.values if isinstance(domain, Choices) else (domain.low, domain.high) for domain in space.values()]
    if math.prod(map(len, ends)) > MOST_COMBINATIONS:
        raise UserError(path, f"has more than {MOST_COMBINATIONS} combinations of values", "leave some values out")
    for values in itertools.product(*ends):
        try:
            check_recipe(recipe_of(recipe, dict(zip(space, values, strict=True))))
        except UserError as error:
            raise UserError(path, f"allows a recipe that is not valid: {error.where} {error.problem}",
                            f"leave that value out, or {error.remedy} to the recipe") from error


def _kind(name: str) -> Any:
    part, _, own = name.rpartition(".")
    return get_type_hints(recipe_parts()[part] if part else Recipe)[own]


def _has(domain: Choices | Range, value: Any) -> bool:
    if isinstance(domain, Choices):
        return any(type(value) is type(one) and value == one for one in domain.values)
    return value is not None and domain.low <= value <= domain.high and (
        domain.step is None or _ends_on_a_step(domain.low, value, domain.step))


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
