"""A phantom whose label goes with the hospital: ordinary folds look good, leaving a hospital out shows that they lied.

In: nothing but settings; the phantom and its cubes are made once under --folder and kept. Out: a Markdown table of
facts. Exit code 1 where a fact fails. Images depend on the hospital and not on the label, so that labels are drawn anew
for each draw: label 1 in 9 of 10 patients of two hospitals, in 1 of 10 of the other two. Within a hospital nothing goes
with the label, so a network of the other hospitals is at chance there; one draw is only within its own error of it
(some 80 patients a hospital, 8 of them of the rarer class), so the mean of the draws is judged.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from benchmarks.accuracy.controls import SCALES, Fact, exit_unless_held, write_facts
from radiogen.core.errors import run_command

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

HIGH = 0.75
"""From here on ordinary folds would impress a reader who does not look further."""
OWN = 0.9
"""How often a patient has the label of the hospital."""


def main(folder: Path = Path("input/controls"), cases: int = 400, scale: Literal["small", "demo"] = "small",
         seed: int = 11, draws: int = 20, output: Path | None = None, workers: int | None = None) -> None:
    """Judge features of a phantom whose label goes with the hospital, by patient and by site; some minutes.

    Args:
        folder: Where the phantom and its cubes are kept.
        cases: Training cases, all of them in folds.
        scale: Size of the phantom's series: small, or as in the demo.
        seed: Of the phantom.
        draws: Of the labels.
        output: Markdown file to write the table to as well.
        workers: Processes (default: as many as cores may be used).
    """
    from benchmarks.accuracy.case_features import cached_cases
    from radiogen.dataset.patients import SITE, read_patients
    from radiogen.phantom.data_set import PhantomSettings, write_phantom
    from radiogen.task import ID

    settings = PhantomSettings(cases=cases, test_cases=0, scale=SCALES[scale], seed=seed, site_confound=True)
    data = folder / "sites"
    write_phantom(data, settings, workers)
    cache, index = cached_cases(data, folder / "cache", workers)
    features = look_features(cache, index["case"])
    patients = read_patients(data)
    assert patients is not None  # the phantom has hospitals
    sites = dict(zip(patients[ID], patients[SITE], strict=True))
    areas = {by: areas_of_draws(features, sites, by, draws) for by in ("patient", "site")}
    facts = site_facts(areas)
    print()
    write_facts(facts, output, about="folds")
    exit_unless_held(facts)


def look_features(cache: Path, cases: "pd.Series") -> "pd.DataFrame":
    """What a scanner's look is: of each sequence's cube the quantiles and the roughness along each axis."""
    import numpy as np
    import pandas as pd

    from radiogen.arrays.stored_arrays import open_array
    from radiogen.task import ID

    rows = []
    for case in cases:
        cubes = np.asarray(open_array(cache, case), np.float32)[:, ::2, ::2, ::2]
        found = [np.quantile(cubes, (0.1, 0.5, 0.75, 0.9), axis=(1, 2, 3)).ravel()]
        found += [np.log(1 + np.abs(np.diff(cubes, axis=axis)).mean(axis=(1, 2, 3))) for axis in (1, 2, 3)]
        rows.append(np.concatenate(found))
    return pd.DataFrame(rows, index=pd.Index(list(cases), name=ID))


def areas_of_draws(features: "pd.DataFrame", sites: dict[str, str], by: str, draws: int) -> "np.ndarray":
    """The AUC within folds, out of fold, of each draw of the labels, (draws,); by: what folds keep together."""
    import numpy as np

    from benchmarks.accuracy.case_features import predict_by_features
    from radiogen.evaluation.audit.image_free import within_fold
    from radiogen.runs.folds import Groups, make_folds
    from radiogen.runs.predictions import out_of_fold

    groups = Groups(sites=sites) if by == "site" else Groups()
    count, areas = len(set(sites.values())), np.empty(draws)
    for draw in range(draws):
        folds = make_folds(drawn_labels(sites, draw), folds=count, holdout_fraction=0, seed=draw, groups=groups)
        areas[draw] = within_fold(out_of_fold(predict_by_features(features, folds))).value
    return areas


def drawn_labels(sites: dict[str, str], draw: int) -> "pd.DataFrame":
    """Labels of the cases: those of their hospital in `OWN` of the patients."""
    import numpy as np
    import pandas as pd

    from radiogen.phantom.hospitals import HOSPITALS
    from radiogen.task import ID, LABEL

    names, random = sorted(sites), np.random.default_rng([draw, 12])
    high = {hospital.name for hospital in HOSPITALS[::2]}
    own = np.array([sites[name] in high for name in names])
    labels = np.where(random.random(len(names)) < OWN, own, ~own).astype(int)
    return pd.DataFrame({ID: names, LABEL: labels})


def site_facts(areas: "dict[str, np.ndarray]") -> list[Fact]:
    """By patient the AUC is high; by site the mean of the draws is at chance."""
    by_patient, (mean, low, high) = areas["patient"], mean_interval(areas["site"])
    return [Fact("by patient", f"the AUC within folds is high, {HIGH} or more on average",
                 f"{by_patient.mean():.3f} ({by_patient.min():.3f} to {by_patient.max():.3f}, {len(by_patient)} draws)",
                 bool(by_patient.mean() >= HIGH)),
            Fact("by site", "the mean AUC within folds is at chance: its 95 % interval holds 0.5",
                 f"{mean:.3f} ({low:.3f} to {high:.3f}, {len(areas['site'])} draws)", low <= 0.5 <= high)]


def mean_interval(areas: "np.ndarray") -> tuple[float, float, float]:
    """The mean of the draws and the ends of its 95 % interval (Student's t)."""
    from scipy import stats

    low, high = stats.t.interval(0.95, len(areas) - 1, areas.mean(), stats.sem(areas))
    return float(areas.mean()), float(low), float(high)


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
