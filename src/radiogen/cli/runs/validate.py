"""Validate a run on another hospital's data set: refused where patients are in both, judged inside against outside."""

from pathlib import Path

import tyro

from radiogen.cli.given import require
from radiogen.cli.names import OneRun, one_run
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command


def main(name: tyro.conf.Positional[OneRun] = None, /, run: OneRun = None, data: Path | None = None,
         cohort: str | None = None, leave_out: tuple[str, ...] = (), models: Path = Path("models"),
         workers: int | None = None) -> None:
    """Validate a run on another hospital's data set: refused where patients are in both, judged inside against outside.

    The run stays as it is: its recipe, all its folds' networks, the threshold from its own folds. An ensemble joins its
    members' predictions as it joined their own. Cases without a label are predicted and not judged. Every look at a
    cohort goes on record beside the runs.

    Example: validate phantom-demo-3d --data input/other-hospital

    Args:
        name: The same as --run.
        run: Name of the run or ensemble under models/.
        data: Data set of the other hospital, with labels.
        cohort: What to call it (default: the name of the data set's folder).
        leave_out: Ids of its cases that are not judged.
        models: Where runs are kept.
        workers: Processes for reading series (default: one per available core).
    """
    chosen = one_run(name, run)
    if chosen is None or data is None:
        raise UserError("RUN" if chosen is None else "--data", "is missing",
                        f"{command('validate')} RUN --data FOLDER, a run under models/ and another hospital's data set")
    require([models / chosen], data)
    from radiogen.evaluation.ensembles import join_elsewhere
    from radiogen.evaluation.external.overlap import find_overlap, join_overlaps, refuse_overlap
    from radiogen.evaluation.external.written import validate_run
    from radiogen.evaluation.text_tables import short_paths
    from radiogen.inference.cohort_predictions import cohort_look, predict_cohort
    from radiogen.inference.external import prepare_cohorts

    folder = models / chosen
    prepared = prepare_cohorts(folder, data, cohort, leave_out=leave_out, workers=workers)
    overlap = join_overlaps([find_overlap(one.own, one.marks) for one in prepared])
    look = cohort_look(folder, prepared)
    refuse_overlap(models, overlap, look, data)
    print(f"{chosen} on {look.cohort}: {look.cases} cases, none of them known to the run", flush=True)
    predicted = predict_cohort(folder, prepared, look, overlap.facts,
                               lambda tables: join_elsewhere(models, chosen, tables))
    text, written = validate_run(models, chosen, look.cohort)
    print(f"\n{text}\n\nfiles written:")
    print("\n".join(f"  {line}" for line in short_paths([*predicted, *written])))
    print(f"next: {command('evaluate')} --run {as_run(folder)}")
