"""Pretrain a recipe's encoder on images without labels; a training begins with it by --weights pretrained:NAME."""

from pathlib import Path

import tyro

from radiogen.cli.given import require
from radiogen.core.errors import UserError
from radiogen.core.wording import command, parameter
from radiogen.pretraining.settings import PretrainingSettings


def main(settings: tyro.conf.OmitArgPrefixes[PretrainingSettings], data: tuple[Path, ...] = (),
         recipe: str | None = None, run: str | None = None, leave_out: tuple[str, ...] = (),
         models: Path = Path("models"), cache: Path = Path("input/cache"), workers: int | None = None) -> None:
    """Pretrain a recipe's encoder on images without labels; a training begins with it by --weights pretrained:NAME.

    All cases of the data sets are learned from, those of train/ and of test/, labelled or not; no label is read. What
    was learned from is recorded, and the report of a run that begins with it names the scored cases among them. Run it
    again to resume.

    Example: pretrain --data input/labelled input/unlabelled --recipe demo-3d

    Args:
        settings: Settings of the pretraining.
        data: Data sets, one or more.
        recipe: Recipe, by name or NAME.json, such as that of a run: its images and its network (default: isotropic-3d
            on the competition's data, else demo-3d).
        run: Name under models/ (default: <data set>-<recipe>-pretrained).
        leave_out: Ids of cases that are not learned from, such as those of a holdout.
        models: Where it is kept.
        cache: Where arrays are kept; missing ones are made.
        workers: Processes for making arrays (default: one per available core).
    """
    for place in data:
        require(data=place)
    if not data:
        raise UserError(parameter("data"), "is missing", f"{command('pretrain')} --data FOLDER ..., labelled or not")
    from radiogen.core.files import checked_name
    from radiogen.runs import layout
    from radiogen.task import read_task
    from radiogen.training.recipe.recipes import default_recipe, find_recipe, recipe_for
    from radiogen.training.runs import run_name

    chosen = recipe_for(find_recipe(recipe or default_recipe(data[0].name)), read_task(data[0]))
    name = checked_name(parameter("run"), run or f"{run_name(data[0], chosen.name)}-pretrained")
    from radiogen.evaluation.figures.run_figures import history_png
    from radiogen.pretraining.workflow import begin_pretraining, pretrain

    made = begin_pretraining(data, chosen, settings, models / name, cache, leave_out=leave_out, workers=workers)
    print(f"{name}: {len(made.images.cases)} cases, {settings.objective}, {settings.epochs} epochs", flush=True)
    pretrain(made)
    history_png(made.folder / layout.HISTORY_PICTURE, made.folder / layout.HISTORY, name)
    print(f"pretrained: {made.folder / layout.ENCODER}; what it saw is in {made.folder / layout.SEEN_CASES}")
    print(f"next: {command('train')} --data {data[0]} --recipe {recipe or chosen.name} --weights pretrained:{name} "
          f"--run NAME")
