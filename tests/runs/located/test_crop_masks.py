"""What is kept of the masks that a run crops by."""

import json

import pytest

from radiogen.core.errors import UserError
from radiogen.runs.located.crop_masks import mask_figures, read_crop_masks

FIGURES = {"cases": 8, "predicted": 8, "margin_mm": 10.0, "whole_head": {}, "dice": None, "volume_error": None,
           "centres_mm": None, "box_mm": None, "wholly_inside": 0, "wholly_inside_of_predicted": 0,
           "least_inside": None}


def test_a_run_without_a_locator_has_none(tmp_path):
    assert read_crop_masks(tmp_path) is None


@pytest.mark.parametrize("content", ["[]", "{}", "null",
                                     '{"locator": "a", "figures": {"cases": 1}, "own": null, "reasons": {}}',
                                     '{"locator": "a", "figures": null, "own": null, "reasons": {}}'])
def test_a_damaged_record_is_named(tmp_path, content):
    (tmp_path / "masks.json").write_text(content)
    with pytest.raises(UserError, match=r"masks\.json"):
        read_crop_masks(tmp_path)


def test_a_locator_of_an_earlier_version_had_a_true_mask_of_every_case(tmp_path):
    assert mask_figures(FIGURES).true_masks == 8
    (tmp_path / "masks.json").write_text(json.dumps({"locator": "a@b", "figures": {**FIGURES, "true_masks": 3},
                                                     "own": FIGURES, "reasons": {}}))
    kept = read_crop_masks(tmp_path)
    assert (kept.figures.true_masks, kept.own.true_masks) == (3, 8)
