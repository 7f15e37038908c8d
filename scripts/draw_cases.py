"""Draw cases of a data set: one axial plane of the patient in every sequence, a row a case, into a PNG."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

import shlex
from pathlib import Path

from radiogen.dataset.layout import SEQUENCES
from radiogen.core.errors import call_main, run_command


def main(cases: tuple[str, ...] = (), data: Path = Path("input/phantom"),
         output: Path = Path("cases.png")) -> None:
    """Draw cases of a data set: one axial plane of the patient in every sequence, a row a case, into a PNG.

    Args:
        cases: Ids of training cases (default: the first two of each label).
        data: Data set: the folder with train/ and train_labels.csv.
        output: The picture to write.
    """
    from radiogen.dataset.labels import read_labels
    from radiogen.dataset.layout import sequences_present, series_folder
    from radiogen.evaluation.figures.run_figures import cases_png
    from radiogen.imaging import read_series
    from radiogen.arrays.series_arrays import axial_pictures
    from radiogen.core.progress import progress

    labels = read_labels(data / "train_labels.csv").set_index("BraTS21ID")["MGMT_value"]
    chosen = cases or tuple(id for label in (0, 1) for id in labels.index[labels == label][:2])
    rows = {}
    for case in progress(chosen, "draw"):
        names = sequences_present(data, "train", case)
        volumes = {name: read_series(series_folder(data, "train", case, name)) for name in names}
        pictures = axial_pictures(volumes)
        rows[f"{case}, MGMT {labels.get(case, 'unknown')}"] = pictures
    columns = [name for name in SEQUENCES if any(name in row for row in rows.values())]
    rows = {title: {name: row.get(name) for name in columns} for title, row in rows.items()}
    print(f"picture: {cases_png(output, rows, f'{data.name}: patient left on the right')}")
    print(f"next: python scripts/preprocess.py --data {shlex.quote(str(data))}")


if __name__ == "__main__":
    run_command(lambda: call_main(main))
