"""How the series are cut: the mix of the real ones, the field of view, slice direction and file order."""

import numpy as np
import pandas as pd
import pytest

from radiogen.imaging.volume import Volume, plane
from radiogen.phantom.anatomy import draw_head
from radiogen.phantom.geometry import draw_grid, draw_planes, read_mix
from radiogen.task import RSNA_MICCAI

REAL_PLANES = {"FLAIR": (358, 198, 29), "T1w": (567, 5, 13), "T1wCE": (508, 40, 34), "T2w": (344, 22, 208)}
"""Axial, coronal, sagittal series of the competition's training set."""


def grids(count: int, scale: float = 0.2, seed: int = 0) -> list:
    """Grids of all four sequences of some cases, with their sequence and row."""
    drawn = []
    for case in range(count):
        rng = np.random.default_rng([seed, case])
        for sequence, row in zip(RSNA_MICCAI.sequences, draw_planes(rng), strict=True):
            drawn.append((sequence, row, draw_grid(rng, sequence, row, scale, np.zeros(3))))
    return drawn


def extent_mm(grid) -> np.ndarray:
    return np.linalg.norm(grid.affine[:3, :3], axis=0) * grid.shape


@pytest.mark.parametrize("sequence", RSNA_MICCAI.sequences)
def test_the_mix_has_the_planes_of_the_real_series(sequence):
    counts = read_mix()[f"{sequence}_plane"].value_counts()
    assert tuple(counts[name] for name in ("axial", "coronal", "sagittal")) == REAL_PLANES[sequence]


def test_the_mix_has_the_numbers_of_the_measured_table(rsna_tables):
    table = pd.read_csv(rsna_tables / "series_geometry.csv")
    for sequence, group in table.groupby("series"):
        for name, source in (("rows", "rows"), ("columns", "columns"), ("slices", "slices"),
                             ("pixel_mm", "pixel_spacing_row_mm"), ("slice_mm", "slice_spacing_mm")):
            ours = read_mix()[f"{sequence}_{name}"].dropna()
            np.testing.assert_allclose(np.sort(ours), np.sort(group[source]), rtol=1e-5)


def test_the_sequences_of_a_case_come_from_one_real_case_unless_one_is_missing_there():
    for case in range(300):
        rows = draw_planes(np.random.default_rng(case))
        row = max(set(rows), key=rows.count)
        for sequence, drawn in zip(RSNA_MICCAI.sequences, rows, strict=True):
            assert drawn == row or pd.isna(read_mix().at[row, f"{sequence}_plane"])


def test_at_scale_one_a_series_has_the_real_matrix_slices_and_spacings():
    for sequence, row, grid in grids(20, scale=1):
        real = read_mix().loc[row]
        assert grid.shape == tuple(real[f"{sequence}_{name}"] for name in ("slices", "rows", "columns"))
        pixel, step = real[f"{sequence}_pixel_mm"], real[f"{sequence}_slice_mm"]
        np.testing.assert_allclose(np.linalg.norm(grid.affine[:3, :3], axis=0), (step, pixel, pixel), rtol=1e-9)


def test_scaling_down_keeps_the_field_of_view_and_the_slab():
    for (_, _, small), (_, _, real) in zip(grids(40, 0.2), grids(40, 1), strict=True):
        np.testing.assert_allclose(extent_mm(small), extent_mm(real), rtol=1e-9)
        assert np.all(np.array(small.shape) <= real.shape)


def test_scaled_series_stay_fine_enough_to_see_the_rim():
    for sequence, row, grid in grids(100, 0.02):
        real = read_mix().loc[row]
        spacing = np.linalg.norm(grid.affine[:3, :3], axis=0)
        assert spacing[0] <= max(8, real[f"{sequence}_slice_mm"]) + 1e-9
        assert spacing[1:].max() <= 4 + 1e-9


def test_the_affine_is_of_the_plane_that_is_given_and_at_right_angles():
    for sequence, row, grid in grids(60):
        assert plane(Volume(np.zeros((2, 2, 2)), grid.affine)) == grid.plane == read_mix().at[row, f"{sequence}_plane"]
        axes = grid.affine[:3, :3] / np.linalg.norm(grid.affine[:3, :3], axis=0)
        np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-9)


def test_some_series_are_oblique_and_most_are_not():
    tilted = [np.abs(grid.affine[:3, :3]).max(axis=0) / np.linalg.norm(grid.affine[:3, :3], axis=0) < 0.99999
              for _, _, grid in grids(60)]
    assert 0.2 < np.mean([any(each) for each in tilted]) < 0.6


def test_files_are_numbered_upwards_downwards_or_in_no_order():
    orders = []
    for _, _, grid in grids(100):
        assert sorted(grid.numbers) == list(range(1, grid.shape[0] + 1))
        steps = np.diff(grid.numbers)
        orders.append("up" if np.all(steps == 1) else "down" if np.all(steps == -1) else "none")
    assert min(orders.count(name) for name in ("up", "down", "none")) > 20


def test_the_tumour_is_in_the_field_of_view_of_every_series():
    for case in range(150):
        rng = np.random.default_rng([5, case])
        head = draw_head(rng, 0.5)
        centre = head.centre + head.rotation @ np.array(head.tumour.centre)
        for sequence, row in zip(RSNA_MICCAI.sequences, draw_planes(rng), strict=True):
            grid = draw_grid(rng, sequence, row, 0.2, head.centre)
            index = (np.linalg.inv(grid.affine) @ [*centre, 1])[:3]
            reach = 0.7 * head.tumour.radius / np.linalg.norm(grid.affine[:3, :3], axis=0)
            assert np.all(index - reach > -0.5)
            assert np.all(index + reach < np.array(grid.shape) - 0.5)
