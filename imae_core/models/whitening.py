"""A first convolution that is set from the pictures: its outputs over them are uncorrelated, of variance 1."""

import torch
from torch import nn
from torch.nn import functional as F

KERNEL = 2
EPS = 5e-4  # added to each variance: directions that hardly vary are not blown up to noise
CHUNK = 250  # pictures whose patches are held at once


class Whitening(nn.Module):
    """Patches of 2x2 pixels onto the principal axes of the training pictures' patches, each scaled to variance 1, with both signs.

    With x a patch, m and C mean and covariance of the patches, and C = V diag(v) V^T: outputs are +-(V^T (x - m)) / sqrt(v + eps).
    The weight is frozen and part of the state; the bias starts at 0 after the mean is taken, and learns. Until `fit_inputs` was
    called, the weight is a random one.

    Args:
        channels: of the pictures.

    References: Page 2018, "How to Train Your ResNet"; patches of 2x2 and both signs as in Jordan 2024, arXiv 2404.00498,
    Section 3.2, which takes no mean.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        size = channels * KERNEL**2
        self.out_channels = 2 * size
        axes = torch.linalg.qr(torch.randn(size, size)).Q
        self.weight = nn.Parameter(_both_signs(axes, channels), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(self.out_channels))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """(N, 8 C, H-1, W-1)."""
        return F.conv2d(inputs, self.weight, self.bias)

    @torch.no_grad()
    def fit_inputs(self, pictures: torch.Tensor) -> None:
        """Sets the weight, and the bias that takes the mean, from pictures (M, C, H, W) as the net gets them."""
        mean, covariance = patch_moments(pictures)
        variances, axes = torch.linalg.eigh(covariance)
        largest = axes.abs().argmax(dim=0, keepdim=True)
        axes = axes * axes.gather(0, largest).sign()  # an axis has no sign of its own: the largest entry is positive
        rows = (axes / (variances.clamp(min=0) + EPS).sqrt()).T.flip(0)
        self.weight.copy_(_both_signs(rows, pictures.shape[1]))
        self.bias.copy_(-(torch.cat((rows, -rows)) @ mean))


def patch_moments(pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean (D,) and covariance (D, D) of all 2x2 patches of pictures (M, C, H, W), D = 4 C, float64 on the CPU."""
    count, total, squares = 0, torch.zeros(()), torch.zeros(())
    for chunk in pictures.split(CHUNK):  # type: ignore[no-untyped-call]
        patches = F.unfold(chunk, KERNEL).transpose(1, 2).flatten(0, 1).double()
        count += len(patches)
        total = total + patches.sum(dim=0).cpu()
        squares = squares + (patches.T @ patches).cpu()
    mean = total / count
    return mean, squares / count - torch.outer(mean, mean)


def _both_signs(rows: torch.Tensor, channels: int) -> torch.Tensor:
    return torch.cat((rows, -rows)).reshape(-1, channels, KERNEL, KERNEL).float()
