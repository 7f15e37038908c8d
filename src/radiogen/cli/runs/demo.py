"""The whole main job on a phantom with a known answer: the same scripts that a user runs on the real data, in order.

Started again after an interruption, each step keeps what is finished and resumes from there.
"""

from pathlib import Path

from radiogen.cli.steps import run_step
from radiogen.core.files import name_from
from radiogen.runs import layout

RECIPES = ("demo-2d", "demo-3d")


def main(data: Path = Path("input/phantom"), effect: float = 3.0, cases: int = 200, seed: int = 42) -> None:
    """Phantom, preprocess, train 2D and 3D, predict, ensemble, evaluate, submission.

    Example: demo --cases 60

    Args:
        data: Folder of the phantom data set; made where it is missing.
        effect: Distance of the classes in standard deviations of the latent; 0 is the negative control.
        cases: Labelled cases.
        seed: Seed of the phantom.
    """
    runs = [f"{name_from(data)}-{recipe}" for recipe in RECIPES]
    ensemble = f"{name_from(data)}-ensemble"
    run_step("make_phantom", "--data", data, "--effect", effect, "--cases", cases, "--seed", seed)
    run_step("preprocess", "--data", data, "--recipe", *RECIPES)
    for recipe, run in zip(RECIPES, runs, strict=True):
        run_step("train", "--data", data, "--recipe", recipe, "--fold", "all", "--parallel-folds", 3)
        run_step("predict", "--run", run)
    run_step("ensemble", "--run", *runs, "--name", ensemble)
    run_step("submit", "--run", ensemble)
    run_step("evaluate", "--run", *runs, ensemble)
    fold = layout.fold_folder(Path("models/<run>"), "<k>")
    print(f"""
The demo is done. Its results:
  the report           models/{ensemble}/{layout.REPORT}: open it in a browser
  submission           submissions/{ensemble}.csv
  table 2D, 3D, both   models/{ensemble}/{layout.COMPARISON}
  tables by fold       models/<run>/{layout.FOLD_METRICS}, {layout.FOLD_METRICS_ROUNDED}
  predictions          models/<run>/{layout.PREDICTIONS}
  confusion matrices   {fold}/{layout.CONFUSION_MATRIX}, models/<run>/{layout.HOLDOUT_MATRIX}
  learning curves      {fold}/{layout.HISTORY_PICTURE}
where <run> is {', '.join([*runs, ensemble])}""")
