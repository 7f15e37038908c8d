"""What is carried to Kaggle is whole, flat and without anything of this machine."""

import re
import shutil
import subprocess

import pytest

from benchmarks.synthetic.wheels import write_wheel
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.kaggle.kernels import bundle
from radiogen.kaggle.kernels.bundle import build_bundle, check_bundle, check_runs, dataset_metadata, fits
from radiogen.kaggle.kernels.session import unpack_runs
from radiogen.runs.fold_weights import check_run
from radiogen.training.runs import open_run

from ..small_run import RECIPE, write_paper_run

METADATA = dataset_metadata("somebody", "MGMT files", "mgmt-files")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Models with the runs `first` and `second`, and the bundle of both; Kaggle lacks the package `rare`."""
    root = tmp_path_factory.mktemp("bundle")
    for name in ("first", "second"):
        write_paper_run(root / "models" / name)
    write_wheel(root / "wheels", "rare-thing", "1.2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "missing_packages", lambda _: {"rare-thing": "1.2"})
        manifest = build_bundle(root / "models", ["first", "second"], root / "dataset", METADATA,
                                wheels=root / "wheels")
    return root, manifest


@pytest.fixture
def dataset(built, tmp_path):
    """A copy of the bundle, to be spoiled."""
    return shutil.copytree(built[0] / "dataset", tmp_path / "dataset")


def test_a_bundle_has_no_folder_and_no_archive_that_kaggle_would_unpack(built):
    root, _ = built
    assert all(path.is_file() and path.suffix in (".whl", ".json", ".csv", ".h5")
               for path in (root / "dataset").iterdir())
    check_bundle(root / "dataset")


def test_runs_come_out_of_a_bundle_as_they_went_in(built, tmp_path):
    root, _ = built
    first, second = map(open_run, unpack_runs(root / "dataset", tmp_path))
    assert (first.folder.name, second.folder.name, first.recipe) == ("first", "second", RECIPE)
    for fold in ("0", "1"):
        there = root / "models" / "first" / f"fold-{fold}" / "model.weights.h5"
        assert (first.folder / f"fold-{fold}" / "model.weights.h5").read_bytes() == there.read_bytes()


def test_no_path_of_this_machine_goes_with_a_run(built):
    root, _ = built
    for path in (root / "dataset").glob("*.json"):
        assert "somebody/input" not in path.read_text() and str(root) not in path.read_text()


def test_the_wheel_is_built_from_the_clone_and_leaves_nothing_in_it(built):
    root, manifest = built
    wheel, = (root / "dataset").glob("radiogen-*.whl")
    assert manifest["wheels"] == ["rare-thing==1.2", f"radiogen=={wheel.name.split('-')[1]}"]
    assert not (bundle.CLONE / "build").exists()


def test_a_stray_file_under_src_does_not_go_into_the_wheel(tmp_path):
    package = tmp_path / "src" / "radiogen"
    for name in ("__init__.py", "room/tables.csv", "notes about patients.txt", ".env", "scan.dcm"):
        files.write_text(package / name, "x")
    files.write_text(tmp_path / "setup.cfg", "x")
    ours = {"setup.cfg", "src/radiogen/__init__.py", "src/radiogen/room/tables.csv"}
    assert set(bundle._wheel_sources(tmp_path)) == ours
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "add", *ours], check=True)
    files.write_text(package / "mine.py", "x")
    assert set(bundle._wheel_sources(tmp_path)) == ours


def test_a_recipe_goes_without_the_path_of_its_first_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "missing_packages", lambda _: {})
    recipe = RECIPE.replace(weights="/home/somebody/weights/resnet50.h5")
    write_paper_run(tmp_path / "models" / "first", recipe)
    build_bundle(tmp_path / "models", ["first"], tmp_path / "dataset", METADATA)
    for path in (tmp_path / "dataset").glob("*.json"):
        assert "somebody/weights" not in path.read_text()
    run, = map(open_run, unpack_runs(tmp_path / "dataset", tmp_path / "there"))
    assert run.recipe.network.weights == "resnet50.h5"
    assert check_run(run.folder) == check_run(tmp_path / "models" / "first"), "the session takes its networks"


def test_what_goes_up_is_listed_and_counted(built):
    lines = bundle.bundle_text(built[0] / "dataset").splitlines()
    names = sorted(path.name for path in (built[0] / "dataset").iterdir())
    assert lines[0].startswith(f"{len(names)} files, ") and [line.split()[0] for line in lines[1:]] == names


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda folder: (folder / "first--fold-0--model.weights.h5").write_bytes(b"cut"), "is missing or was changed"),
    (lambda folder: (folder / "second--recipe.json").unlink(), "is missing or was changed"),
    (lambda folder: next(folder.glob("rare_thing*")).unlink(), "has no wheel of rare-thing==1.2 for Python 3.12"),
    (lambda folder: (folder / "more").mkdir(), "more: is not part of the bundle"),
    (lambda folder: (folder / "more.zip").write_bytes(b""), "more.zip: is not part of the bundle"),
])
def test_what_would_fail_at_kaggle_is_found_before_the_push(dataset, spoil, message):
    spoil(dataset)
    with pytest.raises(UserError, match=message):
        check_bundle(dataset)


@pytest.mark.parametrize(("owner", "title", "slug"), [
    ("somebody", "Files", "files-of-mgmt"), ("somebody", "MGMT files", "files"), ("", "MGMT files", "mgmt-files"),
    ("somebody", "M" * 51, "mgmt-files"),
])
def test_a_dataset_that_kaggle_would_not_name_so_is_refused(dataset, owner, title, slug):
    files.write_json(dataset / "dataset-metadata.json", dataset_metadata(owner, title, slug))
    with pytest.raises(UserError, match="choose another --title"):
        check_bundle(dataset)


def test_a_session_stops_at_weights_that_were_cut(dataset, tmp_path):
    (dataset / "first--fold-1--model.weights.h5").write_bytes(b"cut")
    with pytest.raises(UserError, match="first--fold-1--model.weights.h5: is missing or damaged"):
        unpack_runs(dataset, tmp_path / "models")


@pytest.mark.parametrize(("names", "message"), [
    ([], "no run is named"), (["first", "first"], "first is named twice"), (["third"], "there is no such run"),
    (["first"], r"make it: python scripts/predict.py --run first")])
def test_runs_that_cannot_be_carried_are_named(built, names, message):
    with pytest.raises(UserError, match=message):
        check_runs(built[0] / "models", names)


def test_an_untrained_run_is_refused_with_the_command_that_trains_it(tmp_path):
    for path in write_paper_run(tmp_path / "new").rglob("*.h5"):
        path.unlink()
    command = f"python scripts/train.py --run new --models {re.escape(str(tmp_path))} --fold all"
    with pytest.raises(UserError, match=f"is not trained; {command}"):
        check_runs(tmp_path, ["new"])


def test_an_ensemble_has_no_networks_to_carry(tmp_path):
    files.write_json(tmp_path / "both" / "run.json", {"members": ["first", "second"]})
    with pytest.raises(UserError, match="it is an ensemble; name the runs that it consists of"):
        check_runs(tmp_path, ["both"])


def test_a_wheel_that_nobody_has_is_named_with_a_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "missing_packages", lambda _: {"rare-thing": "1.2"})
    (tmp_path / "wheels").mkdir()
    write_paper_run(tmp_path / "models" / "first")
    with pytest.raises(UserError, match="rare-thing 1.2: pip download fails .* with --wheels"):
        build_bundle(tmp_path / "models", ["first"], tmp_path / "dataset", METADATA, wheels=tmp_path / "wheels")


@pytest.mark.parametrize("name", ["thesis.txt", "mine-1.0-py3-none-any.whl", "radiogen-bundle.json"])
def test_a_folder_of_the_users_is_not_emptied(tmp_path, monkeypatch, name):
    monkeypatch.setattr(bundle, "missing_packages", lambda _: {})
    for each in (name, "thesis.txt"):
        files.write_text(tmp_path / "dataset" / each, "years of work")
    with pytest.raises(UserError, match=r"was not written by radiogen.* choose another --output"):
        build_bundle(tmp_path / "models", ["first"], tmp_path / "dataset", METADATA)
    assert {path.read_text() for path in (tmp_path / "dataset").iterdir()} == {"years of work"}
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]


def test_an_earlier_bundle_is_replaced_unless_something_in_it_was_changed(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "missing_packages", lambda _: {})
    write_paper_run(tmp_path / "models" / "third")
    build_bundle(tmp_path / "models", ["third"], dataset, METADATA)
    assert not list(dataset.glob("first--*")) and len(list(dataset.glob("third--*"))) == 7
    changed = dataset / "third--recipe.json"
    changed.write_text("{}")
    with pytest.raises(UserError, match="third--recipe.json: was changed after radiogen wrote it"):
        build_bundle(tmp_path / "models", ["third"], dataset, METADATA)
    assert changed.read_text() == "{}" and len(list(dataset.glob("*.whl"))) == 1


@pytest.mark.parametrize(("wheel", "python", "answer"), [
    ("tyro-1.0-py3-none-any.whl", "3.12", True),
    ("a-1.0-py2.py3-none-any.whl", "3.12", True),
    ("a-1.0-cp312-cp312-manylinux_2_17_x86_64.whl", "3.12", True),
    ("a-1.0-cp312-cp312-manylinux_2_17_x86_64.whl", "3.11", False),
    ("a-1.0-cp312-cp312-win_amd64.whl", "3.12", False),
    ("a-1.0-cp39-abi3-manylinux2014_x86_64.whl", "3.12", True),
    ("a-1.0-cp313-abi3-manylinux2014_x86_64.whl", "3.12", False),
    ("a-1.0-cp39-cp39-manylinux2014_x86_64.whl", "3.12", False),
])
def test_a_wheels_name_says_where_it_can_be_installed(wheel, python, answer):
    assert fits(wheel, python) is answer


def test_a_package_needs_a_wheel_for_each_python_that_kaggles_images_have(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "missing_packages", lambda _: {"rare-thing": "1.2"})
    monkeypatch.setattr(bundle, "_build_wheel", lambda folder: write_wheel(folder, "radiogen", "0.1"))
    write_paper_run(tmp_path / "models" / "first")
    write_wheel(tmp_path / "wheels", "rare-thing", "1.2", "cp312-cp312-manylinux_2_28_x86_64")
    with pytest.raises(UserError, match="rare-thing 1.2: pip download fails .* and Python 3.13 with --wheels"):
        build_bundle(tmp_path / "models", ["first"], tmp_path / "dataset", METADATA, wheels=tmp_path / "wheels")
    assert not (tmp_path / "dataset").exists()
    write_wheel(tmp_path / "wheels", "rare-thing", "1.2", "cp313-cp313-manylinux_2_28_x86_64")
    build_bundle(tmp_path / "models", ["first"], tmp_path / "dataset", METADATA, wheels=tmp_path / "wheels")
    check_bundle(tmp_path / "dataset")
    next((tmp_path / "dataset").glob("*cp313*")).unlink()
    with pytest.raises(UserError, match="has no wheel of rare-thing==1.2 for Python 3.13, which Kaggle's images have"):
        check_bundle(tmp_path / "dataset")
