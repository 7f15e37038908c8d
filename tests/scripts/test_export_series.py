"""The command that exports series for viewers, as a user types it."""

from pathlib import Path

import pytest

from benchmarks.synthetic.series_files import AXIAL, pattern, write_series

from ..warm_commands import run_python

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "export_series.py"


def _run(folder, *arguments):
    return run_python(SCRIPT, *arguments, cwd=folder)


@pytest.fixture(autouse=True)
def _own_settings(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))


@pytest.fixture
def series(tmp_path):
    """A folder with two series of a case in it."""
    for name in ("FLAIR", "T1w"):
        write_series(tmp_path / "train" / "00007" / name, pattern((6, 12, 10)))
    return tmp_path


def test_two_series_are_exported_and_the_viewers_named(series):
    end = _run(series, "train/00007/FLAIR", "train/00007/T1w", "--cube", "16", "--picture", "32")
    assert end.returncode == 0, end.stderr
    assert sorted(path.name for path in (series / "input" / "exports").iterdir()) == [
        "00007-FLAIR-cube16-stretch.dcm", "00007-FLAIR-slices32-stretch", "00007-FLAIR.nii.gz",
        "00007-T1w-cube16-stretch.dcm", "00007-T1w-slices32-stretch", "00007-T1w.nii.gz"]
    output = end.stdout.splitlines()
    assert output[0] == "dicom: input/exports/00007-FLAIR-cube16-stretch.dcm"
    assert [line.split(":")[0] for line in output[-3:]] == ["next", "next", "next"]
    assert "3D Slicer" in output[-3]


def test_the_same_command_gives_the_same_bytes(series):
    arguments = ("train/00007/FLAIR", "--cube", "16", "--to", "dicom", "nifti")
    assert _run(series, *arguments).returncode == 0
    first = {path.name: path.read_bytes() for path in (series / "input" / "exports").iterdir()}
    assert _run(series, *arguments).returncode == 0
    assert first == {path.name: path.read_bytes() for path in (series / "input" / "exports").iterdir()}


@pytest.mark.parametrize(("arguments", "message"), [
    ([], "folders: none is named; name a series"),
    (["train/00007/T2w"], "T2w: there is no such folder or file"),
    (["train/00007/FLAIR", "--cube", "0"], "--cube 0: is too small"),
    (["tilted"], "gantry tilt"),
])
def test_what_cannot_be_exported_is_reported_in_one_line(series, arguments, message):
    if "tilted" in arguments:
        affine = AXIAL.copy()
        affine[1, 0] = 1.5
        write_series(series / "tilted", pattern((6, 12, 10)), affine)
    end = _run(series, *arguments)
    assert end.returncode == 2
    line, = [line for line in end.stderr.splitlines() if line.startswith("error: ")]
    assert message in line
    assert not (series / "input").exists()
