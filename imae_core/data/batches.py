"""Batches made on the device from whole tensors: no per-example Python."""

from typing import Literal

import numpy as np
import torch
from torch.nn import functional as F

from imae_core.data.dataset import Dataset

PAD = 4


def epoch_order(num_examples: int, generator: torch.Generator) -> torch.Tensor:
    """A random permutation of the rows (N,), drawn on the CPU so that it is the same for every device."""
    return torch.randperm(num_examples, generator=generator)


class DeviceData:
    """The inputs of one split as one tensor on the device, uint8 for pictures, float32 for tables.

    Args:
        inputs: (N, C, H, W) uint8 or (N, D) float32.
        scale: factor that brings pictures to [0, 1].
        shift, spread: per channel (C,) or feature (D,) of scaled inputs, or None; see `Dataset`.
        flip: whether augmentation may mirror.
    """

    def __init__(
        self,
        inputs: torch.Tensor,
        scale: float,
        shift: tuple[float, ...] | None = None,
        spread: tuple[float, ...] | None = None,
        flip: bool = False,
    ) -> None:
        self.stored = inputs
        self.scale = scale
        self.flip = flip
        self.shift = None if shift is None else self._per_channel(shift)
        self.spread = None if spread is None else self._per_channel(spread)

    @classmethod
    def from_split(cls, dataset: Dataset, split: Literal["train", "test"], device: torch.device) -> "DeviceData":
        """Copies a split of a data set to the device."""
        inputs = dataset.train_inputs if split == "train" else dataset.test_inputs
        tensor = torch.from_numpy(np.array(inputs)).to(device)
        return cls(tensor, dataset.scale, dataset.shift, dataset.spread, dataset.flip)

    def _per_channel(self, values: tuple[float, ...]) -> torch.Tensor:
        tensor = torch.tensor(values, device=self.stored.device)
        return tensor if self.stored.dim() == 2 else tensor[:, None, None]

    def __len__(self) -> int:
        return len(self.stored)

    @property
    def device(self) -> torch.device:
        return self.stored.device

    def inputs(
        self, rows: torch.Tensor, augment: bool = False, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Float inputs (B, C, H, W) or (B, D) of rows (B,); `augment` draws crops and flips from the generator.

        Crops come after normalisation, so that the padding is the mean colour (He et al. 2016).
        """
        batch = self.stored[rows].float() * self.scale
        if self.shift is not None and self.spread is not None:
            batch = (batch - self.shift) / self.spread
        return self._augmented(batch, generator) if augment and batch.dim() == 4 else batch

    def _augmented(self, batch: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
        """Zero-pads by 4, crops at random, and mirrors half of the pictures, each drawn for itself."""
        size, channels, height, width = batch.shape
        draws = torch.randint(2 * PAD + 1, (2, size), generator=generator, device=batch.device)
        mirrored = torch.rand(size, generator=generator, device=batch.device) < 0.5
        padded = F.pad(batch, (PAD, PAD, PAD, PAD))
        rows = draws[0][:, None] + torch.arange(height, device=batch.device)
        columns = torch.arange(width, device=batch.device).expand(size, width)
        if self.flip:
            columns = torch.where(mirrored[:, None], columns.flip(1), columns)
        columns = draws[1][:, None] + columns
        picked = padded.gather(2, rows[:, None, :, None].expand(size, channels, height, width + 2 * PAD))
        return picked.gather(3, columns[:, None, None, :].expand(size, channels, height, width))
