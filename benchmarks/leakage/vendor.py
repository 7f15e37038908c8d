"""What a network may know of the scanner: the air model on clean phantoms and where the label goes with a maker.

In: nothing but settings; two phantoms and their tables of scanners are made once under --folder and kept. Out: a
Markdown table of facts, exit code 1 where one fails. Images depend on the maker and not on the label, so that labels
are drawn anew for each of the draws: at random for the clean phantom, in 9 of 10 cases the maker's for the other. The
network is simulated: its logit is what the noise of the air says of the maker, and noise.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from benchmarks.accuracy.controls import Fact, exit_unless_held, write_facts
from radiogen.core.errors import run_command

if TYPE_CHECKING:
    import pandas as pd

    from radiogen.evaluation.audit.known_inputs import Known

DRAWS, CLEAN, CAUGHT = 20, 19, 18
BLIND = 2
"""So many draws are judged without scanners, too."""
OWN = 0.9
"""The share of cases whose label is the maker's."""


def main(folder: Path = Path("input/controls"), cases: int = 160, scale: float = 0.05, seed: int = 5,
         output: Path | None = None, workers: int | None = None) -> None:
    """Judge the air model and the verdict on a hidden maker; some minutes.

    Args:
        folder: Where the phantoms and their tables are kept.
        cases: Training cases of each.
        scale: Size of the phantoms' series.
        seed: Of the phantoms.
        output: Markdown file to write the table to as well.
        workers: Processes (default: as many as cores may be used).
    """

    clean = clean_fact(*phantom_tables(folder / f"clean-{cases}", cases, scale, seed, workers))
    facts = [clean, *vendor_facts(*phantom_tables(folder / f"vendor-{cases}", cases, scale, seed, workers, True))]
    write_facts(facts, output)
    exit_unless_held(facts)


def phantom_tables(folder: Path, cases: int, scale: float, seed: int, workers: int | None, vendor: bool = False
                   ) -> "tuple[pd.DataFrame, Known]":
    """Geometry and scanners of a phantom, which is made where it is missing, as preprocessing writes them."""
    from radiogen.arrays.cache import build_caches, cache_folder
    from radiogen.arrays.settings import CacheSettings
    from radiogen.dataset.geometry import read_geometry
    from radiogen.dataset.scanner import read_scanner
    from radiogen.evaluation.audit.known_inputs import Known
    from radiogen.phantom.data_set import PhantomSettings, write_phantom
    from radiogen.task import RSNA_MICCAI

    write_phantom(folder, PhantomSettings(cases=cases, test_cases=0, scale=scale, seed=seed, effect=0,
                                          vendor_confound=vendor), workers)
    settings = CacheSettings("cubes", RSNA_MICCAI.sequences, 8, "stretch", "min-max")
    build_caches(folder, [settings], folder.parent / "cache", workers=workers)
    cache = cache_folder(folder, settings, folder.parent / "cache")
    return read_geometry(cache / "geometry.csv"), Known(read_scanner(cache))


def clean_fact(geometry: "pd.DataFrame", known: "Known") -> Fact:
    """The air of a clean phantom says nothing of labels drawn at random."""
    from radiogen.evaluation.audit.image_free import image_free_predictions, within_fold
    from radiogen.evaluation.audit.known_inputs import SCANNER
    from radiogen.evaluation.stats.cross_validation import widened

    held, above = 0, 0
    for draw in range(DRAWS):
        folds = drawn_folds(geometry, None, draw)
        predicted = image_free_predictions(folds, geometry, models=(), known=known)[SCANNER]
        found = widened(within_fold(predicted), folds["fold"].nunique())
        held += found.low <= 0.5 <= found.high
        above += found.low > 0.5
    return Fact("clean", f"the air model's interval holds 0.5 in at least {CLEAN} of {DRAWS} draws",
                f"{held} of {DRAWS}; above 0.5 in {above}", held >= CLEAN)


def vendor_facts(geometry: "pd.DataFrame", known: "Known") -> list[Fact]:
    """A network that recognises the maker is explained by acquisition."""
    import numpy as np

    from radiogen.evaluation.audit.confounds import Conclusion, judge_confounds
    from radiogen.evaluation.audit.known_inputs import Known
    from radiogen.evaluation.stats.verdicts import Outcome

    assert known.scanner is not None
    makers = known.scanner.drop_duplicates("case").set_index("case")["manufacturer"]
    second = makers == makers.max()
    areas, caught, blind = [], 0, []
    for draw in range(DRAWS):
        folds = drawn_folds(geometry, second, draw)
        run = simulated_run(folds, known, draw)
        judged = judge_confounds(run, folds, geometry, known=known, seed=draw)
        areas.append(judged.run.estimate.value)
        caught += Conclusion.EXPLAINED in judged.conclusions
        print(f"draw {draw}: AUC {areas[-1]:.3f}, {', '.join(judged.outcomes)}", flush=True)
        if draw < BLIND:
            blind.append(judge_confounds(run, folds, geometry, known=Known(), seed=draw))
    without = sum(one.run.outcome is Outcome.BETTER and not one.explained for one in blind)
    return [Fact("vendor", f"a run that sees the maker in the air is explained by acquisition in at least {CAUGHT} of "
                 f"{DRAWS} draws", f"{caught} of {DRAWS}, AUC {np.mean(areas):.3f} on average", caught >= CAUGHT),
            Fact("vendor", "by planes and sizes alone it would pass", f"{without} of {BLIND}", without == BLIND)]


def drawn_folds(geometry: "pd.DataFrame", second: "pd.Series | None", draw: int) -> "pd.DataFrame":
    """Folds of labels drawn at random, half of each, or with the maker in `OWN` of the cases."""
    import numpy as np
    import pandas as pd

    from radiogen.runs.folds import make_folds
    from radiogen.task import ID, LABEL

    random, names = np.random.default_rng([draw, 9]), sorted(set(geometry[ID]))
    labels = random.permutation(np.arange(len(names)) % 2)
    if second is not None:
        maker = second.reindex(names).to_numpy(int)
        labels = np.where(random.random(len(names)) < OWN, maker, 1 - maker)
    return make_folds(pd.DataFrame({ID: names, LABEL: labels}), holdout_fraction=0, seed=draw)


def simulated_run(folds: "pd.DataFrame", known: "Known", draw: int) -> "pd.DataFrame":
    """Predictions of a network that measures the noise in the air of FLAIR as a share of the signal, and errs a bit."""
    import numpy as np
    from scipy.special import expit

    from radiogen.runs.predictions import complete
    from radiogen.task import ID

    assert known.scanner is not None
    flair = known.scanner[known.scanner["sequence"] == "FLAIR"].set_index(ID).reindex(folds[ID])
    noise = np.log(flair["air_deviation"] / flair["signal"]).to_numpy(float)
    logits = 2 * (noise - np.median(noise)) / noise.std() + np.random.default_rng([draw, 10]).normal(size=len(folds))
    return complete(folds.assign(probability=expit(logits)))


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
