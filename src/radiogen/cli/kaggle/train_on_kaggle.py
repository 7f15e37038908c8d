"""Train recipes in Kaggle's own sessions, one after another, and bring the runs back; called again, it goes on."""

import shlex
from pathlib import Path

from radiogen.core.wording import as_run, command
from radiogen.task import RSNA_MICCAI


def main(recipe: tuple[str, ...] = ("isotropic-3d",), seeds: int = 1, options: str = "", title: str = "",
         owner: str | None = None, hours: float = 11.0, docker_image: str = "", only_estimate: bool = False,
         data: Path = Path("input") / RSNA_MICCAI.name, models: Path = Path("models"),
         output: Path = Path("submissions/training"), wheels: Path | None = None) -> None:
    """Train recipes in Kaggle's own sessions, one after another, and bring the runs back; called again, it goes on.

    The first session makes the arrays, without a GPU; each of the others trains one fold a GPU and ends before its
    limit. Ctrl-C ends only the waiting. Not tried at Kaggle itself: docs/kaggle.md.

    Example: train-on-kaggle --only-estimate

    Args:
        recipe: Recipes to train, each in all of its folds with every seed.
        seeds: Runs of each recipe, on the same split.
        options: Fields of the recipes, as options of train.py: --options="--epochs 30".
        title: Title of dataset and kernels at Kaggle (default: from the recipes); another one is another training.
        owner: Your name at Kaggle (default: that of your token).
        hours: The most that a session may take.
        docker_image: Image of the sessions, as gcr.io/kaggle-gpu-images/python@sha256:... (default: Kaggle's newest).
        only_estimate: Only print quota and estimate.
        data: The competition's data set on this machine, which need not be there; the runs are named after it.
        models: Where runs are kept, and the record of what was pushed.
        output: Folder for what is pushed, and for the sessions' logs.
        wheels: Folder with the wheels that Kaggle's image lacks (default: pip downloads them).
    """
    from radiogen.kaggle import kernel_sessions
    from radiogen.kaggle.client import connect
    from radiogen.kaggle.kernels.push import user_name
    from radiogen.kaggle.mounts import competition_of
    from radiogen.kaggle.training import chain, estimate
    from radiogen.kaggle.training.plan import TrainingPlan, default_title, plan_facts, planned_runs
    from radiogen.kaggle.training.record import read_record
    from radiogen.task import read_task

    plan = TrainingPlan(owner or "you", title or default_title(recipe), recipe, seeds, tuple(shlex.split(options)),
                        data, models, hours, docker_image, read_task(data))
    runs = planned_runs(plan)  # fail on an unknown recipe before a token is asked for
    api = connect()
    plan = plan.owned_by(owner or user_name(api))
    record = read_record(plan.record, plan_facts(plan, runs))
    if not record.trained:
        quota = kernel_sessions.gpu_quota(api)
        cost = estimate.estimate(runs, record, quota, plan.hours, competition_of(plan.task).train_cases or 585)
        print(estimate.estimate_text(cost, quota, record), flush=True)
    if only_estimate:
        return
    folders = chain.train_there(api, plan, runs, output / plan.record.name.removesuffix(".kaggle.json"), wheels=wheels)
    print("trained, predicted and brought back: " + ", ".join(map(str, folders)))
    print("next: " + "; ".join(f"{command('evaluate')} --run {as_run(folder)}" for folder in folders))
