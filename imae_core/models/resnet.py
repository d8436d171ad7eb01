"""He et al.'s ResNets for CIFAR (arXiv 1512.03385, Section 4.2)."""

import torch
from torch import nn
from torch.nn import functional as F

from imae_core.models.shape import check_picture


class _Block(nn.Module):
    """Two 3x3 convolutions and a shortcut: option A (subsample, zero channels) or a 1x1 projection."""

    def __init__(self, incoming: int, outgoing: int, stride: int, projection: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(incoming, outgoing, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outgoing)
        self.conv2 = nn.Conv2d(outgoing, outgoing, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outgoing)
        self.stride = stride
        self.extra_channels = outgoing - incoming
        self.projection: nn.Module | None = None
        if projection and (stride > 1 or self.extra_channels):
            self.projection = nn.Sequential(
                nn.Conv2d(incoming, outgoing, 1, stride, bias=False), nn.BatchNorm2d(outgoing)
            )

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden = F.relu(self.norm1(self.conv1(inputs)))
        return F.relu(self.norm2(self.conv2(hidden)) + self._shortcut(inputs))

    def _shortcut(self, inputs: torch.Tensor) -> torch.Tensor:
        if self.projection is not None:
            return self.projection(inputs)  # type: ignore[no-any-return]
        if self.stride == 1 and not self.extra_channels:
            return inputs
        before = self.extra_channels // 2
        subsampled = inputs[:, :, :: self.stride, :: self.stride]
        return F.pad(subsampled, (0, 0, 0, 0, before, self.extra_channels - before))


class CifarResNet(nn.Module):
    """Depth 6n+2: n blocks in each of three stages of 16, 32 and 64 channels; Kaiming-normal weights."""

    def __init__(
        self, input_shape: tuple[int, ...], num_classes: int, depth: int = 20, projection: bool = False
    ) -> None:
        super().__init__()
        check_picture(f"resnet{depth}", input_shape, 8)
        self.stem = nn.Sequential(nn.Conv2d(input_shape[0], 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        blocks: list[nn.Module] = []
        incoming = 16
        for stage, channels in enumerate((16, 32, 64)):
            for place in range((depth - 2) // 6):
                stride = 2 if stage > 0 and place == 0 else 1
                blocks.append(_Block(incoming, channels, stride, projection))
                incoming = channels
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(64, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        """(N, 64)."""
        return self.blocks(self.stem(inputs)).mean(dim=(2, 3))  # type: ignore[no-any-return]

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(inputs))  # type: ignore[no-any-return]
