"""Faults of the acquisition and of the cohort: what goes with the label is the scanner, the hospital or the patient."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from benchmarks.leakage.faults.fault import RUN, Draw
from benchmarks.leakage.faults.labels import tied
from benchmarks.leakage.faults.learners import train_clean
from benchmarks.leakage.faults.run_folder import Tables, with_scores, write_run
from radiogen.dataset.patients import COLUMNS
from radiogen.runs.folds import make_folds
from radiogen.task import ID, LABEL

SLOPE, NOISE = 2.0, 1.0
"""Of a simulated network's logit: what it makes of one deviation of what it recognises, and its error."""


def hidden_vendor(models: Path, draw: Draw) -> None:
    """Labels go with the scanner's maker, which shows in the noise of the images; headers name no maker."""
    source = draw.vendor
    first = source.scanner.drop_duplicates(ID).set_index(ID)["manufacturer"]
    cases = sorted(source.features.index)
    makers = (first == first.max()).reindex(cases).to_numpy(bool)
    folds = make_folds(pd.DataFrame({ID: cases, LABEL: tied(draw, makers, 21)}), seed=draw.number)
    hidden = source.scanner.assign(manufacturer="", model="", software="")
    tables = Tables(folds, train_clean(source.features, folds), source.geometry, hidden, source.arrays)
    write_run(models / RUN, tables, source)


def age_as_proxy(models: Path, draw: Draw) -> None:
    """Older patients have label 1, and the network reads the age from the image."""
    age = draw.random(22).normal(60, 12, len(draw.tables.folds)).clip(20, 90)
    _recognised(models, draw, age > np.median(age), age, {"age": age.round()})


def site_as_proxy(models: Path, draw: Draw) -> None:
    """One of two hospitals has label 1 more often, and the network recognises its images."""
    site = draw.random(23).permutation(len(draw.tables.folds)) % 2
    _recognised(models, draw, site == 1, site, {"site": np.where(site == 1, "north", "south")})


def _recognised(models: Path, draw: Draw, trait: np.ndarray, value: np.ndarray, column: dict[str, np.ndarray]) -> None:
    """A run whose network sees `value`, (cases,), and nothing else; labels go with the trait, patients.csv has it."""
    cases = draw.tables.folds[ID].to_numpy()
    folds = make_folds(pd.DataFrame({ID: cases, LABEL: tied(draw, trait, 24)}), seed=draw.number)
    patients = pd.DataFrame({ID: cases, "patient": cases, "site": "", "age": np.nan, "sex": ""},
                            columns=list(COLUMNS)).assign(**column)
    logits = SLOPE * (value - value.mean()) / value.std() + NOISE * draw.random(25).normal(size=len(cases))
    seen = pd.Series(expit(logits), index=cases).loc[folds[ID]].to_numpy()
    write_run(models / RUN, with_scores(replace(draw.tables, folds=folds, patients=patients), seen), draw.source)
