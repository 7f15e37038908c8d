"""The page of a run of the competition's size, with images of the largest recipe's, goes into a mail: below 2 MB."""

import hashlib
import json
import re

import numpy as np
import pandas as pd
import pytest

from radiogen.evaluation.report.assess import assess
from radiogen.evaluation.report.page import render_page
from radiogen.runs.explained import Explained, write_explained_cases
from radiogen.runs.predicted_run import open_predictions
from radiogen.runs.predictions import complete, write_predictions

from .small_runs import RECIPE

CASES, TEST, SHOWN, SHAPE = 585, 87, 8, (64, 256, 256)
SEQUENCES = ("FLAIR", "T1w", "T1wCE", "T2w")


def _write_run(folder):
    """Predictions of 585 cases in five folds and a holdout, and of 87 test cases; arrays with a hash of each series."""
    random = np.random.default_rng(0)
    labels = np.arange(CASES) // 6 % 2
    table = pd.DataFrame({
        "case": [f"{number:05d}" for number in range(CASES + TEST)],
        "fold": [*np.resize([*"01234", "holdout"], CASES), *["test"] * TEST],
        "label": pd.array([*labels, *[pd.NA] * TEST], dtype="Int64"),
        "probability": np.clip(0.5 + 0.1 * np.append(labels, np.zeros(TEST)) + 0.15 * random.normal(
            size=CASES + TEST), 0, 1)})
    write_predictions(folder / "predictions.csv", complete(table))
    cache = folder.parents[1] / "input" / "cache" / "rsna-0123456789ab"
    cache.mkdir(parents=True)
    for case in table["case"]:
        series = {name: hashlib.sha256(f"{case}{name}".encode()).hexdigest() for name in SEQUENCES}
        (cache / f"{case}.json").write_text(json.dumps({"contents": series, "geometry": [
            {"sequence": name, "slices": int(random.integers(20, 200))} for name in SEQUENCES]}))
    pd.DataFrame({"BraTS21ID": table["case"], "split": "train", "perceptual_hash": "",
                  "sha256": [hashlib.sha256(case.encode()).hexdigest() for case in table["case"]]}).to_csv(
        folder / "arrays.csv", index=False)
    recipe = RECIPE | {"name": "winner-3d", "data": RECIPE["data"] | {"sequences": SEQUENCES}}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    (folder / "run.json").write_text(json.dumps({"recipe": "winner-3d", "rank": 3, "data": "input/rsna",
                                                 "cache": str(cache)}))
    _write_images(folder, table.head(SHOWN), random)


def _write_images(folder, cases, random):
    """Heads of noise, which no format shrinks well, and heat that is coarse, as feature maps are."""
    place = np.meshgrid(*(np.linspace(-1, 1, length) for length in SHAPE), indexing="ij", sparse=True)
    head = sum(axis**2 for axis in place) < 0.8
    images = np.stack([np.where(head, random.integers(60, 190, SHAPE), 4).astype(np.uint8) for _ in range(SHOWN)])
    heat = random.integers(0, 256, (SHOWN, 4, 8, 8), dtype=np.uint8).repeat(16, 1).repeat(32, 2).repeat(32, 3)
    write_explained_cases(folder, Explained(
        ids=cases["case"].to_numpy(str), folds=cases["fold"].to_numpy(str), labels=cases["label"].to_numpy(int),
        probabilities=cases["probability"].to_numpy(float), called=np.ones(SHOWN, int), sequence="FLAIR",
        sequences=np.array(SEQUENCES), rank=3, geometry="slab", images=images, heat=heat,
        slices=np.tile(np.arange(SHAPE[0]), (SHOWN, 1)), views=images[:, :len(SEQUENCES)]))


@pytest.mark.slow
def test_the_page_of_585_patients_with_images_stays_below_2_mb(tmp_path):
    _write_run(tmp_path / "models" / "r")
    page = render_page(assess([open_predictions(tmp_path / "models", "r")]))
    assert len(page.encode()) < 2_000_000
    assert page.count('"tiles":') == SHOWN and "more cases are in" not in page
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    texts = (data["texts"][place].replace("\0", "00007") for place in data["rows"]["r"]["00007"][0])
    made = dict(zip(data["columns"], texts, strict=True))
    assert made["series_files"].split()[0] == "input/rsna/train/00007/FLAIR/*"
    assert made["array"].endswith("/00007.npy") and len(made["series_sha256"].split()) == len(SEQUENCES)
    assert len(re.findall(r'<tr><th scope="row">\d{5}<td>', page)) == CASES + TEST
