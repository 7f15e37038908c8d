"""The images of the page: cases to leaf through with Grad-CAM over them, planes of a cube, labels side by side.

In: an `Explained` of a run. Out: pictures as data URIs, so that the page is one file. A case's slices stand in
one picture of tiles, of which the viewer shows one at a time; its heat stands in another of the same tiles, transparent
where it is cold.
"""

import base64
import io
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from radiogen.runs.explained import Explained

LEVELS = 16
"""Steps of heat: few, so that the picture stays small and its contours can be seen."""
PAGE_BYTES = 700_000
"""The cases of all runs take no more of the page than this: with 585 patients it stays below 2 MB."""
HOT = np.array([(0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)], float)
"""Corners of the colour map inferno (matplotlib, CC0): rises in lightness, too, so it can be read without colours."""


class Style(NamedTuple):
    """How images are kept: edges of at most so many pixels, so many slices, and WebP's quality; None: every bit."""

    edge: int
    slices: int
    quality: int | None


EXACT = Style(10_000, 10_000, None)
STYLES = (EXACT, Style(128, 32, 70), Style(96, 24, 55), Style(64, 16, 45))
"""From the best to the smallest; the first with which all cases fit is taken."""


@dataclass(frozen=True)
class CaseView:
    """One case in the viewer.

    tiles, heat: pictures of `count` tiles of (rows, columns), `across` in a row, as data URIs; hottest: the slice with
    most heat; slices: the numbers of the slices in the case's array; still: that slice with its heat, a data URI;
    views: the slice in every sequence; right: whether the call was right.
    """

    id: str
    title: str
    fold: str
    label: int
    probability: float
    right: bool
    tiles: str
    heat: str
    count: int
    across: int
    rows: int
    columns: int
    hottest: int
    slices: list[int]
    still: str
    views: list[str]


@dataclass(frozen=True)
class RunImages:
    """All images of a run; planes: (name, data URI) of one finished cube, sections: all its slices in one picture."""

    sequence: str
    sequences: list[str]
    rank: int
    cases: list[CaseView]
    left_out: int
    planes: list[tuple[str, str]]
    sections: str
    cube_of: str


def run_images(explained: Explained, classes: tuple[str, str], most: int = PAGE_BYTES) -> RunImages:
    """The images of a run as the page shows them, its cases in at most `most` bytes; classes: what 0 and 1 are called.

    Images of a small network are kept bit for bit, larger ones in the first of `STYLES` that fits; cases that do not
    even fit in the smallest are left out.
    """
    style, views = _fitting(explained, classes, most)
    rank, first = explained.rank, _reduced(explained.images[0], style.edge)
    planes = _planes(explained.images[0], explained.geometry, style) if rank == 3 else [
        ("middle slice", picture_uri(_grown(first[len(first) // 2]), quality=style.quality))]
    sections = tiled(_chosen(first, min(24, style.slices)))[0]
    return RunImages(explained.sequence, [str(name) for name in explained.sequences], rank, views,
                     len(explained.ids) - len(views), planes, picture_uri(sections, quality=style.quality),
                     str(explained.ids[0]))


def _fitting(explained: Explained, classes: tuple[str, str], most: int) -> tuple[Style, list[CaseView]]:
    """The style, and the cases that fit with it: all but with the smallest."""
    for style in STYLES:
        if style is EXACT and explained.images.size > 2 * most:
            continue  # PNG halves an image at best
        views: list[CaseView] = []
        size = 0
        for number in range(len(explained.ids)):
            view = _case(explained, number, classes, style)
            size += sum(map(len, (view.tiles, view.heat, view.still, *view.views)))
            if size > most and (views or style is not STYLES[-1]):
                break
            views.append(view)
        if len(views) == len(explained.ids):
            break
    return style, views


def by_label(images: RunImages, most: int = 3) -> list[tuple[int, list[CaseView]]]:
    """Up to `most` cases of each label, negative ones first."""
    return [(label, [case for case in images.cases if case.label == label][:most]) for label in (0, 1)]


def tiled(slices: np.ndarray) -> tuple[np.ndarray, int]:
    """(slices, rows, columns) as one picture of tiles, near to a square, and how many stand in a row."""
    count, rows, columns = slices.shape
    across = int(np.ceil(np.sqrt(count)))
    down = -(-count // across)
    whole = np.zeros((down * across, rows, columns), slices.dtype)
    whole[:count] = slices
    return whole.reshape(down, across, rows, columns).swapaxes(1, 2).reshape(down * rows, across * columns), across


def picture_uri(picture: np.ndarray, palette: np.ndarray | None = None, quality: int | None = None) -> str:
    """A PNG as a data URI: (rows, columns) uint8 grey, (rows, columns, 3) colours, or, with `palette`, numbers in it.

    palette: (colours, 4) uint8 red, green, blue, opacity. quality: of a WebP that loses detail instead, 0 to 100.
    """
    from PIL import Image

    image, held = Image.fromarray(picture), io.BytesIO()
    if palette is not None:
        image = Image.fromarray(picture, mode="P")
        image.putpalette(palette[:, :3].tobytes())
        image.save(held, "PNG", optimize=True, transparency=palette[:, 3].tobytes())
    elif quality is not None:
        image.convert("RGB").save(held, "WEBP", quality=quality)
    else:
        image.save(held, "PNG", optimize=True)
    kind = "png" if palette is not None or quality is None else "webp"
    return f"data:image/{kind};base64,{base64.b64encode(held.getvalue()).decode()}"


def heat_palette() -> np.ndarray:
    """(LEVELS, 4) uint8: from clear to the brightest colour of the map, opaque to two thirds."""
    place = np.linspace(0, len(HOT) - 1, LEVELS)
    colours = np.stack([np.interp(place, range(len(HOT)), HOT[:, channel]) for channel in range(3)], axis=1)
    opacity = np.clip(np.linspace(-0.15, 0.66, LEVELS), 0, 1) * 255
    return np.round(np.column_stack([colours, opacity])).astype(np.uint8)


def overlaid(grey: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A slice with its heat over it, (rows, columns, 3) uint8; both (rows, columns) uint8."""
    colours = heat_palette()[_levels(heat)].astype(float)
    share = colours[..., 3:] / 255
    return np.round(grey[..., None] * (1 - share) + colours[..., :3] * share).astype(np.uint8)


def _case(explained: Explained, number: int, classes: tuple[str, str], style: Style) -> CaseView:
    hot = explained.heat[number]
    kept = _with_place(len(hot), style.slices, int(hot.sum(axis=(1, 2), dtype=np.int64).argmax()))
    images, heat = (_reduced(stack[number][kept], style.edge) for stack in (explained.images, explained.heat))
    coarse = heat if style is EXACT else _reduced(heat, style.edge // 2)  # it comes from a few feature maps
    tiles, across = tiled(images)
    hottest = int(heat.sum(axis=(1, 2), dtype=np.int64).argmax())
    label, called = int(explained.labels[number]), int(explained.called[number])
    probability, fold = float(explained.probabilities[number]), str(explained.folds[number])
    title = (f"{explained.ids[number]}: {classes[label]}, called {classes[called]} ({probability:.2f}), "
             f"{'holdout' if fold == 'holdout' else f'fold {fold}'}")
    return CaseView(
        id=str(explained.ids[number]), title=title, fold=fold, label=label, probability=probability,
        right=label == called, tiles=picture_uri(tiles, quality=style.quality),
        heat=picture_uri(_levels(tiled(coarse)[0]), heat_palette()),
        count=len(images), across=across, rows=images.shape[1], columns=images.shape[2], hottest=hottest,
        slices=[int(one) for one in explained.slices[number][kept]],
        still=picture_uri(_grown(overlaid(images[hottest], heat[hottest])), quality=style.quality),
        views=[picture_uri(_grown(view), quality=style.quality)
               for view in _reduced(explained.views[number], style.edge)])


def _reduced(stack: np.ndarray, edge: int) -> np.ndarray:
    """(slices, rows, columns) uint8 with rows and columns averaged in blocks until no edge is longer than `edge`."""
    times = -(-max(stack.shape[1:]) // edge)
    if times <= 1:
        return stack
    rows, columns = (length // times for length in stack.shape[1:])
    blocks = stack[:, :rows * times, :columns * times].reshape(len(stack), rows, times, columns, times)
    return np.round(blocks.mean(axis=(2, 4))).astype(np.uint8)


def _with_place(length: int, most: int, place: int) -> np.ndarray:
    """At most so many of `length` places, at even distances, `place` among them."""
    if length <= most:
        return np.arange(length)
    places = np.round(np.linspace(0, length - 1, most)).astype(int)
    places[np.abs(places - place).argmin()] = place
    return places


def _planes(cube: np.ndarray, geometry: str, style: Style) -> list[tuple[str, str]]:
    """One slice through the middle along each axis; in patient orientation the head is on top."""
    middle = [length // 2 for length in cube.shape]
    cuts = [cube[middle[0]], cube[:, middle[1]], cube[:, :, middle[2]]]
    if geometry == "isotropic":
        names = ["axial (patient's left on the right)", "coronal (left on the right)", "sagittal (face on the left)"]
        cuts[1:] = [cut[::-1] for cut in cuts[1:]]
    else:
        names = [f"across axis {number} of the cube" for number in (1, 2, 3)]
    return [(name, picture_uri(_grown(np.ascontiguousarray(_reduced(cut[None], style.edge)[0])), quality=style.quality))
            for name, cut in zip(names, cuts, strict=True)]


def _levels(heat: np.ndarray) -> np.ndarray:
    return (heat.astype(int) * LEVELS // 256).astype(np.uint8)


def _grown(picture: np.ndarray, edge: int = 160) -> np.ndarray:
    """Each pixel as a square of several, until the picture is about `edge` long: a mail would blur a small one."""
    times = max(1, edge // max(picture.shape[:2]))
    return np.ascontiguousarray(picture.repeat(times, 0).repeat(times, 1))


def _chosen(slices: np.ndarray, most: int) -> np.ndarray:
    """At most so many slices, at even distances."""
    places = np.unique(np.round(np.linspace(0, len(slices) - 1, min(most, len(slices)))).astype(int))
    return slices[places]
