"""A wrong command line is one line, in plain words, with the nearest option there is."""

import os
import subprocess
import sys

import pytest

from radiogen.core.errors import UserError
from radiogen.core.terminal.command_line import call_main

PROGRAM = """
from radiogen.core.errors import run_command
from radiogen.core.terminal.command_line import call_main
def main(epochs: int = 3, rate: float = 0.1) -> None:
    '''Do.

    Args:
        epochs: How many.
        rate: How fast.
    '''
run_command(lambda: call_main(main))
"""


def main(epochs: int = 3, rate: float = 0.1) -> tuple[int, float]:
    """Do.

    Args:
        epochs: How many.
        rate: How fast.
    """
    return epochs, rate


def _message(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["radiogen train", *words])
    with pytest.raises(UserError) as caught:
        call_main(main)
    return str(caught.value)


def test_options_reach_the_function_as_what_they_are(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["radiogen train", "--epochs", "5"])
    assert call_main(main) == (5, 0.1)


@pytest.mark.parametrize(("words", "message"), [
    (("--epoch", "3"), "Unrecognized options: --epoch, 3 (did you mean --epochs?)"),
    (("--zzz",), "Unrecognized options: --zzz"), (("--epochs",), "Missing value for argument '--epochs'"),
    (("--epochs", "x"), "--epochs takes a whole number, and 'x' is none"),
    (("--rate", "x"), "--rate takes a number, and 'x' is none")])
def test_a_mistake_is_one_line(monkeypatch, words, message):
    said = _message(monkeypatch, *words)
    assert said.startswith(f"radiogen train: {message}") and said.endswith("; see radiogen train --help")
    assert "\n" not in said


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_a_mistake_says_what_it_is_on_a_console_that_cannot_draw_boxes(encoding):
    end = subprocess.run([sys.executable, "-c", PROGRAM, "--epochs", "x"], capture_output=True, text=True,
                         env={**os.environ, "PYTHONIOENCODING": encoding})
    assert end.returncode == 2 and end.stderr.count("\n") == 1
    assert "--epochs takes a whole number, and 'x' is none" in end.stderr
