"""`radiogen runs`: the table, and what it does with the runs that are named; its last line is what comes next."""

import pytest

from radiogen.cli import run_actions, run_removal
from radiogen.cli.runs.runs import main
from radiogen.core.errors import UserError

from ..runs.overview.folders import judge, predict, write_run


@pytest.fixture
def models(tmp_path, monkeypatch):
    """Two runs, of which one is not judged, in models/ of the working folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        predict(write_run(tmp_path / "models", name, learning_rate=0.1 if name == "a" else 0.2))
    judge(tmp_path / "models" / "a", ["a"])
    return tmp_path / "models"


def test_the_table_ends_with_what_comes_next(models, capsys):
    main()
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines[1:3]} == {"a", "b"} and "0.610 (0.405 to 0.780)" in "".join(lines)
    assert lines[-1].startswith("2 runs in models, ") and lines[-1].endswith("evaluate.py --run b")


def test_a_table_in_a_file_has_a_line_a_run_and_no_control_characters(models, capsys):
    write_run(models, "a-run-with-a-name-that-is-longer-than-any-terminal-is-wide-" * 3)
    main()
    text = capsys.readouterr().out
    assert "\x1b" not in text and len([line for line in text.splitlines() if " demo-3d " in line]) == 3


def test_without_runs_the_way_to_the_first_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main()
    assert capsys.readouterr().out.splitlines() == ["no run in models yet", "next: python scripts/train.py"]


def test_two_runs_are_compared_by_the_fields_that_differ(models, capsys):
    main(("a", "b"), compare=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["optimisation.learning_rate", "0.1", "0.2"]
    assert lines[-1] == "a and b differ in 3 fields"


def test_a_run_that_is_named_twice_is_one_run(models, capsys):
    main(("a", "b", "a"), compare=True)
    assert capsys.readouterr().out.splitlines()[-1] == "a and b differ in 3 fields"


def test_a_run_is_removed_after_a_yes_and_kept_after_anything_else(models, capsys, monkeypatch):
    monkeypatch.setattr(run_removal.sys.stdin, "isatty", lambda: True, raising=False)
    for answer, left in (("", True), ("n", True), ("y", False)):
        monkeypatch.setattr("builtins.input", lambda question, answer=answer: answer)
        main(("b",), remove=True)
        assert (models / "b").is_dir() == left
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["kept:", "kept:", "removed"]


def test_without_a_terminal_a_run_is_removed_only_where_the_option_says_so(models, monkeypatch):
    monkeypatch.setattr(run_removal.sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(UserError, match="--remove b: asks first, and there is no terminal to answer on; add --yes"):
        main(("b",), remove=True)
    main(("b",), remove=True, yes=True)
    assert not (models / "b").exists()


def test_what_cannot_be_done_is_refused_before_anything_is(models):
    for options, message in (({"remove": True}, "--remove: names no run"),
                             ({"compare": True}, "takes two different runs"),
                             ({"watch": True}, "no run in it is being trained"),
                             ({"watch": True, "remove": True}, "are different things")):
        with pytest.raises(UserError, match=message):
            main(**options)


def test_a_run_that_is_followed_says_at_the_end_how_far_it_is(models, capsys, monkeypatch):
    monkeypatch.setattr(run_actions, "follow", lambda folder: None)
    main(("b",), watch=True)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "2/2 folds are trained; next: python scripts/evaluate.py --run b"
