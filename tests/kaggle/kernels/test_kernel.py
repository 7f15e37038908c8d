"""The kernel's metadata and notebook are what Kaggle and the competition take."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from slugify import slugify

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.kaggle.kernels.kernel import Names, _check_kernel, _write_kernel, slug
from radiogen.kaggle.notebooks.sources import notebook
from radiogen.task import RSNA_MICCAI

NAMES = Names("somebody", "Radiogen MGMT")


@pytest.fixture
def kernel(tmp_path):
    return _write_kernel(NAMES, tmp_path / "kernel")


def test_a_kernel_is_private_offline_on_a_gpu_and_has_its_sources(kernel):
    _check_kernel(kernel, NAMES)
    kept = files.read_json(kernel / "kernel-metadata.json")
    assert kept["is_private"] is True and kept["enable_internet"] is False and kept["enable_gpu"] is True
    assert kept["competition_sources"] == [RSNA_MICCAI.name]
    assert kept["dataset_sources"] == ["somebody/radiogen-mgmt-files"]


@pytest.mark.parametrize("title", ["Radiogen MGMT", "3D + 2D: mean (5 folds)", "  a--b_c.d ", "Höhe's 2nd",
                                   "UPPER lower 42"])
def test_a_title_resolves_to_the_slug_that_kaggles_client_makes_of_it(title):
    assert slug(title) == slugify(title)


@pytest.mark.parametrize(("field", "value", "message"), [
    ("id", "somebody/other", "the title 'Radiogen MGMT' resolves to 'radiogen-mgmt', and the id is 'other'"),
    ("id", "radiogen-mgmt", "is not owner/slug; give your Kaggle name with --owner"),
    ("title", "MGMT", "the title has 4 characters"),
    ("competition_sources", [], "the sources lack the competition"),
    ("dataset_sources", ["somebody/else"], "the sources lack the dataset somebody/radiogen-mgmt-files"),
    ("enable_internet", True, "internet is on"),
    ("enable_gpu", False, "the GPU is off"),
    ("machine_shape", "NvidiaTeslaP100", "no longer serves a P100"),
    ("is_private", False, "the kernel is public"),
    ("kernel_type", "script", "it is not a Python notebook"),
    ("code_file", "missing.ipynb", "missing.ipynb is missing"),
])
def test_each_reason_for_a_rejection_is_named_with_its_remedy(kernel, field, value, message):
    path = kernel / "kernel-metadata.json"
    files.write_json(path, {**files.read_json(path), field: value})
    with pytest.raises(UserError) as error:
        _check_kernel(kernel, NAMES)
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(("code", "message"), [
    ("def broken(:", "not a notebook that Python can run"),
    ("print('radiogen-bundle.json')", "writes no submission.csv"),
    ("open('submission.csv')", "does not look for radiogen-bundle.json")])
def test_a_notebook_that_cannot_end_with_a_submission_is_refused(kernel, code, message):
    files.write_json(kernel / "kernel.ipynb", notebook(f"# %%\n{code}\n"))
    with pytest.raises(UserError, match=message):
        _check_kernel(kernel, NAMES)


def test_the_notebook_names_no_folder_but_kaggles(kernel):
    text = (kernel / "kernel.ipynb").read_text()
    assert "/kaggle" in text and str(kernel.parent) not in text and f"{Path.home()}/" not in text


@pytest.mark.parametrize("place", ["radiogen-mgmt-files", "datasets/somebody/radiogen-mgmt-files"])
def test_the_notebook_finds_its_dataset_in_both_ways_in_which_kaggle_mounts_it(kernel, tmp_path, place):
    folder = tmp_path / "kaggle" / "input" / place
    files.write_json(folder / "radiogen-bundle.json", {"wheels": [], "runs": {"first": {}}})
    cells = [cell["source"] for cell in json.loads((kernel / "kernel.ipynb").read_text())["cells"]
             if cell["cell_type"] == "code"]
    code = cells[0] + "\nprint(BUNDLE)\n"
    end = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                         env={**os.environ, "RADIOGEN_REHEARSAL_ROOT": str(tmp_path / "kaggle")})
    assert end.stdout.splitlines()[-1] == str(folder), end.stderr


def test_a_kernel_is_pinned_to_an_image_only_where_one_is_named(kernel, tmp_path):
    assert "docker_image" not in files.read_json(kernel / "kernel-metadata.json")
    image = "gcr.io/kaggle-gpu-images/python@sha256:" + "1" * 64
    pinned = _write_kernel(Names("somebody", "Radiogen MGMT", docker_image=image), tmp_path / "pinned")
    assert files.read_json(pinned / "kernel-metadata.json")["docker_image"] == image
