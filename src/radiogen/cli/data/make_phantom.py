"""Make a data set with a known answer, in the competition's layout: heads whose tumours depend on the label."""

import shlex
from pathlib import Path

import tyro

from radiogen.core.wording import command
from radiogen.phantom.data_set import PhantomSettings


def main(settings: tyro.conf.OmitArgPrefixes[PhantomSettings], data: Path = Path("input/phantom"),
         workers: int | None = None) -> None:
    """Make a data set with a known answer, in the competition's layout; an interrupted one is completed.

    Example: make-phantom --cases 60 --effect 3

    Args:
        settings: Settings of the phantom.
        data: Folder to make.
        workers: Processes (default: one per available core).
    """
    from radiogen.phantom.data_set import read_phantom, write_phantom

    write_phantom(data, settings, workers)
    made = read_phantom(data)
    assert made is not None  # it was just written
    ceiling = "none" if made["ceiling_auc"] is None else f"{made['ceiling_auc']:.3f}"
    print(f"{data}: {settings.cases} training and {settings.test_cases} test cases, four series each")
    print(f"best AUC that is possible: {ceiling} ({made['ceiling']})")
    print(f"next: {command('preprocess')} --data {shlex.quote(str(data))}")
