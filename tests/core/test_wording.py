"""Messages name parameters and commands as whoever called the package writes them."""

import sys
from pathlib import Path

import pytest

from radiogen.core import wording

pytestmark = pytest.mark.usefixtures("as_library")


@pytest.mark.parametrize(("path", "value", "program", "line"), [
    ("data.size", 0, "data.size=0", "--size 0"), ("run", "my run", "run='my run'", "--run 'my run'"),
    ("data.sequences", ("T1w", "T2w"), "data.sequences=('T1w', 'T2w')", "--sequences T1w T2w"),
    ("augmentation.tta", True, "augmentation.tta=True", "--tta"),
    ("optimisation.drop_last", False, "optimisation.drop_last=False", "--no-drop-last"),
    ("data.depth", None, "data.depth=None", "--depth None")])
def test_a_parameter_with_a_value_is_named_as_its_reader_writes_it(monkeypatch, path, value, program, line):
    assert wording.parameter(path, value) == program
    for way in ("scripts", "radiogen"):
        monkeypatch.setenv(wording.CALLED_AS, way)
        assert wording.parameter(path, value) == line


def test_a_parameter_without_a_value_is_its_name_or_its_option(monkeypatch):
    assert wording.parameter("optimisation.early_stopping_fraction") == "optimisation.early_stopping_fraction"
    monkeypatch.setenv(wording.CALLED_AS, "scripts")
    assert wording.parameter("optimisation.early_stopping_fraction") == "--early-stopping-fraction"


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
    assert wording.this_program() == (program if program.startswith("radiogen") else f"python {program}")


def test_a_run_is_named_with_its_place_where_that_is_not_models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert wording.as_run("models/small-demo-3d") == "small-demo-3d"
    assert wording.as_run(tmp_path / "models" / "small-demo-3d") == "small-demo-3d"
    assert wording.as_run(tmp_path / "other place" / "one") == f"one --models '{tmp_path}/other place'"
    assert wording.models_option(Path("models")) == ""


def test_what_a_user_would_copy_is_quoted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert wording.as_run(tmp_path / "models" / "my run; rm -r *") == "'my run; rm -r *'"


def test_a_list_is_words_as_they_are_spoken_and_of_many_the_first():
    assert [wording.listing(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "b", "c"])] == [
        "", "a", "a and b", "a, b and c"]
    assert wording.listing(list("abcdefg")) == "a, b, c, d, e and 2 more"


def test_a_shortened_list_has_its_first_words_and_how_many_are_left():
    assert wording.shortened(["a", "b"]) == "a, b"
    assert wording.shortened(list("abcd"), 2, more="more pairs") == "a, b and 2 more pairs"


def test_a_list_that_just_fits_is_whole_and_one_word_more_is_counted():
    assert wording.shortened(list("ab"), 2) == "a, b" and wording.shortened(list("abc"), 2) == "a, b and 1 more"
    assert wording.shortened([], 2) == "" and wording.listing(list("abcde")) == "a, b, c, d and e"


@pytest.mark.parametrize(("word", "known", "said"), [
    ("demo3d", ("demo-2d", "demo-3d"), " (did you mean demo-3d?)"),
    ("FLAR", ("FLAIR", "T1w"), " (did you mean FLAIR?)"), ("flair", ("FLAIR",), " (did you mean FLAIR?)"),
    ("T2w", ("T1w", "T1wCE"), ""), ("zzz", ("demo-2d",), ""), ("a", (), "")])
def test_the_nearest_name_is_suggested_where_one_is_near(word, known, said):
    assert wording.nearest(word, known) == said


@pytest.mark.parametrize(("seconds", "text"), [(8, "8 s"), (200, "3 min"), (7300, "2 h"), (5 * 86400, "5 d")])
def test_an_age_has_one_unit(seconds, text):
    assert wording.age(seconds) == text
