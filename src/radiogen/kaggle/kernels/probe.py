"""Ask Kaggle's image itself what it has: a kernel without a GPU that lists its Python and its packages.

In: a logged-in client, the kernel's names, an image to pin or none. Out: rows of `kaggle_image.csv` for the digest that
Kaggle names for that session, in place of earlier rows of the same image. Nothing is trained, and no data is attached.
"""

import csv
import io
import logging
import time
from collections.abc import Callable, Iterable
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from radiogen.core import files, owned
from radiogen.core.errors import UserError
from radiogen.kaggle import kernel_sessions
from radiogen.kaggle.kernels.image import COLUMNS, PROBE, TABLE, needed_packages, normal_name
from radiogen.kaggle.kernels.kernel import METADATA, NOTEBOOK, Names
from radiogen.kaggle.kernels.push import kernel_page, push_kernel
from radiogen.kaggle.notebooks.sources import notebook

_LOG = logging.getLogger(__name__)

Pause = Callable[[float], None]

ANSWER = "radiogen-image.json"
SECONDS = 1800
POLL_SECONDS = 20
_SOURCE = f'''
# %% [markdown]
# # The packages of this image
# Made by `scripts/probe_kaggle_image.py` of radiogen.
# %%
import importlib.metadata, json, pathlib, platform
packages = {{one.metadata["Name"]: one.version for one in importlib.metadata.distributions() if one.metadata["Name"]}}
facts = {{"python": platform.python_version(), "packages": packages}}
pathlib.Path("{ANSWER}").write_text(json.dumps(facts))
'''


def probe_image(api: Any, names: Names, folder: Path, *, docker_image: str = "", table: Path | None = None,
                pause: Pause = time.sleep) -> tuple[str, Path]:
    """Run the probe at Kaggle and write its rows into the table; returns the image's digest and the table's path.

    table: the CSV to change (default: the package's own). Raises UserError where the session fails, or Kaggle does not
    say in which image it ran.
    """
    kernel = _write_probe(names, docker_image, Path(folder) / "probe")
    version, page = push_kernel(api, kernel, seconds=SECONDS)
    _LOG.info(f"pushed: {names.kernel}, version {version}: {page}; waiting for it to run")
    _wait(api, names.kernel, version, pause)
    path = kernel_sessions.fetch_output(api, names.kernel, version, ANSWER, Path(folder) / ANSWER, pause=pause)
    image = kernel_sessions.docker_image(api, names.kernel, pause=pause) or docker_image
    digest = image.rpartition("@")[2]
    if not digest.startswith("sha256:"):
        raise UserError(names.kernel, f"Kaggle does not say in which image it ran ({image or 'nothing'})",
                        f"look at {kernel_page(names.kernel)}, and pin that image with --docker-image")
    facts = files.read_json(path)
    place = Path(table) if table else Path(str(resources("radiogen.kaggle.kernels").joinpath(TABLE)))
    return digest, write_rows(place, digest, facts["python"], facts["packages"])


def write_rows(table: Path, digest: str, python: str, packages: dict[str, str]) -> Path:
    """Put the image's rows into the table, in place of earlier ones: Python, and the packages that radiogen needs."""
    with table.open(encoding="utf-8", newline="") as file:
        kept = [tuple(row) for row in csv.reader(file)][1:]
    there = {normal_name(name): version for name, version in packages.items()}
    new = [(digest, "python", python, PROBE), *((digest, name, there[name], PROBE)
                                                for name in sorted(needed_packages()) if name in there)]
    return files.write_text(table, _text([*new, *(row for row in kept if row[0] != digest)]))


def _text(rows: Iterable[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    return text.getvalue()


def _write_probe(names: Names, docker_image: str, folder: Path) -> Path:
    metadata = {"id": names.kernel, "title": names.title, "code_file": NOTEBOOK, "language": "python",
                "kernel_type": "notebook", "is_private": True, "enable_gpu": False, "enable_tpu": False,
                "enable_internet": False, "dataset_sources": [], "competition_sources": [], "kernel_sources": [],
                "model_sources": [], **({"docker_image": docker_image} if docker_image else {})}

    def fill(part: Path) -> None:
        files.write_json(part / NOTEBOOK, notebook(_SOURCE))
        files.write_json(part / METADATA, metadata)

    return owned.replace_folder(folder, fill)


def _wait(api: Any, kernel: str, version: int, pause: Pause) -> None:
    state = kernel_sessions.ended_state(api, kernel, version, polls=2 * SECONDS // POLL_SECONDS, seconds=POLL_SECONDS,
                                        pause=pause)
    if state is None:
        raise UserError(kernel, "the probe has not ended after an hour", f"look at {kernel_page(kernel)}")
    if state.failed:
        raise UserError(kernel, f"the probe ended with {state.name.lower()}: {state.reason or 'no reason given'}",
                        f"read its log on {kernel_page(kernel)}")
