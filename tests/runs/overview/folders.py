"""Folders of runs as training, prediction and evaluation leave them, with nothing in them but what the overview reads.
"""

import json

WHOLE = {"fold-0": 3, "fold-1": 3}
"""Of a run that is trained: its folds, each with its epochs."""


def write_run(models, name="a", folds=WHOLE, trained=("fold-0", "fold-1"), epochs=3, learning_rate=0.1):
    """A run of two folds; returns its folder."""
    folder = models / name
    folder.mkdir(parents=True)
    (models.parent / "data").mkdir(exist_ok=True)
    recipe = {"name": "demo-3d", "description": "text", "seed": 42,
              "data": {"rank": 3, "sequences": ["T1w"], "size": 8},
              "optimisation": {"epochs": epochs, "learning_rate": learning_rate}, "split": {"folds": 2}}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    facts = {"recipe": "demo-3d", "data": str(models.parent / "data"), "cache": "c", "leave_out": []}
    (folder / "run.json").write_text(json.dumps(facts))
    for fold, count in folds.items():
        (folder / fold).mkdir()
        lines = [f"{epoch},0.{90 - epoch},0.5{epoch}" for epoch in range(1, count + 1)]
        (folder / fold / "history.csv").write_text("\n".join(["epoch,loss,val_auc", *lines]) + "\n")
        (folder / fold / ("model.weights.h5" if fold in trained else "checkpoint.npz")).write_bytes(b"weights")
    return folder


def predict(folder, folds=("0", "1"), shift=0.0):
    """Write predictions of two cases a fold."""
    lines = [f"{number:05d},{fold},{number % 2},{probability + shift},{int(probability + shift >= 0.5)}"
             for number, (fold, probability) in enumerate((fold, each) for fold in folds for each in (0.25, 0.75))]
    heading = "BraTS21ID,fold,MGMT_value,probability,predicted"
    (folder / "predictions.csv").write_text("\n".join([heading, *lines]) + "\n")


def judge(folder, names, outcome="unclear", alarms=(), version=2):
    """Write an assessment.json in `folder` that speaks of the runs `names`."""
    said = {"verdict": {"set": "out_of_fold", "outcome": outcome, "alarms": list(alarms)},
            "sets": {"out_of_fold": {"auc": {"value": 0.61, "low": 0.405, "high": 0.78, "p": 0.2}}}}
    (folder / "assessment.json").write_text(json.dumps(
        {"version": version, "runs": [{"name": name, **said} for name in names]}))
