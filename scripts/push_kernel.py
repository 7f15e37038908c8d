"""Bring trained runs to Kaggle as the notebook that its code competition asks for, rehearsed here beforehand."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

import shlex
from pathlib import Path
from typing import Annotated

import tyro

from radiogen.core.errors import call_main, models_option, run_command

Runs = tyro.conf.Positional[Annotated[tuple[str, ...], tyro.conf.arg(metavar="RUN ...", help_behavior_hint="")]]


def main(run: Runs, /, title: str = "Radiogen MGMT", owner: str | None = None, dry_run: bool = False,
         submit: bool = False, message: Annotated[str, tyro.conf.arg(aliases=["-m"])] = "", cases: int = 8,
         python: Path | None = None, wheels: Path | None = None, data: Path | None = None,
         models: Path = Path("models"),
         output: Path = Path("submissions/kernel")) -> None:
    """Bring trained runs to Kaggle as the notebook that its code competition asks for, rehearsed here beforehand.

    Args:
        run: Names of the predicted runs under models/; the mean of all their folds is submitted.
        title: What the kernel is called at Kaggle; its address is made of it.
        owner: Your name at Kaggle (default: the one that your token belongs to).
        dry_run: Build, check and rehearse; push nothing, need no token.
        submit: Wait for the kernel's run at Kaggle, send it to the competition and wait for the score.
        message: What the submission is called.
        cases: Good test cases of the rehearsal.
        python: Interpreter whose packages stand for Kaggle's image in the rehearsal (default: this one).
        wheels: Folder with the wheels that Kaggle's image lacks (default: pip downloads them).
        data: The runs' data set where it was moved or copied (default: where the runs found it last).
        models: Where runs are kept.
        output: Where dataset, kernel and the rehearsal's log are written.
    """
    from radiogen.kaggle.kernels import bundle, kernel, rehearsal

    if not dry_run:
        from radiogen.kaggle.kernels import push

        api = push.connect()  # a token that does not work is told before anything is built
        owner = owner or push.user_name(api)
    if data is not None:
        from radiogen.training.workflow import locate_runs

        locate_runs([models / name for name in run], data)
    names = kernel.Names(owner or "you", title)
    folders = kernel.prepare(models, run, names, output, wheels=wheels)
    print(f"bundle: {folders[0]}; kernel: {folders[1]}; names, sources, wheels and files checked\n"
          f"{bundle.bundle_text(folders[0])}", flush=True)
    tried = rehearsal.rehearse(*folders, models, run, python=python, cases=cases, log=output / "rehearsal.log")
    print(rehearsal.rehearsal_text(tried), flush=True)
    then = f"next: python scripts/push_kernel.py {shlex.join(run)}{models_option(models)} --submit -m \"what is new\""
    if dry_run:
        print(then)
        return
    version, page = push.push_all(api, *folders, note=message or " ".join(run))
    print(f"pushed: {names.kernel}, version {version}: {page}", flush=True)
    if submit:
        path = push.submit(api, names, version, message or " ".join(run), output)
        print(f"submission: {path.read_text(encoding='utf-8').strip()}")
    else:
        print(then)


if __name__ == "__main__":
    run_command(lambda: call_main(main))
