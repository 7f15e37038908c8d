"""From trained runs to a scored kernel: built and checked, rehearsed here, pushed, submitted.

In: runs, a kernel's names, and after the rehearsal a logged-in client. Out: folders that are ready to push,
then the kernel's version and the submission's record. Each step is logged.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from radiogen.kaggle.kernels import push
from radiogen.kaggle.kernels.bundle import bundle_text
from radiogen.kaggle.kernels.kernel import Names, prepare
from radiogen.kaggle.kernels.rehearsal import rehearsal_text, rehearse

_LOG = logging.getLogger(__name__)


def prepare_rehearsed(models: Path, runs: Sequence[str], names: Names, output: Path, *, wheels: Path | None = None,
                      python: Path | None = None, cases: int = 8) -> tuple[Path, Path]:
    """Write bundle and kernel below `output` and rehearse them on `cases` good test cases; returns both folders.

    wheels: folder with the wheels that Kaggle's image lacks (None: pip downloads them). python: interpreter whose
    packages replace Kaggle's image (None: this one). Raises UserError where anything would fail at Kaggle.
    """
    folders = prepare(models, runs, names, output, wheels=wheels)
    _LOG.info(f"bundle: {folders[0]}; kernel: {folders[1]}; names, sources, wheels and files checked")
    _LOG.info(bundle_text(folders[0]))
    rehearsal = rehearse(*folders, models, runs, python=python, cases=cases, log=output / "rehearsal.log")
    _LOG.info(rehearsal_text(rehearsal))
    return folders


def push_and_submit(api: Any, folders: tuple[Path, Path], names: Names, note: str, output: Path, *,
                    submit: bool) -> Path | None:
    """Push what `prepare_rehearsed` returned; with `submit` wait for the score. Returns the submission's record."""
    version, page = push.push_all(api, *folders, note=note)
    _LOG.info(f"pushed: {names.kernel}, version {version}: {page}")
    return push.submit(api, names, version, note, output) if submit else None
