"""The kernel as a folder that Kaggle's client pushes: the notebook and `kernel-metadata.json`, checked beforehand.

In: an owner, a title, the dataset of bundle.py. Out: `kernel.ipynb` and its metadata. Every known
reason for which Kaggle refuses a kernel, or runs it and discards its result, is checked here and named with its remedy.
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radiogen.core import files, owned
from radiogen.core.errors import UserError
from radiogen.core.wording import command, parameter
from radiogen.kaggle.kernels.bundle import build_bundle, check_bundle, check_runs, dataset_metadata
from radiogen.kaggle.kernels.image import MACHINE_SHAPE
from radiogen.kaggle.kernels.session import MANIFEST, SUBMISSION
from radiogen.kaggle.mounts import competition_of
from radiogen.kaggle.notebooks.sources import PREDICT, notebook_text
from radiogen.kaggle.tokens import check_no_token
from radiogen.task import RSNA_MICCAI, Task

NOTEBOOK, METADATA = "kernel.ipynb", "kernel-metadata.json"
SOURCE_BYTES = 2**20
"""Kaggle's limit for a kernel's source: 1 MiB."""


@dataclass(frozen=True)
class Names:
    """Names of a kernel and its dataset at Kaggle; ids follow from titles, as Kaggle derives them.

    docker_image: the image that its sessions are pinned to, "" for Kaggle's newest.
    """

    owner: str
    title: str
    task: Task = RSNA_MICCAI
    docker_image: str = ""

    @property
    def competition(self) -> str:
        """The competition's name in addresses."""
        return competition_of(self.task).slug

    @property
    def kernel(self) -> str:
        """`owner/slug` of the kernel."""
        return f"{self.owner}/{slug(self.title)}"

    @property
    def dataset_title(self) -> str:
        """Title of the dataset."""
        return f"{self.title} files"

    @property
    def dataset(self) -> str:
        """`owner/slug` of the dataset."""
        return f"{self.owner}/{slug(self.dataset_title)}"


def prepare(models: Path, runs: Sequence[str], names: Names, folder: Path, *,
            wheels: Path | None = None) -> tuple[Path, Path]:
    """Write bundle and kernel under `folder` and check them; returns `folder/dataset` and `folder/kernel`.

    wheels: as in `build_bundle`. Raises UserError for whatever Kaggle would refuse, and for a token in any file.
    """
    check_runs(models, runs)
    bundle = Path(folder) / "dataset"
    with files.working_folder(folder):
        owned.check_replaceable(Path(folder) / "kernel")  # before the bundle, which takes long
        build_bundle(models, runs, bundle, wheels=wheels, image=names.docker_image,
                     metadata=dataset_metadata(names.owner, names.dataset_title, names.dataset.partition("/")[2]))
        kernel = _write_kernel(names, Path(folder) / "kernel")
    check_bundle(bundle)
    _check_kernel(kernel, names)
    check_no_token([bundle, kernel])
    return bundle, kernel


def slug(title: str) -> str:
    """The last part of Kaggle's address for a title: lower case, hyphens for all but letters and digits."""
    ascii_title = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_title).strip("-")


def _write_kernel(names: Names, folder: Path) -> Path:
    """Write notebook and metadata into `folder`, in place of earlier ones; returns `folder`."""
    metadata = {
        "id": names.kernel, "title": names.title, "code_file": NOTEBOOK, "language": "python",
        "kernel_type": "notebook", "is_private": True, "enable_gpu": True, "enable_tpu": False,
        "enable_internet": competition_of(names.task).internet, "machine_shape": MACHINE_SHAPE,
        "dataset_sources": [names.dataset],
        "competition_sources": [names.competition], "kernel_sources": [], "model_sources": [],
        **({"docker_image": names.docker_image} if names.docker_image else {})}

    def fill(part: Path) -> None:
        files.write_text(part / NOTEBOOK, notebook_text(PREDICT))
        files.write_json(part / METADATA, metadata)

    return owned.replace_folder(folder, fill)


def _check_kernel(folder: Path, names: Names) -> None:
    """Raise UserError for the first fault in `folder` for which Kaggle would refuse, or not score, the kernel."""
    path = Path(folder) / METADATA
    kept = files.read_json(path)
    for wrong, remedy in _faults(kept, Path(folder), names):
        if wrong:
            raise UserError(path, wrong, remedy)


def _faults(kept: dict[str, Any], folder: Path, names: Names) -> list[tuple[str, str]]:
    """Each possible fault ('' where it is absent) and its remedy."""
    again = f"write it again: {command('push_kernel')}"
    title, code = str(kept.get("title", "")), folder / str(kept.get("code_file", ""))
    owner, _, name = str(kept.get("id", "")).partition("/")
    size = code.stat().st_size if code.is_file() else -1
    return [
        ("" if 5 <= len(title) <= 50 else f"the title has {len(title)} characters; Kaggle allows 5 to 50",
         f"choose another {parameter('title')}"),
        ("" if owner and name else f"the id {kept.get('id')!r} is not owner/slug",
         f"give your Kaggle name with {parameter('owner')}"),
        ("" if name == slug(title) else f"the title {title!r} resolves to {slug(title)!r}, and the id is {name!r}: "
         "Kaggle would create a second kernel", f"make the id {owner}/{slug(title)}, or choose another "
                                              f"{parameter('title')}"),
        ("" if kept.get("competition_sources") == [names.competition] else
         f"the sources lack the competition {names.competition}", again),
        ("" if names.dataset in kept.get("dataset_sources", []) else f"the sources lack the dataset {names.dataset}",
         again),
        ("" if kept.get("enable_internet") is False or competition_of(names.task).internet else
         "internet is on, which this competition does not allow", "set enable_internet to false"),
        ("" if kept.get("enable_gpu") is True else "the GPU is off", "set enable_gpu to true"),
        ("" if kept.get("machine_shape") != "NvidiaTeslaP100" else
         "Kaggle's image no longer serves a P100", f"set machine_shape to {MACHINE_SHAPE}"),
        ("" if kept.get("is_private") is True else "the kernel is public, and so would be your submission",
         "set is_private to true"),
        ("" if (kept.get("language"), kept.get("kernel_type")) == ("python", "notebook") else
         f"it is not a Python notebook but {kept.get('language')} {kept.get('kernel_type')}", again),
        ("" if size >= 0 else f"{code.name} is missing", again),
        ("" if size <= SOURCE_BYTES else f"{code.name} has {size} bytes; Kaggle allows 1 MiB",
         "keep outputs and data out of the notebook"),
        (_notebook_fault(code), again),
    ]


def _notebook_fault(code: Path) -> str:
    try:
        cells = json.loads(code.read_text(encoding="utf-8"))["cells"]
        text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        compile(text, code.name, "exec")
    except (OSError, ValueError, KeyError, TypeError, SyntaxError) as error:
        return f"{code.name} is not a notebook that Python can run ({type(error).__name__})"
    for needed, what in ((SUBMISSION, "writes no"), (MANIFEST, "does not look for")):
        if needed not in text:
            return f"{code.name} {what} {needed}"
    return ""
