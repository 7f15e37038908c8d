"""Many small pictures on pages that one can leaf through: a contact sheet.

In: grey pictures with a title, a caption and perhaps a note each. Out: PNG pages, written whole or not at all. A page
is one image at its own pixels with text over it, not a grid of axes: no picture is blurred, a page takes a second.
"""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radiogen.evaluation.figures.run_figures import BLACK, DOTS_PER_INCH, GREY
from radiogen.evaluation.figures.saving import save_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RED = "#C00000"
ACROSS, DOWN = 8, 8

_EDGE = 192
"""Pixels of the square in which a picture stands."""

_STEP = (256, 208)
"""Pixels from one tile to the next, down and across."""

_TOP, _MARGIN = 44, 12
_LINE = 14


@dataclass(frozen=True)
class Tile:
    """One picture of a sheet.

    picture: (rows, columns) uint8 with square pixels, or (rows, columns, 3) in colour, shown at most 192 pixels long;
    None where there is none. title, caption: a line each, above and below. note: what is wrong with it, up to two
    lines; it makes the tile red. left, top: letters at these edges of the picture.
    """

    picture: np.ndarray | None
    title: str
    caption: str
    note: str = ""
    left: str = ""
    top: str = ""


def contact_sheets(folder: Path, tiles: Sequence[Tile], title: str, stem: str = "contact_sheet") -> list[Path]:
    """Draw the tiles, row by row, eight across and eight down a page; no page without a tile.

    The page is `<stem>.png` in `folder`; where there are several, `<stem>-1-of-3.png` and so on.
    """
    pages = math.ceil(len(tiles) / (ACROSS * DOWN))
    paths = []
    for page in range(pages):
        name = f"{stem}.png" if pages == 1 else f"{stem}-{page + 1}-of-{pages}.png"
        heading = title if pages == 1 else f"{title}; page {page + 1} of {pages}"
        paths.append(_draw_page(Path(folder) / name, tiles[page * ACROSS * DOWN:][:ACROSS * DOWN], heading))
    return paths


def _draw_page(path: Path, tiles: Sequence[Tile], heading: str) -> Path:
    across = max(min(ACROSS, len(tiles)), 4)  # the heading needs some width
    down = math.ceil(len(tiles) / across)
    page = np.full((_TOP + down * _STEP[0], 2 * _MARGIN + across * _STEP[1] - (_STEP[1] - _EDGE), 3), 255, np.uint8)
    figure, axes = _canvas(page.shape)
    axes.text(_MARGIN, _TOP / 2, heading, fontsize=10, color=BLACK, va="center")
    for number, tile in enumerate(tiles):
        row, column = divmod(number, across)
        _put(page, axes, tile, _TOP + row * _STEP[0], _MARGIN + column * _STEP[1])
    axes.imshow(page, interpolation="none", extent=(0, page.shape[1], page.shape[0], 0))
    return save_png(path, figure)


def _canvas(shape: tuple[int, ...]) -> "tuple[Figure, Axes]":
    """A figure whose axes fill it and count its pixels, from the upper left."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(shape[1] / DOTS_PER_INCH, shape[0] / DOTS_PER_INCH), dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, shape[1]), ylim=(shape[0], 0))
    axes.set_axis_off()
    return figure, axes


def _put(page: np.ndarray, axes: "Axes", tile: Tile, top: int, left: int) -> None:
    """Paint a tile's picture onto the page and its words onto the axes."""
    colour = RED if tile.note else BLACK
    title = _without_middle(tile.title, 26)
    axes.text(left, top + _LINE - 4, title, fontsize=6.5 * min(1, 19 / max(len(title), 1)), weight="bold", color=colour)
    upper = top + _LINE + 2
    if tile.note:
        page[upper - 2:upper + _EDGE + 2, left - 2:left + _EDGE + 2] = [int(RED[at:at + 2], 16) for at in (1, 3, 5)]
    page[upper:upper + _EDGE, left:left + _EDGE] = 238 if tile.picture is None else 0
    if tile.picture is not None:
        picture = tile.picture[:_EDGE, :_EDGE]
        rows, columns = picture.shape[:2]
        down, right = upper + (_EDGE - rows) // 2, left + (_EDGE - columns) // 2
        page[down:down + rows, right:right + columns] = picture if picture.ndim == 3 else picture[..., None]
        _letter(axes, left + 10, upper + _EDGE / 2, tile.left)
        _letter(axes, left + _EDGE / 2, upper + 10, tile.top)
    else:
        axes.text(left + _EDGE / 2, upper + _EDGE / 2, "no picture", fontsize=7, color=GREY, ha="center", va="center")
    below = upper + _EDGE + _LINE - 2
    axes.text(left, below, _shortened(tile.caption, 36), fontsize=5.5, color=BLACK)
    for number, line in enumerate(textwrap.wrap(tile.note, 33, max_lines=2, placeholder=" ...")):
        axes.text(left, below + (number + 1) * (_LINE - 1), line, fontsize=5.5, color=RED)


def _letter(axes: "Axes", x: float, y: float, letter: str) -> None:
    """A letter that can be read on black and on white."""
    from matplotlib.patheffects import withStroke

    axes.text(x, y, letter, fontsize=6, weight="bold", color="#FFD54A", ha="center", va="center",
              path_effects=[withStroke(linewidth=1.6, foreground="black")])


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most - 3]}..."


def _without_middle(text: str, most: int) -> str:
    """A title keeps its end, which says the sequence."""
    half = (most - 3) // 2
    return text if len(text) <= most else f"{text[:most - 3 - half]}...{text[-half:]}"
