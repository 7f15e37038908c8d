"""Pictures of the page: tiles in their places, heat clear where it is cold, upright planes, a page that stays small."""

import base64
import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from radiogen.core.errors import UserError
from radiogen.evaluation.report.page import own_resolution
from radiogen.evaluation.report.page_images import (
    by_label,
    heat_palette,
    overlaid,
    picture_uri,
    run_images,
    tiled,
)
from radiogen.runs.explained import read_explained_cases
from radiogen.runs.layout import REPORT_IMAGES


def _opened(uri):
    head, _, body = uri.partition(",")
    assert head in ("data:image/png;base64", "data:image/webp;base64")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(body))).convert("RGBA"))


def _write(folder, images, labels=(0, 1), rank=3, geometry="isotropic"):
    cases = len(labels)
    np.savez_compressed(
        folder / "explained.npz", ids=np.array([f"{n:05d}" for n in range(cases)]), folds=np.array(["holdout"] * cases),
        labels=np.array(labels), probabilities=np.full(cases, 0.7), called=np.ones(cases, int),
        sequence=np.array("FLAIR"), sequences=np.array(["FLAIR"]), rank=np.array(rank), geometry=np.array(geometry),
        images=np.stack([images] * cases), heat=np.stack([images] * cases),
        slices=np.tile(np.arange(len(images)), (cases, 1)), views=np.zeros((cases, 1, *images.shape[1:]), np.uint8))


def _images(folder):
    return run_images(read_explained_cases(folder), ("no", "yes"))


def test_each_slice_lies_in_its_tile():
    slices = np.arange(5, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 3), np.uint8)
    picture, across = tiled(slices)
    assert across == 3 and picture.shape == (4, 9)
    for number in range(5):
        top, left = number // 3 * 2, number % 3 * 3
        assert (picture[top:top + 2, left:left + 3] == number).all()
    assert (picture[2:, 6:] == 0).all()


def test_heat_is_clear_where_it_is_cold_and_hides_no_more_than_two_thirds_where_it_is_hot():
    grey = np.full((1, 2), 90, np.uint8)
    shown = overlaid(grey, np.array([[0, 255]], np.uint8))
    assert shown[0, 0].tolist() == [90, 90, 90]
    assert len(set(shown[0, 1].tolist())) > 1
    assert heat_palette()[:, 3].max() <= 170


def test_heat_gets_lighter_as_it_gets_hotter_so_that_it_reads_without_colours():
    lightness = heat_palette()[:, :3] @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(lightness) > 0).all()


def test_a_picture_comes_back_as_it_was():
    grey = np.random.default_rng(0).integers(0, 256, (7, 5), dtype=np.uint8)
    np.testing.assert_array_equal(_opened(picture_uri(grey))[..., 0], grey)


def test_the_head_is_on_top_in_the_planes_of_an_isotropic_cube(tmp_path):
    cube = np.zeros((8, 8, 8), np.uint8)
    cube[7] = 200  # slices of the cube run from the feet to the head
    _write(tmp_path, cube)
    names, uris = zip(*_images(tmp_path).planes, strict=True)
    assert [name.split()[0] for name in names] == ["axial", "coronal", "sagittal"]
    for uri in uris[1:]:
        picture = _opened(uri)[..., 0]
        assert picture[0].min() == 200 and picture[-1].max() == 0


def test_a_run_without_images_has_none_and_a_damaged_file_is_named(tmp_path):
    assert read_explained_cases(tmp_path) is None
    (tmp_path / "explained.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(UserError, match=r"explained\.npz"):
        read_explained_cases(tmp_path)


def test_an_array_of_python_objects_is_refused(tmp_path):
    np.savez(tmp_path / "explained.npz", ids=np.array([{"a": 1}], dtype=object))
    with pytest.raises(UserError, match="cannot be read"):
        read_explained_cases(tmp_path)


def test_cases_that_would_make_the_page_too_large_are_left_out_and_counted(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (6, 20, 20), dtype=np.uint8)
    _write(tmp_path, noise, labels=(0, 1, 0, 1))
    assert _images(tmp_path).left_out == 0
    images = run_images(read_explained_cases(tmp_path), ("no", "yes"), most=1)
    assert len(images.cases) == 1 and images.left_out == 3


def test_large_images_are_averaged_in_blocks_and_keep_the_slice_with_most_heat(tmp_path):
    images = np.zeros((70, 260, 200), np.uint8)
    images[37] = 200
    _write(tmp_path, images, rank=2)
    found = run_images(read_explained_cases(tmp_path), ("no", "yes"), most=300_000)
    case = found.cases[0]
    assert (case.rows, case.columns, case.count) == (86, 66, 32) and found.left_out == 0
    assert 37 in case.slices and case.slices[case.hottest] == 37
    assert case.tiles.startswith("data:image/webp")
    heat = _opened(case.heat)[..., 3]
    top, left = case.hottest // case.across, case.hottest % case.across
    assert heat[top * 43:(top + 1) * 43, left * 33:(left + 1) * 33].min() > 0
    assert (heat > 0).sum() == 43 * 33


def test_cases_stand_side_by_side_by_label(tmp_path):
    _write(tmp_path, np.zeros((4, 6, 6), np.uint8), labels=(1, 0, 1, 1, 1))
    groups = by_label(_images(tmp_path), most=3)
    assert [(label, len(cases)) for label, cases in groups] == [(0, 1), (1, 3)]


def test_the_page_of_a_runs_images_is_found_from_the_folder_of_the_last_run(tmp_path):
    first, last = (SimpleNamespace(explained=object(), run=SimpleNamespace(folder=tmp_path / name))
                   for name in ("a #1", "b"))
    for one in (first, last):
        one.run.folder.mkdir()
        assert own_resolution(one, last) == ""
        (one.run.folder / REPORT_IMAGES).write_text("")
    assert [own_resolution(one, last) for one in (first, last)] == ["../a%20%231/report_images.html",
                                                                   "report_images.html"]
    last.explained = None
    assert own_resolution(last, last) == ""
