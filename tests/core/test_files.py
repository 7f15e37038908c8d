"""Files are whole or not there; folders have one worker at a time."""

import fcntl
import multiprocessing
import os
import signal
import threading
import time

import numpy as np
import pandas as pd
import pytest

from radiogen.core import files
from radiogen.core.errors import UserError


def test_a_writer_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = files.write_text(tmp_path / "table.csv", "old")

    def fail(file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match="table.csv.*No space left"):
        files.write_with(path, fail)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["table.csv"]


def test_who_reads_a_folder_waits_for_who_works_in_it_and_readers_share_it(tmp_path, capsys):
    order = []

    def read():
        with files.reading_folder(tmp_path):
            order.append("read")

    with files.working_folder(tmp_path):
        reader = threading.Thread(target=read)
        reader.start()
        while "is in use by another process: waiting" not in capsys.readouterr().out:
            time.sleep(0.01)
        order.append("worked")
    reader.join(10)
    assert order == ["worked", "read"]
    with (files.reading_folder(tmp_path), files.reading_folder(tmp_path), (tmp_path / ".lock").open() as other,
          pytest.raises(BlockingIOError)):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_folder_in_which_nobody_ever_worked_is_read_and_gets_no_lock(tmp_path):
    with files.reading_folder(tmp_path), files.reading_folder(tmp_path / "missing"):
        assert os.listdir(tmp_path) == []


def test_a_path_inside_the_project_is_recorded_from_there_on_and_found_again_from_elsewhere(tmp_path, monkeypatch):
    run, data = tmp_path / "models" / "a", tmp_path / "input" / "set"
    data.mkdir(parents=True)
    output = files.recorded_path(data, run)
    assert output == "input/set" and files.recorded_path("input/set", run) == "input/set"
    monkeypatch.chdir(data)
    assert files.found_path(output, run) == data


def test_a_path_outside_the_project_is_recorded_whole_for_it_could_not_be_found_again(tmp_path):
    assert files.recorded_path(tmp_path / "disk" / "set", tmp_path / "home" / "models" / "a") == str(
        tmp_path / "disk" / "set")
    assert files.recorded_path("/disk/set", "/models/a") == "/disk/set"


def _write_and_die(path):
    def die(file):
        file.write(b"half")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    with files.working_folder(path.parent):
        files.write_with(path, die)


def test_a_killed_writer_leaves_no_half_file_under_the_final_name_and_the_next_one_sweeps(tmp_path):
    path = tmp_path / "array.npy"
    process = multiprocessing.get_context("fork").Process(target=_write_and_die, args=(path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not path.exists()
    assert (tmp_path / ".array.npy.radiogen.part").exists()
    with files.working_folder(tmp_path):  # the lock of the dead process does not hold
        assert not (tmp_path / ".array.npy.radiogen.part").exists()


def _write_slowly(path, begun, may_end):
    def fill(file):
        file.write(b"slow ")
        file.flush()
        begun.set()
        may_end.wait()
        file.write(b"and whole")

    files.write_with(path, fill)


@pytest.fixture
def slow_writer(tmp_path):
    """A process in the midst of writing `table.csv`, and what lets it finish; it is waited for."""
    context = multiprocessing.get_context("fork")
    begun, may_end = context.Event(), context.Event()
    process = context.Process(target=_write_slowly, args=(tmp_path / "table.csv", begun, may_end))
    process.start()
    begun.wait()

    def finish():
        may_end.set()
        process.join()
        return process.exitcode

    yield may_end, finish
    finish()


def test_two_processes_that_write_one_file_follow_each_other(tmp_path, slow_writer, monkeypatch):
    may_end, finish = slow_writer
    lock, seen = files.fcntl.flock, []

    def flock(file, kind):
        seen.append(sorted(os.listdir(tmp_path)))
        may_end.set()  # only now: this process has opened the other's temporary file
        lock(file, kind)

    monkeypatch.setattr(files.fcntl, "flock", flock)
    files.write_text(tmp_path / "table.csv", "second")
    assert finish() == 0 and seen[0] == [".table.csv.radiogen.part"]
    assert (tmp_path / "table.csv").read_text() == "second"
    assert os.listdir(tmp_path) == ["table.csv"]


def test_what_another_process_is_writing_is_not_swept_away(tmp_path, slow_writer):
    with files.working_folder(tmp_path):
        pass
    assert slow_writer[1]() == 0
    assert (tmp_path / "table.csv").read_text() == "slow and whole"


def test_half_made_folders_are_swept_too(tmp_path):
    (tmp_path / "deep" / ".00012.radiogen.part").mkdir(parents=True)
    (tmp_path / "deep" / ".00012.radiogen.part" / "Image-1.dcm").write_bytes(b"x")
    with files.working_folder(tmp_path):
        assert os.listdir(tmp_path / "deep") == []


def test_half_files_of_other_programs_are_not_swept_away(tmp_path):
    (tmp_path / ".films").mkdir()
    for name in (".films.part", ".films/.one.mkv.part"):
        (tmp_path / name).write_text("theirs")
    with files.working_folder(tmp_path):
        pass
    files.write_text(tmp_path / "films", "ours")
    assert [(tmp_path / name).read_text() for name in (".films.part", ".films/.one.mkv.part")] == ["theirs"] * 2


def test_a_temporary_file_is_never_written_through_a_link(tmp_path):
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / f".table.csv{files.PART}").symlink_to(tmp_path / "theirs")
    with pytest.raises(UserError, match="table.csv: cannot be written"):
        files.write_text(tmp_path / "table.csv", "ours")
    assert (tmp_path / "theirs").read_text() == "theirs"


@pytest.mark.parametrize("name", ["", ".", "..", "../victim", "/abs/path", "a/b/c", "a/", ".hidden", "-x", "a b",
                                  "a\nb", "a\\b", "a\0", "caf\udce9", "x" * 201])
def test_what_would_lead_elsewhere_is_no_name(name):
    with pytest.raises(UserError, match="^--name .*: is not a valid name: .*; give a name"):
        files.checked_name("--name", name)


@pytest.mark.parametrize("name", ["phantom-demo-3d", "Köln_2.1", "00000", "_", "a..b"])
def test_ordinary_names_are_taken(name):
    assert files.checked_name("--name", name) == name


def test_a_name_after_a_folder_is_one(tmp_path):
    for folder in ("my data (2)", ".hidden", "-x", "Köln", "\n"):
        assert files.checked_name("--run", files.name_from(tmp_path / folder))
    assert files.name_from(tmp_path / "my data (2)") == "my-data-2-"


def test_a_folder_appears_whole(tmp_path):
    def fill(folder):
        (folder / "a").write_text("a")
        assert not (tmp_path / "case").exists()

    files.write_folder(tmp_path / "case", fill)
    assert (tmp_path / "case" / "a").read_text() == "a"
    assert os.listdir(tmp_path) == ["case"]


def test_a_library_that_wants_a_name_gets_one_of_the_same_ending(tmp_path):
    def save(path):
        assert path.name == "model.weights.h5"
        path.write_bytes(b"weights")

    files.write_by_name(tmp_path / "model.weights.h5", save)
    assert os.listdir(tmp_path) == ["model.weights.h5"]


def test_an_array_comes_back_as_it_was(tmp_path):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(np.load(files.write_array(tmp_path / "a.npy", array)), array)


def test_a_folder_that_cannot_be_made_is_one_line_with_its_name(tmp_path):
    (tmp_path / "file").write_text("")
    with (pytest.raises(UserError, match="file/run: cannot be written to"),
          files.working_folder(tmp_path / "file" / "run")):
        pass


def test_damaged_json_names_the_file_and_the_remedy(tmp_path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(UserError, match=r"run\.json: cannot be read.*delete it"):
        files.read_json(tmp_path / "run.json")


def test_json_nested_without_end_names_the_file(tmp_path):
    (tmp_path / "run.json").write_text("[" * 200_000)
    with pytest.raises(UserError, match=r"run\.json: cannot be read"):
        files.read_json(tmp_path / "run.json")


def test_what_a_link_leaves_when_it_is_killed_is_swept_away_as_any_half_file(tmp_path, monkeypatch):
    source = files.write_text(tmp_path / "source", "arrays")
    (tmp_path / "room").mkdir()
    with monkeypatch.context() as killed:
        killed.setattr(type(source), "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        killed.setattr(type(source), "unlink", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            files.link(source, tmp_path / "room" / "target")
    assert len(list((tmp_path / "room").iterdir())) == 1
    with files.working_folder(tmp_path / "room"):
        assert [path.name for path in (tmp_path / "room").iterdir()] == [".lock"]


def test_a_path_that_is_recorded_and_lies_beside_models_is_found_there_unless_it_is_here(tmp_path, monkeypatch):
    run = tmp_path / "project" / "models" / "a"
    (tmp_path / "project" / "input").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert files.found_path("input", run) == tmp_path / "project" / "input"
    assert files.found_path("nowhere", run) == files.Path("nowhere")
    (tmp_path / "input").mkdir()
    assert files.found_path("input", run) == files.Path("input")


@pytest.mark.parametrize(("text", "name"), [
    ("my data (2)", "my-data-2-"), ("..a", "a"), ("-.-x", "x"), ("...", ""), ("Köln", "Köln"), ("a/b", "a-b")])
def test_a_text_becomes_a_name_with_hyphens_for_what_a_name_may_not_have(text, name):
    assert files.valid_name(text) == name


def test_a_folder_whose_name_has_nothing_left_is_called_data(tmp_path):
    assert files.name_from(tmp_path / "---") == "data"


def test_text_that_is_not_utf_8_is_written_as_numbers_and_not_refused(tmp_path):
    path = files.write_text(tmp_path / "a.txt", "caf\udce9 é")
    assert path.read_bytes() == "caf\\udce9 é".encode()


def test_json_is_written_for_people_with_letters_as_they_are(tmp_path):
    path = files.write_json(tmp_path / "a.json", {"name": "Köln", "sizes": [1]})
    assert path.read_text(encoding="utf-8") == files.json_text({"name": "Köln", "sizes": [1]})
    assert "Köln" in path.read_text(encoding="utf-8") and path.read_text(encoding="utf-8").count("\n") == 6


def test_a_table_has_no_index_unix_lines_and_every_digit(tmp_path):
    path = files.write_csv(tmp_path / "a.csv", pd.DataFrame({"case": ["00001"], "value": [0.1 + 0.2]}, index=[7]))
    assert path.read_bytes() == b"case,value\n00001,0.30000000000000004\n"


def test_a_link_is_the_same_file_and_replaces_what_was_there(tmp_path):
    source, target = files.write_text(tmp_path / "source", "arrays"), files.write_text(tmp_path / "target", "old")
    assert files.link(source, target) == target and target.samefile(source)
    files.link(source, target)  # again: two names of one file
    assert sorted(os.listdir(tmp_path)) == ["source", "target"]


def test_where_the_file_system_has_no_links_a_copy_is_made(tmp_path, monkeypatch):
    source = files.write_text(tmp_path / "source", "arrays")

    def refuse(*_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(type(source), "hardlink_to", refuse)
    target = files.link(source, tmp_path / "target")
    assert target.read_text() == "arrays" and not target.samefile(source)
    assert sorted(os.listdir(tmp_path)) == ["source", "target"]


@pytest.mark.parametrize("write", [
    lambda path: files.write_by_name(path, lambda part: _fail(part)), lambda path: files.write_folder(path, _fail),
    lambda path: files.write_with(path, _fail)], ids=["by name", "folder", "file"])
def test_a_fault_of_ours_stays_one_and_leaves_nothing_behind(tmp_path, write):
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "made")
    assert [name for name in os.listdir(tmp_path) if name != f".made{files.PART}"] == []


def _fail(_):
    raise ZeroDivisionError


def test_a_library_that_writes_nothing_under_the_name_that_it_got_is_an_error_with_the_final_name(tmp_path):
    with pytest.raises(UserError, match=r"/a\.h5: cannot be written \(No such file or directory\)"):
        files.write_by_name(tmp_path / "a.h5", lambda part: None)
    assert os.listdir(tmp_path) == []


def test_a_folder_never_replaces_one_that_has_files(tmp_path):
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "mine").write_text("mine")
    with pytest.raises(UserError, match="case: cannot be written"):
        files.write_folder(tmp_path / "case", lambda part: (part / "ours").write_text("ours"))
    assert os.listdir(tmp_path) == ["case"] and os.listdir(tmp_path / "case") == ["mine"]


def test_a_missing_json_says_to_run_the_command_that_makes_it(tmp_path):
    with pytest.raises(UserError, match=r"a\.json: is missing; run the command that makes it"):
        files.read_json(tmp_path / "a.json")


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert files.sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_folder_that_is_worked_in_is_not_taken_by_who_only_tries(tmp_path):
    with files.try_working_folder(tmp_path / "a") as first, files.try_working_folder(tmp_path / "a") as second:
        assert (first, second) == (True, False)
    with files.try_working_folder(tmp_path / "a") as again:
        assert again


def test_half_files_are_swept_by_who_gets_the_folder_and_left_by_who_does_not(tmp_path):
    with files.working_folder(tmp_path):
        half = tmp_path / f".a{files.PART}"
        half.write_text("half")
        with files.try_working_folder(tmp_path) as held:
            assert not held and half.exists()
    with files.try_working_folder(tmp_path):
        assert not half.exists()
