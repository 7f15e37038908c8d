"""What `--help` prints of a command: its options with what they take, a sentence and a default, in 100 columns."""

import dataclasses
import importlib
import inspect
import sys

import pytest

from radiogen.cli.entry import commands
from radiogen.core.terminal.help_text import MANY, WIDEST, help_text, option_helps, option_names
from radiogen.training.recipe.options import TrainOptions
from radiogen.training.recipe.recipes import DEMO_3D

MAINS = {name: importlib.import_module(module).main for name, module in commands().items()}
WITH_SIGNATURE = sorted(name for name, main in MAINS.items() if inspect.signature(main).parameters)


def small(path: str | None = None, size: int = 3, whole: bool = False, names: tuple[str, ...] = (),
          rate: float | None = None) -> None:
    """Do a thing.

    At length.

    Example: draw-cases --size 3

    Args:
        path: Where it lies (default: here).
        size: Edge in voxels.
        whole: All of it, not with `rate`.
        names: What they are called.
        rate: How fast; None: as fast as it goes.
    """


@dataclasses.dataclass(frozen=True)
class Many:
    """Ten options of several topics."""

    models: int = 0
    """Of them one."""
    workers: int = 1
    """Of them one."""
    a: int = 2
    """Of them one."""
    b: int = 2
    """Of them one."""
    c: int = 2
    """Of them one."""
    d: int = 2
    """Of them one."""
    e: int = 2
    """Of them one."""
    f: int = 2
    """Of them one."""
    g: int = 2
    """Of them one."""


def test_an_option_shows_what_it_takes_in_words_and_its_default_once():
    assert option_helps(small) | {"-h": ""} == {
        "-h": "", "--path": "Where it lies (default: here).", "--size": "Edge in voxels. (default: 3)",
        "--whole": "All of it, not with --rate. (default: no)", "--names": "What they are called. (default: none)",
        "--rate": "How fast (default: as fast as it goes)."}
    text = help_text(small)
    for line in ("  --path TEXT ", "  --size INTEGER ", "  --[no-]whole ", "  --names TEXT ... ", "  --rate NUMBER "):
        assert f"\n{line}" in text


def test_an_example_stands_as_it_is_typed_below_what_the_command_does():
    blocks = help_text(small).split("\n\n")
    assert blocks[1:4] == ["Do a thing.", "At length.", "example: python scripts/draw_cases.py --size 3"]


def test_many_options_are_divided_by_topic_and_few_are_not():
    titles = [block.splitlines()[0] for block in help_text(Many).split("\n\n")[2:]]
    assert titles == ["options:", "where it is kept:", "where it runs:"] and len(dataclasses.fields(Many)) > MANY
    assert [block.splitlines()[0] for block in help_text(small).split("\n\n")[4:]] == ["options:"]


def test_the_text_fits_a_narrow_window_and_never_takes_more_than_a_hundred_columns(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["scripts/evaluate.py"])
    for columns, most in ((60, 60), (300, WIDEST)):
        monkeypatch.setenv("COLUMNS", str(columns))
        lines = [line for line in help_text(MAINS["evaluate"]).splitlines() if not line.startswith("example: ")]
        assert max(map(len, lines)) <= most


@pytest.mark.parametrize("name", WITH_SIGNATURE)
def test_every_command_has_an_example_and_every_option_a_sentence_and_a_default(name):
    text = help_text(MAINS[name])
    assert text.count("\nexample: python scripts/") == 1
    for option, said in option_helps(MAINS[name]).items():
        stated = "(default" in said or "(required)" in said
        assert option == "-h" or (stated and len(said.split()) > 3), (option, said)


def test_every_field_of_a_recipe_has_a_sentence_and_a_default():
    helps = option_helps(TrainOptions, default=TrainOptions(settings=DEMO_3D))
    assert len(helps) > 40
    assert [option for option, said in helps.items() if option != "-h" and "(default" not in said] == []


def test_examples_name_options_that_there_are():
    for name in WITH_SIGNATURE:
        line = next(line for line in help_text(MAINS[name]).splitlines() if line.startswith("example: "))
        assert {word for word in line.split() if word.startswith("--")} <= set(option_names(MAINS[name]))
