"""torchvision's ResNet-34 for small pictures."""

import torch
from torch import nn

from imae_core.models.shape import check_picture


class ResNet34(nn.Module):
    """ResNet-34 with a 3x3 stem of stride 1 and no pooling before its stages, as papers train it on CIFAR; 21.3 M parameters.

    References: He et al. 2016, arXiv 1512.03385; the stem as in the public code of ELR (arXiv 2007.00151).
    """

    smallest_batch = 2  # batch norm over single values

    def __init__(self, input_shape: tuple[int, ...], num_classes: int) -> None:
        from torchvision.models import resnet34

        super().__init__()
        check_picture("resnet34", input_shape, 8)
        body = resnet34(weights=None)
        body.conv1 = nn.Conv2d(input_shape[0], 64, 3, padding=1, bias=False)
        body.maxpool = nn.Identity()
        nn.init.kaiming_normal_(body.conv1.weight, mode="fan_out", nonlinearity="relu")
        self.head = nn.Linear(body.fc.in_features, num_classes)
        body.fc = nn.Identity()
        self.body = body

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        """(N, 512)."""
        return self.body(inputs)  # type: ignore[no-any-return]

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(inputs))  # type: ignore[no-any-return]
