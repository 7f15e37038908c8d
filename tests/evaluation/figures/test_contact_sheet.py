"""Contact sheets: every picture in its place and proportions, what is odd in red, pages that say which they are."""

import os

import numpy as np
from matplotlib.image import imread

from radiogen.evaluation.figures.contact_sheet import Tile, contact_sheets

WHITE = np.full((192, 96), 255, np.uint8)


def _page(path):
    return (imread(path)[..., :3] * 255).round().astype(int)


def _red(page):
    return (page[..., 0] > 150) & (page[..., 1] < 60) & (page[..., 2] < 60)


def test_a_picture_keeps_its_proportions_between_black_margins(tmp_path):
    path, = contact_sheets(tmp_path, [Tile(WHITE, "", "")], "")
    page = _page(path)
    square = np.argwhere((page == 0).all(axis=-1))
    (top, left), (down, right) = square.min(axis=0), square.max(axis=0) + 1
    assert (down - top, right - left) == (192, 192)
    inner = page[top:down, left:right].mean(axis=-1)
    assert (inner[:, 48:144] == 255).all() and (inner[:, :48] == 0).all() and (inner[:, 144:] == 0).all()


def test_only_tiles_with_a_note_are_red(tmp_path):
    plain, = contact_sheets(tmp_path / "a", [Tile(WHITE, "00000 FLAIR", "axial"), Tile(None, "00001 FLAIR", "")], "t")
    assert not _red(_page(plain)).any()
    odd, = contact_sheets(tmp_path / "b", [Tile(WHITE, "a", ""), Tile(WHITE, "b", "", note="blank slices")], "t")
    _, columns = np.nonzero(_red(_page(odd)))
    assert columns.min() > 200 and columns.max() < 420  # the second tile of four


def test_a_picture_in_colour_keeps_its_colours(tmp_path):
    picture = np.zeros((192, 192, 3), np.uint8)
    picture[50:60, 70:90] = (77, 208, 225)
    page = _page(contact_sheets(tmp_path, [Tile(picture, "", "")], "", "mask_sheet")[0])
    assert (tmp_path / "mask_sheet.png").is_file()
    assert (page == (77, 208, 225)).all(axis=-1).sum() == 200


def test_a_long_title_ends_before_the_next_tile_and_keeps_its_sequence(tmp_path):
    black = np.zeros((192, 192), np.uint8)
    tiles = [Tile(black, f"UCSF-PDGM-0429_FU003d {name}", "") for name in ("T1wCE", "FLAIR", "T2w", "T1w")]
    page = _page(contact_sheets(tmp_path, tiles, "")[0]).min(axis=-1)
    titles = page[46:56]  # between the heading and the pictures
    assert (titles < 128).any()
    assert all((titles[:, 12 + 208 * number + 194:12 + 208 * (number + 1) - 2] == 255).all() for number in range(3))
    assert (page[46:56, 12:206] != page[46:56, 220:414]).any()  # the sequences differ, and are shown


def test_tiles_go_row_by_row_eight_across(tmp_path):
    tiles = [Tile(np.full((192, 192), number, np.uint8), "", "") for number in range(10, 20)]
    page = _page(contact_sheets(tmp_path, tiles, "")[0])[..., 0]
    centres = {number: np.argwhere(page == number).mean(axis=0) for number in range(10, 20)}
    assert len({round(centres[number][0]) for number in range(10, 18)}) == 1
    assert centres[18][0] > centres[17][0] and abs(centres[18][1] - centres[10][1]) < 1


def test_more_tiles_than_a_page_holds_make_numbered_pages(tmp_path):
    paths = contact_sheets(tmp_path, [Tile(WHITE, "", "")] * 65, "t")
    assert [path.name for path in paths] == ["contact_sheet-1-of-2.png", "contact_sheet-2-of-2.png"]
    assert _page(paths[0]).shape[0] > 4 * _page(paths[1]).shape[0]


def test_without_tiles_there_is_no_sheet(tmp_path):
    assert contact_sheets(tmp_path, [], "t") == [] and not list(tmp_path.iterdir())


def test_a_name_that_is_no_text_is_drawn_with_a_sign_for_what_it_is_not(tmp_path):
    name = os.fsdecode(b"F\xe4lle")
    path, = contact_sheets(tmp_path, [Tile(WHITE, name, "")], name)
    other, = contact_sheets(tmp_path / "other", [Tile(WHITE, "F?lle", "")], "F?lle")
    assert path.read_bytes() == other.read_bytes()


def test_the_same_tiles_give_the_same_bytes(tmp_path):
    first, = contact_sheets(tmp_path / "a", [Tile(WHITE, "t", "c", "n", "R", "A")], "t")
    second, = contact_sheets(tmp_path / "b", [Tile(WHITE, "t", "c", "n", "R", "A")], "t")
    assert first.read_bytes() == second.read_bytes()


def test_a_picture_larger_than_its_place_and_long_words_stay_inside_the_page(tmp_path):
    small, = contact_sheets(tmp_path / "a", [Tile(WHITE, "t", "c")], "t")
    large, = contact_sheets(tmp_path / "b", [Tile(np.zeros((400, 300), np.uint8), "t" * 90, "c" * 90, "n " * 90)], "t")
    assert _page(small).shape == _page(large).shape
