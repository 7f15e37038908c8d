"""What a page tells whoever does not see it: its headings, tables and figures, read from the HTML alone."""

import html
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

UNITLESS = {"from", "to", "p", "p adjusted", "from, bootstrap", "to, bootstrap", "mean", "between seeds",
            "between folds", "inside", "outside", "PSI by chance", "item"}
"""Headings of numbers without a unit: their caption, or the column or row that they belong to, has it."""


@dataclass
class Table:
    """caption: its words. headings: of columns, each with whether numbers stand below it and its unit."""

    caption: str = ""
    headings: list[tuple[str, bool, str]] = field(default_factory=list)


class Outline(HTMLParser):
    """headings: levels in order. silent: figures that say nothing to whoever does not see them. bare: cells that head
    a row or a column and do not say which."""

    def __init__(self, text: str):
        super().__init__()
        self.headings: list[int] = []
        self.silent: list[str] = []
        self.said: list[str] = []
        self.bare: list[str] = []
        self.tables: list[Table] = []
        self.feed(text)
        for body in re.findall(r"<table.*?</table>", text, flags=re.DOTALL):
            self.tables.append(_table(body))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a heading, a figure or a cell."""
        known = dict(attrs)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        elif tag in ("img", "svg", "canvas"):
            said = known.get("alt" if tag == "img" else "aria-label") or ""
            (self.said if said and (tag == "img" or known.get("role") == "img") else self.silent).append(
                said or str(attrs)[:80])
        elif tag == "th" and known.get("scope") not in ("row", "col") and "colspan" not in known:
            self.bare.append(str(self.getpos()))

    def skipped(self) -> list[tuple[int, int]]:
        """Pairs of headings of which the second is more than one level below the first."""
        pairs = zip(self.headings, self.headings[1:], strict=False)
        return [(first, second) for first, second in pairs if second > first + 1]

    def without_unit(self) -> list[str]:
        """Headings of columns of numbers that say no unit and need one."""
        return [name for table in self.tables for name, number, unit in table.headings
                if number and not unit and name not in UNITLESS]


def _table(body: str) -> Table:
    caption = re.search(r"<caption[^>]*>(.*?)</caption>", body, flags=re.DOTALL)
    head = re.search(r"<thead>(.*?)</thead>", body, flags=re.DOTALL)
    cells = re.findall(r'<th scope="col"([^>]*)>(.*?)</th>', head[1] if head else "", flags=re.DOTALL)
    return Table(_words(caption[1]) if caption else "", [
        (_words(re.sub(r"<small>.*?</small>", "", cell)), 'class="n"' in attributes,
         _words("".join(re.findall(r"<small>(.*?)</small>", cell)))) for attributes, cell in cells])


def _words(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())
