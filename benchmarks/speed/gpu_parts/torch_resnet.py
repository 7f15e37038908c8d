"""The peer: MONAI's 3D residual networks written in PyTorch alone, for machines that have PyTorch and nothing else.

In: what kind of network. Out: a module with MONAI's layers, strides and biases (the ResNet-50 with one channel and two
outputs has its 46,163,010 parameters), and the FLOP of a forward pass. Neither Keras nor radiogen is imported.
"""

from typing import Any

import torch
from torch import nn

BLOCKS = {"resnet10": (1, 1, 1, 1), "resnet50": (3, 4, 6, 3)}


class _Block(nn.Module):
    """A residual block of convolutions with these kernels, the first 3-wide one steps; channels: in, between, out."""

    def __init__(self, channels: tuple[int, int, int], kernels: tuple[int, ...], stride: int):
        super().__init__()
        before, between, after = channels
        widths = [before, *(between,) * (len(kernels) - 1), after]
        layers: list[nn.Module] = []
        for number, kernel in enumerate(kernels):
            step = stride if number == kernels.index(3) else 1
            layers += [nn.Conv3d(widths[number], widths[number + 1], kernel, step, kernel // 2, bias=False),
                       nn.BatchNorm3d(widths[number + 1]), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers[:-1])
        same = stride == 1 and before == after
        self.shortcut = nn.Identity() if same else nn.Sequential(nn.Conv3d(before, after, 1, stride),
                                                                 nn.BatchNorm3d(after))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.layers(images) + self.shortcut(images))


def residual_network(architecture: str = "resnet50", channels: int = 1, width: int = 64, outputs: int = 2,
                     stem_stride: int = 2) -> nn.Sequential:
    """A 3D ResNet-10 or ResNet-50 in MONAI's layout; float32 (batch, channels, slice, row, column) to logits."""
    deep = architecture == "resnet50"
    layers: list[nn.Module] = [nn.Conv3d(channels, width, 7, stem_stride, 3, bias=False), nn.BatchNorm3d(width),
                               nn.ReLU(inplace=True), nn.MaxPool3d(3, 2, 1)]
    before = width
    for stage, blocks in enumerate(BLOCKS[architecture]):
        between = width * 2 ** stage
        after = 4 * between if deep else between
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            layers.append(_Block((before, between, after), (1, 3, 1) if deep else (3, 3), stride))
            before = after
    return nn.Sequential(*layers, nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(before, outputs))


def forward_flop(model: nn.Module, size: int, channels: int = 1) -> int:
    """FLOP of one input's forward pass: two for each multiplication of a convolution or a dense layer."""
    total = 0

    def count(layer: nn.Module, _: Any, made: torch.Tensor) -> None:
        nonlocal total
        places = made[0, 0].numel() if made.ndim > 2 else 1
        total += 2 * layer.weight.numel() * places

    hooks = [layer.register_forward_hook(count) for layer in model.modules()
             if isinstance(layer, nn.Conv3d | nn.Linear)]
    with torch.inference_mode():
        model.eval()(torch.zeros(1, channels, size, size, size))
    for hook in hooks:
        hook.remove()
    model.train()
    return total
