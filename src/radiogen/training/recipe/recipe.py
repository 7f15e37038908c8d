"""A recipe is the whole experiment, in parts: data, network, optimisation, augmentation, split.

In: its parts, frozen dataclasses. Out: a frozen `Recipe`, and its form as JSON values. A field is named by its
part (`optimisation.epochs`); on the command line it is an option by its own name (options.py).
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import tyro

from radiogen.core.errors import UserError
from radiogen.networks.settings import NetworkSettings
from radiogen.runs.layout import RECIPE
from radiogen.runs.records import another_run, check_nested
from radiogen.training.recipe.settings import AugmentationSettings, DataSettings, OptimisationSettings, SplitSettings

Hidden = tyro.conf.Suppress[tyro.conf.Fixed[str]]


@dataclass(frozen=True)
class Recipe:
    """The whole experiment; defaults are the chosen recipe's."""

    name: Hidden
    """What the recipe is called."""
    description: Hidden = field(compare=False)
    """Source, command, cost and result, in paragraphs; it changes nothing that is trained."""
    data: DataSettings
    network: NetworkSettings = NetworkSettings()
    optimisation: OptimisationSettings = OptimisationSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    split: SplitSettings = SplitSettings()
    seed: int = 42
    """Seed of the split, the first weights, the order and the augmentation."""
    suspicious_auc: float | None = None
    """An AUC above this is an alarm in the report, with what to check; None: 0.75 on the competition's data."""

    @property
    def seed_of_split(self) -> int:
        """`split.split_seed` where there is one, else `seed`."""
        return self.seed if self.split.split_seed is None else self.split.split_seed

    def replace(self, **fields: Any) -> "Recipe":
        """The recipe with other values of fields, each by its own name, whichever part it is in.

        Examples
        --------
        >>> from radiogen.training.recipe.recipes import DEMO_3D
        >>> changed = DEMO_3D.replace(size=16, epochs=2)
        >>> changed.data.size, changed.optimisation.epochs
        (16, 2)
        """
        paths = _field_paths()
        changes: dict[str, dict[str, Any]] = {}
        for name, value in fields.items():
            part, _, own = paths.get(name, name).rpartition(".")
            changes.setdefault(part, {})[own] = value
        parts = {part: dataclasses.replace(getattr(self, part), **changes[part]) for part in changes if part}
        return dataclasses.replace(self, **parts, **changes.get("", {}))


def recipe_parts() -> dict[str, type]:
    """The classes of the parts, by the part's name."""
    return {one.name: one.type for one in dataclasses.fields(Recipe)
            if isinstance(one.type, type) and dataclasses.is_dataclass(one.type)}


def _field_paths() -> dict[str, str]:
    """The path of each field, by its own name: `epochs` is `optimisation.epochs`; without name and description."""
    return {path.rpartition(".")[2]: path for path in field_defaults()}


def field_value(recipe: Recipe, path: str) -> Any:
    """The value of a field by its path, such as `optimisation.epochs`."""
    part, _, own = path.rpartition(".")
    return getattr(getattr(recipe, part) if part else recipe, own)


def field_defaults() -> dict[str, Any]:
    """The default of each field by its path; dataclasses.MISSING where it has none."""
    parts = recipe_parts()
    defaults: dict[str, Any] = {}
    for one in dataclasses.fields(Recipe):
        if one.name in parts:
            defaults |= {f"{one.name}.{own.name}": own.default for own in dataclasses.fields(parts[one.name])}
        elif one.name not in ("name", "description"):
            defaults[one.name] = one.default
    return defaults


def as_dict(recipe: Recipe) -> dict[str, Any]:
    """The recipe as JSON values, nested as its parts are."""
    return _listed(dataclasses.asdict(recipe))


def as_flat_dict(recipe: Recipe) -> dict[str, Any]:
    """Name and fields by their paths, as JSON values: what two recipes are compared by."""
    return {"name": recipe.name, **_listed({path: field_value(recipe, path) for path in _field_paths().values()})}


def default_fields() -> dict[str, Any]:
    """The fields that have a default, by their paths, as JSON values: what an older version's recipe lacks."""
    return _listed({path: default for path, default in field_defaults().items()
                    if default is not dataclasses.MISSING})


def from_dict(fields: Mapping[str, Any]) -> Recipe:
    """The recipe that `as_dict` wrote. Raises UserError where it is flat, or a field is missing or unknown."""
    check_nested(fields, RECIPE)
    parts = recipe_parts()
    try:
        return Recipe(**{name: parts[name](**_tupled(value)) if name in parts else value
                         for name, value in {"description": "", **fields}.items()})
    except TypeError as error:
        raise UserError(RECIPE, f"is of another version of radiogen ({error})", another_run()) from error


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _listed(each) for name, each in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _tupled(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
