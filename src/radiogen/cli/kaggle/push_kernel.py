"""Push trained runs to Kaggle as a notebook for the code competition, after a rehearsal on this machine."""

from pathlib import Path
from typing import Annotated

import tyro

from radiogen.cli.given import require
from radiogen.cli.names import SeveralRuns, several_runs
from radiogen.core.wording import command, models_option


def main(names: tyro.conf.Positional[SeveralRuns] = (), /, run: SeveralRuns = (), title: str | None = None,
         owner: str | None = None, dry_run: bool = False, submit: bool = False,
         message: Annotated[str, tyro.conf.arg(aliases=["-m"])] = "", cases: int = 8, python: tuple[Path, ...] = (),
         wheels: Path | None = None, data: Path | None = None, models: Path = Path("models"),
         output: Path = Path("submissions/kernel"), public: str | None = None, tables: tuple[Path, ...] = (),
         docker_image: str = "") -> None:
    """Push trained runs to Kaggle as a notebook for the code competition, after a rehearsal on this machine.

    Example: push-kernel phantom-demo-3d --dry-run
    Args:
        names: The same as --run.
        run: Names of the predicted runs under models/; the mean of all their folds is submitted.
        title: Title of the kernel at Kaggle, from which its address follows (default: that of its notebook).
        owner: Your name at Kaggle (default: that of your token).
        dry_run: Build, check and rehearse; push nothing, need no token.
        submit: Wait for the kernel's run at Kaggle, send it to the competition and wait for the score.
        message: Description of the submission.
        cases: Number of good test cases in the rehearsal.
        python: Interpreters whose packages replace Kaggle's image in the rehearsal (default: this one).
        wheels: Folder with the wheels that Kaggle's image lacks (default: pip downloads them).
        data: The runs' data set where it was moved or copied (default: its last known place).
        models: Where runs are kept.
        output: Folder for dataset, kernel and the rehearsal's log.
        docker_image: Image of the session, as gcr.io/kaggle-gpu-images/python@sha256:... (default: Kaggle's newest).
        public: Push this notebook of notebooks/ for everybody to see, without runs: look-first.
        tables: With --public: CSV files to publish with it, such as brats21_sites.csv.
    """
    runs = several_runs(names, run)
    require([models / each for each in runs if public is None], data)
    from radiogen.kaggle.client import connect
    from radiogen.kaggle.kernels import push, whole_push
    from radiogen.kaggle.kernels.bundle import check_named
    from radiogen.kaggle.kernels.kernel import Names
    from radiogen.task import read_task
    from radiogen.training.workflow import locate_runs

    if public is not None:
        whole_push.publish(public, runs, title, owner, output, tables=tables, wheels=wheels, pythons=python,
                           dry_run=dry_run)
        return
    check_named(runs)
    api = None if dry_run else connect()  # fail on an invalid token before anything is built
    owner = owner or ("you" if api is None else push.user_name(api))
    locate_runs([models / name for name in runs], data)
    kernel = Names(owner, title or "Radiogen inference", read_task(models / runs[0]), docker_image)
    note = message or " ".join(runs)
    record = api and submit and whole_push.resume_submission(api, models, runs, kernel, note, output) or None
    if record is None:
        folders = whole_push.prepare_rehearsed(models, runs, kernel, output, wheels=wheels, pythons=python, cases=cases)
        record = api and whole_push.push_and_submit(api, folders, kernel, note, output, submit=submit)
    print(f"submission: {record.read_text(encoding='utf-8').strip()}" if record else
          f"next: {command('push_kernel', *runs)}{models_option(models)} --submit -m \"what is new\"")
