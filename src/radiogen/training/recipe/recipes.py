"""A recipe is the whole experiment at a glance: what is read, how it is squeezed, which network, how it is trained.

In: a name. Out: a frozen `Recipe`, readable as a table, each with its source, its command, its cost and its result. Any
field can be given on the command line (`--epochs 5`); the run's folder keeps the recipe that was really used.
"""

import ast
import dataclasses
import inspect
import math
from dataclasses import dataclass
from typing import Literal

import tyro

from radiogen.core.errors import UserError
from radiogen.dataset.layout import COMPETITION, SEQUENCES
from radiogen.runs.layout import RECIPE

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
    depth: int | None = None
    """3D: slices of the network's input; None: as many as size."""
    geometry: Literal["stretch", "isotropic", "slab"] = "stretch"
    """stretch: every axis squeezed to size, as in the report; isotropic: millimetres kept, patient orientation; slab:
    the slices around the one that shows most of the head, each squeezed to size."""
    edge_mm: float = 200.0
    """Edge of an isotropic cube, mm."""
    normalisation: Literal["min-max", "min-max slices", "percentile", "z-score", "none"] = "min-max"
    """Intensities to 0..1: min-max of the volume, as in the report, of each slice by itself, or clipped at percentiles
    of the head; or to mean 0 and deviation 1 over the head; none: bytes, or numbers that are 0..1 already."""
    window: bool = False
    """Apply the window that the files name (VOI LUT) first: DICOM PS3.3 C.11.2."""
    array_dtype: Literal["uint8", "float16"] = "uint8"
    """What the cache keeps an intensity as: a byte, or float16 for twice the space."""
    slices_per_series: int | None = None
    """2D: how many slices of the middle three quarters; None: every slice."""
    sections: bool = False
    """2D: the inputs are the sections of the series' cube along its first axis, one channel each."""
    joined: bool = False
    """The sequences are channels of one image on one grid (in 2D: axial slices, RGB where there are three); otherwise
    each series is an image of its own and a case's mean counts."""
    network: Literal["resnet6", "resnet10", "resnet18", "resnet34", "resnet50"] = "resnet50"
    """Residual network (He et al. 2015), in 2D or 3D by rank; resnet6 is a short one for small inputs."""
    width: int = 64
    """Filters of the first layer; 64 is the paper's."""
    stem_width: Literal[3, 7] = 7
    """Pixels or voxels across that the first layer sees; 7 is the paper's."""
    stem_stride: Literal[1, 2] = 2
    """Step of the first layer; 2 is the paper's."""
    outputs: Literal[1, 2] = 2
    """2: softmax over both classes, categorical cross-entropy; 1: one logit, binary cross-entropy."""
    weights: str | None = None
    """First weights: imagenet, a file of ResNet-50's ImageNet weights (whole or in part), or none. 3D is inflated."""
    pooling: Literal["average", "maximum"] = "average"
    """Of the last features: average is the paper's, maximum finds what fills a small part of the image."""
    learning_rate: float = 0.001
    """Step of the Adam optimiser."""
    schedule: Literal["constant", "cosine", "halved"] = "constant"
    """Learning rate over the epochs: constant, a cosine down to zero after a twentieth of warm-up, or halved once,
    after `halve_after` epochs."""
    halve_after: int = 10
    """Epochs before the halved schedule halves."""
    weight_decay: float = 0.0
    """Decoupled weight decay (AdamW); 0 is plain Adam."""
    label_smoothing: float = 0.0
    """Share of a label that is given to both classes alike."""
    epochs: int = 100
    """Passes over the training folds; fixed beforehand, never chosen on the fold that is scored."""
    batch_size: int = 1024
    """Inputs an optimiser step; never more than there are."""
    memory_batch: int = 32
    """Inputs in memory at once; a larger batch_size is reached by gradient accumulation."""
    drop_last: bool = False
    """Leave out the last batch of an epoch where it is smaller than the others."""
    stop_share: float = 0.0
    """Share of the training folds' cases that trains nothing and chooses the epoch; 0: the last epoch counts. The fold
    that is scored never chooses."""
    patience: int = 10
    """With stop_share: epochs without a lower loss on those cases before the fold stops."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Arithmetic of the layers; auto: bfloat16 on GPUs that have it, else float16, and float32 on CPUs."""
    flips: tuple[Literal["left-right", "front-back", "up-down"], ...] = ()
    """Mirrors drawn by chance in training. A label can be lateral: then no left-right."""
    shift: float = 0.0
    """Largest random shift in training along each axis, as a share of the size; what moves in is black."""
    rotation_degrees: float = 0.0
    """Largest random rotation in training, degrees: of a slice, or of a cube about an axis that is drawn. What moves in
    is black."""
    zoom: float = 0.0
    """Largest random change of size in training, as a share, within the slice or the plane that is rotated."""
    brightness: float = 0.0
    """Largest random change of the gamma in training: 0.2 is from 0.8 to 1.25."""
    balance: Literal["nothing", "planes"] = "nothing"
    """planes: an epoch draws the training cases so that the label says nothing of the planes of their series."""
    test_flips: bool = False
    """Predict each image in all of its mirrors (`flips`) and take the mean."""
    folds: int = 5
    """Stratified folds by patient."""
    holdout_share: float = 0.2
    """Share of the labelled cases that trains nothing and is scored once at the end."""
    seed: int = 42
    """Seed of the split, the first weights, the order and the augmentation."""
    split_seed: int | None = None
    """Seed of the split alone; None: the seed. So several seeds train on one split."""
    suspicious_auc: float | None = None
    """An AUC above this is an alarm in the report, with what to check; None: 0.75 on the competition's data."""

    @property
    def seed_of_split(self) -> int:
        """`split_seed` where there is one, else `seed`."""
        return self.seed if self.split_seed is None else self.split_seed


REPORT_2D = Recipe("report-2d", rank=2, sequences=SEQUENCES, size=224)
"""Every slice of every series at 224 x 224 as RGB through a ResNet-50, Adam 0.001, 100 epochs, batch 1024.

Source: the graduation report that this project follows (2022). Command: python scripts/train.py --recipe report-2d.
Cost: the report had seven GPUs of 12 GB; an epoch of a fold has some 220,000 slices of the competition's 348,641. Not
measured here: train.py says beforehand what it will take. Result: the report measured accuracy 0.538 and AUC 0.506.
"""

REPORT_3D = Recipe("report-3d", rank=3, sequences=SEQUENCES, size=64, memory_batch=16)
"""Each series as a 64 x 64 x 64 cube, its longest axis divided into 64, through a 3D ResNet-50; batch 1024.

Source: as report-2d. The report does not say how a patient's four series came together; here each is an input of its
own with the patient's label, and a patient's probability is their mean. Command: python scripts/train.py --recipe
report-3d. Cost: an epoch of a fold has some 1,500 cubes, at about 4 a second on two CPU cores. Result: the report
measured AUC 0.496.
"""

REPORT_3D_SLICES = Recipe("report-3d-slices", rank=2, sequences=SEQUENCES, size=64, sections=True, memory_batch=256)
"""The same cubes, their 64 sections as grey 64 x 64 images through a 2D ResNet-50, batch 1024.

Source: as report-2d, by its own reading of 3D: slices of a cube as inputs of their own, each with the patient's label,
a patient's probability their mean. Arrays are those of report-3d. Command: python scripts/train.py --recipe
report-3d-slices. Cost: an epoch of a fold has some 96,000 sections; not measured. Result: not measured.
"""

WINNER_3D = Recipe("winner-3d", rank=3, sequences=("T1wCE",), size=256, depth=64, geometry="slab",
                   normalisation="min-max slices", window=True, network="resnet10", stem_stride=1, outputs=1,
                   learning_rate=1e-4, schedule="halved", halve_after=10, epochs=15, batch_size=8, memory_batch=8,
                   drop_last=True)
"""T1wCE, windowed, 64 slices of 256 x 256 around the one that shows most, each min-max scaled, through a 3D ResNet-10.

Source: the competition's winner, FirasBaba/rsna-resnet10 (MIT). Nothing is mirrored or shifted; one logit. It differs
where the winner's code would not stand a judge: slices are ordered by position (there by file number), axes stay slice,
row, column, no epoch is chosen on the fold that is scored, test cases are centred as training cases are, and windows
are applied to rescaled values. The winner trained on all cases in five folds, which --holdout-share 0 does, too.
Command: python scripts/train.py --recipe winner-3d. Cost: 32 hours a network and 61 GB on two CPU cores (estimated by
`make rsna` from measured steps); the first layer has stride 1, so its output alone is 1 GB an input in float32, and
eight inputs are in memory at once. Where that is too much, choose --stem-stride 2, or a smaller --memory-batch (batch
normalisation then sees fewer inputs). Result: the winner's five networks had AUC 0.565, 0.573, 0.538, 0.664 and 0.551
on the folds that chose their epochs, and 0.562 on another hospital's cases (Kim et al., Cancers 2022;14:4827).
"""

ISOTROPIC_3D = Recipe("isotropic-3d", rank=3, sequences=("T1w", "T1wCE"), size=96, geometry="isotropic", edge_mm=192,
                      normalisation="percentile", joined=True, network="resnet10", pooling="maximum",
                      learning_rate=5e-4, schedule="cosine", weight_decay=0.01, label_smoothing=0.1, epochs=60,
                      batch_size=16, memory_batch=8, flips=("left-right", "front-back", "up-down"), shift=0.06,
                      brightness=0.2, balance="planes", test_flips=True)
"""T1w and T1wCE as channels of one cube of 2 mm voxels around the head, through a 3D ResNet-10.

Ours: millimetres are kept, the cube is as large as a head and what lies outside is cut off, each series is scaled
between percentiles of its head. FLAIR and T2w are left out for their planes vary and go with the competition's labels,
which no resampling hides (docs/accuracy.md); --sequences FLAIR T1w T1wCE T2w takes them in. Cases are drawn so that the
label says nothing of the planes; a few, whose planes no case of the other label has, train nothing. Cosine with
warm-up, weight decay, smoothed labels, images mirrored along all three axes, shifted by up to 12 mm and brightened by
chance, and predicted in all eight mirrors; the last of a fixed number of epochs counts. Mirrors along all axes, as
nnU-Net draws them (Isensee et al., Nature Methods 2021;18:203), and maximum pooling learnt most of a phantom of seed 1
(docs/accuracy.md). Where sides shall count: --flips front-back up-down --pooling average. Command: python
scripts/train.py --recipe isotropic-3d. Cost: 5.2 hours a network and 7.2 GB on two CPU cores (estimated by `make rsna`
from measured steps). Result: not measured on the competition's data.
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
"""T1w and T1wCE as two channels on one isotropic grid of 32 x 32 x 32 through a short 3D residual network.

Its first layer can subtract one from the other: what enhances is left. Two minutes on two cores. Ours, for `make demo`.
"""

PHANTOM_3D = Recipe("phantom-3d", rank=3, sequences=("T1w", "T1wCE"), size=48, geometry="isotropic", edge_mm=176,
                    normalisation="percentile", joined=True, network="resnet6", width=16, stem_width=3,
                    pooling="maximum", learning_rate=0.002, schedule="cosine", weight_decay=0.001, epochs=48,
                    batch_size=8, flips=("left-right", "front-back", "up-down"), shift=0.06, brightness=0.15,
                    test_flips=True)
"""demo-3d at full length: voxels of 3.7 mm instead of 5.5, 48 epochs instead of 24, predicted in all eight mirrors.

Ours: it was chosen on a phantom of seed 1. Command: python scripts/train.py --recipe phantom-3d. Cost: six times
demo-3d. Result: docs/accuracy.md has it, on phantoms of another seed.
"""

RECIPES = {recipe.name: recipe for recipe in (
    REPORT_2D, REPORT_3D, REPORT_3D_SLICES, WINNER_3D, ISOTROPIC_3D, DEMO_2D, DEMO_3D, PHANTOM_3D)}


def find_recipe(name: str) -> Recipe:
    """The recipe of this name. Raises UserError, naming those that there are."""
    if name not in RECIPES:
        raise UserError(f"--recipe {name}", "there is no such recipe", f"choose one of: {', '.join(RECIPES)}")
    return RECIPES[name]


def describe(name: str) -> str:
    """What this module's docstring of the recipe says; "" for a recipe that does not stand here."""
    body = ast.parse(inspect.getsource(inspect.getmodule(describe))).body
    for made, told in zip(body, body[1:], strict=False):
        if (isinstance(made, ast.Assign) and isinstance(made.value, ast.Call) and made.value.args
                and ast.unparse(made.value.func) == "Recipe" and ast.literal_eval(made.value.args[0]) == name):
            paragraphs = ast.literal_eval(told.value).split("\n\n")
            return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return ""


def recipes_table() -> str:
    """All recipes side by side, as Markdown: a row a field, its default, `RECIPES` in order; a dot: the default."""
    defaults = {field.name: field.default for field in dataclasses.fields(Recipe)}
    rows = [["", "default", *RECIPES], ["---"] * (len(RECIPES) + 2)]
    for name in defaults:
        values = [getattr(recipe, name) for recipe in RECIPES.values()]
        if name != "name":
            rows.append([f"`{_option(name)}`", _shown(defaults[name]), *(
                "·" if value == defaults[name] else _shown(value) for value in values)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def check_recipe(recipe: Recipe) -> Recipe:
    """`recipe` itself where its fields make sense together; UserError naming the option where they do not."""
    for name in ("size", "depth", "edge_mm", "slices_per_series", "width", "learning_rate", "halve_after", "epochs",
                 "batch_size", "memory_batch", "patience"):
        value = getattr(recipe, name)
        if value is not None and not value > 0:
            raise UserError(f"{_option(name)} {value}", "is too small", "give more than 0")
    for name, limit in (("holdout_share", 1), ("stop_share", 1), ("label_smoothing", 1), ("shift", 0.5),
                        ("rotation_degrees", 180), ("zoom", 1), ("brightness", 1), ("weight_decay", math.inf)):
        value = getattr(recipe, name)
        if not 0 <= value < limit:
            raise UserError(f"{_option(name)} {value}", "is out of range", f"give a number from 0 to below {limit}")
    if recipe.suspicious_auc is not None and not 0.5 <= recipe.suspicious_auc <= 1:
        raise UserError(f"--suspicious-auc {recipe.suspicious_auc}", "is out of range", "give a number from 0.5 to 1")
    if recipe.folds < 2:
        raise UserError(f"--folds {recipe.folds}", "is too few", "give 2 or more")
    if not recipe.sequences or len(set(recipe.sequences)) < len(recipe.sequences):
        raise UserError("--sequences", "names no sequence or one twice", f"choose among {' '.join(SEQUENCES)}")
    for wrong, option, problem, remedy in (*_wrong_images(recipe), *_wrong_training(recipe)):
        if wrong:
            raise UserError(option, problem, remedy)
    return recipe


def default_recipe(data_name: str) -> str:
    """What is trained where no recipe is named: on the competition's data the one that resists its planes best."""
    return ISOTROPIC_3D.name if data_name == COMPETITION else DEMO_3D.name


def as_dict(recipe: Recipe) -> dict:
    """The recipe as plain JSON values."""
    return {key: list(value) if isinstance(value, tuple) else value
            for key, value in dataclasses.asdict(recipe).items()}


def default_fields() -> dict:
    """The fields that have a default, with it, as plain JSON values: what an older version's recipe does not tell."""
    return {field.name: list(field.default) if isinstance(field.default, tuple) else field.default
            for field in dataclasses.fields(Recipe) if field.default is not dataclasses.MISSING}


def from_dict(fields: dict) -> Recipe:
    """The recipe that `as_dict` wrote. Raises UserError where a field is missing or unknown."""
    try:
        return Recipe(**{key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()})
    except TypeError as error:
        raise UserError(RECIPE, f"is of another version of radiogen ({error})",
                        "train a new run with another --run name") from error


def _wrong_images(recipe: Recipe) -> list[tuple[bool, str, str, str]]:
    """Fields that do not go together, of what is read and how: whether it is so, option, problem, remedy."""
    z_scores = recipe.normalisation == "z-score"
    return [
        (recipe.joined and recipe.geometry != "isotropic" and len(recipe.sequences) > 1,
         "--joined", "needs the sequences on one grid", "add --geometry isotropic"),
        (recipe.geometry == "slab" and recipe.rank == 2,
         "--geometry slab", "is an input of a 3D network", "add --rank 3, or choose another geometry"),
        (recipe.depth is not None and recipe.geometry != "slab",
         f"--depth {recipe.depth}", "is for slabs: other inputs are as deep as their size", "add --geometry slab"),
        (recipe.sections and recipe.rank == 3,
         "--sections", "are inputs of a 2D network", "add --rank 2"),
        (recipe.sections and recipe.joined,
         "--sections", "are of one series each, joined ones of all", "leave one of --sections and --joined out"),
        (z_scores and recipe.array_dtype == "uint8",
         "--normalisation z-score", "does not fit into bytes", "add --array-dtype float16"),
        (z_scores and recipe.brightness > 0,
         "--normalisation z-score", "has no gamma: half of its values are below zero", "add --brightness 0"),
        (recipe.rank == 2 and "up-down" in recipe.flips,
         "--flips up-down", "slices have no up and down", "choose among left-right front-back"),
        (recipe.test_flips and not recipe.flips,
         "--test-flips", "needs mirrors to predict in", "add --flips left-right"),
    ]


def _wrong_training(recipe: Recipe) -> list[tuple[bool, str, str, str]]:
    """The same of the network and its training."""
    weights, paper = f"--weights {recipe.weights}", (recipe.network, recipe.width, recipe.stem_width)
    return [
        (recipe.weights == "", "--weights", "names nothing", "give imagenet or a file, or leave it out"),
        (recipe.weights == "imagenet" and paper != ("resnet50", 64, 7), weights, "are those of the paper's ResNet-50",
         "add --network resnet50 --width 64 --stem-width 7"),
    ]


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _shown(value: object) -> str:
    if value in (None, (), dataclasses.MISSING):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
