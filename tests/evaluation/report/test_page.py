"""The page in a real browser: it opens quietly, asks nothing of the network, its viewer turns slices, and it prints.

One browser opens it for all tests of this file, each afresh.
"""

import json
import re

import numpy as np
import pandas as pd
import pytest

from radiogen.evaluation.report.assess import assess
from radiogen.evaluation.report.page import render_page
from radiogen.evaluation.report.report import evaluate_runs
from radiogen.runs.layout import REPORT_IMAGES
from radiogen.runs.predicted_run import open_predictions
from radiogen.runs.predictions import complete, write_predictions

from .browser import open_page
from .outline import Outline

CASES, SLICES, EDGE = 60, 9, 12


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The report of a run of 60 cases whose name would break a page that does not escape it, with images of 4 cases."""
    models = tmp_path_factory.mktemp("models")
    folder = models / "a<b>&c"
    random = np.random.default_rng(0)
    labels = np.arange(CASES) % 2
    table = complete(pd.DataFrame({
        "case": [f"{number:05d}" for number in range(CASES)], "fold": np.resize([*"01234", "holdout"], CASES),
        "label": pd.array(labels, dtype="Int64"),
        "probability": np.clip(0.3 + 0.4 * labels + 0.2 * random.normal(size=CASES), 0, 1)}))
    write_predictions(folder / "predictions.csv", table)
    (folder / "run.json").write_text(json.dumps({"recipe": "demo-3d", "rank": 3, "data": "/home/anna/scans",
                                                 "arrays": 150 * "ab"}))
    for fold in range(5):
        (folder / f"fold-{fold}").mkdir()
        pd.DataFrame({"epoch": [1, 2], "loss": [0.7, 0.6], "val_loss": [0.8, 0.7]}).to_csv(
            folder / f"fold-{fold}" / "history.csv", index=False)
    _write_images(folder / "explained.npz", table.head(4))
    evaluate_runs(models, [folder.name])
    return folder / "report.html"


def _write_images(path, cases):
    """Slice k of every case is one grey, 20 k; the heat lies on slice 5 alone."""
    images = np.broadcast_to((20 * np.arange(SLICES, dtype=np.uint8))[:, None, None], (4, SLICES, EDGE, EDGE))
    heat = np.zeros((4, SLICES, EDGE, EDGE), np.uint8)
    heat[:, 5, 3:6, 3:6] = 255
    np.savez_compressed(
        path, ids=cases["case"].to_numpy(str), folds=cases["fold"].to_numpy(str),
        labels=cases["label"].to_numpy(int), probabilities=cases["probability"].to_numpy(float),
        called=cases["predicted"].to_numpy(int), sequence=np.array("FLAIR"), sequences=np.array(["FLAIR", "T2w"]),
        rank=np.array(3), geometry=np.array("isotropic"), images=images, heat=heat,
        slices=np.tile(np.arange(SLICES), (4, 1)), views=np.zeros((4, 2, EDGE, EDGE), np.uint8))


@pytest.fixture(scope="module")
def browser(page):
    with open_page(page) as tab:
        yield tab


@pytest.fixture
def tab(browser, page):
    browser.emulate()
    browser.load(page)
    return browser


GREY = "document.querySelector('canvas').getContext('2d').getImageData(10, 10, 1, 1).data[0]"
RED = "document.querySelector('canvas').getContext('2d').getImageData(4, 4, 1, 1).data"
DRAWN = "document.querySelector('.viewer').dataset.drawn"


def test_the_page_tells_nothing_of_the_folder_in_which_it_was_made(page):
    text = page.read_text(encoding="utf-8")
    assert str(page.resolve().parents[2]) not in text and "/home/anna" not in text
    assert "--data scans" in text


def test_the_page_opens_without_a_complaint_and_asks_nothing_of_the_network(tab, page):
    tab.wait_until(f"{DRAWN} === '0/5/true'")
    assert tab.complaints == []
    assert [url for url in tab.requests if not url.startswith("data:")] == [page.resolve().as_uri()]
    assert tab.evaluate("document.querySelector('h1').textContent") == "a<b>&c"


def test_the_slider_turns_the_slices_and_the_overlay_goes_on_and_off(tab):
    tab.wait_until(f"{DRAWN} === '0/5/true'")
    assert tab.evaluate(GREY) == 100
    assert tab.evaluate(f"{RED}[0] !== {RED}[2]")
    assert "slice 5, with Grad-CAM" in tab.evaluate("document.querySelector('canvas').ariaLabel")
    tab.evaluate("(() => { const s = document.querySelector('.slice'); s.value = 7; "
                 "s.dispatchEvent(new Event('input')); })()")
    tab.wait_until(f"{DRAWN} === '0/7/true'")
    assert tab.evaluate(GREY) == 140
    tab.evaluate("document.querySelector('.viewer').focus()")
    tab.press("ArrowLeft")
    tab.press("ArrowLeft")
    tab.wait_until(f"{DRAWN} === '0/5/true'")
    tab.press("o")
    tab.wait_until(f"{DRAWN} === '0/5/false'")
    assert tab.evaluate(f"{RED}[0] === {RED}[2]")
    tab.press("ArrowDown")
    tab.wait_until(f"{DRAWN} === '1/5/false'")


def test_a_row_of_predictions_opens_what_made_it_and_the_search_finds_a_case(tab):
    tab.evaluate("document.querySelector('.predictions').open = true")
    tab.evaluate("(() => { const s = document.querySelector('.search input'); s.value = '00007'; "
                 "s.dispatchEvent(new Event('input')); })()")
    seen = "[...document.querySelectorAll('tr[data-case]')].filter((row) => !row.hidden).length"
    assert tab.evaluate(seen) == 1
    tab.evaluate("document.querySelector('tr[data-case=\"00007\"]').click()")
    assert "scans" in tab.evaluate("document.querySelector('.made-of').textContent")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
@pytest.mark.parametrize("dark", [False, True])
def test_the_headline_fits_the_first_screen_and_nothing_is_wider_than_it(tab, width, height, dark):
    tab.emulate(width=width, height=height, dark=dark)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    for part in (".judged", ".outcome", ".area", ".reason", ".alarms", ".unchecked", ".banner"):
        place = tab.evaluate(f"(({{top, bottom, width}}) => [top, bottom, width])"
                             f"(document.querySelector('{part}').getBoundingClientRect())")
        assert 0 <= place[0] < place[1] <= height and place[2] > 100


def test_dark_is_dark_and_light_is_light(tab):
    lightness = "Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])"
    assert tab.evaluate(lightness) > 200
    tab.emulate(dark=True)
    assert tab.evaluate(lightness) < 50


def test_it_prints_on_several_pages_with_its_closed_parts_open(tab):
    output = tab.pdf()
    assert output.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", output)) > 3
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.evaluate("document.querySelectorAll('details:not([open])').length") == 0


def test_no_table_and_no_figure_is_cut_on_paper(tab):
    tab.emulate(width=700, dark=True, media="print")  # the width of A4 within its margins
    tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    cut = ("[...document.querySelectorAll('table, svg, img, pre, dd')].filter((one) => "
           "one.getBoundingClientRect().right > 701).map((one) => one.outerHTML.slice(0, 90))")
    assert tab.evaluate(cut) == []
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_every_figure_and_table_says_what_it_shows(page):
    found = Outline(page.read_text(encoding="utf-8"))
    assert found.silent == [] and found.bare == [] and found.skipped() == []
    assert all(table.caption for table in found.tables) and found.without_unit() == []
    assert any(said.startswith("Case 00000, T2w") for said in found.said)


def test_the_same_run_gives_the_same_page_byte_for_byte(page):
    before = page.read_bytes()
    evaluate_runs(page.parent.parent, [page.parent.name])
    assert page.read_bytes() == before


def test_nothing_in_the_page_points_to_the_network(page):
    text = page.read_text(encoding="utf-8")
    asked = re.findall(r"""(?:src|href)=["']([^"'#][^"']*)|url\(([^)]*)\)""", text)
    places = {first or second for first, second in asked}
    assert not [place for place in places if place.startswith(("http", "//"))]


def test_every_link_of_the_page_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    anchors = set(re.findall(r'href="#([^"]+)"', text))
    assert anchors and anchors <= set(re.findall(r'id="([^"]+)"', text))
    beside = set(re.findall(r'<a href="([^"#]+)"', text))
    assert [place for place in beside if not (page.parent / place).is_file()] == []


def test_the_summary_has_ten_lines_and_each_checklist_all_its_items(page):
    text = page.read_text(encoding="utf-8")
    assert text.count("<dt>") == 10
    lists = text.split('<table class="claim" id="')[1:]
    numbers = {one.split("-items")[0]: re.findall(r'<tr><td class="n">(\w+)</td>', one[:one.index("</table>")])
               for one in lists}
    assert numbers["claim"] == [str(number) for number in range(1, 45)]
    assert len(numbers["tripod_ai"]) == 52 and len(numbers["metrics_reloaded"]) == 25
    assert '<i class="unknown">for the author to say</i>' in lists[0]


FRAMED = "document.querySelector('.own-resolution')"


def test_without_a_page_of_the_images_a_line_says_how_to_get_it(tab):
    assert tab.evaluate(f"{FRAMED} === null")
    words = tab.evaluate("document.getElementById('images').textContent")
    assert "predict the run again where its data set lies" in words


@pytest.mark.slow  # judges the run once more
def test_the_page_of_the_images_beside_it_is_shown_at_its_height_once_it_says_that_it_is_there(tab, page, tmp_path):
    images = page.with_name(REPORT_IMAGES)
    models, run = page.parents[1], page.parent.name
    images.write_text("<title>images</title>")
    own = tmp_path / "report.html"
    own.write_text(render_page(assess([open_predictions(models, run)])), encoding="utf-8")
    images.unlink()
    tab.load(own)
    tab.evaluate(f"{FRAMED}.scrollIntoView()")
    tab.wait_until("document.querySelector('iframe') !== null")
    assert tab.evaluate(f"{FRAMED}.offsetHeight") < 200, "nothing is shown in place of a page that is not there"
    beside = tmp_path / REPORT_IMAGES
    beside.write_text("<script>parent.postMessage({ radiogenHeight: 777 }, '*')</script>")
    tab.load(own)
    tab.evaluate(f"{FRAMED}.scrollIntoView()")
    tab.wait_until(f"{FRAMED}.classList.contains('drawn')")
    assert tab.evaluate("document.querySelector('iframe').offsetHeight") == 777
    assert [url for url in tab.requests if not url.startswith("data:")] == [
        one.resolve().as_uri() for one in (own, beside)]
    assert tab.complaints == []
