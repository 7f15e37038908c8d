"""A public notebook at Kaggle: code that anybody may read and copy, with a public data set that holds nothing else.

In: the name of one of `notebooks.PUBLIC`, tables that may be passed on. Out: bundle and kernel folders, checked and
rehearsed on a phantom: no weights, no submission, no token.
"""

import logging
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from radiogen import __version__
from radiogen.core import files, owned
from radiogen.core.errors import UserError
from radiogen.core.wording import command, listing, parameter
from radiogen.kaggle.kernels import push
from radiogen.kaggle.kernels.bundle import DATASET_METADATA, _build_wheel, _collect_wheels, bundle_text
from radiogen.kaggle.kernels.image import image_packages, missing_packages
from radiogen.kaggle.kernels.kernel import METADATA, NOTEBOOK, Names
from radiogen.kaggle.kernels.rehearsal import hidden_packages, run_kernel
from radiogen.kaggle.kernels.rehearsal_site import make_environment
from radiogen.kaggle.kernels.session import MANIFEST, SUBMISSION
from radiogen.kaggle.mounts import COMPETITION_PLACES, DATASET_PLACES, competition_of
from radiogen.kaggle.notebooks.sources import PUBLIC, notebook_text, template
from radiogen.kaggle.tokens import check_no_token
from radiogen.phantom.data_set import PhantomSettings, write_phantom

_LOG = logging.getLogger(__name__)

TABLES = (".csv",)
KINDS = (*TABLES, ".whl", ".json")
"""All that a public data set may hold."""
REHEARSED = PhantomSettings(cases=12, test_cases=4, scale=0.1, site_confound=True)


def check_public(name: str) -> None:
    """Raise UserError unless the notebook is one of those that may be public."""
    if name not in PUBLIC:
        raise UserError(parameter("public", name), "is not a notebook that may be public",
                        f"choose one of: {listing(PUBLIC)}; others hold weights or a submission")


def public_title(name: str) -> str:
    """The title of a notebook: its first heading."""
    found = re.search(r"^# # (.+)$", template(name), flags=re.MULTILINE)
    return found[1].strip() if found else name


def prepare_public(name: str, names: Names, output: Path, *, tables: Sequence[Path] = (), wheels: Path | None = None,
                   python: Path | None = None) -> tuple[Path, Path]:
    """Write bundle and kernel of a public notebook below `output`, check them, rehearse them; returns both folders.

    tables: CSV files that are carried along. wheels, python: as in whole_push.py. Raises UserError for a notebook that
    may not be public, a table that is none, a token in any file, and where the notebook fails on a phantom.
    """
    check_public(name)
    for path in tables:
        if path.suffix not in TABLES or not path.is_file():
            raise UserError(path, "is not a CSV file", f"name tables with {parameter('tables')}")
    with files.working_folder(output):
        bundle = owned.replace_folder(Path(output) / "dataset", lambda part: _fill_bundle(part, names, tables, wheels),
                                      MANIFEST)
        kernel = owned.replace_folder(Path(output) / "kernel", lambda part: _fill_kernel(part, name, names))
    check_nothing_private(bundle, kernel)
    _LOG.info(bundle_text(bundle))
    seconds = _rehearse(bundle, kernel, names, python, Path(output) / "rehearsal.log")
    _LOG.info(f"rehearsal: on a phantom of {REHEARSED.cases} cases, {seconds:.0f} s; the notebook with its outputs: "
              f"{Path(output) / 'rehearsal.ipynb'}")
    return bundle, kernel


def push_public(api: Any, folders: tuple[Path, Path], names: Names) -> None:
    """Push what `prepare_public` returned: the data set, then the notebook, both public."""
    version, page = push.push_all(api, *folders, note=f"radiogen {__version__}", public=True)
    _LOG.info(f"pushed, public: {names.kernel}, version {version}: {page}")


def check_nothing_private(bundle: Path, kernel: Path) -> None:
    """Raise UserError where weights, a submission or a token would become public."""
    for path in sorted(bundle.iterdir()):
        if path.suffix not in KINDS:
            raise UserError(path, "must not become public", f"take it away, or write the folder again: "
                                                            f"{command('push_kernel')}")
    if files.read_json(bundle / MANIFEST)["runs"]:
        raise UserError(bundle / MANIFEST, "lists trained runs, which must not become public",
                        f"write it again: {command('push_kernel')}")
    code = (kernel / NOTEBOOK).read_text(encoding="utf-8")
    for private in (rf"(?<!sample_){re.escape(SUBMISSION)}", "predict_session", r"\.weights\.h5"):
        if re.search(private, code):
            raise UserError(kernel / NOTEBOOK, f"contains {private!r}: it makes a submission, which must not be public",
                            "push it without --public")
    check_no_token([bundle, kernel])


def _fill_bundle(part: Path, names: Names, tables: Sequence[Path], wheels: Path | None) -> None:
    missing = missing_packages(image_packages())
    _collect_wheels(missing, part, wheels)
    package = _build_wheel(part)
    for path in tables:
        shutil.copyfile(path, part / path.name)
    files.write_json(part / DATASET_METADATA, {
        "title": names.dataset_title, "id": names.dataset, "licenses": [{"name": "other"}],
        "subtitle": "The package radiogen (MIT), what it needs, and public tables"})
    files.write_json(part / MANIFEST, {
        "radiogen": __version__, "runs": {},
        "wheels": [*(f"{name}=={version}" for name, version in missing.items()),
                   f"radiogen=={package.name.split('-')[1]}"]})


def _fill_kernel(part: Path, name: str, names: Names) -> None:
    files.write_text(part / NOTEBOOK, notebook_text(name))
    files.write_json(part / METADATA, {
        "id": names.kernel, "title": names.title, "code_file": NOTEBOOK, "language": "python",
        "kernel_type": "notebook", "is_private": False, "enable_gpu": False, "enable_tpu": False,
        "enable_internet": False, "dataset_sources": [names.dataset], "competition_sources": [names.competition],
        "kernel_sources": [], "model_sources": []})


def _rehearse(bundle: Path, kernel: Path, names: Names, python: Path | None, log: Path) -> float:
    """Run the notebook on a phantom in place of the competition's data; returns the seconds that it took."""
    competition = competition_of(names.task)
    with tempfile.TemporaryDirectory(prefix="radiogen-rehearsal-") as scratch:
        inputs = Path(scratch) / "kaggle" / "input"
        write_phantom(inputs / COMPETITION_PLACES[1].format(slug=competition.slug), REHEARSED)
        shutil.copytree(bundle, inputs / DATASET_PLACES[1].format(owner=names.owner, slug="files"))
        interpreter = make_environment(Path(python or sys.executable), hidden_packages(bundle), Path(scratch) / "env")
        began = time.monotonic()
        run_kernel(interpreter, kernel / NOTEBOOK, inputs.parent, log, competition.session_hours)
        return time.monotonic() - began
