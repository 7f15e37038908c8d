"""Messages name parameters and commands as whoever called the package writes them."""

import sys

import pytest

from radiogen.core import wording


@pytest.fixture(autouse=True)
def imported(monkeypatch):
    """As in a program that imports the package."""
    monkeypatch.delenv(wording.CALLED_AS, raising=False)


def test_a_program_reads_parameters_as_it_writes_them():
    assert (wording.parameter("batch_size"), wording.parameter("batch_size", 4)) == ("batch_size", "batch_size=4")


@pytest.mark.parametrize("way", ["scripts", "radiogen"])
def test_a_command_line_reads_parameters_as_options(monkeypatch, way):
    monkeypatch.setenv(wording.CALLED_AS, way)
    assert (wording.parameter("batch_size"), wording.parameter("batch_size", 4)) == ("--batch-size", "--batch-size 4")


@pytest.mark.parametrize(("way", "text"), [(None, "radiogen inspect-dataset --data 'my data'"),
                                           ("radiogen", "radiogen inspect-dataset --data 'my data'"),
                                           ("scripts", "python scripts/inspect_dataset.py --data 'my data'")])
def test_a_command_can_be_copied_into_a_shell(monkeypatch, way, text):
    if way:
        monkeypatch.setenv(wording.CALLED_AS, way)
    assert wording.command("inspect_dataset", "--data", "my data") == text


@pytest.mark.parametrize(("program", "text"), [("scripts/train.py", "--run 'a b'"), ("radiogen train", "--run 'a b'")])
def test_the_command_line_of_this_process_can_be_copied_into_a_shell(monkeypatch, program, text):
    monkeypatch.setattr(sys, "argv", [program, "--run", "a b"])
    assert wording.this_command().endswith(f"{program} {text}")
    assert wording.this_program().endswith(program)
