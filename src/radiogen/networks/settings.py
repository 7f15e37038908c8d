"""The architecture and initial weights of a network: the part of a recipe that `residual.build_network` takes."""

from dataclasses import dataclass
from typing import Literal

Architecture = Literal["resnet6", "resnet10", "resnet18", "resnet34", "resnet50", "unet"]

BLOCKS: dict[str, tuple[int, ...]] = {
    "resnet6": (1, 1), "resnet10": (1, 1, 1, 1), "resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3)}
"""Blocks of each stage (He et al., table 1; 10 layers as in Med3D, arXiv 1904.00625; 6 are ours, for small inputs)."""

TORCH_FILES = (".pth", ".pt", ".pth.tar", ".safetensors")
"""How files of weights end that have PyTorch's names and axes."""

PRETRAINED = "pretrained:"
"""How initial weights begin that a pretraining made: its name follows."""


@dataclass(frozen=True)
class NetworkSettings:
    """The residual network and its initial weights."""

    architecture: Architecture = "resnet50"
    """Residual network (He et al. 2015), in 2D or 3D by rank; resnet6 is a short one for small inputs. unet is a
    locator's: it is trained on masks by train_locator.py and says where the tumour is."""
    width: int = 64
    """Filters of the first layer; 64 is the paper's."""
    stem_kernel_size: Literal[3, 7] = 7
    """Kernel size of the first layer in pixels or voxels; 7 is the paper's."""
    stem_stride: Literal[1, 2] = 2
    """Stride of the first layer; 2 is the paper's."""
    outputs: Literal[1, 2] = 2
    """2: softmax over both classes, categorical cross-entropy; 1: one logit, binary cross-entropy."""
    weights: str | None = None
    """Initial weights: imagenet, a Keras file of ResNet-50's ImageNet weights (whole or in part; inflated in 3D), in 3D
    a .pth or .safetensors of MedicalNet or MONAI; pretrained:RUN, the encoder of scripts/pretrain.py; or none."""
    pooling: Literal["average", "maximum"] = "average"
    """Pooling of the last features: average is the paper's, maximum finds what fills a small part of the image."""

    @property
    def locates(self) -> bool:
        """Whether the network says of each voxel whether it is tumour, instead of a probability of the case."""
        return self.architecture == "unet"


def pretraining_name(weights: str | None) -> str:
    """`NAME` of `pretrained:NAME`; "" for other initial weights."""
    return weights.removeprefix(PRETRAINED) if weights and weights.startswith(PRETRAINED) else ""


def is_torch_file(name: str) -> bool:
    """Whether a file of this name has weights as PyTorch trained them."""
    return name.lower().endswith(TORCH_FILES)
