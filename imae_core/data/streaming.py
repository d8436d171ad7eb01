"""Rows that stay on the disk and are read ahead of use by another thread."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imae_core.data.inputs import RowInputs

LOOK_AHEAD = 4  # batches
Read = Callable[[torch.Tensor], torch.Tensor]


class StreamedRows:
    """Reads like `ResidentRows`, bit for bit, and keeps a few batches in memory.

    Args:
        inputs: (N, ...) mapped from the disk, or made when they are asked for.
        device: where batches go to; to a GPU from pinned memory, without waiting.
    """

    def __init__(self, inputs: NDArray[Any] | RowInputs, device: torch.device) -> None:
        self.inputs = inputs
        self.shape = tuple(inputs.shape)
        self.device = device
        self.is_pinned = device.type == "cuda"
        self._ahead: _ReadAhead | None = None
        self._last: tuple[torch.Tensor, torch.Tensor] | None = None  # losses that compare views ask twice

    def take(self, rows: torch.Tensor) -> torch.Tensor:
        """(B, ...) on the device; rows on a GPU are waited for. What reading raises, in whichever thread, is raised here."""
        rows = rows.cpu()
        if self._last is None or not torch.equal(self._last[0], rows):
            batch = self._ahead.take(rows) if self._ahead is not None else None
            batch = _read(self.inputs, self.is_pinned, rows) if batch is None else batch
            self._last = rows, batch.to(self.device, non_blocking=True)
        return self._last[1]

    def announce(self, order: torch.Tensor, batch_size: int, first_batch: int) -> None:
        """Reads ahead what will be asked for, until its end or the next announcement."""
        self.close()
        starts = range(first_batch * batch_size, len(order), batch_size)
        read = partial(_read, self.inputs, self.is_pinned)
        self._ahead = _ReadAhead(read, (order[start : start + batch_size] for start in starts))

    def close(self) -> None:
        """Ends the reading ahead, and waits for the batch that is being read."""
        if self._ahead is not None:
            self._ahead.close()
        self._ahead = self._last = None


def _read(inputs: NDArray[Any] | RowInputs, is_pinned: bool, rows: torch.Tensor) -> torch.Tensor:
    _ask_for(inputs, rows.numpy())
    batch = torch.from_numpy(np.asarray(inputs[rows.numpy()]))
    return batch.pin_memory() if is_pinned else batch


def _ask_for(inputs: Any, rows: NDArray[np.int64]) -> None:
    """Lets the system fetch all rows of a mapped file at once, where it can: waiting for page after page takes 2 to 15 times
    as long."""
    while isinstance(inputs, RowInputs):
        inputs, rows = inputs.inputs, inputs.rows[rows]
    if not isinstance(inputs, np.memmap) or inputs.filename is None or not hasattr(os, "posix_fadvise"):
        return
    row_bytes = inputs.nbytes // len(inputs)
    with suppress(OSError), open(inputs.filename, "rb") as file:  # removed by now: the map still reads it
        for row in rows.tolist():
            os.posix_fadvise(file.fileno(), inputs.offset + row * row_bytes, row_bytes, os.POSIX_FADV_WILLNEED)


class _ReadAhead:
    """A thread that reads batches in their order, at most `LOOK_AHEAD` before they are taken; it ends after the last."""

    def __init__(self, read: Read, batches: Iterator[torch.Tensor]) -> None:
        self.read = read
        self.batches = batches
        self.executor = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self.waiting: deque[tuple[torch.Tensor, Future[torch.Tensor]]] = deque()
        for _ in range(LOOK_AHEAD):
            self._submit()

    def take(self, rows: torch.Tensor) -> torch.Tensor | None:
        """The next batch, if it is that of these rows."""
        if not self.waiting or not torch.equal(self.waiting[0][0], rows):
            return None
        future = self.waiting.popleft()[1]
        self._submit()
        return future.result()

    def close(self) -> None:
        self.executor.shutdown(wait=True, cancel_futures=True)

    def _submit(self) -> None:
        rows = next(self.batches, None)
        if rows is None:
            self.executor.shutdown(wait=False)
        else:
            self.waiting.append((rows, self.executor.submit(self.read, rows)))
