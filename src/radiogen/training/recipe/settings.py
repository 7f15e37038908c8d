"""The parts of a recipe besides its network: data, optimisation, augmentation, split; each a frozen dataclass.

No two parts have a field of the same name: on the command line every field is an option by its own name (`--epochs 5`),
and the docstring below a field is its help.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DataSettings:
    """The network's inputs: which series, on which grid, with which intensities."""

    rank: Literal[2, 3]
    """2: slices through a 2D network, probabilities averaged over a case's slices; 3: cubes through a 3D network."""
    sequences: tuple[str, ...]
    """Which series of a case are used, by the names of their folders, such as FLAIR T1w T1wCE T2w."""
    size: int
    """Edge of a slice in pixels or of a cube in voxels."""
    depth: int | None = None
    """3D: slices of the network's input; None: as many as `size`."""
    geometry: Literal["stretch", "isotropic", "slab"] = "stretch"
    """stretch: every axis resized to `size`, as in the report; isotropic: millimetres kept, patient orientation; slab:
    the slices around the one that shows most of the head, each resized to size."""
    edge_mm: float = 200.0
    """Edge of an isotropic cube, mm."""
    normalisation: Literal["min-max", "min-max slices", "percentile", "z-score", "none"] = "min-max"
    """Intensities to 0..1: min-max of the volume, as in the report, of each slice by itself, or clipped at percentiles
    of the head; or to mean 0 and deviation 1 over the head; none: bytes, or numbers that are already in 0..1."""
    window: bool = False
    """Apply the window that the files name (VOI LUT) first: DICOM PS3.3 C.11.2."""
    array_dtype: Literal["uint8", "float16"] = "uint8"
    """How the cache stores an intensity: a byte, or float16 for twice the space."""
    slices_per_series: int | None = None
    """2D: how many slices of the middle three quarters; None: every slice."""
    cube_slices: bool = False
    """2D: the inputs are the slices of the series' cube along its first axis, one channel each."""
    sequences_as_channels: bool = False
    """The sequences are channels of one image on one grid (in 2D: axial slices, RGB where there are three); otherwise
    each series is an image of its own and a case's probability is their mean."""
    region: Literal["head", "tumour", "tumour-only"] = "head"
    """What the inputs show, by the case's mask: head: all; tumour: a crop around the tumour's box; tumour-only: the
    same, black outside of the mask. Intensities are those of the whole head."""
    margin_mm: float = 10.0
    """What the crop has around the tumour's box on every side, mm."""
    crop_edge_mm: float | None = None
    """Edge of an isotropic cube around the tumour, the same in every case, mm; None: the box's longest side and the
    margin."""
    mask_channel: bool = False
    """The mask is a last channel, with sequences as channels."""
    mask: str | None = None
    """Whose masks: locator:RUN: those that the locator in models/RUN predicts (train_locator.py), of each case by
    networks that were not trained on it; None: the data set's."""
    without_mask: Literal["refuse", "head"] = "refuse"
    """A training case without a usable mask: refuse: an error; head: its whole head is shown. Test cases without one
    always show the whole head, and all cases where a locator finds nothing that can be."""

    @property
    def uses_mask(self) -> bool:
        """Whether a case's mask is read."""
        return self.region != "head" or self.mask_channel

    @property
    def needs_mask(self) -> bool:
        """Whether a case cannot be used without a usable mask of its own."""
        return self.uses_mask and self.mask is None and self.without_mask == "refuse"

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(rows, columns) of an input, or (slices, rows, columns)."""
        return (self.size,) * 2 if self.rank == 2 else (self.depth or self.size, self.size, self.size)

    @property
    def channels(self) -> int:
        """Channels of an input: the sequences that are its channels and the mask, 3 for a slice (grey thrice), 1 for a
        cube or one of its slices."""
        if self.sequences_as_channels:
            return len(self.sequences) + self.mask_channel
        return 3 if self.rank == 2 and not self.cube_slices else 1

    @property
    def input_shape(self) -> tuple[int, ...]:
        """([slices,] rows, columns, channels) of an input."""
        return (*self.image_shape, self.channels)


@dataclass(frozen=True)
class OptimisationSettings:
    """How the network is trained."""

    learning_rate: float = 0.001
    """Learning rate of the Adam optimiser."""
    schedule: Literal["constant", "cosine", "halved"] = "constant"
    """Learning rate over the epochs: constant, a cosine down to zero after a twentieth of warm-up, or halved once,
    after `halve_after` epochs."""
    halve_after: int = 10
    """Epochs before the halved schedule halves."""
    weight_decay: float = 0.0
    """Decoupled weight decay (AdamW); 0 is Adam without decay."""
    label_smoothing: float = 0.0
    """Fraction of a label that is spread evenly over both classes."""
    epochs: int = 100
    """Passes over the training folds; fixed beforehand, never chosen on the fold that is scored."""
    batch_size: int = 1024
    """Inputs of an optimiser step; at most all inputs."""
    micro_batch_size: int = 32
    """Inputs in memory at once; a larger `batch_size` is reached by gradient accumulation."""
    drop_last: bool = False
    """Leave out the last batch of an epoch where it is smaller than the others."""
    early_stopping_fraction: float = 0.0
    """Fraction of the training folds' cases that is held out to choose the epoch; 0: the last epoch counts. The fold
    that is scored never chooses."""
    early_stopping_patience: int = 10
    """With `early_stopping_fraction`: epochs without a lower loss on those cases before the fold stops."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Arithmetic of the layers; auto: bfloat16 on GPUs that have it, else float16, and float32 on CPUs."""
    layers: Literal["auto", "keras"] = "auto"
    """Code of the layers and of Adam in training, the same network and formulas; auto: this package's where TensorFlow
    trains in float32 on one CPU, which is faster there; keras: Keras's everywhere."""
    balance: Literal["nothing", "planes"] = "nothing"
    """planes: an epoch draws the training cases so that labels and planes of their series are independent."""


@dataclass(frozen=True)
class AugmentationSettings:
    """Random augmentation in training, and test-time augmentation."""

    flips: tuple[Literal["left-right", "front-back", "up-down"], ...] = ()
    """Random flips in training. A label can be lateral: then no left-right."""
    shift: float = 0.0
    """Largest random shift in training along each axis, as a fraction of the size; what moves in is black."""
    rotation_degrees: float = 0.0
    """Largest random rotation in training, degrees: of a slice, or of a cube about a random axis. What moves in is
    black."""
    zoom: float = 0.0
    """Largest random change of size in training, as a fraction, within the slice or the plane that is rotated."""
    gamma: float = 0.0
    """Largest random gamma correction in training: 0.2 is a gamma from 0.8 to 1.25."""
    tta: bool = False
    """Test-time augmentation: predict each image in all combinations of its `flips` and take the mean."""


@dataclass(frozen=True)
class SplitSettings:
    """Which cases are for training, and which for scoring."""

    folds: int = 5
    """Stratified folds by patient."""
    folds_by: Literal["patient", "site"] = "patient"
    """site: each fold is judged without its hospital's cases in training; the smallest sites share the last fold."""
    holdout_fraction: float = 0.2
    """Fraction of the labelled cases that is never trained on and is scored once at the end."""
    split_seed: int | None = None
    """Seed of the split alone, for several seeds on one split; None: the seed."""
