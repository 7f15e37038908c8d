"""A recipe is the whole experiment at a glance: what is read, how it is squeezed, which network, how it is trained.

In: a name. Out: a frozen `Recipe`, readable as a table, each with its source. Any field can be given on the command
line (`--epochs 5`); the run's folder keeps the recipe that was really used.
"""

import dataclasses
from dataclasses import dataclass
from typing import Literal

import tyro

from radiogen.dataset.layout import COMPETITION, SEQUENCES
from radiogen.errors import UserError

SequenceName = Literal["FLAIR", "T1w", "T1wCE", "T2w"]


@dataclass(frozen=True)
class Recipe:
    """The experiment; defaults are the chosen recipe's."""

    name: tyro.conf.Suppress[str]
    """What the recipe is called."""
    rank: Literal[2, 3]
    """2: slices through a 2D network, probabilities averaged over a case's slices; 3: cubes through a 3D network."""
    sequences: tuple[SequenceName, ...]
    """Which series of a case are used."""
    size: int
    """Edge of a slice in pixels or of a cube in voxels."""
    geometry: Literal["stretch", "isotropic"] = "stretch"
    """stretch: every axis squeezed to size, as in the report; isotropic: millimetres kept, patient orientation."""
    edge_mm: float = 200.0
    """Edge of an isotropic cube, mm."""
    normalisation: Literal["min-max", "percentile", "z-score"] = "min-max"
    """Intensities to 0..1: min-max of the volume, as in the report, or clipped at percentiles of the head; or to mean 0
    and deviation 1 over the head."""
    array_dtype: Literal["uint8", "float16"] = "uint8"
    """What the cache keeps an intensity as: a byte, or float16 for twice the space."""
    slices_per_series: int | None = None
    """2D: how many slices of the middle three quarters; None: every slice."""
    joined: bool = False
    """The sequences are channels of one image on one grid (in 2D: axial slices, RGB where there are three); otherwise
    each series is an image of its own and a case's mean counts."""
    network: Literal["resnet6", "resnet10", "resnet18", "resnet34", "resnet50"] = "resnet50"
    """Residual network (He et al. 2015), in 2D or 3D by rank; resnet6 is a short one for small inputs."""
    width: int = 64
    """Filters of the first layer; 64 is the paper's."""
    stem_width: Literal[3, 7] = 7
    """Pixels or voxels across that the first layer sees; 7 is the paper's."""
    pooling: Literal["average", "maximum"] = "average"
    """Of the last features: average is the paper's, maximum finds what fills a small part of the image."""
    learning_rate: float = 0.001
    """Step of the Adam optimiser."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Learning rate over the epochs: constant, or a cosine down to zero after a twentieth of warm-up."""
    weight_decay: float = 0.0
    """Decoupled weight decay (AdamW); 0 is plain Adam."""
    epochs: int = 100
    """Passes over the training folds; fixed beforehand, never chosen on the fold that is scored."""
    batch_size: int = 1024
    """Inputs an optimiser step; never more than there are."""
    memory_batch: int = 32
    """Inputs in memory at once; a larger batch_size is reached by gradient accumulation."""
    flips: tuple[Literal["left-right", "front-back", "up-down"], ...] = ()
    """Mirrors drawn by chance in training. A label can be lateral: then no left-right."""
    shift: float = 0.0
    """Largest random shift in training along each axis, as a share of the size; what moves in is black."""
    brightness: float = 0.0
    """Largest random change of the gamma in training: 0.2 is from 0.8 to 1.25."""
    folds: int = 5
    """Stratified folds by patient."""
    holdout_share: float = 0.2
    """Share of the labelled cases that trains nothing and is scored once at the end."""
    seed: int = 42
    """Seed of the split, the first weights, the order and the augmentation."""


REPORT_2D = Recipe("report-2d", rank=2, sequences=SEQUENCES, size=224)
"""Every slice of every series at 224 x 224 as RGB through a ResNet-50, Adam 0.001, 100 epochs, batch 1024.

Source: the graduation report that this project follows (2022). It measured accuracy 0.538 and AUC 0.506 on the
competition's data. Command: python scripts/train.py --recipe report-2d --fold all. Cost: days on a GPU; do not try it
without one.
"""

REPORT_3D = Recipe("report-3d", rank=3, sequences=SEQUENCES, size=64, memory_batch=16)
"""Each series as a 64 x 64 x 64 cube, its longest axis divided into 64, through a 3D ResNet-50; batch 1024.

Source: as report-2d. It measured AUC 0.496. The report does not say how a patient's four series came together; here
each is an input of its own with the patient's label, and a patient's probability is their mean.
Command: python scripts/train.py --recipe report-3d --fold all.
"""

DEMO_2D = Recipe("demo-2d", rank=2, sequences=("FLAIR", "T1w", "T1wCE"), size=48, geometry="isotropic", edge_mm=176,
                 normalisation="percentile", slices_per_series=8, joined=True, network="resnet6", width=16,
                 stem_width=3, pooling="maximum", learning_rate=0.002, schedule="cosine", weight_decay=0.001, epochs=12,
                 batch_size=32, flips=("left-right", "front-back"), shift=0.06, brightness=0.15)
"""Eight axial slices at 48 x 48, FLAIR, T1w and T1wCE as red, green and blue, through a short residual network.

A minute on two cores. Ours, for `make demo`.
"""

DEMO_3D = Recipe("demo-3d", rank=3, sequences=("T1w", "T1wCE"), size=32, geometry="isotropic", edge_mm=176,
                 normalisation="percentile", joined=True, network="resnet6", width=16, stem_width=3, pooling="maximum",
                 learning_rate=0.002, schedule="cosine", weight_decay=0.001, epochs=24, batch_size=8,
                 flips=("left-right", "front-back", "up-down"), shift=0.06, brightness=0.15)
"""T1w and T1wCE as two channels on one isotropic grid of 32 x 32 x 32 through a short 3D residual network, so that its
first layer can subtract them: what enhances is left. Two minutes on two cores. Ours, for `make demo`.
"""

RECIPES = {recipe.name: recipe for recipe in (REPORT_2D, REPORT_3D, DEMO_2D, DEMO_3D)}


def find_recipe(name: str) -> Recipe:
    """The recipe of this name. Raises UserError, naming those that there are."""
    if name not in RECIPES:
        raise UserError(f"--recipe {name}", "there is no such recipe", f"choose one of: {', '.join(RECIPES)}")
    return RECIPES[name]


def check_recipe(recipe: Recipe) -> Recipe:
    """`recipe` itself where its fields make sense together; UserError naming the option where they do not."""
    positive = ("size", "edge_mm", "width", "learning_rate", "epochs", "batch_size", "memory_batch")
    for name in positive:
        if not getattr(recipe, name) > 0:
            raise UserError(f"--{name.replace('_', '-')} {getattr(recipe, name)}", "is too small", "give more than 0")
    if recipe.folds < 2:
        raise UserError(f"--folds {recipe.folds}", "is too few", "give 2 or more")
    if not 0 <= recipe.holdout_share < 1:
        raise UserError(f"--holdout-share {recipe.holdout_share}", "is no share", "give a number from 0 to below 1")
    if not recipe.sequences or len(set(recipe.sequences)) < len(recipe.sequences):
        raise UserError("--sequences", "names no sequence or one twice", f"choose among {' '.join(SEQUENCES)}")
    if recipe.joined and recipe.geometry == "stretch" and len(recipe.sequences) > 1:
        raise UserError("--joined", "needs the sequences on one grid", "add --geometry isotropic")
    if recipe.normalisation == "z-score" and recipe.array_dtype == "uint8":
        raise UserError("--normalisation z-score", "does not fit into bytes", "add --array-dtype float16")
    if recipe.normalisation == "z-score" and recipe.brightness > 0:
        raise UserError("--normalisation z-score", "has no gamma: half of its values are below zero",
                        "add --brightness 0")
    return recipe


def default_recipe(data_name: str) -> str:
    """What is trained where no recipe is named: the report's on the competition's data, else the demo's."""
    return REPORT_3D.name if data_name == COMPETITION else DEMO_3D.name


def as_dict(recipe: Recipe) -> dict:
    """The recipe as plain JSON values."""
    return {key: list(value) if isinstance(value, tuple) else value
            for key, value in dataclasses.asdict(recipe).items()}


def from_dict(fields: dict) -> Recipe:
    """The recipe that `as_dict` wrote. Raises UserError where a field is missing or unknown."""
    try:
        return Recipe(**{key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()})
    except TypeError as error:
        raise UserError("recipe.json", f"is of another version of radiogen ({error})",
                        "train a new run with another --run name") from error
