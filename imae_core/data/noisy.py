"""A data set under noise that changes inputs: pictures of another one, Gaussian noise, blur."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imae_core.data.dataset import Dataset
from imae_core.data.inputs import RowInputs
from imae_core.errors import BadInputError
from imae_core.noise import InputChange

Rows = NDArray[np.int64]
Making = Callable[[int, NDArray[Any]], NDArray[Any]]
BLOCK_ROWS = 1000


def with_noisy_inputs(dataset: Dataset, change: InputChange | None, source: Dataset | None = None) -> Dataset:
    """The data set whose training inputs are what a run sees; only the rows of the change differ, and nothing else.

    Raises BadInputError where the kind of noise and the kind of data do not go together.
    """
    if change is None:
        return dataset
    is_changed = np.zeros(dataset.num_train, dtype=bool)
    is_changed[change.rows] = True
    make = _replacing(dataset, change, source) if change.kind == "replace" else _disturbing(dataset, change)

    def changed(rows: Rows, inputs: NDArray[Any]) -> NDArray[Any]:
        result = inputs.copy()
        for at in np.flatnonzero(is_changed[rows]):
            result[at] = make(int(rows[at]), inputs[at])
        return result

    return replace(dataset, train_inputs=RowInputs(dataset.train_inputs, None, changed))


def check_source(dataset: Dataset, source: Dataset | None) -> Dataset:
    """The source of open-set noise; BadInputError unless both hold pictures and it is another data set."""
    if source is None:
        raise BadInputError("open_set noise needs a data set that pictures come from: source=NAME")
    if not dataset.is_image or not source.is_image:
        table = source if dataset.is_image else dataset
        raise BadInputError(
            f"open_set noise replaces pictures, but {table.name} is a table; choose another noise model"
        )
    if source.name == dataset.name:
        raise BadInputError(f"open_set noise must come from another data set, got {source.name} for itself")
    return source


def _replacing(dataset: Dataset, change: InputChange, source: Dataset | None) -> Making:
    other = check_source(dataset, source)

    def make(row: int, _: NDArray[Any]) -> NDArray[Any]:
        place = np.searchsorted(change.rows, row)
        picture = np.asarray(other.train_inputs[int(change.source_rows[place])])
        return fitted(picture, other.scale, dataset.input_shape, dataset.scale)

    return make


def _disturbing(dataset: Dataset, change: InputChange) -> Making:
    if dataset.is_image:
        return lambda row, values: _stored(
            change.disturbed(row, values.astype(np.float64) * dataset.scale), dataset.scale
        )
    if change.kind == "blur":
        raise BadInputError(f"only pictures can be blurred, but {dataset.name} is a table; choose method gaussian")
    unit = _deviations(dataset)
    return lambda row, values: (change.disturbed(row, values / unit) * unit).astype(np.float32)


def _stored(values: NDArray[np.float64], scale: float) -> NDArray[np.uint8]:
    """Values in [0, 1] as they are stored, the nearest ones."""
    return np.rint(np.clip(values, 0, 1) / scale).astype(np.uint8)


def _deviations(dataset: Dataset) -> NDArray[np.float64]:
    """(D,) standard deviation of each feature over the training rows, 1 for constant ones."""
    total, squares = np.zeros(dataset.input_shape), np.zeros(dataset.input_shape)
    blocks = [slice(start, start + BLOCK_ROWS) for start in range(0, dataset.num_train, BLOCK_ROWS)]
    for block in blocks:
        total += np.asarray(dataset.train_inputs[block], dtype=np.float64).sum(axis=0)
    for block in blocks:
        values = np.asarray(dataset.train_inputs[block], dtype=np.float64)
        squares += np.square(values - total / dataset.num_train).sum(axis=0)
    deviation = np.sqrt(squares / dataset.num_train)
    return np.where(deviation > 0, deviation, 1.0)


def fitted(picture: NDArray[Any], scale: float, shape: tuple[int, ...], new_scale: float) -> NDArray[np.uint8]:
    """A picture (C, H, W) as one of another data set: grey or RGB, resized (bilinear), in its units."""
    channels, height, width = shape
    pixels = np.rint(np.clip(picture.astype(np.float64) * scale, 0, 1) * 255).astype(np.uint8)
    image = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    image = image.convert("L" if channels == 1 else "RGB")
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    values = np.asarray(image, dtype=np.float64) / 255
    return _stored(values[None] if channels == 1 else values.transpose(2, 0, 1), new_scale)
