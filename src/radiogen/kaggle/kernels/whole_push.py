"""From trained runs to a scored kernel: built and checked, rehearsed here, pushed, submitted.

In: runs, a kernel's names, and after the rehearsal a logged-in client. Out: folders that are ready to push,
then the kernel's version and the submission's record. Each step is logged.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.kaggle.client import connect
from radiogen.kaggle.kernels import push
from radiogen.kaggle.kernels.bundle import bundle_text, check_runs
from radiogen.kaggle.kernels.kernel import Names, prepare
from radiogen.kaggle.kernels.rehearsal import rehearsal_text, rehearse
from radiogen.kaggle.kernels.session import MANIFEST
from radiogen.kaggle.notebooks import public
from radiogen.runs.layout import WEIGHTS

_LOG = logging.getLogger(__name__)

PUSHES = "pushed.json"
"""Which kernel's version the last push made, and a hash of the runs in it."""


def prepare_rehearsed(models: Path, runs: Sequence[str], names: Names, output: Path, *, wheels: Path | None = None,
                      pythons: Sequence[Path] = (), cases: int = 8) -> tuple[Path, Path]:
    """Write bundle and kernel below `output` and rehearse them on `cases` good test cases; returns both folders.

    wheels: folder with the wheels that Kaggle's image lacks (None: pip downloads them). pythons: interpreters whose
    packages replace Kaggle's image (none: this one). Raises UserError where anything would fail at Kaggle.
    """
    folders = prepare(models, runs, names, output, wheels=wheels)
    _LOG.info(f"bundle: {folders[0]}; kernel: {folders[1]}; names, sources, wheels and files checked")
    _LOG.info(bundle_text(folders[0]))
    rehearsals = rehearse(*folders, models, runs, pythons=pythons, cases=cases, log=output / "rehearsal.log")
    _LOG.info(rehearsal_text(rehearsals))
    return folders


def push_and_submit(api: Any, folders: tuple[Path, Path], names: Names, note: str, output: Path, *,
                    submit: bool) -> Path | None:
    """Push what `prepare_rehearsed` returned; with `submit` wait for the score. Returns the submission's record."""
    version, page = push.push_all(api, *folders, note=note)
    _LOG.info(f"pushed: {names.kernel}, version {version}: {page}")
    files.write_json(output / PUSHES, {"kernel": names.kernel, "version": version, "runs": _runs_hash(folders[0])})
    return push.submit(api, names, version, note, output) if submit else None


def resume_submission(api: Any, models: Path, runs: Sequence[str], names: Names, note: str, output: Path
                      ) -> Path | None:
    """Go on with the submission of these very runs that an earlier command has pushed from `output`.

    Returns its record; None where these networks are not those of the last push, or that push was scored.
    """
    pushed = files.read_json(output / PUSHES) if (output / PUSHES).is_file() else {}
    sent = files.read_json(output / push.PUSHED) if (output / push.PUSHED).is_file() else {}
    scored = sent.get("version") == pushed.get("version") and sent.get("status") == "complete"
    if scored or pushed.get("kernel") != names.kernel or not (output / "dataset" / MANIFEST).is_file():
        return None
    check_runs(models, runs)
    bundled = files.read_json(output / "dataset" / MANIFEST)["runs"]
    here = {name: {place: kept["sha256"] for place, kept in members.items() if place.endswith(WEIGHTS)}
            for name, members in bundled.items()}
    same = list(bundled) == list(runs) and pushed["runs"] == _runs_hash(output / "dataset") and all(
        files.sha256(Path(models) / name / place) == digest
        for name, kept in here.items() for place, digest in kept.items())
    if not same:
        return None
    _LOG.info(f"{names.kernel}, version {pushed['version']}, was pushed before with these networks; going on with it")
    return push.submit(api, names, pushed["version"], note, output)


def _runs_hash(bundle: Path) -> str:
    """A hash of the bundle's runs: which files of which content."""
    text = json.dumps(files.read_json(bundle / MANIFEST)["runs"], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def publish(name: str, runs: Sequence[str], title: str | None, owner: str | None, output: Path, *,
            tables: Sequence[Path] = (), wheels: Path | None = None, pythons: Sequence[Path] = (),
            dry_run: bool = False) -> None:
    """Prepare a public notebook, rehearse it and, unless `dry_run`, push it.

    title: None for its own heading; owner: None for the name in the token. Raises UserError where runs are named, too.
    """
    if runs:
        raise UserError(parameter("public"), "pushes a notebook without runs, and runs are named",
                        f"leave out {', '.join(runs)}, or {parameter('public')}")
    public.check_public(name)
    api = None if dry_run else connect()
    kernel = Names(owner or ("you" if api is None else push.user_name(api)), title or public.public_title(name))
    folders = public.prepare_public(name, kernel, output, tables=tables, wheels=wheels,
                                    python=pythons[0] if pythons else None)
    if api is not None:
        public.push_public(api, folders, kernel)
