"""What the two commands install is pinned, its bytes are known, and no file from outside is run as code."""

import configparser
import re
from pathlib import Path

import pytest

CODE_FROM_FILES = (
    r"\b(pickle\.loads?|marshal\.loads?|joblib\.load|torch\.load|yaml\.load|read_pickle|load_model|clone_model|"
    r"model_from_json|from_config)\(|allow_pickle=True|safe_mode=False|(?<![.\w])(eval|exec)\(")
"""Calls that make objects, and so run code, out of what a file says."""
LOCKS = ("requirements.lock", "requirements-test.lock")
ROOT = Path(__file__).resolve().parent.parent


def _pins(lock: str) -> dict[str, str]:
    """By package, what a lock file says of it on one line."""
    lines = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    output = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return {re.split(r"==|\s", line.lower())[0].replace("_", "-"): line for line in output}


def _extras() -> configparser.ConfigParser:
    options = configparser.ConfigParser()
    options.read(ROOT / "setup.cfg")
    return options


def _names(requirements: str) -> set[str]:
    return {re.split(r"[\s<>=;\[]", line.strip().lower())[0] for line in requirements.split("\n") if line.strip()}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_to_one_version_and_to_hashes_of_its_files(lock):
    pins = _pins(lock)
    assert len(pins) > 50
    assert [name for name, line in pins.items() if not re.match(r"[\w.\[\]-]+==[\w.]+.*--hash=sha256:[0-9a-f]{64}",
                                                                line)] == []


def test_everything_that_the_package_and_its_tests_ask_for_is_among_the_pins():
    options = _extras()
    extras = options["options.extras_require"]
    asked = _names(options["options"]["install_requires"])
    assert asked and asked | _names(extras["notebooks"]) <= set(_pins("requirements.lock"))
    more = set().union(*(_names(extras[name]) for name in extras if name not in ("bench", "gpu"))) - {"radiogen"}
    assert asked | more <= set(_pins("requirements-test.lock"))


def test_the_tests_pins_hold_those_of_the_job():
    job, tests = _pins("requirements.lock"), _pins("requirements-test.lock")
    versions = {name: re.match(r"[^\s;]+", line)[0] for name, line in job.items()}
    assert versions == {name: re.match(r"[^\s;]+", tests[name])[0] for name in job}
    assert len(tests) > len(job)


def test_the_job_is_set_up_without_what_only_tests_and_extras_need():
    assert not {"dask", "mlflow-skinny", "openvino", "optuna", "ipyniivue", "pytest", "mypy", "simpleitk"} & set(
        _pins("requirements.lock"))


def test_the_set_up_refuses_a_package_whose_bytes_are_others():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "--require-hashes -r $(LOCKFILE)" in makefile
    assert all(f": {lock}\n" in makefile for lock in LOCKS)


def test_the_pins_are_audited_every_week_and_whenever_they_change_by_the_command_that_the_docs_tell():
    workflow = (ROOT / ".github" / "workflows" / "audit.yml").read_text(encoding="utf-8")
    command = "pip install pip-audit && pip-audit --strict --disable-pip --require-hashes -r requirements-test.lock"
    assert f"run: {command}\n" in workflow and command in (ROOT / "docs" / "robustness.md").read_text(encoding="utf-8")
    assert "schedule:" in workflow and workflow.count("paths: [requirements-test.lock") == 2


def test_nothing_in_the_package_or_its_scripts_makes_objects_out_of_files():
    files = [path for folder in ("src", "scripts") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 50
    assert [path.name for path in files if re.search(CODE_FROM_FILES, path.read_text(encoding="utf-8"))] == []


def test_calls_that_make_objects_out_of_files_are_seen():
    output = ("keras.models.load_model(path)", "pickle.load(file)", "np.load(path, allow_pickle=True)", "eval(text)")
    assert all(re.search(CODE_FROM_FILES, line) for line in output)
    assert not re.search(CODE_FROM_FILES, "json.load(file), np.load(path, allow_pickle=False), network.eval()")
