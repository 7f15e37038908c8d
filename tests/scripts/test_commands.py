"""The commands as a user meets them: what they say, where they stop, and that nothing half-written is left."""

from pathlib import Path

import pytest

from benchmarks.synthetic.series_files import pattern, write_series

from ..warm_commands import run_python

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def _run(folder, script, *arguments):
    return run_python(SCRIPTS / f"{script}.py", *arguments, cwd=folder)


@pytest.fixture
def folder(tmp_path):
    """A working folder with a data set of two cases in it, too few to train on."""
    for case in ("00000", "00001"):
        for sequence in ("T1w", "T1wCE"):
            write_series(tmp_path / "input" / "two" / "train" / case / sequence, pattern((6, 8, 8)))
    (tmp_path / "input" / "two" / "train_labels.csv").write_text("BraTS21ID,MGMT_value\n00000,1\n00001,0\n")
    return tmp_path


def _one_line(end):
    assert end.returncode == 2, end.stdout + end.stderr
    line, = [line for line in end.stderr.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in end.stderr
    return line


def test_training_without_any_data_set_names_the_default_and_how_to_make_it(tmp_path):
    end = _run(tmp_path, "train", "--fold", "0")
    assert "input/phantom: there is no such data set; make one with `python scripts/make_phantom.py`" in _one_line(end)
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(("arguments", "message"), [
    (["--recipe", "report-4d"], "--recipe report-4d: there is no such recipe (did you mean report-"),
    (["--fold", "5"], "--fold 5: there is no such fold; choose one of 0, 1, 2, 3, 4, or all"),
    (["--epochs", "0"], "--epochs 0: is too small"),
    (["--sequences", "T1w", "T2w"], "input/two: no case has T2w, which the recipe needs"),
    (["--folds", "1"], "--folds 1: is too few"),
    ([], r"train_labels.csv: only 0 cases with label 0 are left for 5 folds"),
])
def test_what_cannot_be_trained_is_reported_in_one_line(folder, arguments, message):
    if "--sequences" in arguments:
        arguments = ["--folds", "2", "--holdout-fraction", "0", *arguments]
        labels = "".join(f"{number:05d},{number % 2}\n" for number in range(4))
        (folder / "input" / "two" / "train_labels.csv").write_text("BraTS21ID,MGMT_value\n" + labels)
        for case in ("00002", "00003"):
            write_series(folder / "input" / "two" / "train" / case / "T1w", pattern((6, 8, 8)))
    assert message in _one_line(_run(folder, "train", "--data", "input/two", *arguments))
    assert not (folder / "models").exists()


def test_an_option_that_does_not_exist_ends_with_code_2(folder):
    assert _run(folder, "train", "--learning-rat", "1").returncode == 2


def test_a_label_file_with_a_doubled_id_stops_before_anything_is_made(folder):
    path = folder / "input" / "two" / "train_labels.csv"
    path.write_text(path.read_text() + "00000,0\n")
    line = _one_line(_run(folder, "train", "--data", "input/two"))
    assert "train_labels.csv: rows 2, 4: BraTS21ID 00000 stands more than once" in line
    assert sorted(entry.name for entry in folder.iterdir()) == ["input"]


def test_preprocessing_lists_what_failed_does_the_rest_and_ends_with_code_2(folder):
    for path in (folder / "input" / "two" / "train" / "00001" / "T1w").iterdir():
        path.write_bytes(b"DICM")
    end = _run(folder, "preprocess", "--data", "input/two", "--recipe", "demo-3d")
    assert "1 training cases failed (above); repair their files, or run again with --leave-out 00001" in _one_line(end)
    assert "1 of 2 cases" in end.stdout and "00001/T1w" in end.stdout
    assert [path.name for path in (folder / "input" / "cache").rglob("*.npy")] == ["00000.npy"]


def test_predicting_a_run_that_is_not_there_says_how_to_train_it(folder):
    line = _one_line(_run(folder, "predict", "--run", "nothing"))
    assert line == "error: models/nothing: there is no such run; train it: python scripts/train.py --run nothing"


def test_help_shows_defaults_and_units(folder):
    end = _run(folder, "train", "--recipe", "report-2d", "--help")
    text = " ".join(end.stdout.replace("│", " ").split())
    assert "Edge of a slice in pixels or of a cube in voxels. (default: 224)" in text
    assert "(default: 1024)" in text and "Edge of an isotropic cube, mm." in text


def test_pictures_of_cases_mark_a_sequence_that_is_missing(folder):
    end = _run(folder, "draw_cases", "--data", "input/two", "--output", "two.png")
    assert end.returncode == 0, end.stderr
    assert (folder / "two.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("script", "arguments", "where"), [
    ("ensemble", ["a", "b", "--name", "../victim"], "--name '../victim'"),
    ("ensemble", ["a", "../b"], "RUN '../b'"),
    ("submit", ["../models/a"], "RUN '../models/a'"),
    ("predict", ["."], "RUN '.'"),
    ("evaluate", ["a/b/c"], "RUN 'a/b/c'"),
    ("train", ["--run", "/abs/path"], "--run '/abs/path'"),
    ("confounds", ["--run", "models/a"], "--run 'models/a'"),
    ("push_kernel", ["models/a", "--dry-run"], "RUN 'models/a'"),
    ("download", ["--competition", "../other"], "--competition '../other'"),
])
def test_a_name_never_leads_out_of_its_folder(tmp_path, script, arguments, where):
    (tmp_path / "victim").mkdir()
    assert f"error: {where}: is not a valid name: " in _one_line(_run(tmp_path, script, *arguments))
    assert [path.name for path in tmp_path.rglob("*")] == ["victim"]


@pytest.mark.parametrize(("script", "arguments", "message"), [
    ("download", ["--subset", "abc"], "error: download.py: Error parsing --subset: "),
    ("train", ["--epochs", "abc"], "error: train.py: --epochs takes a whole number"),
    ("preprocess", ["--nonsense"], "error: preprocess.py: Unrecognized options: --nonsense"),
    ("ensemble", ["--method", "best"], "error: ensemble.py: invalid choice 'best' for argument '--method'"),
    ("export_series", ["--cube"], "error: export_series.py: "),
])
def test_a_wrong_option_is_one_line(tmp_path, script, arguments, message):
    end = _run(tmp_path, script, *arguments)
    assert (end.returncode, end.stdout, end.stderr.count("\n")) == (2, "", 1), end.stderr
    assert end.stderr.startswith(message) and end.stderr.endswith(f"{script}.py --help\n")


def test_the_next_command_can_be_copied_whatever_the_folder_is_called(tmp_path):
    small = ("--cases", "2", "--test-cases", "1", "--scale", "0.1")
    end = _run(tmp_path, "make_phantom", "--data", "my data; rm x", *small)
    assert end.returncode == 0, end.stderr
    assert end.stdout.endswith("next: python scripts/preprocess.py --data 'my data; rm x'\n")
