"""The fields of a run's `recipe.json` as a reader wants them who trains nothing: by their own names, in no parts.

`recipe.json` is nested: name and description, the parts data, network, optimisation, augmentation and split, the seed.
No two parts have a field of the same name (training/recipe/).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from radiogen.core import files
from radiogen.core.errors import UserError

NEVER_ALONE = ("rank", "sequences", "size")
"""Fields that stand in a part, in every recipe; older versions wrote all fields side by side."""


def recipe_fields(path: Path) -> dict[str, Any]:
    """The recipe's name and fields, as JSON values, without the description; {} where there is no such file.

    Raises UserError where an older version of radiogen wrote it.
    """
    kept = files.read_json(path) if Path(path).is_file() else {}
    kept = kept if isinstance(kept, dict) else {}
    check_nested(kept, path)
    fields = {}
    for name, value in kept.items():
        fields |= value if isinstance(value, dict) else {name: value} if name != "description" else {}
    return fields


def check_nested(recipe: Mapping[str, Any], where: object) -> None:
    """Raise UserError, naming `where`, for a recipe of an older version, whose fields stand in no parts."""
    if any(name in recipe for name in NEVER_ALONE):
        raise UserError(where, "is flat, as an older version of radiogen wrote it: its fields stand in parts now",
                        "train a new run with another --run name")
