"""One draw of the benchmark: a clean run, a copy of it for each fault, and what the judge says of each.

In: phantoms, the number of the draw, faults. Out: a `Result` each. Every run is judged as `evaluate.py` judges it:
networks checked, the look recorded, the holdout's scoring recorded, assessed. What many copies have in common is
computed once a draw, and what is only shown and decides nothing is left out (`only_what_decides`).
"""

import hashlib
import pickle
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.leakage.faults.catalogue import CLEAN, FAULTS
from benchmarks.leakage.faults.fault import RUN, Base, By, Draw, Fault
from benchmarks.leakage.faults.learners import train_clean
from benchmarks.leakage.faults.run_folder import Tables, write_run
from benchmarks.leakage.faults.source import SIGNAL, Source, make_source
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.evaluation.audit import confounds, image_free, leakage
from radiogen.evaluation.audit.confounds import Conclusion
from radiogen.evaluation.audit.findings import Check, Code, Severity
from radiogen.evaluation.audit.leakage import record_holdout_scoring
from radiogen.evaluation.audit.looks import record_looks
from radiogen.evaluation.audit.run_verdict import Tone
from radiogen.evaluation.report import assess
from radiogen.evaluation.report.assessment import RunAssessment
from radiogen.evaluation.stats import verdicts
from radiogen.evaluation.stats.verdicts import Outcome
from radiogen.phantom.data_set import PhantomSettings
from radiogen.runs.fold_weights import check_runs
from radiogen.runs.folds import make_folds
from radiogen.runs.predicted_run import open_predictions
from radiogen.runs.records import with_members
from radiogen.task import ID, LABEL

_CONCLUSIONS = {Conclusion.EXPLAINED: By.ACQUISITION, Conclusion.EXPLAINED_BY_PATIENT: By.PATIENT}
SEED = 11
"""Of the phantoms."""
_SILENT = (Code.HOLDOUT_SCORED_AGAIN,)


@dataclass(frozen=True)
class Result:
    """What the judge says of one faulty or clean run.

    auc: what the verdict rests on, NaN where the run was refused. better: whether the numbers alone are better than
    chance; green: whether the verdict is. caught: by check how: `alarm`, `note`, `refused`, or `said` where the check
    has no severity. unchecked: what the report names as not checked. pairs: of a case and its copy, named because they
    have the same or nearly the same pixels on both sides of a split.
    """

    fault: str
    draw: int
    auc: float
    better: bool
    green: bool
    caught: dict[str, str] = field(default_factory=dict)
    unchecked: tuple[str, ...] = ()
    pairs: int = 0


@cache
def make_sources(folder: Path, cases: int, workers: int | None) -> tuple[Source, Source]:
    """The phantom whose tumours show the label, and the one whose scanner does."""
    settings = PhantomSettings(cases=cases, test_cases=0, effect=SIGNAL, scale=0.12, seed=SEED)
    vendor = replace(settings, effect=0.0, vendor_confound=True, seed=SEED + 1)
    return make_source(folder, settings, "leakage", workers), make_source(
        folder, vendor, "leakage-vendor", workers)


def draw_results(folder: Path, cases: int, names: list[str], draws: int, number: int) -> list[Result]:
    """The results of a draw, those that were kept before and those that are missing; no faults from `draws` on."""
    path = folder / f"leakage-results-{cases}" / f"draw-{number:03d}.json"
    kept = {one["fault"]: Result(**{**one, "unchecked": tuple(one["unchecked"])})
            for one in (files.read_json(path) if path.is_file() else ())}
    wanted = [*(one.name for one in CLEAN), *(names if number < draws else ())]
    missing = [one for one in (*CLEAN, *FAULTS) if one.name in wanted and one.name not in kept]
    path.parent.mkdir(exist_ok=True)
    for new in judge_draw(*make_sources(folder, cases, 1), number, missing) if missing else ():
        kept[new.fault] = new
        files.write_json(path, [asdict(one) for one in kept.values()])
    return [kept[name] for name in wanted]


def judge_draw(source: Source, vendor: Source, number: int, faults: Sequence[Fault]) -> Iterator[Result]:
    """The results of one draw, one by one; faults: those that are judged, clean runs as `catalogue.CLEAN` has them."""
    originals = {*source.latents.index, *vendor.latents.index}
    with only_what_decides(), tempfile.TemporaryDirectory(prefix="radiogen-leakage-") as room:
        for base in Base:
            draw, kept = clean_draw(source, vendor, number, base), Path(room) / base
            write_run(kept / RUN, draw.tables, source)
            for fault in (one for one in faults if one.base is base):
                models = Path(room) / "copy"
                shutil.copytree(kept, models)
                fault.inject(models, draw)
                yield judge(models, fault.name, number, originals)
                shutil.rmtree(models)


def clean_draw(source: Source, vendor: Source, number: int, base: Base) -> Draw:
    """A clean run: labels drawn as likely as the images' latents make them, or at random, folds of their own.

    For two normals of unit variance, `SIGNAL` apart and equally frequent, the label is 1 with the probability that is
    the logistic function of SIGNAL x latent.
    """
    random, latents = np.random.default_rng([number, list(Base).index(base), 100]), source.latents
    if base is Base.SIGNAL:
        labels = (random.random(len(latents)) < 1 / (1 + np.exp(-SIGNAL * latents.to_numpy()))).astype(int)
    else:
        labels = random.permutation(np.arange(len(latents)) % 2)
    folds = make_folds(latents.index.to_frame(index=False, name=ID).assign(**{LABEL: labels}), seed=number)
    tables = Tables(folds, train_clean(source.features, folds), source.geometry, source.scanner, source.arrays)
    return Draw(number, base, source, vendor, tables)


def judge(models: Path, fault: str, number: int, originals: Collection[str]) -> Result:
    """Judge the run of a models folder as `evaluate.py` does; originals: cases that are no copies of another."""
    run = open_predictions(models, RUN)
    try:
        networks = check_runs(with_members(run.folder))
        record_looks(run, networks)
        record_holdout_scoring(run.folder, run.predictions)
        assessed = assess.assess_run(run, networks)
    except UserError:
        return Result(fault, number, np.nan, False, False, {str(By.NETWORKS): "refused"})
    unchecked = tuple(dict.fromkeys(str(one.check) for one in assessed.of_severity(Severity.NOT_CHECKED)))
    pairs = sum(any(case["case"] not in originals for case in pair) for one in assessed.findings
                if one.code in (Code.SAME_PIXELS_ACROSS, Code.NEAR_PIXELS_ACROSS) for pair in one.values["pairs"])
    return Result(fault, number, float(assessed.main.verdict.estimate.value),
                  assessed.main.verdict.outcome is Outcome.BETTER, assessed.verdict.tone is Tone.GOOD,
                  dict(caught_by(assessed, bool(pairs))), unchecked, pairs)


def caught_by(assessed: RunAssessment, copies: bool) -> Iterator[tuple[str, str]]:
    """What warns a reader of the report: by check how; copies: whether a copy is among the pairs of like pixels."""
    for one in reversed([one for one in assessed.warnings if one.code not in _SILENT]):
        yield str(By.STRANGERS if one.check is Check.PIXELS and not copies else one.check), str(one.severity)
    for conclusion in assessed.conclusions:
        if conclusion in _CONCLUSIONS:
            yield str(_CONCLUSIONS[conclusion]), "said"
    found, better = assessed.confounds, assessed.verdict.by_numbers is Outcome.BETTER
    if found is not None and found.baseline.outcome is Outcome.BETTER and Conclusion.ABOVE_BASELINE not in (
            assessed.conclusions):
        yield str(By.BASELINE), "said"
    if assessed.verdict.reached and better:
        yield str(By.PERMUTATIONS), "said"
    if assessed.verdict.holdout is Outcome.WORSE and better:
        yield str(By.HOLDOUT), "said"


@contextmanager
def only_what_decides() -> Iterator[None]:
    """Within it, models without images and comparisons of thumbnails are computed once for the same tables, and
    bootstrap intervals, which are shown beside DeLong's, and clinical figures not at all."""
    with ExitStack() as stack:
        for module, name in ((confounds, "image_free_predictions"), (leakage, "near_thumbnails")):
            stack.enter_context(mock.patch.object(module, name, _remembered(getattr(module, name))))
        stack.enter_context(mock.patch.object(verdicts, "bootstrap_difference", lambda *_, **__: (np.nan, np.nan)))
        stack.enter_context(mock.patch.object(image_free, "auc_interval", lambda *_: (np.nan, np.nan)))
        stack.enter_context(mock.patch.object(assess, "judge_clinical", lambda *_: None))
        yield


def _remembered(function: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[str, Any] = {}

    def call(*arguments: object, **named: object) -> Any:
        key = hashlib.sha256(pickle.dumps((arguments, sorted(named.items())))).hexdigest()
        if key not in known:
            known[key] = function(*arguments, **named)
        return known[key]

    return call
