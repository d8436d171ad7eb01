"""The 8-layer net that APL and the asymmetric losses are compared on."""

from itertools import pairwise
from math import prod

import torch
from torch import nn

from imae_core.models.shape import check_picture

WIDTHS = (64, 64, 128, 128, 196, 196)
HIDDEN = 256


class CNN8(nn.Module):
    """Six 3x3 convolutions of 64, 64, 128, 128, 196, 196 channels, a linear layer of 256 and the head.

    Every layer but the head is followed by batch norm and ReLU, every second convolution by 2x2 max pooling; no dropout.
    Convolutions start Kaiming-uniform, linear layers Xavier-uniform.

    References: Ma et al. 2020, arXiv 2006.13554 ("8-layer CNN"); widths and initialisation as in its public code,
    HanxunH/Active-Passive-Losses, model.py, which Zhou et al. 2021 (arXiv 2106.03110) took over.
    """

    smallest_batch = 2  # batch norm over single values

    def __init__(self, input_shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        check_picture("cnn8", input_shape, 8)
        layers: list[nn.Module] = []
        for place, (incoming, outgoing) in enumerate(pairwise((input_shape[0], *WIDTHS))):
            layers += [nn.Conv2d(incoming, outgoing, 3, padding=1), nn.BatchNorm2d(outgoing), nn.ReLU()]
            if place % 2:
                layers.append(nn.MaxPool2d(2))
        num_pixels = prod(side // 8 for side in input_shape[1:])
        self.body = nn.Sequential(
            *layers, nn.Flatten(), nn.Linear(WIDTHS[-1] * num_pixels, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU()
        )
        self.head = nn.Linear(HIDDEN, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
            elif isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        """(N, 256)."""
        return self.body(inputs)  # type: ignore[no-any-return]

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(inputs))  # type: ignore[no-any-return]
