"""The recipes by name, each with its source, its command, its cost and its result.

In: a name. Out: a frozen `Recipe`. Any field can be set on the command line (`--epochs 5`); the run's folder keeps
the recipe that was actually used.
"""

from pathlib import Path

from radiogen.core.errors import UserError
from radiogen.core.wording import nearest, parameter
from radiogen.networks.settings import NetworkSettings
from radiogen.task import RSNA_MICCAI, Task
from radiogen.training.recipe.recipe import Recipe
from radiogen.training.recipe.settings import AugmentationSettings, DataSettings, OptimisationSettings, SplitSettings
from radiogen.training.recipe.stored import read_recipe

SEQUENCES = RSNA_MICCAI.sequences
"""All sequences of the competition."""


def _text(description: str) -> str:
    """A description whose paragraphs are lines."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in description.split("\n\n"))


REPORT_2D = Recipe(
    "report-2d", _text("""
    Every slice of every series at 224 x 224 as RGB through a ResNet-50, Adam 0.001, 100 epochs, batch 1024.

    Source: the graduation report that this project follows (2022). Command: python scripts/train.py --recipe report-2d.
    Cost: the report had seven GPUs of 12 GB; an epoch of a fold has some 220,000 slices of the competition's 348,641.
    Not measured here: train.py forecasts it. Result: the report measured accuracy 0.538 and AUC
    0.506.
    """),
    data=DataSettings(rank=2, sequences=SEQUENCES, size=224))

REPORT_3D = Recipe(
    "report-3d", _text("""
    Each series as a 64 x 64 x 64 cube, its longest axis divided into 64, through a 3D ResNet-50; batch 1024.

    Source: as report-2d. The report does not say how a patient's four series came together; here each is an input of
    its own with the patient's label, and a patient's probability is their mean. Command: python scripts/train.py
    --recipe report-3d. Cost: an epoch of a fold has some 1,500 cubes, at about 4 a second on two CPU cores. Result: the
    report measured AUC 0.496.
    """),
    data=DataSettings(rank=3, sequences=SEQUENCES, size=64),
    optimisation=OptimisationSettings(micro_batch_size=16))

REPORT_3D_SLICES = Recipe(
    "report-3d-slices", _text("""
    The same cubes, their 64 slices as grey 64 x 64 images through a 2D ResNet-50, batch 1024.

    Source: as report-2d, by its own reading of 3D: slices of a cube as inputs of their own, each with the patient's
    label, a patient's probability their mean. Arrays are those of report-3d. Command: python scripts/train.py --recipe
    report-3d-slices. Cost: an epoch of a fold has some 96,000 slices; not measured. Result: not measured.
    """),
    data=DataSettings(rank=2, sequences=SEQUENCES, size=64, cube_slices=True),
    optimisation=OptimisationSettings(micro_batch_size=256))

WINNER_3D = Recipe(
    "winner-3d", _text("""
    T1wCE, windowed, 64 slices of 256 x 256 around the one that shows most, each min-max scaled, through a 3D ResNet-10.

    Source: the competition's winner, FirasBaba/rsna-resnet10 (MIT). No augmentation; one logit. It
    differs where the winner's code leaks or errs: slices are ordered by position (there by file number), axes
    stay slice, row, column, no epoch is chosen on the fold that is scored, test cases are centred as training cases
    are, and windows are applied to rescaled values. The winner trained on all cases in five folds, which
    --holdout-fraction 0 does, too. Command: python scripts/train.py --recipe winner-3d. Cost: 32 hours a network and 61
    GB on two CPU cores (estimated by `make rsna` from measured steps); the first layer has stride 1, so its output
    alone is 1 GB an input in float32, and eight inputs are in memory at once. Where that is too much, choose
    --stem-stride 2, or a smaller --micro-batch-size (batch normalisation then sees fewer inputs). Result: the winner's
    five networks had AUC 0.565, 0.573, 0.538, 0.664 and 0.551 on the folds that chose their epochs, and 0.562 on
    another hospital's cases (Kim et al., Cancers 2022;14:4827).
    """),
    data=DataSettings(rank=3, sequences=("T1wCE",), size=256, depth=64, geometry="slab",
                      normalisation="min-max slices", window=True),
    network=NetworkSettings(architecture="resnet10", stem_stride=1, outputs=1),
    optimisation=OptimisationSettings(learning_rate=1e-4, schedule="halved", halve_after=10, epochs=15, batch_size=8,
                                      micro_batch_size=8, drop_last=True))

ISOTROPIC_3D = Recipe(
    "isotropic-3d", _text("""
    T1w and T1wCE as channels of one cube of 2 mm voxels around the head, through a 3D ResNet-10.

    Ours: millimetres are kept, the cube is as large as a head and what lies outside is cut off, each series is scaled
    between percentiles of its head. FLAIR and T2w are left out for their planes vary and go with the competition's
    labels, which no resampling hides (docs/accuracy.md); --sequences FLAIR T1w T1wCE T2w includes them. Cases are drawn
    so that labels and planes are independent; a few, whose planes no case of the other label has, are not drawn.
    Cosine with warm-up, weight decay, label smoothing; images flipped along all three axes, shifted by up to 12 mm and
    gamma-corrected at random, and predicted in all eight flips; the last of a fixed number of epochs counts. Flips
    along all axes, as in nnU-Net (Isensee et al., Nature Methods 2021;18:203), and maximum pooling did best on a
    phantom of seed 1 (docs/accuracy.md). Where sides matter: --flips front-back up-down --pooling average. Command:
    python scripts/train.py --recipe isotropic-3d. Cost: 5.2 hours a network and 7.2 GB on two CPU cores (estimated by
    `make rsna` from measured steps). Result: not measured on the competition's data.
    """),
    data=DataSettings(rank=3, sequences=("T1w", "T1wCE"), size=96, geometry="isotropic", edge_mm=192,
                      normalisation="percentile", sequences_as_channels=True),
    network=NetworkSettings(architecture="resnet10", pooling="maximum"),
    optimisation=OptimisationSettings(learning_rate=5e-4, schedule="cosine", weight_decay=0.01, label_smoothing=0.1,
                                      epochs=60, batch_size=16, micro_batch_size=8, balance="planes"),
    augmentation=AugmentationSettings(flips=("left-right", "front-back", "up-down"), shift=0.06, gamma=0.2, tta=True))

DEMO_2D = Recipe(
    "demo-2d", _text("""
    Eight axial slices at 48 x 48, FLAIR, T1w and T1wCE as red, green and blue, through a short residual network.

    A minute on two cores. Ours, for `make demo`.
    """),
    data=DataSettings(rank=2, sequences=("FLAIR", "T1w", "T1wCE"), size=48, geometry="isotropic", edge_mm=176,
                      normalisation="percentile", slices_per_series=8, sequences_as_channels=True),
    network=NetworkSettings(architecture="resnet6", width=16, stem_kernel_size=3, pooling="maximum"),
    optimisation=OptimisationSettings(learning_rate=0.002, schedule="cosine", weight_decay=0.001, epochs=12,
                                      batch_size=32),
    augmentation=AugmentationSettings(flips=("left-right", "front-back"), shift=0.06, gamma=0.15))

DEMO_3D = Recipe(
    "demo-3d", _text("""
    T1w and T1wCE as two channels on one isotropic grid of 32 x 32 x 32 through a short 3D residual network.

    Its first layer can subtract one from the other: what enhances is left. Two minutes on two cores. Ours, for `make
    demo`.
    """),
    data=DataSettings(rank=3, sequences=("T1w", "T1wCE"), size=32, geometry="isotropic", edge_mm=176,
                      normalisation="percentile", sequences_as_channels=True),
    network=NetworkSettings(architecture="resnet6", width=16, stem_kernel_size=3, pooling="maximum"),
    optimisation=OptimisationSettings(learning_rate=0.002, schedule="cosine", weight_decay=0.001, epochs=24,
                                      batch_size=8),
    augmentation=AugmentationSettings(flips=("left-right", "front-back", "up-down"), shift=0.06, gamma=0.15))

PHANTOM_3D = DEMO_3D.replace(name="phantom-3d", size=48, epochs=48, tta=True, description=_text("""
    demo-3d at full length: voxels of 3.7 mm instead of 5.5, 48 epochs instead of 24, predicted in all eight flips.

    Ours: it was chosen on a phantom of seed 1. Command: python scripts/train.py --recipe phantom-3d. Cost: six times
    demo-3d. Result: docs/accuracy.md has it, on phantoms of another seed.
    """))

DEMO_3D_TUMOUR = PHANTOM_3D.replace(
    name="demo-3d-tumour", size=24, epochs=24, region="tumour", pooling="average", description=_text("""
    T1w and T1wCE of the tumour and 10 mm around it, by its mask, in a cube of 24 x 24 x 24 through demo-3d's network.

    Needs a mask a case (docs/data-sets.md). The cube is fitted to the tumour; where its size matters, --crop-edge-mm 72
    keeps millimetres. Ours: it was chosen on a phantom of seed 1. Command: python scripts/train.py --recipe
    demo-3d-tumour. Cost: less than demo-3d. Result: docs/accuracy.md has it, on a phantom of another seed, also with
    masks that are wrong.
    """))

LOCATOR_3D = Recipe(
    "locator-3d", _text("""
    FLAIR and T1wCE of the whole head in voxels of 3.1 mm through a small 3D U-Net that learns the tumour's mask.

    Finds the tumour for other recipes: --region tumour --mask locator:RUN. Needs a mask a case (docs/locator.md). Ours;
    the loss is soft Dice with cross-entropy, as in nnU-Net (Isensee et al., Nature Methods 2021;18:203). Command:
    python scripts/train_locator.py. Cost: minutes on two cores with 80 cases. Result: docs/locator.md has it.
    """),
    data=DataSettings(rank=3, sequences=("FLAIR", "T1wCE"), size=64, geometry="isotropic", edge_mm=200,
                      normalisation="percentile", sequences_as_channels=True, mask_channel=True),
    network=NetworkSettings(architecture="unet", width=8, outputs=1),
    optimisation=OptimisationSettings(learning_rate=0.004, schedule="cosine", weight_decay=0.001, epochs=30,
                                      batch_size=4, micro_batch_size=4),
    augmentation=AugmentationSettings(flips=("left-right", "front-back", "up-down"), shift=0.06, gamma=0.3),
    split=SplitSettings(holdout_fraction=0.0))

RECIPES = {recipe.name: recipe for recipe in (
    REPORT_2D, REPORT_3D, REPORT_3D_SLICES, WINNER_3D, ISOTROPIC_3D, DEMO_2D, DEMO_3D, PHANTOM_3D,
    DEMO_3D_TUMOUR)}
"""Those of train.py."""

LOCATORS = {LOCATOR_3D.name: LOCATOR_3D}
"""Those of train_locator.py, whose networks say where the tumour is."""


def find_recipe(name: str) -> Recipe:
    """The recipe of this name, or in this file, NAME.json. Raises UserError, naming those that there are.

    Examples
    --------
    >>> find_recipe("demo-3d").data.geometry
    'isotropic'
    """
    if name.endswith(".json"):
        return read_recipe(Path(name))
    if name in LOCATORS:
        return LOCATORS[name]
    if name not in RECIPES:
        raise UserError(parameter("recipe", name), f"there is no such recipe{nearest(name, RECIPES)}",
                        f"choose one of: {', '.join(RECIPES)}")
    return RECIPES[name]


def recipe_for(recipe: Recipe, task: Task) -> Recipe:
    """The recipe with its own sequences where the task has them all, else with all that the task has."""
    return recipe if set(recipe.data.sequences) <= set(task.sequences) else recipe.replace(sequences=task.sequences)


def default_recipe(data_name: str) -> str:
    """The recipe where none is named: on the competition's data the one that depends least on its planes."""
    return ISOTROPIC_3D.name if data_name == RSNA_MICCAI.name else DEMO_3D.name
