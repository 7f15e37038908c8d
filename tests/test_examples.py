"""The examples in docstrings give what they say, and every function of the reference has one, or a reason."""

import doctest
import importlib
import logging
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = [".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
           for path in sorted((ROOT / "src" / "radiogen").rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]
KERAS = "radiogen.networks"
"""Where examples are slow, for they import it."""
WITHOUT = {
    "train": "README.md", "begin_run": "README.md", "predict": "README.md", "assess": "README.md",
    "open_predictions": "README.md", "assessment_record": "file-formats.md", "FindingCode": "findings.md",
    "DataSettings": "recipe-fields.md", "NetworkSettings": "recipe-fields.md",
    "OptimisationSettings": "recipe-fields.md", "AugmentationSettings": "recipe-fields.md"}
"""What has no example of its own, and which page shows it in use."""


@pytest.mark.parametrize("module", [pytest.param(name, marks=[pytest.mark.slow] if KERAS in name else [])
                                    for name in MODULES])
def test_the_examples_of_a_module_give_what_they_say(module, small_data, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.WARNING, logger="radiogen")  # that kernels are compiled, once, is printed elsewhere
    (tmp_path / "input").mkdir()
    (tmp_path / "input" / "phantom").symlink_to(small_data, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted and not result.failed


def test_every_function_of_the_reference_has_an_example_or_a_page_that_shows_it():
    pages = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "api").glob("*.md"))
    for name in re.findall(r"^::: ([\w.]+\.(\w+))$", pages, re.M):
        module = importlib.import_module(name[0].rpartition(".")[0]) if name[1] not in WITHOUT else None
        shown = getattr(module, name[1], None)
        if module is not None and not hasattr(shown, "__path__") and callable(shown):
            methods = [getattr(one, "__doc__", None) or "" for one in (shown, *vars(shown).values())]
            assert any(">>> " in text for text in methods), name[0]


def test_every_page_that_stands_for_an_example_names_what_it_shows():
    for name, page in WITHOUT.items():
        place = ROOT / page if page == "README.md" else ROOT / "docs" / page
        assert place.is_file(), name
