"""The page of series: what it holds and what lies beside it; in a real browser left is left, and heat where it is."""

import dataclasses
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from radiogen.core.errors import UserError
from radiogen.imaging.export.series_export import write_nifti
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.view import page as pages
from radiogen.imaging.view.niivue import niivue
from radiogen.imaging.view.page import Form, NamedVolume, ShownCase, facts_text, read_named, write_cases, write_view
from radiogen.imaging.volume import Volume
from tests.evaluation.report.browser import open_page
from tests.imaging.view.test_packing import unpacked

EDGE = 24
AXIAL = np.array([[0, 0, 4, -46], [0, 4, 0, -46], [4, 0, 0, -46], [0, 0, 0, 1]], float)
SAGITTAL = np.array([[-4, 0, 0, 46], [0, 0, 4, -46], [0, -4, 0, 46], [0, 0, 0, 1]], float)
"""From (slice, row, column) to LPS; the second from left to right, rows downwards, columns to the back."""
SIDES = {"left": (0, 1), "front": (1, -1), "head": (2, 1)}


def _half(affine, side):
    """A cube whose half at this side of the patient is bright."""
    axis, sign = SIDES[side]
    place = np.stack([*np.indices((EDGE,) * 3), np.ones((EDGE,) * 3)])
    at = np.tensordot(affine, place, 1)[axis]
    return NamedVolume(side, Volume(np.where(sign * at > 0, 900, 100).astype(np.int16), affine))


def _need(how):
    if how == "niivue" and niivue() is None:
        pytest.skip("NiiVue is not installed: pip install ipyniivue")


def _tiles(tab, number):
    """By plane (axial, coronal, sagittal) its part of a picture of the page, (row, column, colour) floats."""
    tab.evaluate(f"document.querySelectorAll('.series')[{number}].scrollIntoView()")
    picture = np.asarray(Image.open(io.BytesIO(tab.screenshot())).convert("RGB"), float)
    left, top = tab.evaluate(f"(({{left, top}}) => [left, top])(document.querySelectorAll('canvas')[{number}]"
                             ".getBoundingClientRect())")
    return [picture[int(top + y):int(top + y + height), int(left + x):int(left + x + width)] for x, y, width, height in
            tab.evaluate(f"JSON.parse(document.querySelectorAll('.series')[{number}].dataset.boxes)")]


def _brightness(tab, number):
    """By plane the mean grey of the picture's left, right, upper and lower half."""
    found = []
    for tile in (one.mean(axis=2) for one in _tiles(tab, number)):
        rows, columns = tile.shape[0] // 2, tile.shape[1] // 2
        found.append([float(part.mean()) for part in (tile[:, :columns], tile[:, columns:], tile[:rows], tile[rows:])])
    return found


@pytest.mark.slow  # starts a browser, and NiiVue draws by the processor
@pytest.mark.parametrize("affine", [AXIAL, SAGITTAL], ids=["axial", "sagittal"])
@pytest.mark.parametrize("how", ["niivue", "plain"])
def test_the_patients_left_is_on_the_right_front_and_head_are_up_and_nothing_is_asked_for(tmp_path, affine, how):
    _need(how)
    page, *_ = write_view(tmp_path / "view.html", [_half(affine, side) for side in SIDES])
    with open_page(page, webgl=how == "niivue") as tab:
        tab.wait_until("document.body.dataset.case")
        assert tab.evaluate("document.body.dataset.drawn") == how
        planes = {side: _brightness(tab, number) for number, side in enumerate(SIDES)}
        assert [url for url in tab.requests if not url.startswith(("data:", "blob:"))] == [page.resolve().as_uri()]
        assert tab.complaints == []
    left, right, above, below = range(4)
    for plane in (0, 1):
        assert planes["left"][plane][right] > 2 * planes["left"][plane][left]
    assert planes["front"][0][above] > 2 * planes["front"][0][below]
    assert planes["front"][2][left] > 2 * planes["front"][2][right]
    for plane in (1, 2):
        assert planes["head"][plane][above] > 2 * planes["head"][plane][below]


TILT = np.array([[0.94, -0.34, 0, 0], [0.32, 0.88, -0.34, 0], [0.12, 0.32, 0.94, 0], [0, 0, 0, 1]])
"""Some 25 degrees about two axes."""
HEAT = np.array([[0, 0, 8, -60], [0, 8, 0, -60], [8, 0, 0, -60], [0, 0, 0, 1]], float)


def _hot(place):
    """Heat around one voxel of a grid of 8 mm that is not the series'; and where that is, LPS mm."""
    distance = np.linalg.norm(np.moveaxis(np.indices((16,) * 3), 0, -1) - place, axis=-1)
    return Volume((255 * np.exp(-((distance / 1.2) ** 2))).astype(np.uint8), HEAT), HEAT[:3] @ [*place, 1]


def _warm_middle(tile):
    """The middle of what is coloured, as shares of the tile's width and height; None where nothing is."""
    warm = np.clip(tile[..., 0] - tile[..., 2] - 20, 0, None)
    rows, columns = np.indices(warm.shape)
    return None if warm.sum() < 500 else (float((columns * warm).sum() / warm.sum() / warm.shape[1]),
                                          float((rows * warm).sum() / warm.sum() / warm.shape[0]))


@pytest.mark.slow  # starts a browser, and NiiVue draws by the processor
@pytest.mark.parametrize("how", ["niivue", "plain"])
def test_heat_lies_at_its_place_of_the_patient_over_series_of_other_grids_and_goes_with_the_slider(tmp_path, how):
    _need(how)
    cases, places = [], []
    for place in ((10, 5, 11), (5, 9, 4)):
        heat, at = _hot(place)
        grey = [NamedVolume(name, Volume(np.full((EDGE,) * 3, 300, np.int16), affine))
                for name, affine in (("axial", AXIAL), ("sagittal", SAGITTAL), ("oblique", TILT @ AXIAL))]
        cases.append(ShownCase(f"case at {place}", grey, heat, ("axial", "sagittal", "oblique")))
        places.append(at)
    page, *_ = write_cases(tmp_path / "cases.html", cases, "cases")
    with open_page(page, webgl=how == "niivue") as tab:
        for number, at in enumerate(places):
            tab.evaluate(f"(() => {{ const one = document.querySelector('select.case'); one.value = {number}; "
                         "one.dispatchEvent(new Event('change')); })()" if number else "0")
            tab.wait_until(f"document.body.dataset.case === '{number}'")
            share = 0.5 + at / 96  # along LPS, of the 96 mm that the series show
            for figure in (0, 1, 2):
                told = tab.evaluate(f"JSON.parse(document.querySelectorAll('.series')[{figure}].dataset.place)")
                assert np.abs(np.array(told) * [-1, -1, 1] - at).max() < 4, "the crosshair begins where it is hottest"
                if figure == 2:  # its planes are not the patient's
                    continue
                axial, coronal, sagittal = map(_warm_middle, _tiles(tab, figure))
                assert axial == pytest.approx((share[0], share[1]), abs=0.06)
                assert coronal == pytest.approx((share[0], 1 - share[2]), abs=0.06)
                assert sagittal == pytest.approx((share[1], 1 - share[2]), abs=0.06)
        tab.evaluate("(() => { const one = document.querySelector('input.heat'); one.value = 0; "
                     "one.dispatchEvent(new Event('input')); })()")
        assert [_warm_middle(tile) for tile in _tiles(tab, 0)] == [None] * 3
        assert tab.complaints == []


@pytest.mark.slow  # starts a browser
def test_a_page_reads_the_volumes_beside_it_from_the_disk_and_names_one_that_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "PAGE_BYTES", 0)
    page, *volumes = write_view(tmp_path / "a b.html", [_half(AXIAL, "left")])
    with open_page(page) as tab:
        tab.wait_until("document.body.dataset.case")
        assert {url for url in tab.requests if url.startswith("file:")} == {
            one.resolve().as_uri() for one in (page, *volumes)}
        volumes[0].unlink()
        tab.load(page)
        tab.wait_until("document.querySelector('.by').textContent.includes('cannot be drawn')")
        assert f"a b_files/{volumes[0].name} is not beside this page" in tab.evaluate(
            "document.querySelector('.by').textContent")


@pytest.mark.slow  # starts a browser, and NiiVue draws by the processor
@pytest.mark.parametrize(("how", "button"), [("niivue", "right"), ("plain", "right"), ("plain", "left")])
def test_dragging_sets_the_window_and_a_double_click_resets_it(tmp_path, how, button):
    _need(how)
    page, *_ = write_view(tmp_path / "view.html", [_half(AXIAL, "left")])
    with open_page(page, webgl=how == "niivue") as tab:
        tab.wait_until("document.body.dataset.case")
        if button == "left":
            tab.evaluate("document.querySelector('select.drag').value = 'window'")
        x, y = tab.evaluate("(({left, top}) => [left, top])(document.querySelector('canvas').getBoundingClientRect())")
        dark = _brightness(tab, 0)[0][0]

        def mouse(kind, down, **more):
            tab.ask("Input.dispatchMouseEvent", type=kind, x=x + 200, y=y + 100 + down, button=more.pop("by"), **more)

        mouse("mousePressed", 0, by=button, buttons=2 - (button == "left"), clickCount=1)
        mouse("mouseMoved", 200, by=button, buttons=2 - (button == "left"))
        mouse("mouseReleased", 200, by=button, clickCount=1)
        assert _brightness(tab, 0)[0][0] > dark + 20  # a wider window lifts what was black
        tab.evaluate("document.querySelector('canvas').dispatchEvent(new MouseEvent('dblclick', { bubbles: true }))")
        assert _brightness(tab, 0)[0][0] == pytest.approx(dark, abs=3)


@pytest.mark.slow  # starts a browser
def test_within_another_page_the_wheel_scrolls_that_page_until_somebody_clicks_and_it_is_told_the_height(tmp_path):
    ramp = np.broadcast_to(np.arange(EDGE, dtype=np.int16)[:, None, None] * 40, (EDGE,) * 3)  # each slice another grey
    write_view(tmp_path / "view.html", [NamedVolume("ramp", Volume(ramp.copy(), AXIAL))])
    host = tmp_path / "host.html"
    host.write_text("<style>body { margin: 0; height: 3000px } iframe { width: 900px; height: 700px }</style><script>"
                    "addEventListener('message', (event) => { document.body.dataset.height = "
                    "event.data.radiogenHeight; })</script><iframe src='view.html'></iframe>")
    with open_page(host) as tab:
        tab.wait_until("Number(document.body.dataset.height) > 300")

        def wheel(x, y):
            tab.ask("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=60)

        def grey():
            return np.asarray(Image.open(io.BytesIO(tab.screenshot())).convert("L"), float)[250:300, 120:180].mean()

        tab.wait_for(lambda: grey() > 20)
        first = grey()
        wheel(150, 280)
        tab.wait_until("document.scrollingElement.scrollTop > 0")
        tab.evaluate("scrollTo(0, 0)")
        assert abs(grey() - first) < 2
        for kind in ("mousePressed", "mouseReleased"):
            tab.ask("Input.dispatchMouseEvent", type=kind, x=150, y=280, button="left", clickCount=1)
        wheel(150, 280)
        tab.wait_for(lambda: abs(grey() - first) > 4)
        assert tab.evaluate("document.scrollingElement.scrollTop") == 0


def _data(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)[1])


def _volume(page, key):
    return unpacked(re.search(rf'id="volume-{key}">(.*?)</script>', page.read_text(encoding="utf-8"))[1])


def test_a_page_holds_every_voxel_its_findings_and_no_address(tmp_path):
    volume = Volume(np.arange(60, dtype=np.int16).reshape(3, 4, 5), AXIAL, (Finding(FindingCode.INVERTED),))
    page, *beside = write_view(tmp_path / "a.html", [NamedVolume("<b>", volume)])
    text = page.read_text(encoding="utf-8").split('<script type="text/plain" id="licence">')[0]
    assert str(volume.findings[0]) in text and "&lt;b&gt;" in text and "3 slices of 4 x 5, axial" in text
    assert "default-src 'none'" in text and "http" not in text.replace("http-equiv", "") and "file:" not in text
    assert beside == [] and [one.name for one in tmp_path.iterdir()] == ["a.html"]
    np.testing.assert_array_equal(_volume(page, _data(page)["cases"][0]["series"][0]["image"])[0], volume.voxels)


def test_heat_keeps_its_grid_and_the_page_opens_where_it_is_hottest(tmp_path):
    heat, at = _hot((10, 5, 11))
    page, *_ = write_cases(tmp_path / "a.html", [ShownCase("a", [_half(SAGITTAL, "left")], heat, ["left"])], "cases")
    case = _data(page)["cases"][0]
    voxels, affine = _volume(page, case["heat"]["image"])
    np.testing.assert_array_equal(voxels, heat.voxels)
    np.testing.assert_allclose(affine, HEAT)
    assert case["heat"]["at"] == pytest.approx(at * [-1, -1, 1]) and case["series"][0]["hot"]


@pytest.fixture
def noise():
    """A series of 200 kB that no compression makes smaller, 100 kB in 8 bits."""
    return NamedVolume("noise", Volume(np.random.default_rng(0).integers(0, 2**15, (10, 100, 100)).astype(np.int16),
                                       AXIAL))


def _kept(page):
    """How the page keeps its first volume: exactly, in 8 bits or beside it."""
    data = _data(page)
    return "beside" if data["folder"] else "8 bits" if data["cases"][0]["series"][0]["reduced"] else "exactly"


def test_what_does_not_fit_is_kept_in_8_bits_and_what_does_not_fit_then_lies_beside_exactly(
        tmp_path, monkeypatch, noise):
    room = 100_000 + (len(niivue().code) + len(niivue().licence) if niivue() else 0)
    for most, form, expected in ((300_000, Form(), "exactly"), (200_000, Form(), "8 bits"),
                                 (200_000, Form(exact=True), "beside"), (50_000, Form(), "beside")):
        monkeypatch.setattr(pages, "PAGE_BYTES", room + most)
        page, *beside = write_view(tmp_path / "a.html", [noise], form=form)
        assert (_kept(page), bool(beside)) == (expected, expected == "beside")
        assert page.stat().st_size < room + most
    text = beside[0].read_text()
    np.testing.assert_array_equal(unpacked(text.split('"')[3])[0], noise.volume.voxels)
    assert "8 bits" not in page.read_text(encoding="utf-8")


def test_many_cases_lie_beside_in_8_bits_where_that_will_do(tmp_path, monkeypatch, noise):
    monkeypatch.setattr(pages, "PAGE_BYTES", 0)
    cases = (dataclasses.replace(ShownCase(str(number), [noise])) for number in range(3))
    page, *beside = write_cases(tmp_path / "a.html", cases, "cases", form=Form(small=True))
    assert len(beside) == 1, "the same volume is kept once"
    assert _data(page)["cases"][2]["series"][0]["reduced"].startswith("8 bits")
    assert beside[0].stat().st_size < 150_000


def test_volumes_of_an_earlier_page_go_and_a_file_of_the_users_stays(tmp_path, monkeypatch, noise):
    folder = tmp_path / "a_files"
    monkeypatch.setattr(pages, "PAGE_BYTES", 0)
    write_view(tmp_path / "a.html", [noise])
    monkeypatch.undo()
    write_view(tmp_path / "a.html", [noise])
    assert not folder.exists()
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    monkeypatch.setattr(pages, "PAGE_BYTES", 0)
    before = (tmp_path / "a.html").read_bytes()
    with pytest.raises(UserError, match=r"mine\.txt: was not written by radiogen"):
        write_view(tmp_path / "a.html", [noise])
    assert (tmp_path / "a.html").read_bytes() == before and (folder / "mine.txt").read_text() == "mine"


def test_the_program_in_a_page_is_there_once_and_leaves_room_for_images():
    if niivue() is None:
        pytest.skip("NiiVue is not installed: pip install ipyniivue")
    assert len(niivue().code) < 1_300_000


def test_a_series_of_unknown_place_names_no_side(tmp_path):
    volume = Volume(np.zeros((2, 3, 4)), None)
    assert "not known" in facts_text(volume)
    page, *_ = write_view(tmp_path / "a.html", [NamedVolume("a", volume)])
    assert _data(page)["cases"][0]["series"][0]["placed"] is False


def test_a_page_has_the_name_of_a_page_and_a_series_has_to_be_there(tmp_path):
    with pytest.raises(UserError, match=r"\.html"):
        write_view(tmp_path / "a.png", [NamedVolume("a", Volume(np.zeros((2, 3, 4)), None))])
    with pytest.raises(UserError, match="none is named"):
        read_named([])
    with pytest.raises(UserError, match="nothing-here"):
        read_named([tmp_path / "nothing-here"])


def test_series_of_one_name_are_told_apart_by_their_folders(tmp_path):
    volume = Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), AXIAL)
    paths = [write_nifti(tmp_path / case / f"{name}.nii", volume) for case in ("00000", "00001")
             for name in ("FLAIR", "T2w")]
    assert [one.name for one in read_named(paths[:3])] == ["00000/FLAIR.nii", "T2w.nii", "00001/FLAIR.nii"]
    assert [one.name for one in read_named([paths[0], paths[0]])] == ["FLAIR.nii"]
    with pytest.raises(ValueError, match="two series have one name"):
        write_view(tmp_path / "a.html", [NamedVolume("a", volume)] * 2)
