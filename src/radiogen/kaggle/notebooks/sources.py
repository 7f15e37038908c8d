"""Notebooks from readable sources: a Python file whose cells begin with `# %%` becomes an `.ipynb` without outputs.

In: `notebooks/<name>.py` of a clone. Out: nbformat 4.5, each cell's id from its place and kind alone, so that the same
source gives the same bytes.
"""

import json
import re
from pathlib import Path
from typing import Any

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import listing
from radiogen.kaggle.kernels.bundle import CLONE

FOLDER = CLONE / "notebooks"
PREDICT = "predict-and-submit"
"""The notebook that push_kernel.py pushes with trained runs."""
PUBLIC = ("look-first",)
"""Those that may be public: they hold no weights and write no submission."""


def template(name: str) -> str:
    """The source of a notebook. Raises UserError, naming those that there are, where there is none of this name."""
    path = FOLDER / f"{name}.py"
    if not path.is_file():
        found = sorted(path.stem for path in FOLDER.glob("*.py"))
        raise UserError(FOLDER, f"has no notebook {name!r}", f"choose one of: {listing(found)}" if found
                        else "use a clone of radiogen, in which notebooks/ is")
    return path.read_text(encoding="utf-8")


def notebook(source: str) -> dict[str, Any]:
    """A notebook (nbformat 4.5) from a Python source whose cells begin with `# %%`; what comes before is left out."""
    cells: list[dict[str, Any]] = []
    for part in re.split(r"^# %%", source, flags=re.MULTILINE)[1:]:
        kind, _, text = part.partition("\n")
        text = re.sub(r"  # noqa:.*", "", text.strip())
        number = f"cell-{len(cells) + 1:02d}"
        if "[markdown]" in kind:
            cells.append({"cell_type": "markdown", "id": number, "metadata": {},
                          "source": re.sub(r"^# ?", "", text, flags=re.M)})
        else:
            cells.append({"cell_type": "code", "id": number, "metadata": {}, "execution_count": None, "outputs": [],
                          "source": text})
    return {"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"}}}


def notebook_text(name: str) -> str:
    """The notebook of this name as its file has it."""
    return json.dumps(notebook(template(name)), indent=1, ensure_ascii=False) + "\n"


def write_notebooks(folder: Path = FOLDER) -> list[Path]:
    """Write every notebook of the clone into `folder`; returns their paths."""
    return [files.write_text(Path(folder) / f"{source.stem}.ipynb", notebook_text(source.stem))
            for source in sorted(FOLDER.glob("*.py"))]
