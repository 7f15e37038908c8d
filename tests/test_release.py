"""A release: one place for the version, a changelog by version, and a wheel that works without a clone."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.version import Version

import radiogen

ROOT = Path(__file__).resolve().parents[1]
DATA = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src" / "radiogen").rglob("*")
        if path.is_file() and path.suffix != ".py" and path.parent.name != "__pycache__"}
"""Files of the package that are no modules."""


def _releases() -> list[tuple[str, str]]:
    """Version and date of each release in the changelog, the newest first."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    return re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})$", text, re.M)


def test_the_version_stands_in_the_package_alone():
    assert "version = attr: radiogen.__version__" in (ROOT / "setup.cfg").read_text(encoding="utf-8")
    assert Version(radiogen.__version__).release


def test_the_changelog_has_what_is_unreleased_then_releases_from_new_to_old():
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    versions = [Version(version) for version, _ in _releases()]
    assert headings[0] == "[Unreleased]" and len(headings) == len(versions) + 1
    assert versions == sorted(versions, reverse=True) and versions[0] <= Version(radiogen.__version__)


def test_the_changelog_sorts_changes_into_the_kinds_of_keep_a_changelog():
    kinds = re.findall(r"^### (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert kinds and set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_citation_is_of_the_last_release():
    assert re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.M)[1] == _releases()[0][0]


def test_types_and_data_are_among_the_files_of_the_package():
    assert "radiogen/py.typed" in DATA and any(name.endswith(".js") for name in DATA)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The folder of the unpacked wheel: what an installation puts among the packages."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
                    "--disable-pip-version-check", "--wheel-dir", folder, ROOT], check=True)
    built, = folder.glob("radiogen-*.whl")
    assert built.name.startswith(f"radiogen-{radiogen.__version__}-py3-none-any")
    zipfile.ZipFile(built).extractall(folder / "packages")
    return folder / "packages"


@pytest.mark.slow  # builds a wheel
def test_the_wheel_holds_every_module_and_every_data_file(wheel):
    modules = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src" / "radiogen").rglob("*.py")}
    held = {path.relative_to(wheel).as_posix() for path in (wheel / "radiogen").rglob("*") if path.is_file()}
    assert held == modules | DATA


@pytest.mark.slow  # commands in processes that import the wheel
def test_the_wheels_commands_work_in_an_empty_folder(wheel, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(wheel), "RADIOGEN_CALLED_AS": "radiogen"}

    def call(*words):
        return subprocess.run([sys.executable, "-m", "radiogen.cli", *map(str, words)], cwd=tmp_path, env=environment,
                              check=True, capture_output=True, text=True).stdout

    assert "make-phantom" in call("--help")
    call("make-phantom", "--cases", 4, "--test-cases", 1, "--scale", 0.05, "--workers", 1)
    assert (tmp_path / "input/phantom/train_labels.csv").is_file()
    lines = [f"P{number},{number % 2},{number % 2 * 0.5 + number / 99}" for number in range(40)]
    (tmp_path / "mine.csv").write_text("\n".join(["id,label,probability", *lines]))
    assert "better than chance" in call("evaluate", "--predictions", "mine.csv")
    assert (tmp_path / "models/mine/report.html").is_file()
