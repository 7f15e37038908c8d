"""The whole job on the competition's data: download, inspect, train, ensemble, evaluate, a kernel ready to push."""

import shlex
from pathlib import Path

from radiogen.cli.steps import run_step
from radiogen.core.wording import command, models_option
from radiogen.task import RSNA_MICCAI


def main(data: Path = Path("input") / RSNA_MICCAI.name, recipe: tuple[str, ...] = ("isotropic-3d", "winner-3d"),
         seeds: int = 3, options: str = "", parallel_folds: int = 1, models: Path = Path("models"),
         cache: Path = Path("input/cache"), submissions: Path = Path("submissions"), wheels: Path | None = None,
         only_estimate: bool = False, anyway: bool = False) -> None:
    """The whole job on the competition's data: download, inspect, train, ensemble, evaluate, a kernel ready to push.

    Estimates first the cost on this machine. Started again after an interruption, it resumes where it was.

    Example: rsna --only-estimate

    Args:
        data: Folder of the data set; downloaded where it is missing.
        recipe: Recipes to train, each in all of its folds with every seed.
        seeds: Runs of each recipe, on the same split.
        options: Fields of the recipes, as options of train.py: --options="--micro-batch-size 2 --stem-stride 2".
        parallel_folds: Folds trained in parallel.
        models: Where runs are kept.
        cache: Where arrays are kept.
        submissions: Folder for the submission and the kernel.
        wheels: Folder with the wheels that Kaggle's image lacks (default: pip downloads them).
        only_estimate: Only print the estimate.
        anyway: Start even where memory or disk seem too small.
    """
    from radiogen.kaggle import whole_run
    from radiogen.kaggle.client import connect
    from radiogen.kaggle.kernels import push

    plan = whole_run.Plan(data, recipe, seeds, tuple(shlex.split(options)), parallel_folds, models, cache, submissions,
                          wheels)
    runs = list(whole_run.run_names(plan))  # fail on an unknown recipe before Kaggle is contacted
    api = connect()
    cost = whole_run.estimate(plan, api)
    print(whole_run.estimate_text(plan, cost), flush=True)
    if not anyway:
        whole_run.check_room(plan, cost)
    if only_estimate:
        return
    for name, words in whole_run.steps(plan, runs, push.user_name(api)):
        if name == "inspect_dataset" and whole_run.inspected(plan).is_file():
            print(f"\nalready inspected: {whole_run.inspected(plan)}", flush=True)
        else:
            run_step(name, *words)
    print(f"\nThe whole job is done. Its evaluation: {models / plan.ensemble}; the kernel: {submissions / 'kernel'}\n"
          f"next: {command('push_kernel')} {shlex.join(runs)}{models_option(models)} --submit -m \"what is new\"")
