"""Notebooks are built from sources that a reader can follow; what may be public holds nothing private."""

import json

import nbformat
import pytest

from radiogen.core.errors import UserError
from radiogen.core.progress import HIDDEN
from radiogen.kaggle.notebooks.sources import FOLDER, PUBLIC, notebook, notebook_text, template

NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))


def test_a_source_becomes_cells_with_comments_as_text():
    source = '"""Left out."""\n\n# %% [markdown]\n# # Title\n#\n# text\n\n# %%\na = 1\n\n# %%\nb = 2  # noqa: E402\n'
    cells = notebook(source)["cells"]
    assert [(cell["cell_type"], cell["source"]) for cell in cells] == [
        ("markdown", "# Title\n\ntext"), ("code", "a = 1"), ("code", "b = 2")]


def test_the_clone_has_the_three_notebooks_and_only_the_first_may_be_public():
    assert NAMES == ["look-first", "predict-and-submit", "train-and-judge"] and PUBLIC == ("look-first",)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_one_by_nbformats_own_schema_and_has_prose_before_its_code(name):
    book = nbformat.reads(notebook_text(name), as_version=4)
    nbformat.validate(book)
    kinds = [cell.cell_type for cell in book.cells]
    assert kinds[0] == "markdown" and kinds.count("markdown") >= 5
    assert all(not cell.get("outputs") for cell in book.cells)


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_of_the_clone_is_the_one_that_its_source_gives(name):
    assert (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8") == notebook_text(name), "make notebooks"


def test_the_look_at_real_data_types_no_figure_that_it_could_compute():
    prose = " ".join("".join(cell["source"]) for cell in json.loads(notebook_text("look-first"))["cells"]
                     if cell["cell_type"] == "markdown")
    assert not [figure for figure in ("0.584", "585", "247", "61.9", "00557", "54 %", "87 ") if figure in prose]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_hides_the_progress_which_jupyter_would_show_as_errors(name):
    assert f'os.environ["{HIDDEN}"] = "1"' in notebook_text(name).replace('\\"', '"')


def test_a_notebook_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(UserError, match="has no notebook .win.; choose one of: look-first, predict-and-submit"):
        template("win")
