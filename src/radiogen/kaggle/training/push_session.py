"""The two things that a training session needs at Kaggle: the package as a private dataset, the kernel that runs.

In: a plan, its runs, a session. Out: folders that the client pushes. The dataset is pushed once and serves every
session; a kernel has the session's order in its source, and the outputs of earlier sessions among its sources.
"""

from collections.abc import Sequence
from importlib.resources import files as resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radiogen.core import files, owned
from radiogen.kaggle.kernels.bundle import build_bundle, check_bundle, dataset_metadata
from radiogen.kaggle.kernels.image import MACHINE_SHAPE
from radiogen.kaggle.kernels.kernel import METADATA, NOTEBOOK
from radiogen.kaggle.notebooks.sources import notebook
from radiogen.kaggle.tokens import check_no_token
from radiogen.kaggle.training.plan import TrainingPlan
from radiogen.kaggle.training.record import TRAIN, Session

if TYPE_CHECKING:
    from radiogen.training.recipe.recipe import Recipe

_NO_ORDER = "ORDER: dict[str, Any] = {}"


def write_training_bundle(plan: TrainingPlan, runs: "dict[str, Recipe]", folder: Path, wheels: Path | None) -> Path:
    """Write the dataset: the package, the wheels that Kaggle's image lacks, the runs' recipes and the locators that
    they crop by; returns `folder`."""
    from radiogen.training.locator.networks import locators_of
    from radiogen.training.recipe.recipe import as_dict

    names = plan.names
    build_bundle(plan.models, locators_of(runs.values()), folder, wheels=wheels, image=plan.docker_image,
                 metadata=dataset_metadata(names.owner, names.dataset_title, names.dataset.partition("/")[2]),
                 facts={"training": {"recipes": {name: as_dict(recipe) for name, recipe in runs.items()}}})
    check_bundle(folder)
    check_no_token([folder])
    return folder


def write_session_kernel(plan: TrainingPlan, session: Session, sources: Sequence[str], folder: Path) -> Path:
    """Write the kernel of a session, in place of an earlier one's; sources: kernels whose output it reads."""
    gpu = session.kind == TRAIN
    metadata: dict[str, Any] = {
        "id": session.kernel, "title": plan.kernel_title(session.number), "code_file": NOTEBOOK, "language": "python",
        "kernel_type": "notebook", "is_private": True, "enable_gpu": gpu, "enable_tpu": False,
        "enable_internet": False, "dataset_sources": [plan.names.dataset], "competition_sources": [plan.competition],
        "kernel_sources": list(sources), "model_sources": [],
        **({"machine_shape": MACHINE_SHAPE} if gpu else {}),
        **({"docker_image": plan.docker_image} if plan.docker_image else {})}
    order = {"number": session.number, "kind": session.kind, "competition": plan.competition,
             "seconds": round(session.hours * 3600)}
    source = resources("radiogen.kaggle.training").joinpath("training_notebook.py").read_text(encoding="utf-8")
    assert source.count(_NO_ORDER) == 1

    def fill(part: Path) -> None:
        files.write_json(part / NOTEBOOK, notebook(source.replace(_NO_ORDER, f"ORDER = {order!r}")))
        files.write_json(part / METADATA, metadata)

    owned.replace_folder(folder, fill)
    check_no_token([folder])
    return folder
