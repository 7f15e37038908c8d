"""A run that is removed takes its own files with it, and nothing that anybody else put there."""

import json
import re
from pathlib import Path

import pytest

from radiogen.core.errors import UserError
from radiogen.core.locks import try_hold
from radiogen.runs import layout
from radiogen.runs.fold_locks import hold_fold
from radiogen.runs.overview.removal import crops_by, ensembles_with, removable_files, remove_run

from .folders import judge, predict, write_run


@pytest.fixture
def run(tmp_path):
    """A run with a file of each kind that commands leave in it."""
    folder = write_run(tmp_path / "models")
    predict(folder)
    judge(folder, ["a"])
    for path in ("report.html", "permutations_folds.png", "fold-0/history.png", "fold-0/tensorboard/train/events.out."
                 "tfevents.1", "cases/00001.json", "cases/00001.png",
                 "report_images_files/0123456789abcdef.js", "report_images_files/.radiogen-files.json",
                 "external/other/external.json",
                 "tuning/space.json", "tuning/outer-0/study.db", "tuning/outer-0/study.db-journal",
                 "tuning/outer-0/trial-000/inner-1/folds.csv", "tuning/outer-0/trial-000/inner-1/fold-0/checkpoint.npz",
                 "tuning/outer-0/chosen-000/predictions.csv", "permutations/folds-000/predictions.csv",
                 "permutations/folds-000/fold-0/model.weights.h5",
                 ".run.json.radiogen.part"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text('{"standing": []}')
    (folder.parent / "ledger.jsonl").write_text("")
    return folder


def _everything(folder):
    return sorted(folder.rglob("*"))


def test_a_removed_run_is_gone_and_the_ledger_stays(run):
    remove_run(run)
    assert [path.name for path in run.parent.iterdir()] == ["ledger.jsonl"]


@pytest.mark.parametrize("path", ["notes.txt", "fold-0/mine.h5", "cases/other.png", "external/other/mine.csv",
                                  "report_images_files/mine.nii.gz",
                                  "fold-0/tensorboard/readme.txt", "permutations/readme.txt", "sub/run.json",
                                  "tuning/notes.txt", "tuning/outer-0/mine.db", "tuning/outer-0/trial-000/folds.csv",
                                  "tuning/outer-0/chosen-000/mine.csv"])
def test_a_file_that_radiogen_did_not_write_keeps_the_whole_run(run, path):
    (run / path).parent.mkdir(exist_ok=True)
    (run / path).write_text("mine")
    before = _everything(run)
    with pytest.raises(UserError, match=f"{re.escape(str(run / path))}: was not written by radiogen"):
        remove_run(run)
    assert _everything(run) == before


def test_a_link_is_nobodys_and_where_it_leads_is_not_touched(run, tmp_path):
    (tmp_path / "elsewhere").write_text("kept")
    (run / "roc.png").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="roc.png: was not written"):
        remove_run(run)
    (tmp_path / "models" / "link").symlink_to(run)
    with pytest.raises(UserError, match="is a symbolic link"):
        remove_run(tmp_path / "models" / "link")
    assert (tmp_path / "elsewhere").read_text() == "kept" and run.is_dir()


def test_a_run_that_is_being_trained_is_kept(run):
    with hold_fold(run, "1"), pytest.raises(UserError, match="fold 1 of run a is being trained by process"):
        remove_run(run)
    with try_hold(run / ".lock"), pytest.raises(UserError, match="is in use by another process"):
        remove_run(run)
    assert (run / "fold-1" / "model.weights.h5").is_file()


def test_a_folder_that_is_no_run_is_not_removed(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(UserError, match="is no run"):
        remove_run(tmp_path / "photos")


def test_the_ensembles_that_a_run_is_a_member_of_are_found(run):
    (run.parent / "both").mkdir()
    (run.parent / "both" / "run.json").write_text(json.dumps({"members": ["a", "b"]}))
    assert ensembles_with(run) == ["both"] and ensembles_with(run.parent / "c") == []


def test_every_file_that_the_layout_names_counts_as_a_runs_own(run):
    names = {value for name, value in vars(layout).items() if name.isupper() and isinstance(value, str)
             and Path(value).suffix}
    names -= {layout.CHECKPOINT, layout.PRETRAINING}  # of a fold; of a pretraining, which is no run
    for name in names:
        (run / name).write_text("{}")
    assert {path.name for path in removable_files(run)} >= names


def test_the_runs_that_crop_by_a_locator_are_found(run):
    for name, mask in (("cropped", f"locator:{run.name}@0123456789ab"), ("other", "locator:another@0123456789ab"),
                       ("own", None), ("longer", f"locator:{run.name}b@0123456789ab")):
        (run.parent / name).mkdir()
        (run.parent / name / "run.json").write_text("{}")
        (run.parent / name / "recipe.json").write_text(json.dumps({"name": "demo", "data": {"mask": mask}}))
    assert crops_by(run) == ["cropped"] and crops_by(run.parent / "own") == []
