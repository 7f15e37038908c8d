"""Mistakes of somebody's first hour: each is one line that names what is wrong and a remedy, and ends with code 2.

A remedy that is a command, or an option to give, is typed and is no mistake of that kind any more.
"""

import re
import shlex
import sys

import pytest

from radiogen.cli import entry
from radiogen.core.errors import UserError
from radiogen.core.wording import called_as

from ..runs.overview.folders import predict, write_run

MISTAKES = [  # what is typed, and what the line has to say
    ("trian", "there is no such command (did you mean train?)"),
    ("predcit phantom-demo", "(did you mean predict?)"),
    ("evaluation", "(did you mean evaluate?)"),
    ("make_fantom", "(did you mean make-phantom?)"),
    ("train --learning-rat 1", "Unrecognized options: --learning-rat, 1 (did you mean --learning-rate?)"),
    ("train --lerning-rate 0.1", "(did you mean --learning-rate?)"),
    ("train --epoch 3", "(did you mean --epochs?)"),
    ("train --batchsize 8", "(did you mean --batch-size?)"),
    ("train --receipe demo-3d", "(did you mean --recipe?)"),
    ("train -epochs 3", "Unrecognized options: -epochs"),
    ("train demo-3d", "Unrecognized options: demo-3d"),
    ("predict --rum a", "(did you mean --run?)"),
    ("demo --effct 3", "(did you mean --effect?)"),
    ("train --epochs ten", "--epochs takes a whole number, and 'ten' is none"),
    ("train --epochs 2.5", "--epochs takes a whole number, and '2.5' is none"),
    ("make-phantom --effect big", "--effect takes a number, and 'big' is none"),
    ("train --epochs", "Missing value for argument '--epochs'"),
    ("train --rank 4", "invalid choice '4' for argument '--rank'"),
    ("train --flips sideways", "invalid choice 'sideways' for argument '--flips'"),
    ("evaluate --scores percent", "invalid choice 'percent' for argument '--scores'"),
    ("train --recipe demo3d", "--recipe demo3d: there is no such recipe (did you mean demo-3d?)"),
    ("preprocess --recipe report3d", "(did you mean report-3d?)"),
    ("train --fold 7", "--fold 7: there is no such fold; choose one of 0, 1, 2, 3, 4, or all"),
    ("train --epochs 0", "--epochs 0: is too small; give more than 0"),
    ("train --learning-rate -1", "--learning-rate -1.0: is too small"),
    ("train --holdout-fraction 2", "--holdout-fraction 2.0: is out of range"),
    ("train --seeds 0", "--seeds 0: is too few; give 1 or more"),
    ("train --parallel-folds 0", "--parallel-folds 0: is too few; give 1 or more"),
    ("train --workers 0", "--workers 0: is too few; give 1 or more"),
    ("train --devices tpu", "--devices tpu: is not a choice of devices; give auto, cpu, gpu"),
    ("train --data input/fantom", "input/fantom: there is no such data set (did you mean phantom?)"),
    ("train --run ../elsewhere", "is not a valid name"),
    ("train --run new --start-from phantom-dem", "there is no such run (did you mean phantom-demo?)"),
    ("train --data input/phantom --sequences FLAR", "input/phantom: no case has FLAR (did you mean FLAIR?)"),
    ("draw-cases --data input/phantom --cases 00091", "--cases 00091: there is no such case in input/phantom"),
    ("predict", "RUN: no run is named; radiogen predict RUN"),
    ("predict phantom-dmo", "models/phantom-dmo: there is no such run (did you mean phantom-demo?)"),
    ("evaluate phantom-dmo", "models/phantom-dmo: there is no such run (did you mean phantom-demo?)"),
    ("runs phantom-dmo", "there is no such run (did you mean phantom-demo?)"),
    ("runs --compare phantom-demo", "takes two different runs, not 1; radiogen runs --compare A B"),
    ("runs --compare phantom-demo phantom-demo", "takes two different runs, not 1"),
    ("runs --yes", "--yes: answers the question that --remove asks; add --remove"),
    ("runs --remove phantom-demo", "there is no terminal to answer on; add --yes"),
    ("ensemble phantom-demo", "an ensemble needs two runs and was given 1"),
    ("validate phantom-demo", "--data: is missing; radiogen validate RUN --data FOLDER"),
    ("predict phantom-demo --run other", "name two runs, and this command takes one"),
    ("evaluate --labels labels.csv", "name them: --predictions FILE.csv"),
    ("evaluate --predictions predictions.csv", "predictions.csv: is missing"),
    ("judge-features", "TABLE: is missing; radiogen judge-features TABLE.csv"),
    ("describe-dataset", "Missing from radiogen describe-dataset: PATH"),
    ("inspect-dataset --data input/fantom", "(did you mean phantom?)"),
    ("make-phantom --cases 1", "--cases: is 1; give a number from 2"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working folder with a data set whose images are empty files, and a run that is predicted."""
    root, labels = tmp_path_factory.mktemp("newcomer"), "BraTS21ID,MGMT_value\n"
    for number in range(16):
        series = root / "input" / "phantom" / "train" / f"{number:05d}" / "FLAIR"
        series.mkdir(parents=True)
        (series / "1.dcm").write_bytes(b"")
        labels += f"{number:05d},{number % 2}\n"
    (root / "input" / "phantom" / "train_labels.csv").write_text(labels)
    predict(write_run(root / "models", "phantom-demo"))
    return root


@pytest.fixture(autouse=True)
def newcomer(folder, monkeypatch):
    """Who types `radiogen ...` in that folder, in a window of 80 columns, with standard input from nowhere."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RADIOGEN_CALLED_AS", "radiogen")
    monkeypatch.setenv("COLUMNS", "80")
    called_as("radiogen")


def _typed(monkeypatch, line):
    """The message of a mistake, as it stands after `error: `."""
    monkeypatch.setattr(sys, "argv", ["radiogen", *shlex.split(line)])
    with pytest.raises(UserError) as caught:
        entry._run_named()
    return str(caught.value)


def test_there_are_at_least_forty():
    assert len({line for line, _ in MISTAKES}) >= 40


@pytest.mark.parametrize(("line", "said"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_a_mistake_is_one_line_with_a_remedy(line, said, monkeypatch, folder):
    before = sorted(folder.rglob("*"))
    message = _typed(monkeypatch, line)
    assert said in message and "\n" not in message and "; " in message
    assert [path for path in sorted(folder.rglob("*")) if path not in before and path.name != ".lock"] == []


@pytest.mark.parametrize("line", [line for line, said in MISTAKES
                                  if "did you mean" in said and "--start-from" not in line])
def test_what_is_suggested_is_no_such_mistake_when_typed(line, monkeypatch):
    message = _typed(monkeypatch, line)
    meant = re.search(r"\(did you mean (\S+)\?\)", message)[1]
    wrong = next(word for word in shlex.split(line) if _like(word, meant))
    mended = line.replace(wrong, f"{wrong.rpartition('/')[0]}/{meant}".lstrip("/"), 1)
    monkeypatch.setattr(sys, "argv", ["radiogen", *shlex.split(mended), "--help"])
    with pytest.raises(SystemExit) as end:
        entry._run_named()
    assert end.value.code == 0


def _like(word, meant):
    from radiogen.core.wording import nearest

    return nearest(word.rpartition("/")[2], [meant]) != "" and word != meant


@pytest.mark.parametrize("line", [line for line, said in MISTAKES if "Unrecognized" in said or "takes a" in said])
def test_the_help_that_is_named_is_there(line, monkeypatch, capsys):
    message = _typed(monkeypatch, line)
    named = re.search(r"see radiogen (.+)$", message)[1]
    monkeypatch.setattr(sys, "argv", ["radiogen", *shlex.split(named)])
    with pytest.raises(SystemExit) as end:
        entry._run_named()
    assert end.value.code == 0 and "example: radiogen " in capsys.readouterr().out
