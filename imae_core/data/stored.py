"""Where the rows of a split lie while a run uses them: whole on the device, or on the disk."""

import logging
import os
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from imae_core.data.inputs import BLOCK_BYTES, RowInputs
from imae_core.data.streaming import StreamedRows
from imae_core.errors import BadInputError
from imae_core.hardware import available_memory_bytes

SHARE = 0.5  # of the memory that is free; the rest is for the net, other splits, other runs
VARIABLE = "IMAE_DATA_MEGABYTES"
log = logging.getLogger("imae.data")


class StoredRows(Protocol):
    """Rows as they are stored, handed out on the device; `shape` is (N, ...)."""

    shape: tuple[int, ...]
    device: torch.device

    def take(self, rows: torch.Tensor) -> torch.Tensor:
        """(B, ...) on the device, of rows (B,) on the device or the host; not to be written to."""

    def announce(self, order: torch.Tensor, batch_size: int, first_batch: int) -> None:
        """See `DeviceData.announce`."""

    def close(self) -> None:
        """Ends what an announcement began."""


class ResidentRows:
    """All rows in one tensor on the device."""

    def __init__(self, stored: torch.Tensor) -> None:
        self.stored = stored
        self.shape = tuple(stored.shape)
        self.device = stored.device

    @classmethod
    def copied(cls, inputs: NDArray[Any] | RowInputs, device: torch.device) -> "ResidentRows":
        """Copies the inputs block by block: beside the result, one block is in memory."""
        size = max(1, BLOCK_BYTES // max(1, num_bytes(inputs) // len(inputs)))
        stored = torch.empty(inputs.shape, dtype=torch.from_numpy(np.empty(0, inputs.dtype)).dtype, device=device)
        for start in range(0, len(inputs), size):
            stored[start : start + size] = torch.from_numpy(np.array(inputs[start : start + size]))
        return cls(stored)

    @property
    def values_bytes(self) -> int:
        """What its values would take as float32."""
        return 4 * self.stored.numel()

    def take(self, rows: torch.Tensor) -> torch.Tensor:
        return self.stored.index_select(0, rows.to(self.device))

    def announce(self, order: torch.Tensor, batch_size: int, first_batch: int) -> None:
        """Nothing needs to be read ahead."""

    def close(self) -> None:
        """Nothing was begun."""


def stored_rows(inputs: NDArray[Any] | RowInputs, device: torch.device, title: str) -> StoredRows:
    """The inputs (N, ...) copied to the device if they fit, else read from where they are; the log says which, and why."""
    does_fit, reason = fits(num_bytes(inputs), device)
    log.info("%s: %s", title, reason)
    return ResidentRows.copied(inputs, device) if does_fit else StreamedRows(inputs, device)


def num_bytes(inputs: NDArray[Any] | RowInputs) -> int:
    return int(np.prod(inputs.shape, dtype=np.int64)) * inputs.dtype.itemsize


def fits(size_bytes: int, device: torch.device) -> tuple[bool, str]:
    """Whether inputs of that size are to be kept on the device, and why, for people.

    They are up to half of what is free there at the moment; `IMAE_DATA_MEGABYTES` says how much instead, 0 for none.
    Raises BadInputError where that is no number of at least 0.
    """
    limit, why = _most_bytes(device)
    does_fit = size_bytes <= limit
    what = f"kept in the memory of {device}" if does_fit else "read from the disk ahead of use"
    return does_fit, f"{size_bytes / 1e6:,.1f} MB, {what}: at most {limit / 1e6:,.0f} MB are kept, {why}"


def _most_bytes(device: torch.device) -> tuple[float, str]:
    wanted = os.environ.get(VARIABLE)
    if wanted is not None:
        return _megabytes(wanted) * 1e6, f"as {VARIABLE} says"
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else available_memory_bytes()
    return SHARE * free, f"{SHARE:.0%} of what is free"


def _megabytes(text: str) -> float:
    try:
        megabytes = float(text)
    except ValueError:
        megabytes = -1.0
    if not megabytes >= 0:
        raise BadInputError(
            f"{VARIABLE} is the most megabytes of inputs that a split may keep on the device: a number of at least 0 "
            f"(0: read all from the disk), got {text!r}; set it so, or not at all"
        )
    return megabytes
