"""The picture of a case keeps the patient's proportions, and its heat can be read in grey."""

import numpy as np
from matplotlib import colormaps
from matplotlib.image import imread

from radiogen.evaluation.figures.case_figure import case_png
from radiogen.runs.explained import SliceView


def _panel(title="FLAIR, slice 3 of 8", mm=(2.0, 2.0), image=None, heat=None):
    image = np.ones((64, 64)) if image is None else image
    return SliceView(title, image, np.zeros_like(image) if heat is None else heat, "R", "A", mm)


def _page(path):
    return (imread(path)[..., :3] * 255).round().astype(int)


def test_a_slice_of_oblong_pixels_is_drawn_in_the_patients_proportions(tmp_path):
    grey = np.full((64, 64), 0.4)
    page = _page(case_png(tmp_path / "a.png", [_panel(mm=(2.0, 1.0), image=grey)], "t", "m"))
    grey = (np.abs(page - 102) <= 1).all(axis=-1)[:580]  # the upper row
    rows, columns = (np.flatnonzero(grey.sum(axis=axis) > 100) for axis in (1, 0))
    assert abs(np.ptp(rows) / np.ptp(columns) - 2) < 0.05


def test_heat_is_drawn_only_in_the_lower_row_and_where_it_is(tmp_path):
    heat = np.zeros((64, 64))
    heat[16:24, 40:48] = 1
    grey = np.full((64, 64), 0.4)
    cold = _page(case_png(tmp_path / "cold.png", [_panel(image=grey)], "t", "m"))
    hot = _page(case_png(tmp_path / "hot.png", [_panel(image=grey, heat=heat)], "t", "m"))
    changed = np.argwhere(np.abs(cold - hot).max(axis=-1) > 8)
    assert len(changed) and changed[:, 0].min() > cold.shape[0] / 2
    (top, left), (down, right) = changed.min(axis=0), changed.max(axis=0)
    assert (down - top) < 120 and (right - left) < 120


def test_the_scale_grows_brighter_from_low_to_high_for_every_eye():
    red, green, blue = colormaps["inferno"](np.linspace(0, 1, 64))[:, :3].T
    assert (np.diff(0.2126 * red + 0.7152 * green + 0.0722 * blue) > 0).all()


def test_four_sequences_and_one_without_a_known_size_fit_on_a_page(tmp_path):
    panels = [_panel(f"{name}, slice 1 of 8") for name in ("FLAIR", "T1w", "T1wCE")] + [_panel("T2w, slice 1", None)]
    page = _page(case_png(tmp_path / "four.png", panels, "case\nmean of five networks", "Grad-CAM", "foot"))
    assert page.shape[1] > 1.6 * page.shape[0] and (page[:6] == 255).all()
