"""Words of the page can be read in light, in dark and on paper: contrast by WCAG 2.2, from the style sheet itself."""

import re
from importlib import resources

import pytest

STYLE = resources.files("radiogen.evaluation.report").joinpath("page.css").read_text(encoding="utf-8")
MEDIA = ("light", "dark", "paper")
WORDS, GRAPHICS = 4.5, 3.0
"""WCAG 2.2, 1.4.3 and 1.4.11, level AA."""


def _inks(medium):
    """The colours of a medium by name: of dark and paper those that are set there, else those of light."""
    blocks = [dict(re.findall(r"--(\w+): (#\w+)", block)) for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)]
    assert len(blocks) == len(MEDIA)
    return blocks[0] | blocks[MEDIA.index(medium)]


def _channels(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    return [int(digits[place:place + 2], 16) / 255 for place in (0, 2, 4)]


def _contrast(first, second):
    """The ratio of two colours, (red, green, blue) in [0, 1] each."""
    lights = [sum(share * (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055)**2.4)
                  for share, value in zip((0.2126, 0.7152, 0.0722), colour, strict=True)) for colour in (first, second)]
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def test_the_ratio_is_that_of_the_standard():
    assert _contrast([0, 0, 0], [1, 1, 1]) == pytest.approx(21)
    assert _contrast(_channels("#777777"), _channels("#fff")) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("medium", MEDIA)
@pytest.mark.parametrize("ground", ["paper", "back"])
def test_words_stand_out_from_their_ground(medium, ground):
    inks = _inks(medium)
    for name in ("ink", "soft", "blue", "good", "poor", "none"):
        assert _contrast(_channels(inks[name]), _channels(inks[ground])) >= WORDS, name


@pytest.mark.parametrize("medium", MEDIA)
def test_lines_of_the_charts_stand_out_from_the_paper(medium):
    inks = _inks(medium)
    for name in ("faint", "blue", "orange", "green", "purple"):
        assert _contrast(_channels(inks[name]), _channels(inks["paper"])) >= GRAPHICS, name


@pytest.mark.parametrize("medium", MEDIA)
def test_counts_of_a_confusion_matrix_can_be_read_however_dark_their_cell_is(medium):
    inks = _inks(medium)
    share, least = (int(part) / 100 for part in re.search(
        r"calc\(var\(--share\) \* (\d+)% \+ (\d+)%\)", STYLE).groups())
    blue, paper = _channels(inks["blue"]), _channels(inks["paper"])
    for full in (0.0, 0.5, 1.0):
        mixed = [(least + full * share) * own + (1 - least - full * share) * other
                 for own, other in zip(blue, paper, strict=True)]
        assert _contrast(_channels(inks["ink"]), mixed) >= WORDS
