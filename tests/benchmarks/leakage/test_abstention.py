"""What the benchmark of abstention does to a case is what its name says."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.leakage.abstention import recipe_facts, resized, ways

CUBES = np.zeros((2, 20, 20, 20), np.uint8)
CUBES[:, 4:14, 6:14, 8:12] = 200


@pytest.mark.parametrize("way", list(ways()))
def test_a_spoiled_case_keeps_its_form(way):
    spoiled = ways()[way](CUBES)
    assert spoiled.shape == CUBES.shape and spoiled.dtype == np.uint8
    assert np.array_equal(spoiled, CUBES) == (way == "as it is")


def test_content_is_resized_about_its_middle():
    half = resized(CUBES, (0.5, 1, 1))[0] > 100
    assert half.any(axis=(1, 2)).nonzero()[0].tolist() == [7, 8, 9, 10, 11]
    assert half.any(axis=(0, 2)).nonzero()[0].tolist() == list(range(6, 14))


def test_each_way_is_a_fact_and_cases_as_they_are_come_first(monkeypatch, tmp_path):
    random = np.random.default_rng(1)
    blob = np.zeros((10, 10, 10))
    blob[2:7, 2:8, 3:7] = 150

    def cubes(folder, case):
        return (blob * random.normal(1, 0.03) + random.normal(0, 3, (4, 10, 10, 10))).clip(0, 255).astype(np.uint8)

    index = pd.DataFrame({"case": [f"{number:05d}" for number in range(54)], "slices": "",
                          "split": ["train"] * 50 + ["test"] * 4})
    monkeypatch.setattr("radiogen.arrays.cache.cache_folder", lambda *places: tmp_path)
    monkeypatch.setattr("radiogen.arrays.stored_arrays.read_index", lambda folder: index)
    monkeypatch.setattr("radiogen.arrays.stored_arrays.open_array", cubes)
    facts = recipe_facts("demo-3d", tmp_path)
    assert [fact.claim.split(":")[0] for fact in facts] == list(ways())
    assert next(fact for fact in facts if fact.claim.startswith("black")).found == "100% of 4"
    assert [fact.claim for fact in recipe_facts("demo-3d", tmp_path, as_they_are=True)] == [facts[0].claim]
