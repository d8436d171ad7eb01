"""A net small enough for a CPU."""

from itertools import pairwise

import torch
from torch import nn

from imae_core.models.shape import check_picture


class SmallCNN(nn.Module):
    """Three stages of 3x3 convolution, batch norm, ReLU and pooling, then the average over the picture."""

    def __init__(self, input_shape: tuple[int, ...], num_classes: int, width: int = 32) -> None:
        super().__init__()
        check_picture("small_cnn", input_shape, 8)
        channels = (input_shape[0], width, 2 * width, 4 * width)
        stages: list[nn.Module] = []
        for incoming, outgoing in pairwise(channels):
            stages += [
                nn.Conv2d(incoming, outgoing, 3, padding=1, bias=False),
                nn.BatchNorm2d(outgoing),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        self.body = nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(channels[-1], num_classes)

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        """(N, 4 width)."""
        return self.body(inputs)  # type: ignore[no-any-return]

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(inputs))  # type: ignore[no-any-return]
