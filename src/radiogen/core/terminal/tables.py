"""Tables on standard output: fitted to a terminal's width, in a file one line a row whatever its length.

rich draws them (MIT); it follows NO_COLOR, TERM and the width of the window.
"""

import io
import sys
from collections.abc import Sequence


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = (),
                folded: Sequence[int] = ()) -> None:
    """Print rows of text below their headings.

    right: numbers of the columns that are aligned to the right; folded: of those whose cells may take several lines
    where the window is narrow.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    def table(wrapped: Sequence[int]) -> Table:
        made = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
        for number, heading in enumerate(headings):
            made.add_column(Text(heading), justify="right" if number in right else "left", overflow="fold",
                            no_wrap=number not in wrapped)
        for row in rows:
            made.add_row(*map(Text, row))
        return made

    if sys.stdout.isatty():
        console = Console(highlight=False)
        widths = [max(len(part) for cell in column for part in (cell.split() or [""] if number in folded else [cell]))
                  for number, column in enumerate(zip(headings, *rows, strict=True))]
        fits = sum(widths) + len(widths) - 1 <= console.width
        console.print(table(folded if fits else range(len(headings))))
        return
    text = io.StringIO()
    Console(file=text, width=10_000, color_system=None, highlight=False).print(table(folded))
    print("\n".join(line.rstrip() for line in text.getvalue().splitlines()))
