"""The data court: faults planted in copies of a clean phantom, and which of the package's own checks catches each.

In: nothing but settings; the clean phantom is made once under --folder and kept. Out: a Markdown table with a row a
fault, and why a fault that no check catches cannot be caught. Exit code 1 where the clean copy raises an alarm, or a
check misses what it is there for. The clean phantom has a moderate signal, so that a run on it has something to lose.
Its labels are drawn again, too, as likely as their latents make them: how often each check cries wolf.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "scripts"))

import environment  # noqa: F401, E402, I001  (goes on in the clone's .venv where radiogen is not installed)

from dataclasses import dataclass  # noqa: E402
from typing import TYPE_CHECKING  # noqa: E402

import tyro  # noqa: E402

from radiogen.core.errors import run_command  # noqa: E402

if TYPE_CHECKING:
    import numpy as np
    from court_plants import Exhibit, Place

CHECKS = ("leakage review", "AUC limit", "image-free models", "explained", "null mirror", "correlation")
HINT = "correlation"
"""Not an alarm: a run that sees texture sees how a series was cut, whether or not the label goes with it."""
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
    "epoch chosen on the scored fold": "null mirror",
}
"""Which check is there for each fault; None: no check can see it."""
WHY_NOT = {
    "cases mirrored at random": "the tumour's side is drawn by chance, nothing in the headers tells a mirror from a "
                                "head, and these features do not know left from right; without a tie to the label it "
                                "helps no model either",
    "labels swapped in 5 %": "a wrong label looks like a hard case; it lowers what can be reached, and no table knows "
                             "what the laboratory should have found",
}


@dataclass(frozen=True)
class Ruling:
    """What the court says of one exhibit: the run's AUC and, by check, what it said (only those that spoke)."""

    fault: str
    auc: float
    said: dict[str, str]

    @property
    def alarms(self) -> list[str]:
        """The checks that spoke, without the hint."""
        return [check for check in self.said if check != HINT]

    @property
    def caught(self) -> bool:
        """Whether the check that is there for the fault spoke."""
        return CAUGHT_BY[self.fault] in self.said


def main(folder: Path = Path("input/controls"), cases: int = 200, effect: float = 1.5, seed: int = 11,
         draws: int = 100, redrawn: int = 20, output: Path | None = None, workers: int | None = None) -> None:
    """Plant faults in copies of a clean phantom and tell which check catches each; some minutes on two cores.

    Args:
        folder: Where the clean phantom and its cubes are kept.
        cases: Training cases of the phantom.
        effect: Of the phantom, in standard deviations.
        seed: Of the phantom and of what is planted.
        draws: Runs whose epoch is chosen on the scored fold.
        redrawn: How often the labels of the clean copy are drawn again.
        output: Markdown file to write the table to as well.
        workers: Processes (default: as many as cores may be used).
    """
    import tempfile

    from radiogen.core import files
    from radiogen.core.progress import progress
    from radiogen.phantom.data_set import PhantomSettings

    with tempfile.TemporaryDirectory(prefix="radiogen-court-") as room:
        settings = PhantomSettings(cases=cases, test_cases=0, effect=effect, scale=0.12, seed=seed)
        clean, place = clean_exhibit(folder, settings, Path(room), workers)
        limit = limit_of(effect, cases)
        rulings = [rule(fault, planted, limit) for fault, planted in exhibits(clean, place)]
        again = [rule("clean", redraw(clean, settings, number), limit) for number in progress(
            range(redrawn), "clean copy", redrawn, "drawing")]
    rulings.append(rule_on_choice(clean, draws, seed))
    text = f"{rulings_text(rulings)}\n\n{details_text(rulings)}\n\n{wolf_text(again)}"
    print(f"\n{text}")
    if output:
        files.write_text(output, text + "\n")
    missed = missing(rulings)
    if missed:
        print("\n".join(missed), file=sys.stderr)
        sys.exit(1)
    print("next: python scripts/evaluate.py RUN")


def clean_exhibit(folder: Path, settings: object, room: Path, workers: int | None) -> "tuple[Exhibit, Place]":
    """The clean phantom, made where it is missing, as the court's tables."""
    from case_features import cached_cases, features_of
    from court_plants import Exhibit, Place

    from radiogen.dataset.geometry import read_geometry
    from radiogen.dataset.labels import read_labels
    from radiogen.phantom.data_set import write_phantom

    data = folder / "court"
    write_phantom(data, settings, workers)
    cubes, index = cached_cases(data, folder / "cache", workers)
    exhibit = Exhibit(read_labels(data / "train_labels.csv"), features_of(cubes, index["BraTS21ID"], workers),
                      read_geometry(cubes / "geometry.csv"), index[["BraTS21ID", "split", "sha256", "likeness"]])
    return exhibit, Place(data, cubes, room, settings.seed, workers)


def exhibits(clean: "Exhibit", place: "Place"):
    """The clean set, then each fault in a copy of its own; pairs of the fault's name and the exhibit."""
    import court_plants as plants

    makers = (plants.same_pixels, plants.changed_pixels, plants.tied_to_plane, plants.tied_to_id,
              plants.tied_to_slices, plants.mirrored_scanner, plants.mirrored_at_random, plants.burnt_in_mark,
              plants.swapped_labels)
    yield "clean", clean
    for fault, make in zip(list(CAUGHT_BY)[1:-1], makers, strict=True):
        yield fault, make(clean, place)


def redraw(clean: "Exhibit", settings: object, number: int) -> "Exhibit":
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


def rule(fault: str, exhibit: "Exhibit", limit: float) -> Ruling:
    """Train the features' model on an exhibit and let every check look at it."""
    from case_features import predict_by_features

    from radiogen.evaluation.audit.confounds import judge_confounds
    from radiogen.evaluation.audit.finding_text import sentence
    from radiogen.evaluation.audit.leakage import review_auc, review_patients, review_pixels
    from radiogen.evaluation.stats.metrics import auc, scored
    from radiogen.runs.folds import make_folds
    from radiogen.runs.predictions import out_of_fold

    folds = make_folds(exhibit.labels)
    predictions = predict_by_features(exhibit.features, folds)
    findings = [*review_patients(folds, predictions, exhibit.arrays), *review_pixels(folds, exhibit.arrays)]
    judged = judge_confounds(predictions, folds, exhibit.geometry)
    high = review_auc(predictions, limit)
    said = {"leakage review": "; ".join(sentence(one) for one in findings if one.severity in ("alarm", "note")),
            "AUC limit": sentence(high) if high.severity == "alarm" else "", **confound_words(judged)}
    return Ruling(fault, auc(*scored(out_of_fold(predictions))),
                  {check: words for check, words in said.items() if words})


def confound_words(judged: object) -> dict[str, str]:
    """What the image-free models, the verdict on them and the correlations say; "" where nothing."""
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


def rule_on_choice(clean: "Exhibit", draws: int, seed: int) -> Ruling:
    """The epoch chosen on the scored fold: no table shows it, training again on permuted labels does.

    Caught where shuffled labels take twice as many of these runs for findings as they may, and the mirror does not.
    """
    from court_epochs import judge_choice

    from radiogen.runs.folds import make_folds

    choice = judge_choice(clean.features, make_folds(clean.labels), draws=draws, seed=seed)
    words = (f"{draws} runs on labels without meaning have a median AUC of {_median(choice.chosen):.3f}, "
             f"{_median(choice.nested):.3f} where the epoch is chosen inside the training folds; p is at most 0.05 in "
             f"{choice.shuffled.mean():.0%} of them by shuffled labels and in {choice.mirrored.mean():.0%} by the "
             "mirror")
    caught = choice.shuffled.mean() > 0.1 and choice.mirrored.mean() <= 0.05
    return Ruling("epoch chosen on the scored fold", _median(choice.chosen), {"null mirror": words} if caught else {})


def _median(areas: "np.ndarray") -> float:
    return sorted(areas)[len(areas) // 2]


def rulings_text(rulings: list[Ruling]) -> str:
    """A Markdown table: a row a fault, a column a check. X: the check that is there for the fault; x: spoke, too."""
    rows = [["planted", "AUC", *CHECKS, "ruling"], ["---"] * (len(CHECKS) + 3)]
    for one in rulings:
        ruling = "caught" if one.caught else "**not caught**" if one.fault != "clean" else (
            f"{len(one.alarms)} alarms" if one.alarms else "no alarm")
        marks = ["" if check not in one.said else "**X**" if check == CAUGHT_BY[one.fault] else "x" for check in CHECKS]
        rows.append([one.fault, f"{one.auc:.3f}", *marks, ruling])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def details_text(rulings: list[Ruling]) -> str:
    """What each check said, and why a fault is not caught."""
    lines = []
    for one in rulings:
        told = [f"{check}: {words}" for check, words in one.said.items()]
        told += [f"not caught: {WHY_NOT[one.fault]}"] if one.fault in WHY_NOT and not one.caught else []
        lines += [f"- **{one.fault}**: {'. '.join(told)}."] if told else []
    return "\n".join(lines)


def wolf_text(again: list[Ruling]) -> str:
    """How often each check spoke of clean sets."""
    counts = {check: sum(check in one.said for one in again) for check in CHECKS if check != "null mirror"}
    told = ", ".join(f"{check} {count}" for check, count in counts.items())
    return f"Clean labels drawn {len(again)} times, how often each check spoke: {told}."


def missing(rulings: list[Ruling]) -> list[str]:
    """What speaks against the court: alarms of the clean copy, faults that their check did not catch."""
    found = []
    for one in rulings:
        check = CAUGHT_BY[one.fault]
        if one.fault == "clean" and one.alarms:
            found.append(f"the clean copy raised an alarm: {', '.join(one.alarms)}")
        if check and not one.caught:
            found.append(f"{one.fault}: not caught by its check, {check}")
    return found


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
