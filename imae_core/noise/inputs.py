"""Noise that changes inputs and keeps labels: whose, and how. Each change can be made for one row by itself."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imae_core.errors import BadInputError
from imae_core.noise.streams import generator

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class InputChange:
    """What becomes of the inputs of `rows` (M,), rising; all others stay.

    Attributes:
        kind: "replace" by those of `source_rows` (M,) of another data set, "gaussian" noise, or "blur".
        strength: standard deviation of the noise, or of the blur in pixels.
        seed: of the noise; with an example's row it says all.
    """

    kind: str
    rows: Rows
    source_rows: Rows
    strength: float = 0.0
    seed: int = 0

    def disturbed(self, row: int, values: Floats) -> Floats:
        """The input (C, H, W) or (D,) of one of the rows, with noise or blur; in the units that `values` have."""
        if self.kind == "blur":
            return blurred(values, self.strength)
        return values + self.strength * generator(self.seed, 2, row).standard_normal(values.shape)


def change_inputs(
    kind: str, num_examples: int, rate: float, seed: int, num_source: int | None, params: dict[str, Any]
) -> InputChange:
    """Who is changed, each example by itself with probability `rate`, and how.

    Args:
        num_source: pictures that `open_set` draws from, without repetition while there are enough.
    """
    rows = np.flatnonzero(generator(seed).random(num_examples) < rate)
    nothing = np.empty(0, dtype=np.int64)
    if kind == "feature":
        strength = params["radius" if params["method"] == "blur" else "sigma"]
        return InputChange(params["method"], rows, nothing, strength, seed)
    if not num_source:
        raise BadInputError(
            "open_set noise needs the number of pictures that it draws from, at least 1: num_source=..."
        )
    random = generator(seed, 1)
    rounds = [random.permutation(num_source) for _ in range(-(-len(rows) // num_source))]
    return InputChange("replace", rows, np.concatenate([nothing, *rounds])[: len(rows)])


def blurred(values: Floats, deviation: float) -> Floats:
    """Pictures (..., H, W) under a Gaussian of that many pixels, cut at three of them; edges are mirrored."""
    if deviation <= 0:
        return values
    for axis in (-2, -1):
        values = _along(values, deviation, axis)
    return values


def _along(values: Floats, deviation: float, axis: int) -> Floats:
    reach = min(int(np.ceil(3 * deviation)), 4 * values.shape[axis])
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * np.square(offsets / deviation))
    kernel /= kernel.sum()
    size = values.shape[axis]
    widths = [(0, 0)] * values.ndim
    widths[axis] = (reach, reach)
    padded = np.moveaxis(np.pad(values, widths, mode="symmetric"), axis, -1)
    result = sum(share * padded[..., start : start + size] for start, share in enumerate(kernel))
    return np.moveaxis(np.asarray(result), -1, axis)
