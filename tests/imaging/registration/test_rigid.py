"""A head that was moved is found again, to a part of a voxel, and what cannot be trusted is named."""

import builtins

import numpy as np
import pytest

from benchmarks.masks.registration import draw_motion, draw_patient, strip_and_move, table_lines
from benchmarks.masks.registration import holds as table_holds
from radiogen.core.errors import UserError
from radiogen.imaging.registration import rigid
from radiogen.imaging.registration.rigid import Problem, RigidRegistration, head_mask, moved, register_rigid
from radiogen.imaging.volume import Volume

pytest.importorskip("SimpleITK")


@pytest.fixture
def coarse(monkeypatch):
    """Grids and starts that take a second."""
    monkeypatch.setattr(rigid, "GRIDS_MM", (8.0, 8.0, 8.0))
    monkeypatch.setattr(rigid, "REFINED", 2)


@pytest.fixture(scope="module")
def patient():
    """A head, its series, a motion of 11 degrees and 21 mm, the stripped image after it, the tumour's points."""
    random = np.random.default_rng(3)
    head, series = draw_patient(random)
    motion = draw_motion(random, 20, 30)
    return series, motion, *strip_and_move(random, head, motion)


def _error(found, motion, points):
    return np.linalg.norm(moved(moved(points, motion), found.transform) - points, axis=1).max()


def test_a_moved_head_without_its_skull_is_laid_over_its_series(patient, coarse):
    series, motion, image, points = patient
    found = register_rigid(image, series)
    assert _error(found, motion, points) < 3.0  # half a voxel of 6 mm
    assert found.problems == () and found.inside > 0.99
    assert found.rotation_degrees == pytest.approx(
        np.degrees(np.arccos((np.trace(motion[:3, :3]) - 1) / 2)), abs=1.5)
    assert np.allclose(found.transform[:3, :3] @ found.transform[:3, :3].T, np.eye(3))


@pytest.mark.slow
def test_on_fine_grids_it_is_right_to_a_millimetre_and_another_patient_is_named(patient):
    series, motion, image, points = patient
    found = register_rigid(image, series)
    assert _error(found, motion, points) < 1.0 and found.problems == ()
    _, stranger = draw_patient(np.random.default_rng(4))
    assert Problem.UNLIKE in register_rigid(image, stranger).problems


def test_the_same_volumes_give_the_same_motion(patient, coarse):
    series, _, image, _ = patient
    one, other = (register_rigid(image, series) for _ in range(2))
    assert np.array_equal(one.transform, other.transform) and one.information == other.information


@pytest.mark.parametrize(("change", "problem"), [
    ({}, None), ({"inside": 0.9}, Problem.OUTSIDE), ({"apart_mm": 4.0}, Problem.APART),
    ({"information": 0.1}, Problem.UNLIKE), ({"information": np.nan}, Problem.UNLIKE)])
def test_each_problem_has_its_limit(change, problem):
    sound = {"transform": np.eye(4), "rotation_degrees": 3.0, "shift_mm": 4.0, "information": 1.0, "inside": 1.0,
             "apart_mm": 0.4}
    assert RigidRegistration(**sound | change).problems == ((problem,) if problem else ())


def test_a_head_is_the_largest_bright_thing_without_holes():
    voxels = np.zeros((20, 20, 20))
    voxels[4:16, 4:16, 4:16], voxels[8:10, 8:10, 8:10], voxels[1, 1, 1] = 100, 0, 100
    head = head_mask(voxels)
    assert head[9, 9, 9] and not head[1, 1, 1] and head.sum() == 12 ** 3
    assert not head_mask(np.zeros((4, 4, 4))).any()


def test_a_black_image_and_one_without_a_place_are_refused(patient):
    series, *_ = patient
    black = Volume(np.zeros((30, 30, 30), np.float32), np.diag([4.0, 4, 4, 1]))
    with pytest.raises(UserError, match="shows no head"):
        register_rigid(black, series)
    with pytest.raises(UserError):
        register_rigid(Volume(np.ones((30, 30, 30), np.float32), None), series)


def test_without_the_package_a_line_names_the_extra(patient, monkeypatch):
    series, _, image, _ = patient
    found = builtins.__import__

    def without(name, *rest):
        if name == "SimpleITK":
            raise ImportError(name)
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match=r"radiogen\[register\]"):
        register_rigid(image, series)


def test_the_benchmark_holds_where_wrong_ones_are_named_and_few():
    done = [(0.4, 0, True)] * 39 + [(9.0, 1, True)]
    assert table_holds(done) and not table_holds([*done[:39], (9.0, 0, True)]) and not table_holds(done[30:])
    assert "| every point of the tumour right to 2 mm | 39 of 40 |" in table_lines(done)
    assert "| wrong, and named | 1 of 1 |" in table_lines(done)
