"""What is to be trained at Kaggle, and under which names there.

In: recipes, seeds and options as `train.py` takes them. Out: a `TrainingPlan`, its runs with their recipes, and names
of kernels and dataset. Each session is a kernel of its own, so that a session's output is one kernel's newest version
and no kernel reads itself.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.kaggle.kernels.kernel import Names, slug
from radiogen.kaggle.mounts import competition_of
from radiogen.task import RSNA_MICCAI, Task

if TYPE_CHECKING:
    from radiogen.training.recipe.recipe import Recipe

LONGEST_SESSION = 12.0
"""Hours after which Kaggle ends a session with or without a GPU (its documentation of notebooks)."""
TITLE_LENGTH = 44
"""Kaggle takes titles of 50 characters; the session's number or ` files` follows."""


@dataclass(frozen=True)
class TrainingPlan:
    """Recipes with `options` (changed fields, as options of train.py), each with `seeds` seeds.

    data: the data set's place on this machine, which need not exist; the runs' names come from it. hours: the most
    that a session may take. docker_image: the image to pin, "" for Kaggle's newest.
    """

    owner: str
    title: str
    recipes: tuple[str, ...]
    seeds: int = 1
    options: tuple[str, ...] = ()
    data: Path = Path("input") / RSNA_MICCAI.name
    models: Path = Path("models")
    hours: float = LONGEST_SESSION - 1
    docker_image: str = ""
    task: Task = RSNA_MICCAI

    @property
    def competition(self) -> str:
        """The competition's name in addresses."""
        return competition_of(self.task).slug

    @property
    def names(self) -> Names:
        """The names of the dataset at Kaggle, and the beginning of the kernels'."""
        return Names(self.owner, self.title, self.task, self.docker_image)

    @property
    def record(self) -> Path:
        """The file that keeps what was pushed, beside the runs."""
        return self.models / f"{slug(self.title)}.kaggle.json"

    def owned_by(self, owner: str) -> "TrainingPlan":
        """The same under this name at Kaggle."""
        return replace(self, owner=owner)

    def kernel_title(self, number: int) -> str:
        """The title of the kernel of session `number`."""
        return f"{self.title} {number}"

    def kernel(self, number: int) -> str:
        """`owner/slug` of the kernel of session `number`."""
        return f"{self.owner}/{slug(self.kernel_title(number))}"


def default_title(recipes: tuple[str, ...]) -> str:
    """The title where the user gives none."""
    return f"Radiogen train {' '.join(recipes)}"[:TITLE_LENGTH].strip()


def planned_runs(plan: TrainingPlan) -> "dict[str, Recipe]":
    """By name the recipe of each run, with the digest of the locator that it crops by.

    Raises UserError for what cannot be trained there.
    """
    from radiogen.training.locator.networks import with_digest
    from radiogen.training.recipe.options import TrainOptions, parse_options
    from radiogen.training.runs import run_name, seeded_names

    if not 0.5 <= plan.hours <= LONGEST_SESSION:
        raise UserError(parameter("hours", plan.hours), "is no length of a session at Kaggle",
                        f"give 0.5 to {LONGEST_SESSION:.0f}")
    if not 5 <= len(plan.title) <= TITLE_LENGTH or not slug(plan.title):
        raise UserError(parameter("title", plan.title), f"has {len(plan.title)} characters, or no letter",
                        f"give one of 5 to {TITLE_LENGTH}: Kaggle takes 50, and the session's number follows")
    words = ["--data", str(plan.data), "--recipe", *plan.recipes, *plan.options]
    runs = {name: recipe for options in parse_options(TrainOptions, "", words)
            for name, recipe in seeded_names(run_name(plan.data, options.settings.name), options.settings,
                                             plan.seeds).items()}
    for recipe in runs.values():
        if recipe.network.weights:
            raise UserError(parameter("network.weights", recipe.network.weights), "a file of weights is not carried to "
                            "Kaggle", "train from scratch there, or train here")
    return {name: with_digest(recipe, plan.models) for name, recipe in runs.items()}


def plan_facts(plan: TrainingPlan, runs: "dict[str, Recipe]") -> dict[str, Any]:
    """What a record belongs to, as JSON values: the runs and what is trained in each."""
    from radiogen.training.recipe.recipe import as_flat_dict

    return {"competition": plan.competition, "owner": plan.owner,
            "runs": {name: as_flat_dict(recipe) for name, recipe in runs.items()}}
