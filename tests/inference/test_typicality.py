"""A run abstains on what is unlike all that trained it, and hardly ever on a patient of the same kind."""

import numpy as np
import pytest

from radiogen.arrays.summary import array_summary
from radiogen.core.errors import UserError
from radiogen.inference.reference import Reference, read_reference, write_reference
from radiogen.inference.typicality import FEWEST, judge_typicality, usual_distances

SIZE, NAMES = 24, ("FLAIR", "T1w")
GRID = np.stack(np.meshgrid(*[np.linspace(-1, 1, SIZE)] * 3, indexing="ij"))


def _head(random):
    """Two sequences of an egg with a brighter lower half and a dark hollow, of random size, place and noise."""
    centre, radii = random.normal(0, 0.03, 3), random.normal([0.75, 0.62, 0.55], 0.03)
    away = ((GRID - centre[:, None, None, None]) / radii[:, None, None, None])
    inside = (away ** 2).sum(axis=0) < 1
    hollow = ((away - np.array([-0.3, 0.2, 0])[:, None, None, None]) ** 2).sum(axis=0) < 0.1
    shade = 0.5 + 0.2 * away[0] + 0.1 * away[1]
    images = [np.where(hollow, low, shade * high) * inside for low, high in ((0.1, 1.0), (0.6, 0.7))]
    noisy = np.abs(np.stack(images) * random.normal(1, 0.05) + random.normal(0, 0.02, (2, SIZE, SIZE, SIZE)))
    return (255 * noisy.clip(0, 1)).astype(np.uint8)


@pytest.fixture(scope="module")
def heads():
    random = np.random.default_rng(4)
    return [_head(random) for _ in range(210)]


@pytest.fixture(scope="module")
def reference(heads):
    return Reference(np.array([f"{number:05d}" for number in range(110)]),
                     np.stack([array_summary(one, "", NAMES) for one in heads[:110]]))


@pytest.fixture(scope="module")
def usual(reference):
    return usual_distances(reference)


def _declined(usual, images):
    return np.mean([judge_typicality(usual, array_summary(one, "", NAMES), NAMES).atypical for one in images])


def test_hardly_any_patient_of_the_same_kind_is_declined(usual, heads):
    assert _declined(usual, heads[110:]) <= 0.05


@pytest.mark.parametrize("spoil", [
    lambda head: 0 * head, lambda head: np.random.default_rng(1).integers(0, 256, head.shape).astype(np.uint8),
    lambda head: 255 - head, lambda head: head[:, ::-1], lambda head: head[:, :, ::-1],
    lambda head: np.swapaxes(head, 1, 2), lambda head: np.repeat(head[:, :SIZE // 2], 2, axis=1),
    lambda head: (255 * (head / 255.0) ** 2.5).astype(np.uint8), lambda head: head // 2],
    ids=["black", "noise", "inverted", "upside down", "mirrored front to back", "other plane", "other extent",
         "other contrast", "half as bright"])
def test_what_is_unlike_all_that_trained_is_declined(usual, heads, spoil):
    assert _declined(usual, [spoil(head) for head in heads[110:130]]) >= 0.95


def test_the_sequence_that_is_odd_is_named(usual, heads):
    odd = heads[120].copy()
    odd[1] = odd[1, ::-1]
    found = judge_typicality(usual, array_summary(odd, "", NAMES), NAMES)
    assert found.atypical and found.sequences == ("T1w",)


def test_a_sequence_that_is_missing_does_not_count(usual, heads):
    summary = array_summary(heads[120], "", NAMES)
    summary[0] = np.nan
    assert not judge_typicality(usual, summary, NAMES).atypical


def test_a_training_case_is_not_its_own_neighbour(reference, heads):
    odd = array_summary(heads[120][:, ::-1], "", NAMES)
    with_it = Reference(np.array([*reference.ids[:-1], "odd"]), np.concatenate([reference.summaries[:-1], odd[None]]))
    alone, beside = (judge_typicality(usual_distances(with_it, case), odd, NAMES) for case in ("odd", ""))
    assert alone.atypical and alone.distance > beside.distance


def test_few_training_cases_say_nothing(reference):
    few = Reference(reference.ids[:FEWEST - 1], reference.summaries[:FEWEST - 1])
    assert usual_distances(few) is None


def test_a_reference_is_read_as_it_was_written_and_a_damaged_one_is_named(tmp_path, reference):
    path = write_reference(tmp_path, reference)
    found = read_reference(tmp_path)
    assert found.ids.tolist() == reference.ids.tolist()
    assert np.allclose(found.summaries, reference.summaries, atol=1e-6)
    whole = path.read_bytes()
    for damaged in (whole[:200], whole[:90] + bytes(30) + whole[120:], b""):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match="reference.npz: cannot be read .*; python scripts/predict"):
            read_reference(tmp_path)
    for shapes in ({"ids": np.array(["a"]), "summaries": np.zeros((2, 1, 1))}, {"ids": np.array([1]),
                   "summaries": np.zeros((1, 1, 1))}, {"ids": np.array(["a"]), "summaries": np.array([[["x"]]])}):
        np.savez(path, **shapes)
        with pytest.raises(UserError, match="reference.npz: has other shapes than it should"):
            read_reference(tmp_path)
    path.unlink()
    assert read_reference(tmp_path) is None
