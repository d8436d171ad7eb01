"""Inputs that are made when they are asked for: some rows of others, maybe with noise on them."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 32_000_000
Rows = NDArray[np.int64]
Change = Callable[[Rows, NDArray[Any]], NDArray[Any]]


class RowInputs:
    """Reads like an array (n, ...): indexed by rows, made whole by `np.asarray`; nothing is kept in memory.

    Args:
        inputs: an array (N, ...), or another of these.
        rows: (n,) which rows of it; None: all.
        change: from places (m,) in 0 to n-1 and their inputs (m, ...) to what is seen of them.
    """

    def __init__(self, inputs: Any, rows: Rows | None = None, change: Change | None = None) -> None:
        self.inputs = inputs
        self.rows = np.arange(len(inputs)) if rows is None else rows
        self.change = change
        self.shape: tuple[int, ...] = (len(self.rows), *inputs.shape[1:])
        self.dtype: np.dtype[Any] = inputs.dtype
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        """As of an array; the first index chooses rows."""
        if isinstance(index, tuple):
            rest = index[1:] if isinstance(index[0], int | np.integer) else (slice(None), *index[1:])
            return self[index[0]][rest]
        places = self._places(index)
        many = np.atleast_1d(places)
        found = np.asarray(self.inputs[self.rows[many]])
        if self.change is not None:
            found = self.change(many, found)
        return found if np.ndim(places) else found[0]

    def _places(self, index: Any) -> Any:
        """The places, from 0 on, that an index of any kind means; a batch's are found without listing all."""
        if isinstance(index, slice):
            return np.arange(*index.indices(len(self)))
        places = np.asarray(index)
        if places.dtype.kind not in "iu" or places.size == 0:
            return np.arange(len(self))[index]
        if places.min() < -len(self) or places.max() >= len(self):
            raise IndexError(f"of {len(self)} rows, {places.min()} to {places.max()} were asked for")
        return places % len(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("these inputs are made when they are asked for: there is no array to share")
        whole = np.empty(self.shape, dtype=dtype or self.dtype)
        for block in self._blocks():
            whole[block] = self[block]
        return whole

    def _blocks(self) -> Iterator[slice]:
        step = max(1, BLOCK_BYTES // max(1, int(np.prod(self.shape[1:])) * self.dtype.itemsize))
        return (slice(start, start + step) for start in range(0, len(self), step))
