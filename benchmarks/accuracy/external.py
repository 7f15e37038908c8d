"""A run inside and cohorts outside whose AUCs are known: does the interval of the drop hold it, is an overlap refused?

In: nothing but settings; predictions and hashes are simulated. Out: a Markdown table of facts. Exit code 1 where a fact
fails. Inside and outside the logits are two normals, so that the AUCs, and the drop, are known without an error. With
--trained a network is trained on one phantom and shown another one, whose best possible AUCs are known.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from benchmarks.accuracy.controls import Fact, exit_unless_held, write_facts
from radiogen.core.errors import run_command

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from radiogen.evaluation.external.overlap import Way
    from radiogen.runs.external.cohorts import CaseMarks

LEAST_HELD = 0.93
"""Of the drawn cohorts: in so many the 95 % interval has to hold the drop."""
STUDIES = ((0.85, 0.70, 464, 120), (0.85, 0.70, 160, 60), (0.62, 0.56, 464, 250), (0.95, 0.60, 200, 100),
           (0.70, 0.70, 464, 120))
"""AUC inside and outside, cases inside and outside."""
PREVALENCES = 0.52, 0.40
"""Inside, as in the competition, and outside."""
SEQUENCES = ("FLAIR", "T1w", "T1wCE", "T2w")
TRAINED_SEED, TRAINED_EFFECT = 101, 2.0
"""Of the phantom inside; its run is the one that `regions.py` trains."""
OTHER_SEED, OTHER_EFFECT, OTHER_CASES = 7, 1.0, 120
"""Of the phantom outside, a strong shift of other patients whose tumours tell less of the label."""
FLIPPED = 9
"""Bits of 256 in which a copy's perceptual hashes differ: what 1 % of noise or another gamma does to a real series."""


def main(draws: int = 1000, overlaps: int = 200, seed: int = 7, trained: Path | None = None,
         workers: int | None = None, output: Path | None = None) -> None:
    """Draw cohorts with a known drop of the AUC, and cohorts that share one renamed patient; some minutes of a core.

    Args:
        draws: Cohorts drawn for each drop.
        overlaps: Pairs of cohorts drawn for each way to recognise a patient.
        seed: Of the first draw.
        trained: Folder such as input/accuracy, in which a network is trained and shown another hospital's phantom, too;
            what is there is not made again. None: nothing is trained.
        workers: Processes for making phantoms and arrays (default: as many as cores may be used).
        output: Markdown file to write the table to as well.
    """

    facts = [*(drop_fact(*study, draws=draws, seed=seed) for study in STUDIES), *overlap_facts(overlaps, seed),
             *([trained_fact(trained, workers)] if trained else [])]
    write_facts(facts, output, about="drawn")
    exit_unless_held(facts, "validation cannot be trusted: a fact does not hold (above)")


def drop_fact(inside: float, outside: float, cases: int, others: int, *, draws: int, seed: int) -> Fact:
    """How often the interval of the difference holds what is known."""
    import numpy as np

    from radiogen.evaluation.stats.intervals import delong_unpaired

    random = np.random.default_rng([seed, cases, others])
    found = [delong_unpaired(*drawn_cohort(random, others, outside, PREVALENCES[1]),
                             *drawn_cohort(random, cases, inside, PREVALENCES[0])) for _ in range(draws)]
    held = np.mean([one.low <= outside - inside <= one.high for one in found])
    width = np.mean([one.high - one.low for one in found]) / 2
    return Fact(f"AUC {inside:.2f} inside ({cases} cases), {outside:.2f} outside ({others})",
                f"the interval holds {outside - inside:+.2f} in {LEAST_HELD:.0%} of cohorts or more",
                f"{held:.1%} of {draws}; half its width {width:.3f}", bool(held >= LEAST_HELD))


def overlap_facts(draws: int, seed: int) -> list[Fact]:
    """One patient who is in both cohorts is found by each way alone; strangers are not."""
    from radiogen.evaluation.external.overlap import Way, find_overlap

    facts = []
    for number, way in enumerate(Way):
        refused = 0
        for draw in range(draws):
            own, other, pair = with_copy(way, [seed, number, draw])
            refused += pair in find_overlap(own, other).pairs.get(way, ())
        facts.append(Fact(f"one renamed patient: {way}", "refused in every draw", f"{refused} of {draws}",
                          refused == draws))
    wrong = sum(bool(find_overlap(*strangers([seed, 9, draw])).pairs) for draw in range(draws))
    return [*facts, Fact("strangers", "refused at most once in a hundred draws", f"{wrong} of {draws}",
                         wrong <= draws / 100)]


def trained_fact(folder: Path, workers: int | None = None) -> Fact:
    """Whether the interval of a trained run's drop holds that of the best possible AUC."""
    from benchmarks.accuracy.studies import run_name, train
    from benchmarks.accuracy.study_trials import Trial, phantom, small
    from radiogen.cli.runs import validate
    from radiogen.evaluation.external.judge import judge_cohort
    from radiogen.phantom.data_set import PhantomSettings, ceiling_auc, write_phantom
    from radiogen.runs.external.cohorts import read_cohort
    from radiogen.runs.predicted_run import open_predictions

    trial = Trial("external", "trained", "demo-3d-tumour", phantom(TRAINED_EFFECT, seed=TRAINED_SEED),
                  small("demo-3d-tumour"))
    train(trial, folder, 2, workers)
    other = folder / f"effect-{OTHER_EFFECT:g}-{OTHER_CASES}-strong-seed-{OTHER_SEED}"
    write_phantom(other, PhantomSettings(cases=OTHER_CASES, test_cases=0, effect=OTHER_EFFECT, scale=0.2,
                                         shift="strong", seed=OTHER_SEED), workers)
    run = folder / "models" / run_name(trial)
    validate.main(run.name, data=other, models=run.parent, workers=workers)
    judged = judge_cohort(open_predictions(run.parent, run.name), read_cohort(run, other.name))
    drop, found = ceiling_auc(OTHER_EFFECT) - ceiling_auc(TRAINED_EFFECT), judged.difference.estimate
    areas = [one.verdict.estimate.value for one in (judged.inside, judged.outside)]
    return Fact(f"trained: demo-3d-tumour on a phantom of effect {TRAINED_EFFECT:g} ({trial.phantom.cases} cases), "
                f"shown a strong shift of effect {OTHER_EFFECT:g} ({OTHER_CASES})",
                f"the interval holds {drop:+.3f}, the drop of the best possible AUC",
                f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f}); AUC {areas[0]:.3f} inside, "
                f"{areas[1]:.3f} outside", bool(found.low <= drop <= found.high))


def drawn_cohort(random: "np.random.Generator", cases: int, area: float, prevalence: float
                 ) -> "tuple[np.ndarray, np.ndarray]":
    """Labels and probabilities of a cohort; over all cohorts their AUC is `area`."""
    import numpy as np
    from scipy.stats import norm

    labels = np.arange(cases) < round(prevalence * cases)
    logits = random.normal(size=cases) + np.sqrt(2) * norm.ppf(area) * labels
    return labels, 1 / (1 + np.exp(-logits))


def strangers(seed: list[int], cases: int = 60, others: int = 40) -> "tuple[CaseMarks, CaseMarks]":
    """Two cohorts that have nobody in common; their perceptual hashes lie as near as those of heads do."""
    import numpy as np

    random = np.random.default_rng(seed)
    heads = {name: random.integers(0, 2, 256) for name in ("", *SEQUENCES)}  # what all heads have in common
    return _marks(random, "a", cases, heads), _marks(random, "b", others, heads)


def with_copy(way: "Way", seed: list[int]) -> "tuple[CaseMarks, CaseMarks, tuple[str, str]]":
    """Two cohorts with one patient in both, recognised by `way` alone, and the pair."""
    from dataclasses import replace

    import numpy as np
    import pandas as pd

    from radiogen.evaluation.external.overlap import Way
    from radiogen.runs import layout

    random, (own, other) = np.random.default_rng([*seed, 1]), strangers(seed)
    one, two = random.integers(len(own.cases)), random.integers(len(other.cases))
    pair = own.cases["case"][one], other.cases["case"][two]
    cases, contents, series = other.cases.copy(), other.contents.copy(), other.series.copy()
    if way is Way.PATIENT:
        other = replace(other, names=pd.concat([other.names, _names([pair[1]], [pair[0]], "table")]))
    elif way is Way.ARRAY:
        cases.loc[two, "sha256"] = own.cases["sha256"][one]
    elif way is Way.PICTURE:
        cases.loc[two, "perceptual_hash"] = _flipped(random, own.cases["perceptual_hash"][one])
    elif way is Way.WEIGHTS:
        own = replace(own, seen=pd.DataFrame({"case": [pair[1]], "cohort": ["b"]}))
        other, pair = replace(other, called=frozenset({"b"})), (layout.SEEN_CASES, pair[1])
    elif way is Way.FILES:
        row = random.integers(len(SEQUENCES))
        contents.loc[two * len(SEQUENCES) + row, "sha256"] = own.contents["sha256"][one * len(SEQUENCES) + row]
    else:
        mine, its = (table["case"] == case for table, case in ((own.series, pair[0]), (series, pair[1])))
        series.loc[its, "perceptual_hash"] = [_flipped(random, mark) for mark in own.series["perceptual_hash"][mine]]
    return own, replace(other, cases=cases, contents=contents, series=series), pair


def _marks(random: "np.random.Generator", prefix: str, count: int, heads: "dict[str, np.ndarray]") -> "CaseMarks":
    import numpy as np
    import pandas as pd

    from radiogen.runs.external.cohorts import CaseMarks

    def look(name: str) -> str:
        differs = random.random(256) < 0.15  # so that two patients differ in 65 bits on average
        return np.packbits(heads[name] ^ differs).tobytes().hex()

    ids = [f"{prefix}{number:03d}" for number in range(count)]
    cases = pd.DataFrame({"case": ids, "sha256": [random.bytes(32).hex() for _ in ids],
                          "perceptual_hash": [look("") for _ in ids]})
    series = pd.DataFrame([(case, name, look(name)) for case in ids for name in SEQUENCES],
                          columns=["case", "sequence", "perceptual_hash"])
    contents = series[["case"]].assign(sha256=[random.bytes(32).hex() for _ in range(len(series))])
    return CaseMarks(cases, _names(ids, ids, "id"), contents, series, patients=True, files=True)


def _names(cases: list[str], names: list[str], source: str) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame({"case": cases, "name": names, "source": source})


def _flipped(random: "np.random.Generator", digits: str) -> str:
    import numpy as np

    bits = np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8))
    bits[random.choice(256, FLIPPED, replace=False)] ^= 1
    return np.packbits(bits).tobytes().hex()


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
