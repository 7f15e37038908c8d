"""Whether a run abstains on what is unlike all that trained it, and how often on patients of the same kind.

In: a phantom, made under --folder where it is missing. Out: a Markdown table of facts for the cubes of two recipes.
Exit code 1 where a fact fails. The networks have no part in it: what is compared are the arrays that they would get.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tyro
from scipy import ndimage

from benchmarks.accuracy.controls import Fact, exit_unless_held, write_facts
from radiogen.core.errors import run_command

LEAST_DECLINED, MOST_DECLINED = 0.95, 0.05
RECIPES = ("demo-3d", "demo-2d")


def main(folder: Path = Path("input/abstention"), cases: int = 160, test_cases: int = 60, seed: int = 5,
         as_they_are: bool = False, output: Path | None = None, workers: int | None = None) -> None:
    """Compare test cases of a phantom, as they are and spoiled, with its training cases; some minutes of a core.

    Args:
        folder: Where the phantom and its cubes are kept.
        cases: Training cases.
        test_cases: Cases that are compared with them.
        seed: Of the phantom.
        as_they_are: Spoil no case: whether patients of the same kind are declined, and nothing else.
        output: Markdown file to write the table to as well.
        workers: Processes (default: as many as cores may be used).
    """
    from radiogen.phantom.data_set import PhantomSettings, write_phantom
    from radiogen.training.recipe.recipes import find_recipe
    from radiogen.training.workflow import preprocess

    settings = PhantomSettings(cases=cases, test_cases=test_cases, scale=0.15, seed=seed)
    write_phantom(folder / "phantom", settings, workers)
    facts = []
    for name in RECIPES:
        preprocess(folder / "phantom", [find_recipe(name)], folder / "cache", workers=workers)
        facts += recipe_facts(name, folder, as_they_are)
    write_facts(facts, output, about="recipe")
    exit_unless_held(facts)


def recipe_facts(name: str, folder: Path, as_they_are: bool = False) -> list[Fact]:
    """How often cases are declined as they are, and how often spoiled in each way."""
    from radiogen.arrays.cache import cache_folder
    from radiogen.arrays.stored_arrays import open_array, read_index
    from radiogen.arrays.summary import array_summary
    from radiogen.inference.reference import Reference
    from radiogen.inference.typicality import judge_typicality, usual_distances
    from radiogen.training.recipe.recipes import find_recipe
    from radiogen.training.runs import cache_settings

    cache = cache_folder(folder / "phantom", cache_settings(find_recipe(name).data), folder / "cache")
    index, sequences = read_index(cache), cache_settings(find_recipe(name).data).sequences
    arrays = {row["case"]: (np.asarray(open_array(cache, row["case"])), row["slices"], row["split"])
              for row in index.to_dict("records")}
    known = {case: array_summary(array, slices, sequences) for case, (array, slices, split) in arrays.items()
             if split == "train"}
    reference = Reference(np.array(list(known)), np.stack(list(known.values())))
    usual = usual_distances(reference)
    assert usual is not None, "the phantom has too few training cases"
    tests = [array for array, _, split in arrays.values() if split == "test"]
    facts = []
    for way, spoil in list(ways().items())[:1 if as_they_are else None]:
        judged = [judge_typicality(usual, array_summary(spoil(array), "", sequences), sequences) for array in tests]
        declined = float(np.mean([one.atypical for one in judged]))
        as_is = way == "as it is"
        facts.append(Fact(name, f"{way}: declined in at {'most' if as_is else 'least'} "
                          f"{MOST_DECLINED if as_is else LEAST_DECLINED:.0%}",
                          f"{declined:.0%} of {len(tests)}",
                          declined <= MOST_DECLINED if as_is else declined >= LEAST_DECLINED))
    return facts


def ways() -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """What is done to a case's cubes, uint8 (sequence, slice, row, column), by its name."""
    random = np.random.default_rng(0)
    return {"as it is": lambda cubes: cubes, "black": lambda cubes: 0 * cubes,
            "noise": lambda cubes: random.integers(0, 256, cubes.shape).astype(np.uint8),
            "a noisy head": lambda cubes: (cubes + random.normal(0, 40, cubes.shape)).clip(0, 255).astype(np.uint8),
            "inverted": lambda cubes: 255 - cubes, "upside down": lambda cubes: cubes[:, ::-1],
            "upside down and back to front": lambda cubes: cubes[:, ::-1, ::-1],
            "another plane": lambda cubes: np.rot90(cubes, 1, (1, 2)),
            "15 % smaller": lambda cubes: resized(cubes, (0.85,) * 3),
            "half as high": lambda cubes: resized(cubes, (0.5, 1, 1)),
            "gamma 0.4": lambda cubes: (255 * (cubes / 255) ** 0.4).astype(np.uint8),
            "gamma 2.5": lambda cubes: (255 * (cubes / 255) ** 2.5).astype(np.uint8)}


def resized(cubes: np.ndarray, factors: tuple[float, ...]) -> np.ndarray:
    """The content of each cube made larger or smaller about its middle."""
    shrink = 1 / np.array(factors)
    middle = (np.array(cubes.shape[1:]) - 1) / 2
    return np.stack([ndimage.affine_transform(one.astype(float), np.diag(shrink), middle * (1 - shrink), order=1)
                     for one in cubes]).clip(0, 255).astype(np.uint8)


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
