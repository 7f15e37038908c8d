"""The rehearsal is as strict as Kaggle: no network, a read-only input, no package that the image lacks."""

import dataclasses
import os
import socket
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.synthetic.wheels import write_wheel
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.kaggle.kernels import bundle, kernel, rehearsal, rehearsal_site
from radiogen.kaggle.kernels.rehearsal import _check_values, _namespace_works, _run, rehearsal_text, run_kernel
from radiogen.kaggle.kernels.rehearsal_input import MOUNTS, broken_ids, copy_case, lay_out
from radiogen.kaggle.kernels.rehearsal_site import make_environment
from radiogen.kaggle.mounts import competition_folder, mounted_file
from radiogen.kaggle.notebooks.sources import notebook
from radiogen.task import RSNA_MICCAI, Task

from ..small_run import write_data, write_predicted_run

isolated_only = pytest.mark.skipif(not _namespace_works(), reason="no network namespace can be made here")


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "kaggle"
    (folder / "input").mkdir(parents=True)
    return folder


def _try(root, code, isolated=True, hours=9.0):
    _run([sys.executable, "-c", code], root, isolated, root.parent / "rehearsal.log", hours)
    return (root.parent / "rehearsal.log").read_text()


@isolated_only
def test_a_rehearsed_kernel_reaches_no_server_that_this_machine_reaches(root):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        reach = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)"
        subprocess.run([sys.executable, "-c", reach], check=True)
        with pytest.raises(UserError, match="the kernel fails"):
            _try(root, reach)


@isolated_only
def test_a_rehearsed_kernel_cannot_write_into_its_input_and_can_into_its_working_folder(root):
    _try(root, "open('submission.csv', 'w').write('x')")
    assert (root / "working" / "submission.csv").read_text() == "x"
    with pytest.raises(UserError, match="Read-only file system"):
        _try(root, f"open({str(root / 'input' / 'x')!r}, 'w')")
    assert not list((root / "input").iterdir())


@pytest.mark.parametrize("gone", ["a file of the case", "the case"])
def test_a_case_that_is_moved_away_while_it_is_copied_is_named_in_a_line(tmp_path, gone):
    case = tmp_path / "data" / "test" / "00001"
    if gone == "a file of the case":
        (case / "FLAIR").mkdir(parents=True)
        (case / "FLAIR" / "Image-1.dcm").symlink_to(tmp_path / "moved")  # listed, and not there when it is read
    with pytest.raises(UserError, match="test/00001: was changed or moved while it was copied; .*--data"):
        copy_case(tmp_path / "data", "00001", tmp_path / "input")


def test_without_namespaces_pip_still_finds_no_index(root):
    code = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-m', 'pip', 'download', 'tyro']))"
    with pytest.raises(UserError, match="the kernel fails"):
        _try(root, code, isolated=False)


def test_no_token_of_the_environment_reaches_the_kernel(root, monkeypatch):
    monkeypatch.setenv("KAGGLE_KEY", "0123456789abcdef")
    assert "KAGGLE_KEY" not in _try(root, "import os; print(sorted(os.environ))", isolated=False)


def test_a_kernel_that_fails_is_reported_in_one_line_and_its_log_kept(root):
    with pytest.raises(UserError) as error:
        _try(root, "print('before'); raise ValueError('no such fold')", isolated=False)
    assert "ValueError: no such fold" in str(error.value) and "\n" not in str(error.value)
    assert "before" in Path(error.value.where).read_text()


def test_a_kernel_that_takes_more_memory_than_a_session_has_fails(root, monkeypatch):
    monkeypatch.setattr(rehearsal, "MEMORY_BYTES", 300 * 2**20)
    with pytest.raises(UserError, match="MemoryError"):
        _try(root, "bytearray(600 * 2**20)", isolated=False)


def test_a_kernel_that_takes_longer_than_a_session_is_stopped(root, monkeypatch):
    with pytest.raises(UserError, match=r"took more than 5e-05 hours; take fewer runs"):
        _try(root, "import signal; signal.pause()", isolated=False, hours=5e-5)


def test_a_kernel_that_writes_more_than_a_session_keeps_is_stopped(root, monkeypatch):
    monkeypatch.setattr(rehearsal, "WORKING_BYTES", 10**6)
    monkeypatch.setattr(rehearsal, "LOOK_SECONDS", 0.05)
    code = "import signal; open('big', 'wb').truncate(2 * 10**6); signal.pause()"
    with pytest.raises(UserError, match="wrote 0.0 GB into its working folder; .* write what need not be kept"):
        _try(root, code, isolated=False)


@pytest.mark.slow
def test_the_environment_has_the_images_packages_and_not_what_the_bundle_brings(tmp_path):
    python = make_environment(Path(sys.executable), ["tqdm", "radiogen"], tmp_path / "env")
    code = ("import importlib.util as u\n"
            "print([name for name in ('numpy', 'pandas', 'tqdm', 'radiogen') if u.find_spec(name)])")
    end = subprocess.run([python, "-c", code], capture_output=True, text=True, cwd=tmp_path,
                         env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"})
    assert end.stdout == "['numpy', 'pandas']\n", end.stderr


def test_an_interpreter_that_is_none_is_reported(tmp_path):
    with pytest.raises(UserError, match="cannot make an environment"):
        make_environment(tmp_path / "python", [], tmp_path / "env")


def test_a_kernel_that_predicts_anything_else_is_not_pushed():
    expected = pd.Series({"00020": 0.25, "00021": 0.75})
    record = {"imputed": ["99998"]}
    _check_values(pd.Series({"00020": 0.2500005, "00021": 0.75}), expected, record, "99998")
    with pytest.raises(UserError, match=r"case 00021 got 0.7500100 in the kernel and 0.7500000"):
        _check_values(pd.Series({"00020": 0.25, "00021": 0.75001}), expected, record, "99998")
    with pytest.raises(UserError, match="did not get the prevalence"):
        _check_values(expected, expected, {"imputed": []}, "99998")


def test_a_rehearsal_warns_where_the_hidden_test_set_would_need_more_than_half_of_a_session():
    made = rehearsal.Rehearsal(python="3.13", mounts="new", competition=RSNA_MICCAI.competition, cases=8,
                               difference=0.0, isolated=True, seconds=100.0, start_seconds=20.0, case_seconds=60.0,
                               hidden_seconds=20.0 + 348 * 60, memory_bytes=10**9,
                               session={"outside_ranges": ["numpy 1.2, wanted >=2"]})
    text = rehearsal_text([dataclasses.replace(made, mounts="old", hidden_seconds=60.0, memory_bytes=1), made])
    assert "Python 3.13 with old mounts, Python 3.13 with new mounts" in text
    assert "would take 5.81 of 9 hours" in text and "warning: more than half of the session" in text
    assert "outside setup.cfg's ranges: numpy 1.2" in text


@pytest.mark.slow
def test_a_whole_kernel_installed_offline_predicts_what_this_environment_does(tmp_path, monkeypatch):
    version = write_wheel(tmp_path / "wheels", "rare-thing", "1.2").name.split("-")[1]
    monkeypatch.setattr(bundle, "missing_packages", lambda _: {"rare-thing": version})
    data = write_data(tmp_path / "data")
    for seed, name in enumerate(("first", "second")):
        write_predicted_run(data, tmp_path / "models" / name, tmp_path / "cache", seed)
    names = kernel.Names("somebody", "Radiogen MGMT")
    folders = kernel.prepare(tmp_path / "models", ["first", "second"], names, tmp_path / "kernel",
                             wheels=tmp_path / "wheels")
    found = rehearsal.rehearse(*folders, tmp_path / "models", ["first", "second"], cases=2, log=tmp_path / "log",
                               mounts=tuple(MOUNTS))
    assert [one.mounts for one in found] == ["new", "old", "mixed", "mixed the other way"]
    for made in found:
        assert made.cases == 2 and made.difference <= rehearsal.TOLERANCE
        assert made.session["runs"] == ["first", "second"] and made.session["cases"] == 2 + len(rehearsal.BROKEN)
        assert "99998" in made.session["imputed"] and "99999" not in made.session["imputed"]
        assert made.isolated == _namespace_works() and 0 < made.memory_bytes < rehearsal.MEMORY_BYTES
    pictures = [output for cell in files.read_json(tmp_path / "log.ipynb")["cells"]
                for output in cell.get("outputs", ()) if "image/png" in output.get("data", ())]
    assert len(pictures) == 1, "the histogram"


@pytest.mark.slow
@isolated_only
def test_jupyter_runs_a_notebook_without_a_network_and_keeps_its_outputs(root, tmp_path):
    cells = notebook("# %%\nprint(6 * 7)\n\n# %%\nimport os; print(os.getcwd())\n")
    path = files.write_json(tmp_path / "kernel.ipynb", cells)
    _, isolated = run_kernel(Path(sys.executable), path, root, tmp_path / "rehearsal.log", 9.0)
    assert isolated and (tmp_path / "rehearsal.log").read_text().splitlines()[-2:] == ["42", str(root / "working")]
    kept = files.read_json(tmp_path / "rehearsal.ipynb")["cells"]
    assert ["".join(cell["outputs"][0]["text"]) for cell in kept] == ["42\n", f"{root / 'working'}\n"]


@pytest.mark.slow
def test_a_cell_that_fails_ends_the_rehearsal_with_its_error(root, tmp_path):
    path = files.write_json(tmp_path / "kernel.ipynb", notebook("# %%\nraise ValueError('no such fold')\n"))
    with pytest.raises(UserError, match="rehearsal.log: the kernel fails: ValueError: no such fold;"):
        run_kernel(Path(sys.executable), path, root, tmp_path / "rehearsal.log", 9.0)


@pytest.mark.parametrize("mounts", MOUNTS)
def test_what_is_attached_is_found_in_every_way_in_which_sessions_mount_it(tmp_path, mounts):
    files.write_text(tmp_path / "bundle" / "radiogen-bundle.json", "{}")
    write_data(tmp_path / "data")
    broken = lay_out(tmp_path / "bundle", tmp_path / "data", ["00020", "00021"], tmp_path / "input", mounts)
    folder = competition_folder(tmp_path / "input")
    assert sorted(path.name for path in (folder / "test").iterdir()) == ["00020", "00021", *broken]
    assert broken == ["99997", "99998", "99999"]
    assert mounted_file(tmp_path / "input", "radiogen-bundle.json") is not None


@pytest.mark.parametrize(("pattern", "example", "broken"), [
    ("[0-9]{5}", "00042", ["99997", "99998", "99999"]), (r"P-\d{2}", "P-20", ["P-97", "P-98", "P-99"]),
    (r"[a-z]\d\d?x", "b7x", ["b7x", "b8x", "b9x"])])
def test_broken_cases_have_ids_of_the_task(pattern, example, broken):
    task = Task("any", id_pattern=pattern, id_example=example)
    assert broken_ids(task, [example.replace("7", "1")]) == broken


def test_ids_without_a_number_leave_none_for_broken_cases():
    with pytest.raises(UserError, match="has ids without a number"):
        broken_ids(Task("any", id_pattern="[a-z]+", id_example="anna"), ["anna"])


def test_an_interpreter_without_jupyter_is_named_with_the_command_that_helps(tmp_path, monkeypatch):
    monkeypatch.setattr(rehearsal_site, "_call", lambda *_: '[["numpy", "/x", ["numpy"]]]')
    with pytest.raises(UserError, match="lacks ipykernel and nbclient, .* python3.13 -m pip install"):
        make_environment(Path("python3.13"), [], tmp_path / "env")
