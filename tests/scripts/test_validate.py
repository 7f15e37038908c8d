"""A run is trained on one phantom, validated on that of a strongly shifted hospital, and the page says both."""

import re

import pandas as pd
import pytest

from radiogen.cli.runs import evaluate, validate
from radiogen.inference.workflow import predict
from radiogen.phantom.data_set import PhantomSettings, write_phantom
from radiogen.training.recipe.recipes import DEMO_3D
from radiogen.training.workflow import begin_run, train

RECIPE = DEMO_3D.replace(size=16, width=4, folds=2, epochs=2, batch_size=8, micro_batch_size=8)


@pytest.mark.slow
def test_a_run_meets_a_strongly_shifted_hospital_and_the_page_shows_what_it_found(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    home, away = tmp_path / "input" / "home", tmp_path / "input" / "away"
    write_phantom(home, PhantomSettings(cases=32, test_cases=2, scale=0.15), workers=1)
    write_phantom(away, PhantomSettings(
        cases=24, test_cases=2, scale=0.15, seed=7, shift="strong", format="ucsf-pdgm"), workers=1)
    run = begin_run(home, RECIPE, tmp_path / "models" / "run", tmp_path / "input" / "cache", workers=1)
    train(run, ["0", "1"])
    predict(run, workers=1)
    capsys.readouterr()
    validate.main("run", data=away, workers=1)
    said = " ".join(capsys.readouterr().out.split())
    assert "24 cases of away" in said and "2 cases without a label are predicted and not judged" in said
    assert "The cohort is a phantom: no method does better than" in said
    folder = tmp_path / "models" / "run" / "external" / "away"
    shift = pd.read_csv(folder / "shift.csv")
    noise = shift[shift["field"] == "noise"]
    assert (noise["outside"] > noise["inside"]).all() and (noise["p_adjusted"] < 0.05).all()
    evaluate.main(run=("run",))
    page = (tmp_path / "models" / "run" / "report.html").read_text()
    section = re.search(r'<section id="external">.*?</section>', page, re.DOTALL)[0]
    assert "run on away" in section and section.count("<svg") == 3 and "Not validated" not in section
    assert len(pd.read_csv(folder / "unlabelled.csv")) == 2
