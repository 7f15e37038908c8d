"""The page of a series in a real browser: drawn by NiiVue or plainly, left is left, and nothing is asked for."""

import io

import numpy as np
import pytest
from PIL import Image

from radiogen.core.errors import UserError
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.view.niivue import niivue
from radiogen.imaging.view.page import NamedVolume, facts_text, read_named, render_view, write_view
from radiogen.imaging.volume import Volume
from tests.evaluation.report.browser import open_page

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


def _brightness(tab, number):
    """By plane (axial, coronal, sagittal) the mean grey of the picture's left, right, upper and lower half."""
    tab.evaluate(f"document.querySelectorAll('.series')[{number}].scrollIntoView()")
    picture = np.asarray(Image.open(io.BytesIO(tab.screenshot())).convert("L"), float)
    left, top = tab.evaluate(f"(({{left, top}}) => [left, top])(document.querySelectorAll('canvas')[{number}]"
                             ".getBoundingClientRect())")
    found = []
    for box in tab.evaluate(f"JSON.parse(document.querySelectorAll('.series')[{number}].dataset.boxes)"):
        x, y, width, height = (int(one) for one in (box[0] + left, box[1] + top, box[2], box[3]))
        tile = picture[y:y + height, x:x + width]
        rows, columns = height // 2, width // 2
        found.append([float(part.mean()) for part in (tile[:, :columns], tile[:, columns:], tile[:rows], tile[rows:])])
    return found


@pytest.mark.slow  # starts a browser, and NiiVue draws by the processor
@pytest.mark.parametrize("affine", [AXIAL, SAGITTAL], ids=["axial", "sagittal"])
@pytest.mark.parametrize("how", ["niivue", "plain"])
def test_the_patients_left_is_on_the_right_front_and_head_are_up_and_nothing_is_asked_for(tmp_path, affine, how):
    program = niivue()
    if how == "niivue" and program is None:
        pytest.skip("NiiVue is not installed: pip install ipyniivue")
    page = tmp_path / "view.html"
    page.write_text(render_view([_half(affine, side) for side in SIDES], program), encoding="utf-8")
    with open_page(page, webgl=how == "niivue") as tab:
        tab.wait_until("document.body.dataset.drawn")
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


def test_a_page_holds_every_voxel_its_findings_and_no_address(tmp_path):
    volume = Volume(np.arange(60, dtype=np.int16).reshape(3, 4, 5), AXIAL, (Finding(FindingCode.INVERTED),))
    text = write_view(tmp_path / "a.html", [NamedVolume("<b>", volume)]).read_text(encoding="utf-8")
    page = text.split('<script type="text/plain" id="niivue">')[0]
    assert str(volume.findings[0]) in page and "&lt;b&gt;" in page and "3 slices of 4 x 5, axial" in page
    assert "default-src 'none'" in page and "http" not in page.replace("http-equiv", "")


def test_the_page_with_niivue_and_a_series_stays_below_5_mb():
    if niivue() is None:
        pytest.skip("NiiVue is not installed: pip install ipyniivue")
    noise = np.random.default_rng(0).integers(0, 4096, (24, 192, 192)).astype(np.int16)
    assert 2_000_000 < len(render_view([NamedVolume("a", Volume(noise, AXIAL))], niivue())) < 5_000_000


def test_a_series_of_unknown_place_names_no_side():
    assert "not known" in facts_text(Volume(np.zeros((2, 3, 4)), None))
    assert '"placed":false' in render_view([NamedVolume("a", Volume(np.zeros((2, 3, 4)), None))], None)


def test_a_page_has_the_name_of_a_page_and_a_series_has_to_be_there(tmp_path):
    with pytest.raises(UserError, match=r"\.html"):
        write_view(tmp_path / "a.png", [NamedVolume("a", Volume(np.zeros((2, 3, 4)), None))])
    with pytest.raises(UserError, match="none is named"):
        read_named([])
    with pytest.raises(UserError, match="nothing-here"):
        read_named([tmp_path / "nothing-here"])
