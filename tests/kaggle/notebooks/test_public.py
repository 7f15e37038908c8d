"""What everybody may see at Kaggle holds no weights, no submission and no token, and the real client sends it so."""

import pytest

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.kaggle.kernels import bundle
from radiogen.kaggle.kernels.kernel import Names
from radiogen.kaggle.notebooks import public
from radiogen.kaggle.notebooks.public import check_nothing_private, prepare_public, public_title, push_public

from ..kaggle_kernel_paths import serving

NAMES = Names("somebody", "Look first")
TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Bundle and kernel of the first notebook with one table; neither wheels are built nor is it rehearsed."""
    for name in ("_collect_wheels", "_build_wheel"):
        monkeypatch.setattr(public, name, lambda *words: files.write_bytes(
            (words[1] if len(words) > 1 else words[0]) / "radiogen-1.0-py3-none-any.whl", b"wheel"))
    monkeypatch.setattr(public, "_rehearse", lambda *_: 1.0)
    monkeypatch.setattr(public, "missing_packages", lambda _: {})
    table = files.write_text(tmp_path / "brats21_sites.csv", "BraTS21ID,site\n00000,18\n")
    return prepare_public("look-first", NAMES, tmp_path / "kernel", tables=[table])


def test_a_public_notebook_brings_its_wheels_and_tables_and_no_run(folders):
    names = {path.name for path in folders[0].iterdir()}
    assert {"brats21_sites.csv", "radiogen-1.0-py3-none-any.whl"} < names
    assert files.read_json(folders[0] / bundle.MANIFEST)["runs"] == {}
    kept = files.read_json(folders[1] / "kernel-metadata.json")
    assert kept["is_private"] is False and kept["enable_internet"] is False and kept["enable_gpu"] is False
    assert (kept["id"], kept["dataset_sources"]) == ("somebody/look-first", ["somebody/look-first-files"])


@pytest.mark.parametrize("name", ["predict-and-submit", "train-and-judge", "../secret"])
def test_a_notebook_that_submits_or_trains_is_never_public(name, tmp_path):
    with pytest.raises(UserError, match="is not a notebook that may be public; choose one of: look-first"):
        prepare_public(name, NAMES, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "content", "message"), [
    ("fold-0.weights.h5", "weights", "fold-0.weights.h5: must not become public"),
    ("radiogen-bundle.json", '{"runs": {"first": {}}}', "lists trained runs"),
    ("notes.csv", f"token,{TOKEN}", "contains your Kaggle token")])
def test_weights_and_tokens_stop_a_publication(folders, monkeypatch, name, content, message):
    monkeypatch.setenv("KAGGLE_KEY", TOKEN)
    (folders[0] / name).write_text(content)
    with pytest.raises(UserError, match=message):
        check_nothing_private(*folders)


def test_a_notebook_that_writes_a_submission_is_stopped_even_under_an_allowed_name(folders):
    (folders[1] / "kernel.ipynb").write_text("table.to_csv('submission.csv')")
    with pytest.raises(UserError, match="it makes a submission, which must not be public"):
        check_nothing_private(*folders)


def test_only_tables_are_carried_along(tmp_path):
    with pytest.raises(UserError, match="scan.dcm: is not a CSV file; name tables with --tables"):
        prepare_public("look-first", NAMES, tmp_path / "out", tables=[files.write_text(tmp_path / "scan.dcm", "x")])


def test_the_title_of_a_public_notebook_is_its_heading():
    assert public_title("look-first") == "Look first"


def test_the_client_creates_a_public_data_set_and_a_public_kernel(folders, tmp_path, monkeypatch):
    extended = pytest.importorskip("kaggle.api.kaggle_api_extended")
    place = pytest.importorskip("kagglesdk.kaggle_env")
    for name, value in (("HOME", tmp_path), ("KAGGLE_CONFIG_DIR", tmp_path), ("KAGGLE_USERNAME", "somebody"),
                        ("KAGGLE_KEY", TOKEN)):
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("KAGGLE_API_TOKEN", raising=False)
    with serving() as kaggle:
        monkeypatch.setitem(place._env_to_endpoint, place.KaggleEnv.PROD, kaggle.address)
        client = extended.KaggleApi()
        client.authenticate()
        push_public(client, folders, NAMES)
    assert kaggle.private == {NAMES.dataset: False}
    assert kaggle.kernels[NAMES.kernel][0]["isPrivate"] is False
    sent = {kaggle.blobs[token][0] for token in kaggle.datasets[NAMES.dataset][0]}
    assert not [name for name in sent if not name.endswith((".csv", ".whl", ".json"))]


@pytest.mark.slow
def test_a_public_notebook_is_rehearsed_offline_on_a_phantom_before_it_is_pushed(tmp_path, monkeypatch):
    monkeypatch.setattr(public, "missing_packages", lambda _: {})
    bundle_folder, _ = prepare_public("look-first", NAMES, tmp_path / "kernel")
    assert list(bundle_folder.glob("radiogen-*.whl"))
    cells = files.read_json(tmp_path / "kernel" / "rehearsal.ipynb")["cells"]
    shown = [output["data"] for cell in cells for output in cell.get("outputs", ()) if "data" in output]
    assert sum("image/png" in one for one in shown) >= 4
