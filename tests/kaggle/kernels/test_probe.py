"""A probe's answer becomes the table's rows of the image that Kaggle names; a bundle then follows them."""

import json

import pytest

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.kaggle.kernels import image, probe
from radiogen.kaggle.kernels.kernel import Names

from ..kaggle_kernel_paths import serving

NAMES = Names("somebody", "Radiogen image probe")
NEW, OLD = "sha256:" + "2" * 64, "sha256:" + "1" * 64


@pytest.fixture
def kaggle():
    with serving() as server:
        server.docker_image = f"gcr.io/kaggle-private-byod/python@{NEW}"
        server.outputs["somebody/radiogen-image-probe", 1] = {"radiogen-image.json": json.dumps({
            "python": "3.13.15", "packages": {"NumPy": "2.3.1", "tyro": "1.0", "torch": "2.11"}}).encode()}
        yield server


@pytest.fixture
def table(tmp_path):
    return files.write_text(tmp_path / "table.csv", "image,package,version,source\n"
                            f"{NEW},python,3.13,public notebooks\n{OLD},python,3.12.13,public notebooks\n"
                            f"{OLD},numpy,2.0.2,colab list\n")


def _probe(api, table, tmp_path, **options):
    return probe.probe_image(api, NAMES, tmp_path / "out", table=table, pause=lambda _: None, **options)


def test_the_images_rows_are_replaced_and_others_stay(kaggle, api, table, tmp_path):
    assert _probe(api, table, tmp_path) == (NEW, table)
    rows = table.read_text().splitlines()
    assert rows == ["image,package,version,source", f"{NEW},python,3.13.15,probe", f"{NEW},numpy,2.3.1,probe",
                    f"{NEW},tyro,1.0,probe", f"{OLD},python,3.12.13,public notebooks", f"{OLD},numpy,2.0.2,colab list"]


def test_the_probe_is_private_without_gpu_data_and_internet_and_pinned_where_asked(kaggle, api, table, tmp_path):
    _probe(api, table, tmp_path, docker_image=kaggle.docker_image)
    body, = kaggle.kernels["somebody/radiogen-image-probe"]
    assert body["isPrivate"] and not body.get("enableGpu") and not body.get("enableInternet")
    assert body["dockerImage"] == kaggle.docker_image and not body.get("competitionDataSources")


def test_an_image_that_kaggle_does_not_name_is_not_written_down(kaggle, api, table, tmp_path):
    kaggle.docker_image, before = "", table.read_text()
    with pytest.raises(UserError, match="does not say in which image it ran"):
        _probe(api, table, tmp_path)
    assert table.read_text() == before


def test_a_failed_probe_changes_nothing(kaggle, api, table, tmp_path):
    kaggle.kernel_states, before = ["RUNNING", "ERROR:no machine"], table.read_text()
    with pytest.raises(UserError, match="the probe ended with error: no machine"):
        _probe(api, table, tmp_path)
    assert table.read_text() == before


def test_the_probes_own_code_lists_python_and_packages(tmp_path, monkeypatch):
    from radiogen.kaggle.notebooks.sources import notebook

    monkeypatch.chdir(tmp_path)
    cell = notebook(probe._SOURCE)["cells"][1]["source"]
    exec(compile(cell, "probe", "exec"), {})
    facts = files.read_json(tmp_path / "radiogen-image.json")
    assert facts["python"].startswith("3.") and "numpy" in {image.normal_name(name) for name in facts["packages"]}


def test_what_is_carried_follows_the_pinned_image_and_without_one_what_all_have(monkeypatch):
    monkeypatch.setattr(image, "_known_images", lambda: {OLD: {"numpy": "2.0", "pillow": "11"}, NEW: {"numpy": "2.3"}})
    assert image.image_packages(f"gcr.io/kaggle-gpu-images/python@{OLD}") == {"numpy": "2.0", "pillow": "11"}
    assert image.image_packages() == {"numpy": "2.0"}
    assert set(image.image_packages("gcr.io/x/python@sha256:3")) == {"numpy"}


def test_pillow_requests_and_jinja2_are_the_images_own():
    assert not {"pillow", "requests", "jinja2", "markupsafe", "urllib3", "certifi", "idna", "charset-normalizer"} & set(
        image.missing_packages(image.image_packages()))
