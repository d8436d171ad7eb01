"""Batches made on the device from whole tensors: no per-example Python."""

from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from imae_core.data.dataset import Dataset
from imae_core.data.normalization import Normalization

Augment = Literal["none", "pad_crop", "resize_crop"]
PAD = 4
RESIZE = 36 / 32  # the authors' CIFAR-100 code: 32 pixels to 36, then crops of 32


class DeviceData:
    """The inputs of one split as one tensor on the device, uint8 for pictures, float32 for tables.

    Args:
        inputs: (N, C, H, W) uint8 or (N, D) float32.
        normalization: see `Normalization`.
        augment: how training pictures are varied. `pad_crop`: padded by 4 pixels of the mean colour, cropped at random (He et
            al. 2016). `resize_crop`: enlarged by 36/32, bilinearly, and cropped to the old size: at random in training, in
            the middle otherwise (the authors' code of arXiv 1905.11233). Both mirror half of the pictures.
        flip: whether augmentation may mirror.
    """

    def __init__(
        self, inputs: torch.Tensor, normalization: Normalization, augment: Augment = "none", flip: bool = False
    ) -> None:
        self.stored = inputs
        self.scale = normalization.scale
        self.shift = self._on_device(normalization.shift)
        self.spread = self._on_device(normalization.spread)
        self.augment = augment if inputs.dim() == 4 else "none"
        self.flip = flip

    @classmethod
    def from_split(
        cls,
        dataset: Dataset,
        split: Literal["train", "test"],
        device: torch.device,
        normalization: Normalization,
        augment: Augment = "none",
    ) -> "DeviceData":
        """Copies a split of a data set to the device."""
        inputs = dataset.train_inputs if split == "train" else dataset.test_inputs
        return cls(torch.from_numpy(np.array(inputs)).to(device), normalization, augment, dataset.flip)

    def _on_device(self, values: NDArray[Any] | None) -> torch.Tensor | None:
        return None if values is None else torch.from_numpy(values).to(self.stored.device)

    def __len__(self) -> int:
        return len(self.stored)

    @property
    def device(self) -> torch.device:
        return self.stored.device

    def inputs(
        self, rows: torch.Tensor, augment: bool = False, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Float inputs (B, C, H, W) or (B, D) of rows (B,); `augment` draws crops and flips from the generator, where this
        data is to be augmented at all."""
        batch = self.stored[rows].float() * self.scale
        if self.shift is not None:
            batch = batch - self.shift
        if self.spread is not None:
            batch = batch / self.spread
        if self.augment == "none":
            return batch
        height, width = batch.shape[2:]
        if self.augment == "resize_crop":
            size = (round(height * RESIZE), round(width * RESIZE))
            batch = F.interpolate(batch, size=size, mode="bilinear", align_corners=False)
        elif augment:
            batch = F.pad(batch, (PAD, PAD, PAD, PAD))
        if augment:
            return self._cropped_at_random(batch, height, width, generator)
        top, left = (batch.shape[2] - height) // 2, (batch.shape[3] - width) // 2
        return batch[:, :, top : top + height, left : left + width]

    def _cropped_at_random(
        self, batch: torch.Tensor, height: int, width: int, generator: torch.Generator | None
    ) -> torch.Tensor:
        """Crops of (height, width), half of them mirrored, each drawn for itself."""
        size, channels, full_height, full_width = batch.shape
        tops, lefts = (
            torch.randint(room + 1, (size,), generator=generator, device=batch.device)
            for room in (full_height - height, full_width - width)
        )
        mirrored = torch.rand(size, generator=generator, device=batch.device) < 0.5
        rows = tops[:, None] + torch.arange(height, device=batch.device)
        columns = torch.arange(width, device=batch.device).expand(size, width)
        if self.flip:
            columns = torch.where(mirrored[:, None], columns.flip(1), columns)
        columns = lefts[:, None] + columns
        picked = batch.gather(2, rows[:, None, :, None].expand(size, channels, height, full_width))
        return picked.gather(3, columns[:, None, None, :].expand(size, channels, height, width))
