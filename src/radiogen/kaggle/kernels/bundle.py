"""Everything that the kernel needs and Kaggle lacks, in one flat folder: the private dataset of a code competition.

In: trained runs. Out: a folder with radiogen's wheel, the wheels of what Kaggle's image lacks, each run's recipe, folds
and weights, `radiogen-bundle.json` that lists every file with its hash, and `dataset-metadata.json` for the client.
Flat, because Kaggle unpacks archives and its client skips folders. It has weights and their recipe, never a whole
model, so that another Keras can load them, and never a machine's paths or its token.
"""

import logging
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from radiogen import __version__
from radiogen.core import files, owned
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command, parameter
from radiogen.kaggle.datasets import DATASET_METADATA
from radiogen.kaggle.kernels.image import WHEEL_PLATFORMS, WHEEL_PYTHONS, image_packages, missing_packages
from radiogen.kaggle.kernels.session import MANIFEST
from radiogen.runs import layout
from radiogen.runs.records import portable_recipe, read_facts

_LOG = logging.getLogger(__name__)

CLONE = Path(__file__).resolve().parents[4]
WHEEL_SOURCES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "src")


def build_bundle(models: Path, names: Sequence[str], folder: Path, metadata: Mapping[str, object], *,
                 wheels: Path | None = None, facts: Mapping[str, object] | None = None, image: str = ""
                 ) -> dict[str, Any]:
    """Write the bundle of the runs `names` into `folder`, in place of an earlier one; returns its manifest.

    The locators that the runs crop by go with them. metadata: of `dataset_metadata`. facts: written into the manifest
    as they are. image: the pinned one, if there is one. wheels: a folder with the wheels of what the image lacks, for a
    machine without internet; else pip downloads them. Raises UserError for an ensemble or what is not a run, a wheel
    that is not available, a folder with anything else than an earlier bundle, or where the package is not in a clone.
    """
    from radiogen.training.locator.networks import locators_of
    from radiogen.training.runs import open_run

    missing = missing_packages(image_packages(image))

    def fill(part: Path) -> None:
        every = [*names, *locators_of(open_run(Path(models) / name).recipe for name in names)]
        _collect_wheels(missing, part, wheels)
        package = _build_wheel(part)
        files.write_json(part / DATASET_METADATA, dict(metadata))
        files.write_json(part / MANIFEST, {
            **(facts or {}), "radiogen": __version__,
            "wheels": [*(f"{name}=={version}" for name, version in missing.items()),
                       f"radiogen=={package.name.split('-')[1]}"],
            "runs": {name: _copy_run(Path(models) / name, part) for name in every}})

    return files.read_json(owned.replace_folder(folder, fill, MANIFEST) / MANIFEST)


def _build_wheel(folder: Path) -> Path:
    """Build radiogen's wheel into `folder`, without the network and without leaving anything in the clone."""
    if not (CLONE / "setup.cfg").is_file():
        raise UserError(CLONE, "is not a clone of radiogen, from which its wheel is built",
                        f"git clone the project, `make setup`, and run {command('push_kernel')} there")
    with tempfile.TemporaryDirectory() as scratch:
        for name in _wheel_sources(CLONE):
            target = Path(scratch) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(CLONE / name, target)
        _pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder), scratch,
             where="radiogen's wheel", remedy="pip install setuptools wheel")
    return next(Path(folder).glob("radiogen-*.whl"))


def _wheel_sources(clone: Path) -> list[str]:
    """The files of the clone that the wheel is built from: those tracked by git, or without git by their suffix."""
    listed = subprocess.run(["git", "-C", str(clone), "ls-files", "-z", "--", *WHEEL_SOURCES], capture_output=True,
                            text=True) if (clone / ".git").exists() and shutil.which("git") else None
    if listed is not None and listed.returncode == 0:
        names = [name for name in listed.stdout.split("\0") if name]
    else:
        package = sorted((clone / "src" / "radiogen").rglob("*"))
        names = [*WHEEL_SOURCES[:-1], *(str(path.relative_to(clone)) for path in package
                                        if path.suffix in (".py", ".csv", ".html", ".css", ".js"))]
    return [name for name in names if (clone / name).is_file() and not (clone / name).is_symlink()]


def bundle_text(folder: Path) -> str:
    """The files that are uploaded, each with its size, and their number."""
    paths = sorted(Path(folder).iterdir())
    total = sum(path.stat().st_size for path in paths)
    return "\n".join([f"{len(paths)} files, {total / 1e6:.1f} MB, are uploaded to Kaggle:",
                      *(f"  {path.name} ({path.stat().st_size:,} bytes)" for path in paths)])


def dataset_metadata(owner: str, title: str, slug: str) -> dict[str, Any]:
    """The content of `dataset-metadata.json`. Owner and title are the user's; a bundle is never public."""
    return {"title": title, "id": f"{owner}/{slug}", "licenses": [{"name": "other"}],
            "subtitle": "Package, wheels and trained folds of radiogen"}


def check_named(names: Sequence[str]) -> None:
    """Raise UserError where no run is named, or one twice."""
    duplicates = sorted({name for name in names if list(names).count(name) > 1})
    if not names or duplicates:
        raise UserError("RUN", f"{', '.join(duplicates)} is named twice" if duplicates else "no run is named",
                        f"name each trained run once: {command('push_kernel')} RUN [RUN ...]")


def check_runs(models: Path, names: Sequence[str]) -> None:
    """Raise UserError unless each of `names` is a trained and predicted run under `models`, named once.

    Its weights have to be those that training of their folds wrote.
    """
    from radiogen.runs.fold_locks import note_training
    from radiogen.runs.fold_weights import check_run, unrecorded
    from radiogen.runs.predictions import read_predictions
    from radiogen.training.locator.networks import open_locator
    from radiogen.training.runs import open_run, trained_folds

    check_named(names)
    for name in names:
        files.checked_name("RUN", name)
        note_training(Path(models) / name)
        run = open_run(Path(models) / name)
        if not trained_folds(run):
            raise UserError(run.folder, "is not trained",
                            f"{command('train')} --run {as_run(run.folder)} --fold all")
        check_run(run.folder)
        if line := unrecorded(run.folder):
            _LOG.warning(line)
        read_predictions(run.folder / layout.PREDICTIONS)
        if run.recipe.data.mask is not None:
            open_locator(run.recipe.data, Path(models))


def check_bundle(folder: Path) -> None:
    """Raise UserError for the first fault for which the kernel would fail: file, hash, wheel or metadata."""
    folder = Path(folder)
    again = f"run {command('push_kernel')} again"
    manifest = files.read_json(folder / MANIFEST)
    for members in manifest["runs"].values():
        for kept in members.values():
            path = folder / kept["file"]
            if not path.is_file() or files.sha256(path) != kept["sha256"]:
                raise UserError(path, "is missing or was changed", again)
    wheels = [path.name for path in folder.glob("*.whl")]
    for wanted in manifest["wheels"]:
        name, version = wanted.split("==")
        named = [wheel for wheel in wheels if wheel.lower().startswith(f"{name.replace('-', '_')}-{version}-".lower())]
        for python in WHEEL_PYTHONS:
            if not any(fits(wheel, python) for wheel in named):
                raise UserError(folder, f"has no wheel of {wanted} for Python {python}, which Kaggle's images have",
                                f"put one into a folder and name the folder with {parameter('wheels')}, or {again}")
    unlisted = sorted(path.name for path in folder.iterdir() if path.name not in (MANIFEST, *manifest["files"]))
    if unlisted:
        raise UserError(folder / unlisted[0], "is not part of the bundle, and would be uploaded with it",
                        f"move it away and {again}")
    _check_metadata(folder / DATASET_METADATA, files.read_json(folder / DATASET_METADATA))


def fits(wheel: str, python: str) -> bool:
    """Whether a wheel's name says that it can be installed on Linux under this Python, as `3.12`."""
    interpreter, _, platform = wheel.removesuffix(".whl").rsplit("-", 3)[1:]
    digits = python.replace(".", "")
    stable = any(tag.startswith("cp3") and int(tag[3:]) <= int(digits[1:]) for tag in interpreter.split("."))
    return ("py3" in interpreter.split(".") or f"cp{digits}" in interpreter.split(".")
            or (stable and "-abi3-" in wheel)) and (platform == "any" or "linux" in platform)


def _copy_run(source: Path, folder: Path) -> dict[str, dict[str, str]]:
    """Copy a run's files into the flat folder; returns by path in the run the file's name there and its hash.

    run.json is rewritten, and so is a recipe that names a file: the paths in them are this machine's. The networks'
    records then name the rewritten recipe; they were checked against the other.
    """
    from radiogen.runs.fold_weights import check_weights
    from radiogen.training.runs import fold_folder, open_run, trained_folds

    run = open_run(source)
    folders = [fold_folder(run, fold) for fold in trained_folds(run)]
    for one in folders:
        check_weights(one)
    facts = read_facts(source)
    kept = {key: facts[key] for key in ("recipe", "rank", "cases", "arrays", "lineage") if key in facts}
    members: dict[str, dict[str, str]] = {}
    weights = [f"{one.name}/{name}" for one in folders for name in (layout.WEIGHTS, layout.WEIGHTS_RECORD)
               if (one / name).is_file()]
    more = [name for name in (layout.TASK, layout.LOCATOR_CASES) if (source / name).is_file()]
    for place in (layout.RUN, layout.RECIPE, layout.FOLDS, *more, *weights):
        target = folder / f"{source.name}--{place.replace('/', '--')}"
        if place == layout.RUN:
            files.write_json(target, {**kept, "data": "test", "cache": "cache", "leave_out": []})
        elif place == layout.RECIPE:
            files.write_json(target, portable_recipe(source))
        elif place.endswith(layout.WEIGHTS_RECORD):
            record = {**files.read_json(source / place), layout.RECIPE: members[layout.RECIPE]["sha256"]}
            files.write_json(target, record)
        else:
            shutil.copyfile(source / place, target)
        members[place] = {"file": target.name, "sha256": files.sha256(target)}
    return members


def _collect_wheels(missing: Mapping[str, str], folder: Path, wheels: Path | None) -> None:
    """Collect a wheel of each package for each of `WHEEL_PYTHONS`. Raises UserError where one is not available."""
    from_where = ["--no-index", "--find-links", str(wheels)] if wheels else []
    for name, version in missing.items():
        for python in WHEEL_PYTHONS:
            if any(fits(path.name, python) for path in folder.glob(f"{name.replace('-', '_')}-{version}-*.whl")):
                continue
            platforms = [word for platform in WHEEL_PLATFORMS for word in ("--platform", platform)]
            _pip("download", "--no-deps", "--only-binary", ":all:", "--python-version", python, *platforms,
                 *from_where, "-d", str(folder), f"{name}=={version}", where=f"{name} {version}",
                 remedy="connect to the internet, or name a folder with its wheel for Linux and "
                 f"Python {python} with {parameter('wheels')}")


def _pip(*words: str, where: str, remedy: str) -> None:
    process = subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *words],
                             capture_output=True, text=True)
    if process.returncode:
        printed = process.stderr.splitlines()
        lines = [line for line in printed if line.startswith("ERROR")] or printed
        raise UserError(where, f"pip {words[0]} fails ({lines[-1].strip() if lines else process.returncode})", remedy)


def _check_metadata(path: Path, kept: dict[str, Any]) -> None:
    owner, _, slug = kept["id"].partition("/")
    remedy = f"choose another {parameter('title')}"
    if not owner or not 6 <= len(slug) <= 50:
        raise UserError(path, f"the dataset's id {kept['id']} is not owner/slug with 6 to 50 characters", remedy)
    if not 6 <= len(kept["title"]) <= 50:
        raise UserError(path, f"the dataset's title has {len(kept['title'])} characters; Kaggle takes 6 to 50", remedy)
