"""What the documents name is there: files of the project and scripts."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("*/*.md")])
NAMED = re.compile(r"(?<![\w/<.-])((?:src|scripts|benchmarks|tests|docs)/[\w/.-]*\w\.(?:py|md|csv|html|png|cfg))")


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path.name != "CHANGELOG.md"],
                         ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_names_files_that_are_there(path):
    missing = sorted({name for name in NAMED.findall(path.read_text(encoding="utf-8")) if not (ROOT / name).exists()})
    assert not missing


def test_the_table_of_changes_in_the_architecture_names_at_least_twelve():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text[text.index("| I want to |"):].split("\n\n")[0]
    assert len(table.splitlines()) - 2 >= 12
