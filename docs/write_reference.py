"""Writes docs/findings.md and docs/recipe-fields.md: all finding codes and all fields of a recipe, from the sources.

`python docs/write_reference.py`, from the project's folder, after a code or a field was changed.
"""

import ast
import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any, get_args

from radiogen.core.wording import option
from radiogen.imaging.findings import FindingCode
from radiogen.training.recipe.recipe import Recipe, recipe_parts

DOCS = Path(__file__).resolve().parent

FINDINGS = """# Findings by code

A `Finding` has a `code`, the `files` that it concerns and the `values` that its sentence needs (in braces below).
Programs compare codes; `str(finding)` makes the sentence. How each policy acts:

| policy | what happens to the series |
| --- | --- |
| used | read whole, with the finding beside it |
| part used | files or slices are set aside, the others are used |
| refused | `SeriesError`, whose `finding` has the code; the case goes on without this sequence |

`python docs/write_reference.py` writes this page from `FindingCode` in `src/radiogen/imaging/findings.py`.
"""

FIELDS = """# Fields of a recipe

Every field is an option of `train.py` and a key of `recipe.json`: `--epochs 20`, `{"optimisation": {"epochs": 20}}`.
From Python: `radiogen.find_recipe("demo-3d").replace(epochs=20)`. Which recipe sets what: [recipes](recipes.md).
`python docs/write_reference.py` writes this page from the dataclasses.
"""


HEADING = "| option | values | default | meaning |\n| --- | --- | --- | --- |\n"


def findings_page() -> str:
    """The codes in the order and under the headings (comments) of the source."""
    page = FINDINGS
    for line in inspect.getsource(FindingCode).splitlines():
        if heading := re.match(r"    # (.+)$", line):
            page += f"\n## {heading[1]}\n\n| code | what is met | policy | sentence |\n| --- | --- | --- | --- |\n"
        elif code := re.match(r"    ([A-Z][A-Z0-9_]+) = ", line):
            one = FindingCode[code[1]]
            page += f"| `{one.name}` | {one.meaning} | {one.policy} | {one.frame}{one.sentence} |\n"
    return page


def fields_page() -> str:
    """A table for each part of a recipe: field, values, default and what it does."""
    page = FIELDS
    for part, kind in {**recipe_parts(), "": Recipe}.items():
        page += f"\n## {part or 'Beside the parts'}\n\n{HEADING}"
        meanings = _meanings(kind)
        for one in dataclasses.fields(kind):
            if one.name in meanings and one.name not in ("name", "description"):
                row = (f"`{option(one.name)}`", _values(one.type), _default(one.default), meanings[one.name])
                page += f"| {' | '.join(row)} |\n"
    return page


def _meanings(kind: type) -> dict[str, str]:
    """The docstring below each field."""
    body = ast.parse(inspect.getsource(kind)).body[0].body  # type: ignore[attr-defined]
    return {field.target.id: " ".join(text.value.value.split()).replace("|", "\\|")
            for field, text in zip(body, body[1:], strict=False)
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)}


def _values(kind: Any) -> str:
    if kind in (int, float, str, bool):
        return {int: "whole number", float: "number", str: "text", bool: "yes or no"}[kind]
    if kind is type(None):
        return "none"
    parts = [each for each in get_args(kind) if each is not ...]
    if all(isinstance(each, (str, int)) for each in parts):
        return ", ".join(f"`{each}`" for each in parts)
    return ("several of: " if getattr(kind, "__origin__", None) is tuple else "") + " or ".join(map(_values, parts))


def _default(value: object) -> str:
    if value is dataclasses.MISSING:
        return "required"
    if value in (None, ()):
        return "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"`{value}`"


PAGES = {"findings.md": findings_page, "recipe-fields.md": fields_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
