"""Batches made on the device, whole: no per-example Python."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from imae_core.data.dataset import Dataset
from imae_core.data.normalization import Normalization
from imae_core.data.stored import ResidentRows, StoredRows, stored_rows

Augment = Literal["none", "pad_crop", "resize_crop"]
PAD = 4
RESIZE = 36 / 32  # the authors' CIFAR-100 code: 32 pixels to 36, then crops of 32
READY_BYTES = 64_000_000


class Crops(NamedTuple):
    """What is drawn for each picture of a batch, (B,) each: the crop's first row and column, and whether it is mirrored."""

    tops: torch.Tensor
    lefts: torch.Tensor
    mirrored: torch.Tensor


class DeviceData:
    """The inputs of one split, handed out as float batches on the device.

    Pictures stay uint8; what is small and never varied is normalised once, as a whole.

    Args:
        inputs: (N, C, H, W) uint8 or (N, D) float32: a tensor on the device, or rows that are read when they are needed.
        normalization: see `Normalization`.
        augment: how training pictures are varied. `pad_crop`: padded by 4 pixels of the mean colour, cropped at random (He et
            al. 2016). `resize_crop`: enlarged by 36/32, bilinearly, and cropped to the old size: at random in training, in
            the middle otherwise (the authors' code of arXiv 1905.11233). Both mirror half of the pictures.
        flip: whether augmentation may mirror.
        memory_format: of batches of pictures; `torch.channels_last` is what convolutions are fastest on.
    """

    def __init__(
        self,
        inputs: torch.Tensor | StoredRows,
        normalization: Normalization,
        augment: Augment = "none",
        flip: bool = False,
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> None:
        self.rows: StoredRows = ResidentRows(inputs) if isinstance(inputs, torch.Tensor) else inputs
        self.scale = normalization.scale
        self.shift = self._on_device(normalization.shift)
        self.spread = self._on_device(normalization.spread)
        self.augment: Augment = augment if len(self.rows.shape) == 4 else "none"
        self.flip = flip
        self.memory_format = memory_format
        self.is_ready = False
        if self.augment == "none" and isinstance(self.rows, ResidentRows) and self.rows.values_bytes <= READY_BYTES:
            self.rows = ResidentRows(self._normalised(self.rows.stored))
            self.is_ready = True

    @classmethod
    def from_split(
        cls,
        dataset: Dataset,
        split: Literal["train", "test"],
        device: torch.device,
        normalization: Normalization,
        augment: Augment = "none",
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> "DeviceData":
        """A split of a data set, copied to the device if it fits there and read ahead of use otherwise."""
        inputs = dataset.train_inputs if split == "train" else dataset.test_inputs
        rows = stored_rows(inputs, device, f"{dataset.name}, {split} rows")
        return cls(rows, normalization, augment, dataset.flip, memory_format)

    def _on_device(self, values: NDArray[Any] | None) -> torch.Tensor | None:
        return None if values is None else torch.from_numpy(values).to(self.device)

    def __len__(self) -> int:
        return self.rows.shape[0]

    @property
    def device(self) -> torch.device:
        return self.rows.device

    def announce(self, order: torch.Tensor, batch_size: int, first_batch: int = 0) -> None:
        """Says which rows will be asked for: those of order (M,), on the host, in batches of batch_size from first_batch on.

        Rows that are not in memory are then read ahead; asking for others is slow and no more.
        """
        self.rows.announce(order, batch_size, first_batch)

    def close(self) -> None:
        """Ends what an announcement began."""
        self.rows.close()

    def batches(self, batch_size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """All rows in their order, as (rows, inputs), without augmentation."""
        order = torch.arange(len(self))
        self.announce(order, batch_size)
        try:
            for rows in order.split(batch_size):  # type: ignore[no-untyped-call]
                yield rows.to(self.device), self.inputs(rows)
        finally:
            self.close()

    def inputs(
        self, rows: torch.Tensor, augment: bool = False, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Float inputs (B, C, H, W) or (B, D) of rows (B,), on the device or the host; `augment` draws crops and flips from
        the generator, where this data is to be augmented at all."""
        crops = self.drawn(len(rows), generator) if augment else None
        return self.prepared(self.rows.take(rows), crops)

    def drawn(self, size: int, generator: torch.Generator | None) -> Crops | None:
        """Crops of so many pictures; None where this data is not augmented."""
        if self.augment == "none":
            return None
        rooms = (2 * PAD, 2 * PAD)
        if self.augment == "resize_crop":
            height, width = self.rows.shape[2:]
            rooms = (round(height * RESIZE) - height, round(width * RESIZE) - width)
        tops, lefts = (torch.randint(room + 1, (size,), generator=generator, device=self.device) for room in rooms)
        return Crops(tops, lefts, torch.rand(size, generator=generator, device=self.device) < 0.5)

    def prepared(self, stored: torch.Tensor, crops: Crops | None) -> torch.Tensor:
        """Float inputs of rows as they are stored; fixed shapes and no draw, so that it can be compiled with what follows."""
        batch = stored if self.is_ready else self._normalised(stored)
        if self.augment != "none":
            batch = self._cropped(batch, crops)
        return batch.contiguous(memory_format=self.memory_format) if batch.dim() == 4 else batch

    def _normalised(self, stored: torch.Tensor) -> torch.Tensor:
        batch = stored.float() * self.scale  # a tensor of its own, even of what is float already
        if self.shift is not None:
            batch -= self.shift
        if self.spread is not None:
            batch /= self.spread
        return batch

    def _cropped(self, batch: torch.Tensor, crops: Crops | None) -> torch.Tensor:
        height, width = batch.shape[2:]
        if self.augment == "resize_crop":
            size = (round(height * RESIZE), round(width * RESIZE))
            batch = F.interpolate(batch, size=size, mode="bilinear", align_corners=False)
            if crops is None:
                top, left = (size[0] - height) // 2, (size[1] - width) // 2
                return batch[:, :, top : top + height, left : left + width]
        elif crops is None:
            return batch
        else:
            batch = F.pad(batch, (PAD, PAD, PAD, PAD))
        windows = batch.unfold(2, height, 1).unfold(3, width, 1)
        batch = windows[torch.arange(len(batch), device=batch.device), :, crops.tops, crops.lefts]
        return torch.where(crops.mirrored[:, None, None, None], batch.flip(3), batch) if self.flip else batch
