"""The leakage benchmark: faults injected into copies of a clean phantom, and which check catches each.

In: nothing but settings; the clean phantom is made once under --folder and kept. Out: a Markdown table with a row a
fault, and why a fault that no check catches cannot be caught. Exit code 1 where the clean copy raises an alarm, or a
check misses the fault that it is there for. The clean phantom has a moderate signal, so that a run on it has something
to lose. Its labels are drawn again, too, as likely as their latents make them: the false-positive rate of each check.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from radiogen.core.errors import run_command

if TYPE_CHECKING:
    import numpy as np

    from benchmarks.leakage.faults import FaultCase, Workspace

CHECKS = ("leakage review", "AUC limit", "image-free models", "explained", "label permutation", "correlation")
HINT = "correlation"
"""Not an alarm: texture depends on how a series was sliced, whether or not the label is associated with it."""
CAUGHT_BY = {
    "clean": None,
    "a patient twice, the same pixels": "leakage review",
    "a patient twice, exported anew": "leakage review",
    "labels tied to the plane": "image-free models",
    "labels tied to the case id": "image-free models",
    "labels tied to the number of slices": "image-free models",
    "a mirrored scanner, tied to the label": "image-free models",
    "cases mirrored at random": None,
    "a burnt-in mark": "AUC limit",
    "labels swapped in 5 %": None,
    "epoch chosen on the scored fold": "label permutation",
}
"""Which check is there for each fault; None: no check can detect it."""
WHY_NOT = {
    "cases mirrored at random": "the tumour's side is random, nothing in the headers tells a mirrored image from a "
                                "head, and these features do not know left from right; without an association "
                                "with the label it helps no model either",
    "labels swapped in 5 %": "a wrong label looks like a hard case; it lowers what can be reached, and no table knows "
                             "what the laboratory should have found",
}


@dataclass(frozen=True)
class Result:
    """One fault's result: the run's AUC and, by check, its message (only of checks that raised something)."""

    fault: str
    auc: float
    messages: dict[str, str]

    @property
    def alarms(self) -> list[str]:
        """The checks that raised something, without the hint."""
        return [check for check in self.messages if check != HINT]

    @property
    def caught(self) -> bool:
        """Whether the check that is there for the fault raised something."""
        return CAUGHT_BY[self.fault] in self.messages


def main(folder: Path = Path("input/controls"), cases: int = 200, effect: float = 1.5, seed: int = 11,
         draws: int = 100, redrawn: int = 20, output: Path | None = None, workers: int | None = None) -> None:
    """Inject faults into copies of a clean phantom and print which check catches each; some minutes on two cores.

    Args:
        folder: Where the clean phantom and its cubes are kept.
        cases: Training cases of the phantom.
        effect: Of the phantom, in standard deviations.
        seed: Of the phantom and of the faults.
        draws: Runs whose epoch is chosen on the scored fold.
        redrawn: How often the labels of the clean copy are drawn again.
        output: Markdown file to write the table to as well.
        workers: Processes (default: as many as cores may be used).
    """
    import tempfile

    from radiogen.core import files
    from radiogen.core.progress import progress
    from radiogen.phantom.data_set import PhantomSettings

    with tempfile.TemporaryDirectory(prefix="radiogen-leakage-") as room:
        settings = PhantomSettings(cases=cases, test_cases=0, effect=effect, scale=0.12, seed=seed)
        clean, workspace = clean_case(folder, settings, Path(room), workers)
        limit = limit_of(effect, cases)
        results = [check_case(fault, case, limit) for fault, case in fault_cases(clean, workspace)]
        again = [check_case("clean", redraw(clean, settings, number), limit) for number in progress(
            range(redrawn), "clean copy", redrawn, "draw")]
    results.append(check_epoch_choice(clean, draws, seed))
    text = f"{results_text(results)}\n\n{details_text(results)}\n\n{false_positives_text(again)}"
    print(f"\n{text}")
    if output:
        files.write_text(output, text + "\n")
    missed = failures(results)
    if missed:
        print("\n".join(missed), file=sys.stderr)
        sys.exit(1)
    print("next: python scripts/evaluate.py RUN")


def clean_case(folder: Path, settings: object, room: Path, workers: int | None) -> "tuple[FaultCase, Workspace]":
    """The clean phantom, made where it is missing, as the tables that the checks look at."""
    from benchmarks.accuracy.case_features import cached_cases, features_of
    from benchmarks.leakage.faults import FaultCase, Workspace
    from radiogen.dataset.geometry import read_geometry
    from radiogen.dataset.labels import read_labels
    from radiogen.phantom.data_set import write_phantom

    data = folder / "leakage"
    write_phantom(data, settings, workers)
    cubes, index = cached_cases(data, folder / "cache", workers)
    case = FaultCase(read_labels(data / "train_labels.csv"), features_of(cubes, index["case"], workers),
                     read_geometry(cubes / "geometry.csv"), index[["case", "split", "sha256", "perceptual_hash"]])
    return case, Workspace(data, cubes, room, settings.seed, workers)


def fault_cases(clean: "FaultCase", workspace: "Workspace"):
    """The clean set, then each fault in a copy of its own; pairs of the fault's name and its case."""
    from benchmarks.leakage import faults

    makers = (faults.same_pixels, faults.changed_pixels, faults.tied_to_plane, faults.tied_to_id,
              faults.tied_to_slices, faults.mirrored_scanner, faults.mirrored_at_random, faults.burnt_in_mark,
              faults.swapped_labels)
    yield "clean", clean
    for fault, make in zip(list(CAUGHT_BY)[1:-1], makers, strict=True):
        yield fault, make(clean, workspace)


def redraw(clean: "FaultCase", settings: object, number: int) -> "FaultCase":
    """The clean set with labels drawn again: each methylated with the probability that its latent gives.

    For two normals of unit variance, `effect` apart and equally frequent, that is the logistic function of effect x
    latent.
    """
    from dataclasses import replace

    import numpy as np

    from radiogen.dataset.labels import ID, LABEL
    from radiogen.phantom.data_set import phantom_cases

    latents = phantom_cases(settings).set_index(ID)["latent"].reindex(clean.labels[ID]).to_numpy()
    random = np.random.default_rng([settings.seed, 100 + number])
    drawn = random.random(len(latents)) < 1 / (1 + np.exp(-settings.effect * latents))
    return replace(clean, labels=clean.labels.assign(**{LABEL: drawn.astype(int)}))


def limit_of(effect: float, cases: int) -> float:
    """The suspicious AUC of a phantom: what is possible at best, and half an interval more."""
    from radiogen.evaluation.stats.power import half_width
    from radiogen.phantom.data_set import ceiling_auc

    ceiling = ceiling_auc(effect)
    return ceiling + half_width(cases // 2, cases - cases // 2, ceiling)


def check_case(fault: str, case: "FaultCase", limit: float) -> Result:
    """Train the model on features of a case and run every check."""
    from benchmarks.accuracy.case_features import predict_by_features
    from radiogen.evaluation.audit.confounds import judge_confounds
    from radiogen.evaluation.audit.finding_text import sentence
    from radiogen.evaluation.audit.leakage import review_auc, review_patients, review_pixels
    from radiogen.evaluation.stats.metrics import auc, scored
    from radiogen.runs.folds import make_folds
    from radiogen.runs.predictions import out_of_fold

    folds = make_folds(case.labels)
    predictions = predict_by_features(case.features, folds)
    findings = [*review_patients(folds, predictions, case.arrays), *review_pixels(folds, case.arrays)]
    judged = judge_confounds(predictions, folds, case.geometry)
    high = review_auc(predictions, limit)
    messages = {"leakage review": "; ".join(sentence(one) for one in findings if one.severity in ("alarm", "note")),
            "AUC limit": sentence(high) if high.severity == "alarm" else "", **confound_messages(judged)}
    return Result(fault, auc(*scored(out_of_fold(predictions))),
                  {check: words for check, words in messages.items() if words})


def confound_messages(judged: object) -> dict[str, str]:
    """Messages of the image-free models, the verdict on them and the correlations; "" where there is none."""
    from radiogen.evaluation.audit.confounds import Conclusion
    from radiogen.evaluation.stats.verdicts import Outcome

    free = judged.image_free
    free = free[(free["set"] == "out-of-fold") & (free["verdict"] == Outcome.BETTER)]
    within, fields = judged.within_planes.iloc[-1], judged.correlations
    tied = fields[fields["p_adjusted"] < 0.05]
    return {
        "image-free models": ", ".join(f"{row.model} {row.auc:.3f}" for row in free.itertuples()),
        "explained": f"{Conclusion.EXPLAINED}, AUC within planes {within['auc']:.3f}" if judged.explained else "",
        HINT: ", ".join(f"{row.sequence} {row.field} {row.rho:+.2f}" for row in tied.head(2).itertuples())}


def check_epoch_choice(clean: "FaultCase", draws: int, seed: int) -> Result:
    """The epoch chosen on the scored fold: no table shows it, training again on permuted labels does.

    Caught where shuffled labels give twice the false positives that they may, and the label-permutation test does not.
    """
    from benchmarks.leakage.epoch_choice import judge_choice
    from radiogen.runs.folds import make_folds

    choice = judge_choice(clean.features, make_folds(clean.labels), draws=draws, seed=seed)
    words = (f"{draws} runs on random labels have a median AUC of {_median(choice.chosen):.3f}, "
             f"{_median(choice.nested):.3f} where the epoch is chosen inside the training folds; p is at most 0.05 in "
             f"{choice.shuffled.mean():.0%} of them by shuffled labels and in {choice.retrained.mean():.0%} by the "
             "label-permutation test")
    caught = choice.shuffled.mean() > 0.1 and choice.retrained.mean() <= 0.05
    return Result("epoch chosen on the scored fold", _median(choice.chosen),
                  {"label permutation": words} if caught else {})


def _median(areas: "np.ndarray") -> float:
    return sorted(areas)[len(areas) // 2]


def results_text(results: list[Result]) -> str:
    """A Markdown table: a row a fault, a column a check.

    X: the check that is there for the fault; x: another one that raised something.
    """
    rows = [["injected fault", "AUC", *CHECKS, "result"], ["---"] * (len(CHECKS) + 3)]
    for one in results:
        result = "caught" if one.caught else "**not caught**" if one.fault != "clean" else (
            f"{len(one.alarms)} alarms" if one.alarms else "no alarm")
        marks = ["" if check not in one.messages else "**X**" if check == CAUGHT_BY[one.fault] else "x"
                 for check in CHECKS]
        rows.append([one.fault, f"{one.auc:.3f}", *marks, result])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def details_text(results: list[Result]) -> str:
    """The message of each check, and why a fault is not caught."""
    lines = []
    for one in results:
        parts = [f"{check}: {words}" for check, words in one.messages.items()]
        parts += [f"not caught: {WHY_NOT[one.fault]}"] if one.fault in WHY_NOT and not one.caught else []
        lines += [f"- **{one.fault}**: {'. '.join(parts)}."] if parts else []
    return "\n".join(lines)


def false_positives_text(again: list[Result]) -> str:
    """How often each check raised something on clean sets: its false-positive rate."""
    counts = {check: sum(check in one.messages for one in again) for check in CHECKS if check != "label permutation"}
    shown = ", ".join(f"{check} {count}" for check, count in counts.items())
    return f"Clean labels drawn {len(again)} times, false positives by check: {shown}."


def failures(results: list[Result]) -> list[str]:
    """Where the checks failed: alarms on the clean copy, faults that their check did not catch."""
    found = []
    for one in results:
        check = CAUGHT_BY[one.fault]
        if one.fault == "clean" and one.alarms:
            found.append(f"the clean copy raised an alarm: {', '.join(one.alarms)}")
        if check and not one.caught:
            found.append(f"{one.fault}: not caught by its check, {check}")
    return found


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
