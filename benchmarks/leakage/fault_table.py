"""The results of the leakage benchmark as text: a row a fault, false alarms of clean runs, why faults are missed."""

from collections import Counter
from collections.abc import Collection, Sequence
from itertools import groupby

import numpy as np

from benchmarks.leakage.faults.catalogue import CLEAN
from benchmarks.leakage.faults.fault import By, Fault
from benchmarks.leakage.faults.judge import Result

MOST_FALSE = 0.05
"""Of clean runs that raise anything, at most."""


def results_text(results: Sequence[Result], faults: Sequence[Fault]) -> str:
    """A Markdown table: a row a fault, how often it was caught, by which check, and how often the verdict was green."""
    rows = [["injected fault", "the run is", "AUC", "better by its numbers", "caught", "by", "green"], ["---"] * 7]
    for fault in (*CLEAN, *faults):
        own = [one for one in results if one.fault == fault.name]
        if own:
            rows.append([fault.name, fault.made, _mean_auc(own), _count(own, [one.better for one in own]),
                         _caught_cell(own, fault), _checks(own, () if fault in CLEAN else (By.STRANGERS,)),
                         _count(own, [one.green for one in own])])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def details_text(results: Sequence[Result], faults: Sequence[Fault]) -> str:
    """Why a fault is not caught or needs an option, and how many copies are named of those that are there."""
    lines = [f"- **{fault.name}**: {fault.why_not}." for fault in faults if fault.why_not]
    pairs = [(fault.name, own) for fault in faults if any(own := [
        one.pairs for one in results if one.fault == fault.name])]
    if pairs:
        lines.append("- Pairs of copies on both sides of a split that are named, on average: " + "; ".join(
            f"{name.removeprefix('a patient twice, ')} {np.mean(own):.1f}" for name, own in pairs) + ".")
    return "\n".join(lines)


def clean_text(results: Sequence[Result]) -> str:
    """How often clean runs raised anything, and by which check."""
    from radiogen.evaluation.stats.intervals import wilson_interval

    lines = []
    for clean in CLEAN:
        own = [one for one in results if one.fault == clean.name]
        loud = sum(is_loud(one) for one in own)
        if own:
            low, high = (float(end[0]) for end in wilson_interval(np.array([loud]), np.array([len(own)])))
            what = f": {_checks(own)}" if loud else ""
            lines.append(f"- {clean.name}: {loud} of {len(own)} raise an alarm ({low:.1%} to {high:.1%}){what}")
    return "\n".join(["Clean runs:", *lines])


def failures(results: Sequence[Result], faults: Sequence[Fault]) -> list[str]:
    """Where the judge failed: false alarms of more than `MOST_FALSE` of clean runs, a fault that its check missed while
    the verdict was green."""
    clean = [one for one in results if one.fault in {fault.name for fault in CLEAN}]
    loud = sum(is_loud(one) for one in clean)
    found = [f"{loud} of {len(clean)} clean runs raised an alarm"] if loud > MOST_FALSE * len(clean) else []
    for fault in faults:
        missed = sum(one.green and not is_caught(one, fault) for one in results if one.fault == fault.name)
        if fault.by and missed:
            found.append(f"{fault.name}: {missed} draws are green, and not caught by {' or '.join(fault.by)}")
    return found


def is_caught(result: Result, fault: Fault) -> bool:
    """Whether a check that is there for the fault raised something."""
    return any(check in result.caught for check in fault.by)


def is_loud(result: Result) -> bool:
    """Whether a clean run raised anything, but for the note that two different patients look alike."""
    return bool(set(result.caught) - {By.STRANGERS})


def _caught_cell(own: Sequence[Result], fault: Fault) -> str:
    if fault in CLEAN:
        return _count(own, [is_loud(one) for one in own])
    return _count(own, [is_caught(one, fault) for one in own]) if fault.by else "cannot be"


def _checks(own: Sequence[Result], but: Collection[str] = ()) -> str:
    counts = Counter((check, how) for one in own for check, how in one.caught.items() if check not in but)
    order = sorted(counts, key=lambda pair: (-sum(counts[pair[0], how] for check, how in counts if check == pair[0]),
                                             pair))
    return ", ".join(" and ".join(f"{check} {counts[check, how]}{'' if how == 'said' else f' ({how})'}"
                                  for check, how in group) for _, group in groupby(order, key=lambda pair: pair[0]))


def _count(own: Sequence[Result], chosen: Sequence[bool]) -> str:
    return f"{sum(chosen)} of {len(own)}"


def _mean_auc(own: Sequence[Result]) -> str:
    areas = [one.auc for one in own if np.isfinite(one.auc)]
    return f"{np.mean(areas):.3f}" if areas else "refused"
