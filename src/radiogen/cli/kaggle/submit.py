"""Write a run's submission, check it against the data set's sample, and send it to Kaggle with --send."""

from pathlib import Path
from typing import Annotated

import tyro

from radiogen.cli.given import require
from radiogen.cli.names import OneRun, one_run
from radiogen.core.wording import as_run, command


def main(name: tyro.conf.Positional[OneRun] = None, /, run: OneRun = None, data: Path | None = None,
         models: Path = Path("models"), submissions: Path = Path("submissions"),
         allow_constant: bool = False, send: bool = False,
         message: Annotated[str, tyro.conf.arg(aliases=["-m"])] = "", competition: str | None = None) -> None:
    """Write a run's submission, check it against the data set's sample, and send it to Kaggle with --send.

    Example: submit phantom-demo-3d

    Args:
        name: The same as --run.
        run: Name of the run under models/ (default: the one predicted last).
        data: Data set with sample_submission.csv (default: the one the run was made from).
        models: Where runs are kept.
        submissions: Folder for the CSV and its record.
        allow_constant: Write it even if all probabilities are the same.
        send: Send the CSV to Kaggle, wait for the score and write it beside the run. The same file is sent only once.
        message: Description of the submission (default: the run's name).
        competition: Competition to send it to (default: the data set's).
    """
    named = [one] if (one := one_run(name, run)) else []
    require([models / each for each in named], data)
    from radiogen.kaggle.submission import imputed_text, published_text, write_submission
    from radiogen.runs.predictions import chosen_runs

    chosen = chosen_runs(models, named)[-1]
    print(f"run {models / chosen}", flush=True)
    submission = write_submission(models, chosen, submissions, data=data, allow_constant=allow_constant)
    if submission.imputed:
        print(imputed_text(submission))
    if submission.published:
        print(published_text(submission))
    print(f"submission: {submission.path} ({submission.cases} cases, ids and order of the sample checked)")
    print(f"record: {submission.record}")
    if send:
        from radiogen.core.errors import UserError
        from radiogen.kaggle import sending
        from radiogen.kaggle.client import connect

        to = competition or submission.competition
        if not to:
            raise UserError("--competition", "is missing: the data set names none", "give its name, as in its address")
        sent = sending.send(connect(), submission, message or chosen, models / chosen, competition=to)
        print(f"score of submission {sent['submission']}: public {sent['public_score']}, "
              f"private {sent['private_score']}; written to {models / chosen / sending.SENT}")
    print(f"next: how good is it here? {command('evaluate')} --run {as_run(models / chosen)}")
