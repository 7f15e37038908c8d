"""All recipes side by side, as docs/recipes.md shows them."""

import dataclasses

from radiogen.core.wording import option
from radiogen.training.recipe.recipe import field_defaults, field_value
from radiogen.training.recipe.recipes import RECIPES


def recipes_table() -> str:
    """The recipes as Markdown: a row a field, its default, `RECIPES` in order; a dot where it is the default."""
    rows = [["", "default", *RECIPES], ["---"] * (len(RECIPES) + 2)]
    for path, default in field_defaults().items():
        values = [field_value(recipe, path) for recipe in RECIPES.values()]
        rows.append([f"`{option(path)}`", _shown(default), *(
            "·" if value == default else _shown(value) for value in values)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _shown(value: object) -> str:
    if value in (None, (), dataclasses.MISSING):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
