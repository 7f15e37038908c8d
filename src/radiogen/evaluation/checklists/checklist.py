"""Checklists of reporting, filled in as far as a run knows: CLAIM, TRIPOD+AI, Metrics Reloaded.

In: the assessment of a run. Out: lists of items, each with what is known and where it is shown; what no program can
know, who set the labels or who paid, is for the author to say. Items are in words of our own, their numbers and
sections are those of the lists. Metrics Reloaded has no numbered list: its numbers are ours, in the order in which it
has one choose.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

import pandas as pd

from radiogen.evaluation.checklists.answers import Answer, answers_of
from radiogen.evaluation.checklists.metric_answers import metric_answers
from radiogen.evaluation.report.assessment import RunAssessment

UNKNOWN = "for the author to say"
LISTS = {
    "claim": ("CLAIM", "Tejani, Klontzas, Gatti et al. Checklist for Artificial Intelligence in Medical Imaging "
              "(CLAIM): 2024 Update. Radiol. Artif. Intell. 2024;6(4):e240300"),
    "tripod_ai": ("TRIPOD+AI", "Collins, Moons, Dhiman et al. TRIPOD+AI statement. BMJ 2024;385:e078378"),
    "metrics_reloaded": ("Metrics Reloaded", "Maier-Hein, Reinke, Godau et al. Metrics reloaded: recommendations for "
                         "image analysis validation. Nat. Methods 2024;21:195, for two classes of whole images")}
"""Name and source of each list by its file."""


@dataclass(frozen=True)
class Item:
    """One item; number as text (`3a`). `answer` is UNKNOWN where only the author knows; `links` are (place on the page
    or file, its name)."""

    number: str
    section: str
    item: str
    answer: str
    links: tuple[tuple[str, str], ...] = ()

    @property
    def known(self) -> bool:
        """Whether the run knew."""
        return self.answer != UNKNOWN


@dataclass(frozen=True)
class Checklist:
    """key: its file's name; name and source as a reader knows them."""

    key: str
    name: str
    source: str
    items: tuple[Item, ...]

    @property
    def sections(self) -> Mapping[str, tuple[Item, ...]]:
        """The items by section, in order."""
        names = dict.fromkeys(one.section for one in self.items)
        return {name: tuple(one for one in self.items if one.section == name) for name in names}

    @property
    def known(self) -> int:
        """How many items the run could fill in."""
        return sum(one.known for one in self.items)


def checklists(assessed: RunAssessment, explained: bool = False) -> tuple[Checklist, ...]:
    """The lists for a run; explained: whether the page has Grad-CAM images. Links: `#<section>` of the page, or a file
    that is there."""
    answers = {**answers_of(assessed, explained), **metric_answers(assessed)}
    return tuple(Checklist(key, name, source, tuple(_items(key, answers, assessed)))
                 for key, (name, source) in LISTS.items())


def topics_of(key: str) -> pd.DataFrame:
    """`number, section, item, topic` of a list, as text; the topic "" where no answer belongs to the item."""
    with resources.files(__package__).joinpath(f"{key}.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file, dtype=str, keep_default_na=False)


def _items(key: str, answers: Mapping[str, Answer], assessed: RunAssessment) -> list[Item]:
    items = []
    for row in topics_of(key).itertuples():
        text, links = answers.get(str(row.topic), (UNKNOWN, ()))
        there = tuple(link for link in links if link[0].startswith("#") or (assessed.run.folder / link[0]).is_file())
        items.append(Item(str(row.number), str(row.section), str(row.item), text, there))
    return items
