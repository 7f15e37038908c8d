"""The commands and files that the documents name are there, with the options that they give."""

import importlib.util
import re
from pathlib import Path

import pytest

from .warm_commands import run_python

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").rglob("*.md")])
DOCUMENTS = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]
FILE = re.compile(r"(?<![\w/<.-])((?:src|scripts|benchmarks|tests|docs)/[\w/.-]*\w\.(?:py|md|csv|html|png))")
COMMAND = re.compile(r"python ((?:benchmarks|scripts)/[\w/]+\.py)([^`#\n]*)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_of_the_project_that_a_document_names_is_there(document):
    named = FILE.findall(document.read_text(encoding="utf-8"))
    assert not sorted({name for name in named if not (ROOT / name).is_file()})


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_to_a_heading_that_is_there(document):
    for target in re.findall(r"\]\((?!https?://|mailto:)([^)\s]+)\)", document.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        path = document.parent / name if name else document
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
            assert anchor in {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}, target


def test_every_picture_is_in_a_document():
    shown = {name for path in DOCUMENTS for name in re.findall(r"pictures/([\w-]+\.png)\)", path.read_text("utf-8"))}
    assert {path.name for path in (ROOT / "docs" / "pictures").glob("*.png")} == shown


def test_a_newcomer_reads_the_readme_in_900_words():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 900


@pytest.mark.slow
def test_the_readmes_python_trains_predicts_and_judges(tmp_path, monkeypatch, capfd):
    from benchmarks.robustness.stages import make_phantom

    block, = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    make_phantom(tmp_path / "input" / "phantom", 20, 2)
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
    assert (tmp_path / "models" / "mine" / "predictions.csv").is_file()
    assert "Outcome" in capfd.readouterr().out


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_option_of_a_benchmark_that_a_document_gives_is_one(document):
    for script, rest in COMMAND.findall(document.read_text(encoding="utf-8")):
        if script.startswith("benchmarks/"):
            source = (ROOT / script).read_text(encoding="utf-8")
            for option in re.findall(r"--([a-z][a-z-]*)", rest):
                assert f"{option.replace('-', '_')}:" in source or f'"--{option}"' in source, f"{script} --{option}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_target_of_make_that_a_document_names_is_one(document):
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert set(re.findall(r"`make ([a-z-]+)", document.read_text(encoding="utf-8"))) <= targets


def test_every_benchmark_that_the_sources_name_is_there():
    for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py"), ROOT / "Makefile"]:
        named = re.findall(r"\bbenchmarks/[\w/]+\.py\b", path.read_text(encoding="utf-8"))
        assert not [name for name in named if not (ROOT / name).is_file()], path


def test_the_table_of_changes_in_the_architecture_names_at_least_twelve():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text[text.index("| I want to |"):].split("\n\n")[0]
    assert len(table.splitlines()) - 2 >= 12


def _writer(name):
    """A module of docs/ that writes pages."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    return writer


def test_the_page_of_commands_is_what_they_print():
    writer = _writer("write_commands")
    wanted = writer.page(lambda path: run_python(f"scripts/{path.name}", "--help", cwd=ROOT,
                                                 env=writer.ENVIRONMENT).stdout)
    assert writer.PAGE.read_text(encoding="utf-8") == wanted, "run python docs/write_commands.py"


@pytest.mark.parametrize("name", ["findings.md", "recipe-fields.md"])
def test_the_pages_of_findings_and_fields_are_what_the_sources_say(name):
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert text == _writer("write_reference").PAGES[name](), "run python docs/write_reference.py"


def test_the_page_of_findings_has_every_code_and_that_of_fields_every_field():
    from radiogen.imaging.findings import FindingCode
    from radiogen.training.recipe.recipe import field_defaults

    findings = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([A-Z0-9_]+)` \|", findings, re.M) == [code.name for code in FindingCode]
    fields = re.findall(r"^\| `--([a-z-]+)` \|", (ROOT / "docs" / "recipe-fields.md").read_text("utf-8"), re.M)
    assert sorted(fields) == sorted(path.rpartition(".")[2].replace("_", "-") for path in field_defaults())


def test_the_page_of_file_formats_names_every_file_of_a_run():
    from radiogen.runs import layout

    page = (ROOT / "docs" / "file-formats.md").read_text(encoding="utf-8")
    names = {value for name, value in vars(layout).items()
             if name.isupper() and not name.startswith("_") and isinstance(value, str)}
    assert not sorted(name for name in names if f"`{name}" not in page and f"/{name}" not in page)


def test_every_page_is_in_the_sites_table_of_contents_once():
    named = re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.M)
    assert sorted(named) == sorted(str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md"))


def test_every_function_that_the_reference_names_is_there():
    for path in (ROOT / "docs" / "api").glob("*.md"):
        for name in re.findall(r"^::: ([\w.]+)$", path.read_text(encoding="utf-8"), re.M):
            module, _, last = name.rpartition(".")
            source = ROOT / "src" / Path(*module.split(".")).with_suffix(".py")
            whole = ROOT / "src" / Path(*name.split(".")).with_suffix(".py")
            assert whole.is_file() or re.search(rf"^(def|class) {last}\b", source.read_text("utf-8"), re.M), name
