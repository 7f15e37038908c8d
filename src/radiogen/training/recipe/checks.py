"""Whether a recipe's fields are valid, alone and together; the first that is not is refused in one line.

In: a recipe. Out: the same, or a `UserError` that names the field by its path, as in `data.size=0`, or on the
command line by its option (core/wording.py).
"""

import math
import re

from radiogen.core.errors import UserError
from radiogen.core.wording import command, parameter
from radiogen.networks.settings import PRETRAINED, NetworkSettings, is_torch_file
from radiogen.training.recipe.recipe import Recipe, field_value
from radiogen.training.recipe.settings import AugmentationSettings, DataSettings

POSITIVE = ("data.size", "data.depth", "data.edge_mm", "data.crop_edge_mm",
            "data.slices_per_series", "network.width",
            "optimisation.learning_rate", "optimisation.halve_after", "optimisation.epochs", "optimisation.batch_size",
            "optimisation.micro_batch_size", "optimisation.early_stopping_patience")
BELOW = {"data.margin_mm": 1000, "split.holdout_fraction": 1,
         "optimisation.early_stopping_fraction": 1, "optimisation.label_smoothing": 1,
         "augmentation.shift": 0.5, "augmentation.rotation_degrees": 180, "augmentation.zoom": 1,
         "augmentation.gamma": 1, "optimisation.weight_decay": math.inf}
"""Fields such as fractions: from 0 to below this value."""

LOCATOR = r"locator:(?P<run>[^:@/\\]+)(@(?P<digest>[0-9a-f]{12}))?"
"""`data.mask`: the run, and once that was found the digest of its networks (training/locator/networks.py)."""

Wrong = tuple[bool, str, str, str]
"""Whether the fault is there; field, problem, remedy."""


def check_recipe(recipe: Recipe) -> Recipe:
    """`recipe` itself where its fields are valid; UserError naming the field where they are not."""
    for path in POSITIVE:
        value = field_value(recipe, path)
        if value is not None and not value > 0:
            raise UserError(parameter(path, value), "is too small", "give more than 0")
    for path, limit in BELOW.items():
        value = field_value(recipe, path)
        if not 0 <= value < limit:
            raise UserError(parameter(path, value), "is out of range", f"give a number from 0 to below {limit}")
    for wrong, where, problem, remedy in (*_wrong_alone(recipe), *_wrong_data(recipe.data),
                                          *_wrong_mask(recipe.data), *_wrong_locator(recipe),
                                          *_wrong_augmentation(recipe.augmentation, recipe.data),
                                          *_wrong_network(recipe.network, recipe.data)):
        if wrong:
            raise UserError(where, problem, remedy)
    return recipe


def _wrong_alone(recipe: Recipe) -> list[Wrong]:
    limit, sequences = recipe.suspicious_auc, recipe.data.sequences
    return [
        (limit is not None and not 0.5 <= limit <= 1,
         parameter("suspicious_auc", limit), "is out of range", "give a number from 0.5 to 1"),
        (recipe.split.folds < 2, parameter("split.folds", recipe.split.folds), "is too few", "give 2 or more"),
        (not sequences or len(set(sequences)) < len(sequences),
         parameter("data.sequences"), "names no sequence, or one twice", "name each sequence once"),
    ]


def _wrong_data(data: DataSettings) -> list[Wrong]:
    return [
        (data.sequences_as_channels and data.geometry != "isotropic" and len(data.sequences) > 1,
         parameter("data.sequences_as_channels"), "needs the sequences on one grid",
                   f"add {parameter('data.geometry', 'isotropic')}"),
        (data.geometry == "slab" and data.rank == 2,
         parameter("data.geometry", "slab"), "is an input of a 3D network",
         f"add {parameter('data.rank', 3)}, or choose another geometry"),
        (data.depth is not None and data.geometry != "slab",
         parameter("data.depth", data.depth), "is for slabs: other inputs are as deep as their size",
         f"add {parameter('data.geometry', 'slab')}"),
        (data.cube_slices and data.rank == 3,
         parameter("data.cube_slices"), "are inputs of a 2D network", f"add {parameter('data.rank', 2)}"),
        (data.cube_slices and data.sequences_as_channels,
         parameter("data.cube_slices"), "are of one series each, and sequences as channels are of all",
         f"leave one of {parameter('data.cube_slices')} and {parameter('data.sequences_as_channels')} out"),
        (data.normalisation == "z-score" and data.array_dtype == "uint8",
         parameter("data.normalisation", "z-score"), "does not fit into bytes",
                   f"add {parameter('data.array_dtype', 'float16')}"),
    ]


def _wrong_mask(data: DataSettings) -> list[Wrong]:
    region = parameter("data.region", data.region)
    return [
        ("mask" in data.sequences, parameter("data.sequences", data.sequences), "names the mask, which is no sequence",
         f"add {parameter('data.mask_channel')}"),
        (data.uses_mask and data.geometry == "slab",
         region if data.region != "head" else parameter("data.mask_channel"), "does not go with slabs of the head",
         f"add {parameter('data.geometry', 'isotropic')}"),
        (data.mask_channel and not data.sequences_as_channels,
         parameter("data.mask_channel"), "needs sequences that are channels, too",
         f"add {parameter('data.sequences_as_channels')}"),
        (data.crop_edge_mm is not None and data.region == "head",
         parameter("data.crop_edge_mm", data.crop_edge_mm), "is of a cube around the tumour",
         f"add {parameter('data.region', 'tumour')}"),
        (data.crop_edge_mm is not None and data.geometry != "isotropic",
         parameter("data.crop_edge_mm", data.crop_edge_mm), "is of a cube that keeps mm",
         f"add {parameter('data.geometry', 'isotropic')}"),
    ]


def _wrong_locator(recipe: Recipe) -> list[Wrong]:
    """A network that locates, and a recipe whose masks one predicts."""
    data, locates = recipe.data, recipe.network.locates
    name = parameter("network.architecture", recipe.network.architecture)
    source = parameter("data.mask", data.mask or "")
    return [
        (locates and not (data.rank == 3 and data.mask_channel and data.region == "head" and data.mask is None),
         name, "learns from the data set's masks of whole heads",
         f"train it with {command('train_locator')}"),
        (locates and data.without_mask != "refuse", parameter("data.without_mask", data.without_mask),
         "would train a locator on tumours that are not marked", "leave it out: cases without a mask are not used"),
        (locates and data.size % 8 != 0, parameter("data.size", data.size), "cannot be halved three times",
         f"give a multiple of 8, such as {-(-data.size // 8) * 8}"),
        (data.mask is not None and not data.uses_mask, source, "is of a recipe that uses a mask",
         f"add {parameter('data.region', 'tumour')}"),
        (data.mask is not None and re.fullmatch(LOCATOR, data.mask) is None, source, "names no locator",
         "give locator:RUN, the name of a run under models/ that train_locator made"),
    ]


def _wrong_augmentation(augmentation: AugmentationSettings, data: DataSettings) -> list[Wrong]:
    return [
        (data.normalisation == "z-score" and augmentation.gamma > 0,
         parameter("data.normalisation", "z-score"), "has no gamma: half of its values are below zero",
                   f"add {parameter('augmentation.gamma', 0)}"),
        (data.rank == 2 and "up-down" in augmentation.flips,
         parameter("augmentation.flips", ("up-down",)), "slices have no up and down",
         "choose among left-right front-back"),
        (augmentation.tta and not augmentation.flips,
         parameter("augmentation.tta"), "needs flips",
                   f"add {parameter('augmentation.flips', ('left-right',))}"),
    ]


def _wrong_network(network: NetworkSettings, data: DataSettings) -> list[Wrong]:
    paper = (network.architecture, network.width, network.stem_kernel_size) == ("resnet50", 64, 7)
    return [
        (network.weights in ("", PRETRAINED), parameter("network.weights"), "names nothing",
         "give imagenet or a file, or leave it out"),
        (data.rank == 2 and is_torch_file(network.weights or ""),
         parameter("network.weights", network.weights), "is for 3D networks: PyTorch's files are read for these alone",
         f"add {parameter('data.rank', 3)}, or give imagenet or a file that Keras wrote"),
        (network.weights == "imagenet" and not paper,
         parameter("network.weights", network.weights), "are of the paper's ResNet-50",
         f"add {parameter('network.architecture', 'resnet50')} {parameter('network.width', 64)} "
         f"{parameter('network.stem_kernel_size', 7)}"),
    ]
