"""The head: what is where, on any grid, and what the core fraction changes."""

from dataclasses import replace

import numpy as np
import pytest

from radiogen.phantom.anatomy import TISSUES, draw_head, render

ISOTROPIC = np.array([[0, 0, 2.0, -110], [0, 2.0, 0, -120], [2.0, 0, 0, -140], [0, 0, 0, 1]])
"""2 mm: slices to the head, rows to the back, columns to the left."""
SHAPE = (125, 120, 110)


def head_of(seed: int = 1, core_fraction: float = 0.5):
    return draw_head(np.random.default_rng(seed), core_fraction)


def volume_ml(head, tissue: str) -> float:
    """The volume of a tissue as rendered."""
    return float(render(head, {tissue: 1.0}, ISOTROPIC, SHAPE, 2.0).sum(dtype=float) * 8 / 1000)


def around_tumour(head, spacing_mm: float, half: int) -> np.ndarray:
    """An axial grid of 2 * half + 1 voxels along each axis, centred on the tumour."""
    affine = np.diag([spacing_mm] * 3 + [1.0])[:, [2, 1, 0, 3]]
    affine[:3, 3] = head.centre + head.rotation @ np.array(head.tumour.centre) - half * spacing_mm
    return affine


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.5, 0.7, 0.85])
def test_the_core_fraction_is_the_share_of_the_tumour_that_is_core(fraction):
    head = head_of(core_fraction=fraction)
    core, rim = volume_ml(head, "core"), volume_ml(head, "rim")
    assert core / (core + rim) == pytest.approx(fraction, abs=0.03)


def test_the_rim_gets_thinner_as_the_core_fraction_grows_and_the_tumour_stays():
    measured = [(volume_ml(head, "rim"), volume_ml(head, "core"))
                for head in (head_of(core_fraction=fraction) for fraction in np.linspace(0.08, 0.84, 7))]
    rims, cores = np.transpose(measured)
    assert np.all(np.diff(rims) < 0)
    assert np.all(np.diff(cores) > 0)
    assert np.ptp(rims + cores) / np.mean(rims + cores) < 0.05


def test_nothing_but_the_core_depends_on_the_core_fraction():
    small, large = head_of(core_fraction=0.1), head_of(core_fraction=0.8)
    kept = replace(large.tumour, core_fraction=small.tumour.core_fraction, core_shift=small.tumour.core_shift)
    assert kept == small.tumour
    levels = dict.fromkeys(TISSUES, 0.0) | {name: index + 1.0 for index, name in enumerate(TISSUES[:10])}
    levels |= {"rim": 20.0, "core": 20.0}
    np.testing.assert_allclose(*(render(head, levels, ISOTROPIC, SHAPE, 2.0) for head in (small, large)), atol=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_the_core_is_wrapped_in_rim(seed):
    """From the core to the brain one crosses rim, in whatever direction."""
    head = head_of(seed, core_fraction=0.85)
    rim, core = (render(head, {name: 1.0}, around_tumour(head, 0.5, 90), (181, 181, 181), 0.5)
                 for name in ("rim", "core"))
    inside = core > 0.5
    beside = np.zeros_like(inside)
    for axis in range(3):
        for step in (1, -1):
            beside |= np.roll(inside, step, axis)
    assert rim[beside & ~inside].min() > 0.3


def test_the_core_is_dark_and_the_rim_bright_where_they_are_wide():
    head = head_of(core_fraction=0.3)
    middle = head.rotation @ (np.array(head.tumour.centre) + head.tumour.core_shift) + head.centre
    affine = around_tumour(head, 1.0, 0)
    affine[:3, 3] = middle
    assert render(head, {"core": 1.0}, affine, (1, 1, 1), 1.0) == pytest.approx(1)


def test_tumours_lie_on_both_sides_and_differ():
    tumours = [head_of(seed).tumour for seed in range(60)]
    assert 15 < sum(tumour.centre[0] > 0 for tumour in tumours) < 45
    radii = [tumour.radius for tumour in tumours]
    assert min(radii) < 17
    assert max(radii) > 23


@pytest.mark.parametrize("seed", range(4))
def test_the_tumour_lies_within_the_brain(seed):
    """Around the tumour there is nothing of scalp or skull."""
    head = head_of(seed)
    tumour = sum(render(head, {name: 1.0}, ISOTROPIC, SHAPE, 2.0) for name in ("rim", "core"))
    outer = sum(render(head, {name: 1.0}, ISOTROPIC, SHAPE, 2.0) for name in ("fat", "muscle", "bone"))
    assert tumour.max() > 0.99
    assert np.minimum(tumour, outer).max() < 0.01


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 0, 1)], ids=["coronal", "sagittal"])
def test_every_plane_shows_the_same_head(order):
    head, levels = head_of(), {name: index + 1.0 for index, name in enumerate(TISSUES)}
    axial = render(head, levels, ISOTROPIC, SHAPE, 2.0)
    affine = ISOTROPIC[:, [*order, 3]]
    other = render(head, levels, affine, tuple(SHAPE[axis] for axis in order), 2.0)
    np.testing.assert_allclose(other, axial.transpose(order), atol=1e-3)


def test_a_thick_slice_is_the_mean_of_thin_ones():
    head, levels = head_of(), {name: index + 1.0 for index, name in enumerate(TISSUES)}
    thin = render(head, levels, ISOTROPIC, (120, *SHAPE[1:]), 2.0)
    affine = ISOTROPIC.copy()
    affine[:3, 0] *= 4
    affine[:3, 3] += 1.5 * ISOTROPIC[:3, 0]  # the middle of the first four
    thick = render(head, levels, affine, (30, *SHAPE[1:]), 8.0)
    mean = thin.reshape(30, 4, *SHAPE[1:]).mean(axis=1)
    assert np.abs(thick - mean).mean() < 0.02 * mean.mean()


def test_a_grid_beside_the_head_is_empty():
    affine = ISOTROPIC.copy()
    affine[0, 3] = 500
    assert not render(head_of(), dict.fromkeys(TISSUES, 1.0), affine, (3, 20, 20), 2.0).any()
