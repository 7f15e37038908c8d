"""A session's output on this machine: its record, and at the end the trained runs as `models/<run>`.

In: a complete session. Out: files whose hashes are those that the session wrote. The runs' data set and arrays are
recorded as those of this machine, where they may not be yet: `predict.py --data` makes the arrays again.
"""

import logging
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.kaggle.kernel_sessions import fetch_output
from radiogen.kaggle.training.packs import check_pack, unpack
from radiogen.kaggle.training.plan import TrainingPlan
from radiogen.kaggle.training.record import Record
from radiogen.kaggle.training.session import CACHE, MODELS_PACK
from radiogen.runs.fold_weights import check_run
from radiogen.runs.records import read_facts, write_facts

_LOG = logging.getLogger(__name__)

Pause = Callable[[float], None]


def bring_runs(api: Any, plan: TrainingPlan, record: Record, output: Path, *, pause: Pause = time.sleep) -> list[Path]:
    """Fetch the trained runs into `plan.models`, checked; runs that are there already are not touched.

    Raises UserError for a run of this name that is another one.
    """
    session = record.complete[-1]
    facts, runs = session.result["packs"][MODELS_PACK], list(record.plan["runs"])
    present = [name for name in runs if (plan.models / name).exists()]
    if record.fetched and len(present) == len(runs):
        return [plan.models / name for name in runs]
    path = output / MODELS_PACK
    if not path.is_file() or files.sha256(path) != facts["sha256"]:
        path.unlink(missing_ok=True)
        fetch_output(api, session.kernel, session.version or 0, MODELS_PACK, path, pause=pause)
    check_pack(path, facts)
    with tempfile.TemporaryDirectory(prefix=".models-", suffix=files.PART, dir=output) as scratch:
        unpack(path, Path(scratch))
        for name in runs:
            _place(Path(scratch) / name, plan.models / name, plan.data)
    _LOG.info(f"runs brought back and checked: {', '.join(runs)}")
    return [plan.models / name for name in runs]


def _place(source: Path, target: Path, data: Path) -> None:
    """Copy a run to its place, its networks checked, the data set and the arrays recorded as this machine's."""
    networks = check_run(source)
    if target.exists():
        if check_run(target) != networks:
            raise UserError(target, "is another run of the same name", "move it away, then run the same command again")
        return

    def fill(part: Path) -> None:
        shutil.copytree(source, part, dirs_exist_ok=True)
        kept = read_facts(part)
        write_facts(part, {**kept, "data": str(data),
                           "cache": str(Path(CACHE, *Path(kept["cache"]).parts[-2:]))})

    files.write_folder(target, fill)
