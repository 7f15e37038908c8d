"""The outcome of one trial of fault injection, and the table of all of them.

Every part offers `run(seed, fraction, folder) -> list[Outcome]`: all random numbers come from `seed`, `fraction` is the
fraction of the part's trials that is made (1: all; less: a short form with at least one trial of each kind), `folder`
is an empty folder for what the part makes, which is deleted afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass

SHOWN = 3


@dataclass(frozen=True)
class Outcome:
    """One trial: its part, what was done, whether all checks passed, and what was seen (or why it was left out).

    passed None: it cannot be tried on this machine; the note says why.
    """

    part: str
    what: str
    passed: bool | None
    note: str = ""


def outcomes_text(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as a Markdown table: a row a part, in the order in which parts come first."""
    rows = ["| part | tried | passed | what failed |", "| --- | --- | --- | --- |"]
    for part in dict.fromkeys(one.part for one in outcomes):
        own = [one for one in outcomes if one.part == part]
        tried, failed = [one for one in own if one.passed is not None], [one for one in own if one.passed is False]
        cells = [_cell(f"{one.what}: {one.note}" if one.note else one.what) for one in failed[:SHOWN]]
        cells += [f"and {len(failed) - SHOWN} more"] if len(failed) > SHOWN else []
        cells += [_cell(f"not tried: {one.what} ({one.note})") for one in own if one.passed is None]
        rows.append(f"| {part} | {len(tried)} | {len(tried) - len(failed)} | {'; '.join(cells) or '-'} |")
    return "\n".join(rows)


def notes_text(outcomes: Sequence[Outcome]) -> str:
    """What was seen in trials that passed, as a list; '' where there is nothing to report."""
    return "\n".join(f"- {one.part}, {one.what}: {one.note}" for one in outcomes if one.passed and one.note)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())[:400]
