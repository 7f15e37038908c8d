"""What GitHub runs exists here: each command, target and option that a workflow names."""

import os
import re
import shlex
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
INSTALLED = ("pip", "pip-audit", "radiogen")
"""Programs that a runner has, or that a command before has installed."""


def _read(path):
    """A workflow; YAML 1.1 reads the key `on` as true."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in content.items()}


def _steps(content):
    return [step for job in content["jobs"].values() for step in job["steps"]]


def _commands():
    """Each command of each workflow, as words."""
    return [(path.name, shlex.split(part)) for path in WORKFLOWS for step in _steps(_read(path)) if "run" in step
            for line in step["run"].splitlines() for part in line.split("&&")]


def _fault(words):
    """Why a command cannot be run in this clone; "" where it can."""
    program = words[0]
    if program == "make":
        targets = re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M)
        return "" if words[1] in targets else f"make has no target {words[1]}"
    if program.endswith("bin/python"):
        script = ROOT / words[1]
        if not script.is_file():
            return f"there is no {words[1]}"
        module, = (ROOT / "src" / "radiogen" / "cli").rglob(script.name)
        known = set(re.findall(r"(\w+): ", module.read_text(encoding="utf-8")))
        unknown = [word for word in words[2:] if word.startswith("--") and word[2:].replace("-", "_") not in known]
        return f"{words[1]} has no {unknown}" if unknown else ""
    if program.startswith("."):
        return "" if os.access(ROOT / program, os.X_OK) else f"{program} cannot be run"
    return "" if program in INSTALLED else f"nothing installs {program}"


@pytest.mark.parametrize(("name", "words"), _commands(), ids=str)
def test_every_command_of_a_workflow_exists(name, words):
    assert _fault(words) == ""


@pytest.mark.parametrize("words", [
    ["make", "coffee"], [".venv/bin/python", "scripts/win.py"], ["./win"], ["win"],
    [".venv/bin/python", "scripts/push_kernel.py", "--win"]])
def test_a_command_that_does_not_exist_is_noticed(words):
    assert _fault(words)


def test_workflows_lint_test_audit_build_a_wheel_and_submit():
    text = "\n".join(" ".join(words) for _, words in _commands())
    for wanted in (".ci/run", "pip-audit --strict", "make dist", "push_kernel.py ${RUNS#submit/} --submit"):
        assert wanted in text
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    tested = re.search(r"^test: test-setup\n((?:\t.*\n)+)", makefile, flags=re.M)[1]
    assert "make test" in run and all(each in tested for each in ("ruff check", "-m mypy", "-m pytest"))


def test_a_submission_is_started_by_hand_or_by_tag_alone_and_its_token_is_a_secret():
    content = _read(ROOT / ".github" / "workflows" / "submit.yml")
    assert set(content["on"]) == {"workflow_dispatch", "push"} and set(content["on"]["push"]) == {"tags"}
    job, = content["jobs"].values()
    assert job["env"]["KAGGLE_API_TOKEN"] == "${{ secrets.KAGGLE_API_TOKEN }}" and job["environment"] == "kaggle"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_workflow_may_write_to_the_repository_or_puts_what_somebody_typed_into_a_command(path):
    content = _read(path)
    assert content["permissions"] == {"contents": "read"}
    assert not [step["run"] for step in _steps(content) if "${{" in step.get("run", "")]
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]) for step in _steps(content) if "uses" in step)
    assert all(job["timeout-minutes"] for job in content["jobs"].values())
