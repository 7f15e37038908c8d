"""The twelve commands of the pairs, and the folder in which any two of them are started.

In: an empty folder. Out: a project that was left in the middle of everything, so that each command has something to
do: one series of the data set was not fetched to its end, an array of the cache is missing, of each of two runs only
the first fold is trained, and the predictions of one are not those that its network gives.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.robustness.pairs.server import WHEELS, Server, Step

DATA, MOVED = "input/phantom", "input/moved"
RECIPE = ("--recipe", "demo-3d", "--size", "8", "--width", "4", "--epochs", "1", "--folds", "2", "--batch-size", "4",
          "--micro-batch-size", "4", "--holdout-fraction", "0.25")
CASES, TEST_CASES = 8, 2
CUT = "T1wCE"
"""Sequence of the last test case of which the download still lacks files."""
NUDGE = 4e-7
"""By so much the predictions of test cases differ from those of the networks: less than a rehearsal lets pass."""


def commands(folder: Path) -> Mapping[str, tuple[tuple[Step, ...], ...]]:
    """By name the steps of each command, in one or several variants, which trials take in turn.

    folder: of the project, which is looked at for the data set's cases.
    """
    train, test = (sorted(path.name for path in (folder / DATA / split).iterdir()) for split in ("train", "test"))
    image = "T1w/Image-3.dcm"
    changed = ((("replace", f"{DATA}/test/{test[0]}/{image}"),), (("replace", f"{DATA}/train/{train[3]}/{image}"),),
               (("add", f"{DATA}/train/{train[0]}", f"{DATA}/train/99001"),))
    one = {
        "preprocess": ("preprocess", "--data", DATA, *RECIPE, "--workers", "1"),
        "train": ("train", "--data", DATA, "--run", "one", *RECIPE, "--no-forecast", "--workers", "1"),
        "predict": ("predict", "--run", "one", "--workers", "1"),
        "ensemble": ("ensemble", "one", "two", "--name", "both"),
        "evaluate": ("evaluate", "one"),
        "submit": ("submit", "one"),
        "push": ("push_kernel", "one", "--dry-run", "--cases", "1", "--wheels", os.environ.get(WHEELS, "wheels")),
        "export": ("export_series", f"{DATA}/train/{train[0]}/T1w", f"{DATA}/test/{test[0]}/T1w", "--cube", "8",
                   "--picture", "16", "--key", "key.txt"),
        "inspect": ("inspect_dataset", "--data", DATA, "--cases-drawn", "1", "--workers", "1"),
        "download": ("download", "--data", DATA)}
    moved = (("move", DATA, MOVED), ("script", "predict", "--run", "one", "--data", MOVED, "--workers", "1"))
    return {**{name: ((("script", *words),),) for name, words in one.items()}, "moved": (moved,), "changed": changed}


@contextlib.contextmanager
def project(folder: Path) -> Iterator[tuple[Server, Path]]:
    """A server of commands, and the folder that each pair gets a copy of; Kaggle's stand-in answers meanwhile."""
    from benchmarks.synthetic.kaggle_commands import redirected_environment
    from benchmarks.synthetic.kaggle_server import serving, zip_of

    home, wheels, work = folder / "home", folder / "wheels", folder / "template"
    for each in (home, work / "input"):
        each.mkdir(parents=True)
    _write_wheels(wheels)
    os.environ[WHEELS] = str(wheels)
    with serving() as kaggle, Server(folder / "output", {**redirected_environment(kaggle.address, home),
                                                       WHEELS: str(wheels)}) as server:
        _do(server, folder, "make_phantom", "--data", "source", "--cases", CASES, "--test-cases", TEST_CASES, "--scale",
            "0.05")
        source = folder / "source"
        kaggle.data = {str(path.relative_to(source)): path.read_bytes() for path in sorted(source.rglob("*"))
                       if path.is_file() and not any(part.startswith(".") for part in path.relative_to(source).parts)}
        kaggle.archive = zip_of(kaggle.data)  # made once: it holds the time
        _fill(server, work)
        yield server, work


def copy_project(template: Path, target: Path) -> Path:
    """A copy by hard links, for the package replaces files and never writes into one; locks are new.

    What a user writes into stands there for itself, or the template would change with it.
    """
    shutil.copytree(template, target, copy_function=os.link, ignore=shutil.ignore_patterns(".lock"))
    for lock in template.rglob(".lock"):  # whoever holds a template's must not hold the trials'
        (target / lock.relative_to(template)).touch()
    for path in (target / DATA).glob("*/*/T1w/Image-3.dcm"):
        own = path.with_name("own")
        shutil.copy2(path, own)
        own.replace(path)
    return target


def _fill(server: Server, work: Path) -> None:
    (work / "key.txt").write_text("a secret that is always the same\n", encoding="utf-8")
    _do(server, work, "download", "--data", DATA, "--delete-archive")
    last = sorted((work / DATA / "test").iterdir())[-1] / CUT
    for path in sorted(last.iterdir())[-4:]:
        path.unlink()
    for run, more in (("one", ()), ("two", ("--seed", 43, "--split-seed", 42))):
        _do(server, work, "train", "--data", DATA, "--run", run, *RECIPE, *more, "--fold", 0, "--no-forecast",
            "--workers", 1)
        _do(server, work, "predict", "--run", run, "--workers", 1)
    _outdate(work / "models" / "one")
    cache = next((work / "input" / "cache").glob("phantom-*/*"))
    case = sorted(path.stem for path in cache.glob("*.npy"))[2]
    for suffix in (".npy", ".json"):
        (cache / f"{case}{suffix}").unlink()


def _outdate(run: Path) -> None:
    """Other predictions than the run's networks give: of labelled cases far off, of test cases by a hair."""
    from radiogen.runs.predictions import complete, read_predictions, write_predictions

    table = read_predictions(run / "predictions.csv")
    test = table["fold"] == "test"
    table["probability"] = (table["probability"] + NUDGE).where(test, 1 - table["probability"])
    write_predictions(run / "predictions.csv", complete(table))
    (run / "explained.npz").unlink()


def _do(server: Server, place: Path, name: str, *words: object) -> None:
    end = server.call([("script", name, *map(str, words))], place)
    if end.code:
        raise RuntimeError(f"{name} fails without being disturbed: {end.output[-2000:]}")


def _write_wheels(folder: Path) -> None:
    """Wheels of one empty module each, of the package and of all that Kaggle's image lacks."""
    from benchmarks.synthetic.wheels import write_wheel
    from radiogen import __version__
    from radiogen.kaggle.kernels.image import WHEEL_PYTHONS, image_packages, missing_packages

    write_wheel(folder, "radiogen", __version__)
    for name, version in missing_packages(image_packages()).items():
        for python in WHEEL_PYTHONS:
            tag = python.replace(".", "")
            write_wheel(folder, name, version, f"cp{tag}-cp{tag}-manylinux_2_28_x86_64")
