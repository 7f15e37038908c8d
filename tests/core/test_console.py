"""A command shows what the library logs; a program that imports it decides for itself."""

import subprocess
import sys

import pytest

from radiogen.core.console import SHOWN

PROGRAM = """
import logging, sys
from radiogen.core.console import follow_console, log_to_console
if {shown}: log_to_console()
{more}
logging.getLogger("radiogen.training").info("a note")
logging.getLogger("radiogen.training").warning("something odd")
"""


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    """Whoever runs the tests shows the log; a program does not."""
    monkeypatch.delenv(SHOWN, raising=False)


def _run(shown, more=""):
    program = PROGRAM.format(shown=shown, more=more)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


def test_a_command_prints_notes_as_they_are_and_marks_warnings():
    assert _run(True).stdout == "a note\nwarning: something odd\n"


def test_a_program_that_imports_the_package_has_an_empty_standard_output():
    assert _run(False).stdout == ""


def test_a_line_is_shown_once_however_often_the_console_is_asked_for():
    assert _run(True, "log_to_console(); follow_console()").stdout.count("a note") == 1


def test_a_process_that_a_command_starts_shows_the_same(monkeypatch):
    monkeypatch.setenv(SHOWN, "1")
    assert _run(False, "follow_console()").stdout == "a note\nwarning: something odd\n"
