"""A report that is mailed tells nothing of the folders in which it was made."""

import html

from radiogen.evaluation.report.page_paths import without_folders
from radiogen.evaluation.report.provenance import RunProvenance


def _making(name, members=(), **facts):
    return RunProvenance(name, facts, {"weights": "/home/anna/weights/resnet50.h5"}, {}, {}, {},
                  {one.name: one for one in members})


def test_paths_begin_at_the_project_and_of_others_the_name_is_left(tmp_path):
    models = tmp_path / "anna's & co" / "models"
    member = _making("a", data="/home/anna/scans", cache=f"{models.parent}/input/cache/scans")
    page = "\n".join([
        "train.py --data /home/anna/scans", "/home/anna/scans/train/00000/FLAIR/*",
        f"{models}/a/fold-0/model.weights.h5",
        html.escape(f"{models.parent}/input/cache/scans/00000.npy"), "--weights /home/anna/weights/resnet50.h5"])
    assert without_folders(page, models, [_making("both", [member])]).splitlines() == [
        "train.py --data scans", "scans/train/00000/FLAIR/*", "models/a/fold-0/model.weights.h5",
        "input/cache/scans/00000.npy", "--weights resnet50.h5"]
