"""Command-line options from a recipe: every field of `Recipe` is an option whose default is the chosen recipe's.

In: the command line and a frozen dataclass of a script's own options, with a field `settings: Recipe`. Out: that
dataclass filled in. tyro makes the parser; it is asked twice, for which recipe gives the defaults is itself an option.
"""

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import tyro

from radiogen import files
from radiogen.dataset.layout import COMPETITION
from radiogen.learning.recipes import Recipe, check_recipe, default_recipe, find_recipe, from_dict

Options = TypeVar("Options")


@dataclass(frozen=True)
class _Choice:
    """The options that decide where the defaults of all others come from."""

    data: Path | None = None
    recipe: tuple[str, ...] = ()
    run: str | None = None
    models: Path = Path("models")


def default_data() -> Path:
    """The data set where none is named: the competition's if it is there, else the demo's phantom."""
    real = Path("input") / COMPETITION
    return real if real.is_dir() else Path("input/phantom")


def parse_options(options: type[Options], description: str, arguments: list[str] | None = None) -> list[Options]:
    """The script's options, once for each recipe named with `--recipe`, its fields overridden by what was given.

    Without `--recipe`, a run that exists is gone on with: its own recipe, data set and left-out cases are the defaults.
    Raises UserError for a recipe that does not exist or whose fields do not make sense together.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    choice, _ = tyro.cli(_Choice, args=[word for word in arguments if word not in ("-h", "--help")],
                         return_unknown_args=True)
    defaults, recipes = _defaults(choice)
    known = {field.name for field in dataclasses.fields(options)}
    parsed = []
    for recipe in recipes:
        default = options(settings=recipe, **{key: value for key, value in defaults.items() if key in known})
        parsed.append(tyro.cli(options, default=default, args=arguments, description=description))
        check_recipe(parsed[-1].settings)
    return parsed


def _defaults(choice: _Choice) -> tuple[dict[str, Any], list[Recipe]]:
    kept = choice.models / choice.run / "run.json" if choice.run else None
    if kept is not None and kept.is_file() and not choice.recipe:
        facts = files.read_json(kept)
        recipe = from_dict(files.read_json(kept.with_name("recipe.json")))
        return {"data": choice.data or Path(facts["data"]), "leave_out": tuple(facts["leave_out"])}, [recipe]
    data = choice.data or default_data()
    return {"data": data}, [find_recipe(name) for name in choice.recipe or (default_recipe(data.name),)]
