"""The whole job on the competition's data: download, inspect, train, ensemble, judge, a kernel ready to push."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

import shlex
import subprocess
import sys
from pathlib import Path

from radiogen.dataset.layout import COMPETITION
from radiogen.core.errors import call_main, models_option, run_command
from radiogen.training.recipe.options import in_option_words

SCRIPTS = Path(__file__).resolve().parent


def main(data: Path = Path("input") / COMPETITION, recipe: tuple[str, ...] = ("isotropic-3d", "winner-3d"),
         seeds: int = 3, options: str = "", parallel_folds: int = 1, models: Path = Path("models"),
         cache: Path = Path("input/cache"), submissions: Path = Path("submissions"), wheels: Path | None = None,
         only_estimate: bool = False, anyway: bool = False) -> None:
    """The whole job on the competition's data: download, inspect, train, ensemble, judge, a kernel ready to push.

    Says first what it will take on this machine. Started again after it was cut off, it goes on where it was.

    Args:
        data: Where the data set is or goes.
        recipe: Recipes to train, each in all of its folds with every seed.
        seeds: Runs of each recipe, on one split.
        options: Fields of the recipes, as train.py takes them: --options="--micro-batch-size 2 --stem-stride 2".
        parallel_folds: Folds trained in parallel.
        models: Where runs are kept.
        cache: Where arrays are kept.
        submissions: Where the submission and the kernel go.
        wheels: Folder with the wheels that Kaggle's image lacks (default: pip downloads them).
        only_estimate: Say what it will take, and end.
        anyway: Begin even where memory or disk seem too small.
    """
    from radiogen.kaggle.kernels import push
    from radiogen.kaggle import whole_run

    plan = whole_run.Plan(data, recipe, seeds, tuple(shlex.split(options)), parallel_folds, models, cache, submissions,
                          wheels)
    runs = list(whole_run.run_names(plan))  # a recipe that does not exist is told before anything is asked
    api = push.connect()
    told = whole_run.estimate(plan, api)
    print(whole_run.estimate_text(plan, told), flush=True)
    if not anyway:
        whole_run.check_room(plan, told)
    if only_estimate:
        return
    for script, words in whole_run.steps(plan, runs, push.user_name(api)):
        if script == "inspect_dataset" and whole_run.inspected(plan).is_file():
            print(f"\ninspected already: {whole_run.inspected(plan)}", flush=True)
            continue
        print(f"\n$ python scripts/{script}.py {shlex.join(words)}", flush=True)
        code = subprocess.run([sys.executable, str(SCRIPTS / f"{script}.py"), *words]).returncode
        if code:
            sys.exit(code)
    print(f"\nThe whole job is done. How good it is: {models / plan.ensemble}; the kernel: {submissions / 'kernel'}\n"
          f"next: python scripts/push_kernel.py {shlex.join(runs)}{models_option(models)} --submit -m \"what is new\"")


if __name__ == "__main__":
    run_command(lambda: call_main(main), in_option_words)
