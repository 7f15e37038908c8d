"""Draw cases of a data set: one axial plane in every sequence, a row per case, into a PNG."""

import shlex
from pathlib import Path

from radiogen.cli.given import require
from radiogen.core.wording import command, nearest


def main(cases: tuple[str, ...] = (), data: Path = Path("input/phantom"),
         output: Path = Path("cases.png")) -> None:
    """Draw cases of a data set: one axial plane in every sequence, a row per case, into a PNG.

    Example: draw-cases --data input/phantom --output cases.png

    Args:
        cases: Ids of training cases (default: the first two of each label).
        data: Data set.
        output: The picture to write.
    """
    require(data=data)
    from radiogen.arrays.series_arrays import case_pictures
    from radiogen.core.errors import UserError
    from radiogen.dataset.labels import data_labels
    from radiogen.dataset.layout import case_ids
    from radiogen.evaluation.figures.run_figures import cases_png
    from radiogen.task import ID, LABEL, read_task

    task = read_task(data)
    labels = data_labels(data)[0].set_index(ID)[LABEL]
    chosen = cases or tuple(id for label in (0, 1) for id in labels.index[labels == label][:2])
    known = case_ids(data, "train")
    for case in set(chosen) - set(known):
        raise UserError(f"--cases {case}", f"there is no such case in {data}{nearest(case, known)}",
                        "name others, or none for the first two of each label")
    pictures = case_pictures(data, chosen)
    columns = [name for name in task.sequences if any(name in row for row in pictures)]
    words = dict(enumerate(task.classes))
    rows = {f"{case}, {words.get(labels.get(case), 'label unknown')}": {name: row.get(name) for name in columns}
            for case, row in zip(chosen, pictures, strict=True)}
    print(f"picture: {cases_png(output, rows, f'{data.name}: patient left on the right')}")
    print(f"next: {command('preprocess')} --data {shlex.quote(str(data))}")
