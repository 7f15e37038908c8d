"""`python scripts/<command>.py` and `radiogen <command>` are the same command, named as it was called."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import radiogen
from radiogen.cli.entry import commands
from radiogen.cli.names import one_run, several_runs
from radiogen.core.errors import UserError

from ..warm_commands import run_python

pytestmark = pytest.mark.usefixtures("as_library")
SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def _run(folder, *words):
    return run_python(*words, cwd=folder)


def test_every_script_runs_the_command_of_its_name():
    scripts = {path.stem: path for path in SCRIPTS.glob("*.py") if path.stem != "environment"}
    assert {name.replace("-", "_") for name in commands()} == set(scripts)
    for name, path in scripts.items():
        imported = [node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        assert commands()[name.replace("_", "-")] in imported


def test_without_a_command_all_are_listed_with_a_line_each(tmp_path):
    end = _run(tmp_path, "-m", "radiogen.cli")
    assert end.returncode == 0
    assert [line.split()[0] for line in end.stdout.splitlines()[2:]] == sorted(commands())


def test_a_command_that_is_not_there_is_one_line_and_exit_code_2(tmp_path):
    end = _run(tmp_path, "-m", "radiogen.cli", "trian")
    assert (end.returncode, end.stdout) == (2, "")
    line = "error: radiogen trian: there is no such command (did you mean train?); choose one of: "
    assert end.stderr.startswith(line)


def test_the_version_and_the_help_are_where_one_looks_for_them(tmp_path):
    assert _run(tmp_path, "-m", "radiogen.cli", "--version").stdout == f"radiogen {radiogen.__version__}\n"
    assert _run(tmp_path, "-m", "radiogen.cli", "help").stdout.startswith("usage: radiogen COMMAND")
    assert _run(tmp_path, "-m", "radiogen.cli", "help", "submit").stdout.startswith("usage: radiogen submit RUN")


def test_messages_name_commands_as_the_user_called_them(tmp_path):
    as_script, installed = _run(tmp_path, SCRIPTS / "evaluate.py"), _run(tmp_path, "-m", "radiogen.cli", "evaluate")
    assert "; python scripts/train.py --fold all, then python scripts/predict.py --run NAME" in as_script.stderr
    assert "; radiogen train --fold all, then radiogen predict --run NAME" in installed.stderr


def test_a_wrong_option_names_the_help_of_the_command_as_it_was_called(tmp_path):
    end = _run(tmp_path, "-m", "radiogen.cli", "predict", "--no-such-thing")
    assert end.returncode == 2 and end.stderr.endswith("see radiogen predict --help\n")


@pytest.mark.parametrize(("name", "run", "chosen"), [("a", None, "a"), (None, "a", "a"), ("a", "a", "a"),
                                                     (None, None, None)])
def test_a_run_may_be_named_with_and_without_the_option(name, run, chosen):
    assert one_run(name, run) == chosen


def test_two_different_runs_are_refused_where_a_command_takes_one():
    with pytest.raises(UserError, match="RUN a and --run b: name two runs"):
        one_run("a", "b")


def test_runs_without_the_option_come_first_where_a_command_takes_several():
    assert several_runs(("b",), ("a",)) == ("b", "a")


def test_a_name_that_leaves_its_folder_is_refused_however_it_is_given():
    for call in (lambda: one_run("../a", None), lambda: one_run(None, "../a"), lambda: several_runs((), ("../a",))):
        with pytest.raises(UserError):
            call()


def test_what_a_program_imports_from_the_package_is_there_and_nothing_else():
    for name in radiogen.__all__:
        assert getattr(radiogen, name).__module__.startswith("radiogen.")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = radiogen.nothing


def test_help_and_messages_have_only_characters_that_every_console_can_show():
    root = SCRIPTS.parent
    assert (root / "docs" / "commands.md").read_text(encoding="utf-8").isascii()
    pages = {root / "src/radiogen/evaluation/report/page.py", root / "src/radiogen/training/recipe/table.py"}
    assert [path for path in (root / "src").rglob("*.py") if path not in pages
            and not path.read_text(encoding="utf-8").isascii()] == []


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_what_a_console_cannot_show_is_written_as_its_code(tmp_path, encoding):
    (tmp_path / "m.csv").write_text("id,label,probability\nM\u00fcller \u6771,0,2\n", encoding="utf-8")
    end = subprocess.run([sys.executable, "-m", "radiogen.cli", "evaluate", "--predictions", "m.csv", "--id-column",
                          "\u6771"], cwd=tmp_path, capture_output=True, env={
        **os.environ, "PYTHONPATH": str(SCRIPTS.parent / "src"), "PYTHONIOENCODING": encoding, "TERM": "dumb"})
    assert end.returncode == 2 and b"\\u6771" in end.stderr and b"Traceback" not in end.stderr
