"""Judge a table of features: patient-wise nested folds, a few learners, label permutations, verdict and page."""

from pathlib import Path
from typing import Annotated

import tyro

from radiogen.cli.given import require
from radiogen.cli.names import open_report
from radiogen.core.errors import UserError
from radiogen.core.wording import command
from radiogen.evaluation.others.columns import Naming
from radiogen.evaluation.others.study_options import StudyOptions


def main(table: tyro.conf.Positional[Path | None] = None, /, labels: Path | None = None, patients: Path | None = None,
         test: Path | None = None, test_labels: Path | None = None, models: Path = Path("models"),
         options: Annotated[StudyOptions, tyro.conf.arg(name="")] = StudyOptions(),
         naming: Annotated[Naming, tyro.conf.arg(name="")] = Naming()) -> None:
    """Judge a table of features: patient-wise nested folds, a few learners, label permutations, verdict and page.

    Example: judge-features features.csv --labels labels.csv

    Args:
        table: A row a case, a column a feature (CSV with ids).
        labels: A table of labels, where TABLE has none.
        patients: A table of patients (id, patient, age, sex, site): cases of one patient stay together, and age and sex
            are judged beside the features.
        test: The table of another cohort: what was fitted to all cases of TABLE is tested there, on the features that
            both have.
        test_labels: A table of the labels of --test (default: the labels in that table itself).
        models: Where a folder a learner is written.
        options: How it is judged.
        naming: How the tables are to be read.
    """
    if table is None:
        raise UserError("TABLE", "is missing", f"{command('judge_features')} TABLE.csv --labels LABELS.csv")
    require(tables=(table, labels, patients, test, test_labels))
    from radiogen.evaluation.others.study import Sources, judge_features
    from radiogen.evaluation.text_tables import short_paths

    text, written = judge_features(Sources(table, labels, patients, test, test_labels), models, naming, options)
    print("\n".join([text, "\nfiles written:", *(f"  {line}" for line in short_paths(written)), open_report(written)]))
