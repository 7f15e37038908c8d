"""Three phantoms with a known answer validate the evaluation: signal, nothing, confound. Prints a table and a picture.

In: nothing but settings; the phantoms and their cubes are made once under --folder and kept. Out: a Markdown table of
facts and docs/pictures/controls.png. Exit code 1 where a fact fails. In `nothing` the label is independent of the
image, so labels drawn again for the same images are as good as another phantom's: two sets of images carry forty draws
of labels, each with folds of its own.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from radiogen.core.errors import run_command

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Scores = tuple[np.ndarray, np.ndarray, np.ndarray]  # labels (bool), probabilities, folds: each (cases,)

    from radiogen.evaluation.audit.confounds import Confounds
    from radiogen.phantom.data_set import PhantomSettings

SHARE = 0.9
"""Of what is possible above 0.5: the signal phantom's AUC has to reach so much."""
ALLOWED = 4
"""Of 40 draws of random labels: so many may be called better than chance, at most."""
HIGH = 0.75
"""From here on the confound phantom's AUC would impress a reader who does not look further."""
DRAWS = 40

SCALES = {"small": 0.12, "demo": 0.2}


@dataclass(frozen=True)
class Judged:
    """One phantom's predictions by the features' model, and their evaluation."""

    name: str
    labels: "np.ndarray"
    probabilities: "np.ndarray"
    confounds: "Confounds"
    ceiling: float | None


@dataclass(frozen=True)
class Fact:
    """What a phantom has to show: the claim, what was found, and whether it holds."""

    phantom: str
    claim: str
    found: str
    holds: bool


def main(folder: Path = Path("input/controls"), cases: int = 200, scale: Literal["small", "demo"] = "small",
         effect: float = 3.0, seed: int = 7, picture: Path = Path("docs/pictures/controls.png"),
         output: Path | None = None, workers: int | None = None) -> None:
    """Three phantoms with a known answer validate the evaluation: signal, nothing, confound; some minutes on two cores.

    Args:
        folder: Where phantoms and their cubes are kept.
        cases: Training cases a phantom; a fifth of them is the holdout and not looked at.
        scale: Size of the phantoms' series: small, or as in the demo.
        effect: Of the signal phantom, in standard deviations.
        seed: Of the first phantom; the others follow it.
        picture: The picture to write.
        output: Markdown file to write the table to as well.
        workers: Processes (default: as many as cores may be used).
    """
    from radiogen.phantom.data_set import PhantomSettings

    base = PhantomSettings(cases=cases, test_cases=0, effect=effect, scale=SCALES[scale], seed=seed)
    signal = judge_phantom(folder, "signal", base, workers)
    confound = judge_phantom(folder, "confound", replace(base, confound=True, seed=seed + 1), workers)
    nothing = [one for number in (2, 3) for one in judge_nothing(
        folder, f"nothing-{number - 1}", replace(base, effect=0.0, seed=seed + number), workers)]
    facts = [*signal_facts(signal), *nothing_facts(nothing), *confound_facts(confound)]
    print()
    write_facts(facts, output)
    print(f"picture: {draw(picture, signal, effect, nothing, confound)}")
    exit_unless_held(facts, "the judge cannot be trusted: a fact does not hold (above)")
    print("next: python benchmarks/leakage/run.py")


def judge_phantom(folder: Path, name: str, settings: "PhantomSettings", workers: int | None) -> Judged:
    """Make a phantom where it is missing, predict its labels from features, evaluate that as a run is."""
    from benchmarks.accuracy.case_features import predict_by_features
    from radiogen.dataset.geometry import read_geometry
    from radiogen.dataset.labels import read_labels
    from radiogen.evaluation.audit.confounds import judge_confounds
    from radiogen.phantom.data_set import read_phantom
    from radiogen.runs.folds import make_folds

    features, cubes = phantom_features(folder, name, settings, workers)
    geometry = read_geometry(cubes / "geometry.csv")
    folds = make_folds(read_labels(folder / name / "train_labels.csv"))
    predictions = predict_by_features(features, folds)
    ceiling = read_phantom(folder / name)["ceiling_auc"]
    return Judged(name, *_out_of_fold(predictions), judge_confounds(predictions, folds, geometry), ceiling)


def judge_nothing(folder: Path, name: str, settings: "PhantomSettings", workers: int | None
                  ) -> "list[Scores]":
    """What half of the draws of labels come to: those of phantoms of other seeds, on these images."""
    from benchmarks.accuracy.case_features import predict_by_features
    from radiogen.runs.folds import make_folds
    from radiogen.runs.predictions import out_of_fold, scored, scored_folds

    features, _ = phantom_features(folder, name, settings, workers)
    tables = [out_of_fold(predict_by_features(features, make_folds(drawn_labels(settings, seed), seed=seed)))
              for seed in range(DRAWS // 2)]
    return [(*scored(table), scored_folds(table)) for table in tables]


def drawn_labels(settings: "PhantomSettings", seed: int) -> "pd.DataFrame":
    """The labels that the phantom of another seed has, case by case, for the cases of `settings`."""
    import pandas as pd

    from radiogen.dataset.labels import ID, LABEL
    from radiogen.phantom.data_set import list_cases

    names = {case.index: case.name for case in list_cases(settings)}
    return pd.DataFrame([{ID: names[case.index], LABEL: case.label} for case in list_cases(
        replace(settings, seed=settings.seed + 1000 + seed))])


def phantom_features(folder: Path, name: str, settings: "PhantomSettings", workers: int | None
                     ) -> "tuple[pd.DataFrame, Path]":
    """Features of a phantom, which is made under `folder` where it is missing, and the folder of its cubes."""
    from benchmarks.accuracy.case_features import cached_cases, features_of
    from radiogen.phantom.data_set import write_phantom

    data = folder / name
    write_phantom(data, settings, workers)
    cache, index = cached_cases(data, folder / "cache", workers)
    return features_of(cache, index["case"], workers), cache


def signal_facts(judged: Judged) -> list[Fact]:
    """Better than chance, nearly the best possible, and not explained by the acquisition."""
    from radiogen.core.auc import auc
    from radiogen.evaluation.audit.confounds import Conclusion
    from radiogen.evaluation.stats.verdicts import Outcome

    area, words = auc(judged.labels, judged.probabilities), judged.confounds.outcomes
    share = (area - 0.5) / (judged.ceiling - 0.5)
    return [Fact("signal", f"the verdict is *{Outcome.BETTER}*", f"*{words[0]}*, AUC {area:.3f}",
                 words[0] == Outcome.BETTER),
            Fact("signal", f"at least {SHARE:g} of what is possible above 0.5",
                 f"{share:.2f} (AUC {area:.3f}; the best is {judged.ceiling:.3f})", share >= SHARE),
            Fact("signal", "better than the models without images", ", ".join(f"*{word}*" for word in words[1:]),
                 Conclusion.ABOVE_BASELINE in words and Conclusion.EXPLAINED not in words)]


def nothing_facts(draws: "list[Scores]") -> list[Fact]:
    """Seldom called better than chance."""
    from radiogen.evaluation.stats.verdicts import Outcome

    better = called_better(draws)
    return [Fact("nothing", f"*{Outcome.BETTER}* at most {ALLOWED} times of {len(better)}",
                 f"{sum(better)} times of {len(better)}", len(better) >= DRAWS and sum(better) <= ALLOWED)]


def confound_facts(judged: Judged) -> list[Fact]:
    """A high AUC that the evaluation explains by the acquisition."""
    from radiogen.core.auc import auc
    from radiogen.evaluation.audit.confounds import Conclusion

    area, words = auc(judged.labels, judged.probabilities), judged.confounds.outcomes
    within = judged.confounds.within_planes.iloc[-1]
    return [Fact("confound", f"the AUC is high, {HIGH} or more", f"{area:.3f}", area >= HIGH),
            Fact("confound", "the judge says that the acquisition explains it",
                 ", ".join(f"*{word}*" for word in words),
                 Conclusion.EXPLAINED in words and Conclusion.ABOVE_BASELINE not in words),
            Fact("confound", "within planes the AUC is at chance", f"{within['auc']:.3f} ({within['low']:.3f} to "
                 f"{within['high']:.3f}, p = {within['p']:.2f})", within["p"] >= 0.05)]


def write_facts(facts: list[Fact], output: Path | None = None, *, about: str = "phantom") -> None:
    """Print the facts as a Markdown table, and write it to `output`, too; about: the heading of the first column."""
    from radiogen.core import files

    rows = [f"| {about} | has to show | found | holds |", "| --- | --- | --- | --- |"]
    text = "\n".join(rows + [f"| {fact.phantom} | {fact.claim} | {fact.found} | {'yes' if fact.holds else '**no**'} |"
                             for fact in facts])
    print(text)
    if output:
        files.write_text(output, text + "\n")


def exit_unless_held(facts: list[Fact], complaint: str = "a fact does not hold (above)") -> None:
    """End with exit code 1 and the complaint where a fact does not hold."""
    if not all(fact.holds for fact in facts):
        print(complaint, file=sys.stderr)
        sys.exit(1)


def called_better(draws: "list[Scores]") -> list[bool]:
    """Of each draw, whether its verdict is *better than chance*, as a run's: within folds."""
    from radiogen.evaluation.stats.verdicts import Outcome, verdict

    return [verdict(*one).outcome == Outcome.BETTER for one in draws]


def draw(path: Path, signal: Judged, effect: float, nothing: "list[Scores]", confound: Judged) -> Path:
    """The three panels; AUCs of random labels within folds, as the verdict on them, the others pooled."""
    from benchmarks.accuracy.control_figures import Bar, controls_png
    from radiogen.core.auc import auc
    from radiogen.evaluation.stats.intervals import bootstrap_interval
    from radiogen.evaluation.stats.verdicts import verdict

    def bar(name: str, labels: "np.ndarray", probabilities: "np.ndarray", marked: bool = False) -> Bar:
        return Bar(name, auc(labels, probabilities), *bootstrap_interval(labels, probabilities), marked)

    judged = confound.confounds
    within = judged.within_planes.iloc[-1]
    free = bar(f"no image: {judged.best}", *_out_of_fold(judged.predictions[judged.best]), True)
    return controls_png(
        path, (signal.labels, signal.probabilities), effect,
        [Bar("", found.value, found.low, found.high, better) for found, better in zip(
            (verdict(*one).estimate for one in nothing), called_better(nothing), strict=True)],
        [bar("features of the images", confound.labels, confound.probabilities), free,
         Bar("features, only cases of the same planes compared", within["auc"], within["low"], within["high"])])


def _out_of_fold(predictions: "pd.DataFrame") -> "tuple[np.ndarray, np.ndarray]":
    from radiogen.runs.predictions import out_of_fold, scored

    return scored(out_of_fold(predictions))


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
