"""What the two commands install is pinned, its bytes are known, and no file from outside is run as code."""

import configparser
import re
from pathlib import Path

CODE_FROM_FILES = (
    r"\b(pickle\.loads?|marshal\.loads?|joblib\.load|torch\.load|yaml\.load|read_pickle|load_model|clone_model|"
    r"model_from_json|from_config)\(|allow_pickle=True|safe_mode=False|(?<![.\w])(eval|exec)\(")
"""Calls that make objects, and so run code, out of what a file says."""
ROOT = Path(__file__).resolve().parent.parent


def _pins() -> dict[str, str]:
    """By package, what requirements.lock says of it on one line."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    output = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return {re.split(r"==|\s", line.lower())[0].replace("_", "-"): line for line in output}


def test_every_package_is_pinned_to_one_version_and_to_hashes_of_its_files():
    assert len(_pins()) > 50
    assert [name for name, line in _pins().items() if not re.match(r"[\w.\[\]-]+==[\w.]+.*--hash=sha256:[0-9a-f]{64}",
                                                                   line)] == []


def test_everything_that_the_package_asks_for_is_among_the_pins():
    options = configparser.ConfigParser()
    options.read(ROOT / "setup.cfg")
    asked = options["options"]["install_requires"].split("\n") + options["options.extras_require"]["test"].split("\n")
    names = {re.split(r"[\s<>=;\[]", line.strip().lower())[0] for line in asked if line.strip()}
    assert names and names <= set(_pins())


def test_the_set_up_refuses_a_package_whose_bytes_are_others():
    assert "--require-hashes -r requirements.lock" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_pins_are_audited_every_week_and_whenever_they_change_by_the_command_that_the_docs_tell():
    workflow = (ROOT / ".github" / "workflows" / "audit.yml").read_text(encoding="utf-8")
    command = "pip install pip-audit && pip-audit --strict --disable-pip --require-hashes -r requirements.lock"
    assert f"run: {command}\n" in workflow and command in (ROOT / "docs" / "robustness.md").read_text(encoding="utf-8")
    assert "schedule:" in workflow and workflow.count("paths: [requirements.lock") == 2


def test_nothing_in_the_package_or_its_scripts_makes_objects_out_of_files():
    files = [path for folder in ("src", "scripts") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 50
    assert [path.name for path in files if re.search(CODE_FROM_FILES, path.read_text(encoding="utf-8"))] == []


def test_calls_that_make_objects_out_of_files_are_seen():
    output = ("keras.models.load_model(path)", "pickle.load(file)", "np.load(path, allow_pickle=True)", "eval(text)")
    assert all(re.search(CODE_FROM_FILES, line) for line in output)
    assert not re.search(CODE_FROM_FILES, "json.load(file), np.load(path, allow_pickle=False), network.eval()")
