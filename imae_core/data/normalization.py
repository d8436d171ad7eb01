"""What is taken from the inputs, and what they are divided by."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imae_core.data.dataset import Dataset
from imae_core.models.choice import SMALLEST_PICTURE

Normalize = Literal["default", "none", "mean", "standardize"]
CHUNK = 5000  # rows at a time, fewer of large ones
CHUNK_VALUES = CHUNK * 3 * 32 * 32


@dataclass(frozen=True)
class Normalization:
    """Inputs are (stored * scale - shift) / spread; shift and spread are float32 of a shape that broadcasts against one
    example: (C, 1, 1) or (C, H, W) for pictures, (D,) for tables. None: left out."""

    scale: float
    shift: NDArray[np.float32] | None = None
    spread: NDArray[np.float32] | None = None

    @property
    def key(self) -> tuple[float, bytes | None, bytes | None]:
        """Equal where two do the same."""
        shift, spread = (None if values is None else values.tobytes() for values in (self.shift, self.spread))
        return self.scale, shift, spread


def normalization(dataset: Dataset, kind: Normalize = "default") -> Normalization:
    """The normalisation of that kind, from the training rows of `dataset`.

    - `default`: as the data set was imported, from all of its training rows: colour pictures in [0, 1] less the mean and
      divided by the standard deviation of each channel; grey pictures (digits among them) in [0, 1] and no more; tables
      less the least value and divided by the range of each feature.
    - `none`: pictures in [0, 1], tables as they are.
    - `mean`: as `none`, less the mean of each channel or feature, and nothing else.
    - `standardize`: as `mean`, divided by the standard deviation of the same values (population, divided by N). Pictures
      with a side below 24 pixels (digits: those that the MLP is meant for) are standardised pixel by pixel, larger
      ones channel by channel. What is constant becomes 0.
    """
    if kind == "default":
        return Normalization(dataset.scale, _shaped(dataset, dataset.shift), _shaped(dataset, dataset.spread))
    if kind == "none":
        return Normalization(dataset.scale)
    is_tiny = dataset.is_image and min(dataset.input_shape[1:]) < SMALLEST_PICTURE
    over_pixels = dataset.is_image and not (kind == "standardize" and is_tiny)
    mean, deviation = _moments(dataset, over_pixels)
    if kind == "mean":
        return Normalization(dataset.scale, mean)
    return Normalization(dataset.scale, mean, np.where(deviation > 0, deviation, 1).astype(np.float32))


def _shaped(dataset: Dataset, values: tuple[float, ...] | None) -> NDArray[np.float32] | None:
    if values is None:
        return None
    array = np.asarray(values, dtype=np.float32)
    return array[:, None, None] if dataset.is_image else array


def _moments(dataset: Dataset, over_pixels: bool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation of the scaled training inputs, in two passes over chunks: no cancellation."""
    inputs, axes = dataset.train_inputs, (0, 2, 3) if over_pixels else 0
    size = max(1, min(CHUNK, CHUNK_VALUES // int(np.prod(dataset.input_shape))))
    chunks = range(0, len(inputs), size)

    def read(start: int) -> NDArray[np.float64]:
        values = np.array(inputs[start : start + size], dtype=np.float64)
        values *= dataset.scale
        return values

    def squares_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
        values -= mean
        return np.square(values, out=values)

    count = len(inputs) * (np.prod(dataset.input_shape[1:]) if over_pixels else 1)
    mean = sum(read(start).sum(axis=axes, keepdims=True) for start in chunks) / count
    squares = sum(squares_of(read(start)).sum(axis=axes, keepdims=True) for start in chunks) / count
    # a constant's squares are rounding errors, not zero
    deviation = np.where(squares > (1e-12 * np.abs(mean)) ** 2, np.sqrt(squares), 0)
    return mean[0].astype(np.float32), deviation[0].astype(np.float32)
