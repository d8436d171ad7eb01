"""How a loss shares its attention: distributions of weight and p over clean and corrupted examples."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

POPULATIONS = ("clean", "corrupted")


@dataclass(frozen=True)
class WeightShare:
    """How much of the examples, and of their total weight, is corrupted; fractions in [0, 1].

    `weight_share` is NaN where no weight was recorded.
    """

    num_examples: int
    num_corrupted: int
    data_share: float
    weight_share: float
    median_clean: float
    median_corrupted: float


def weight_share(weight: ArrayLike, is_corrupted: ArrayLike) -> WeightShare:
    """The corrupted examples' share of the total weight. weight (N,), is_corrupted (N,) bool; NaN rows are left out."""
    weights = np.asarray(weight, dtype=np.float64)
    corrupted = np.asarray(is_corrupted, dtype=bool)
    seen = np.isfinite(weights)
    weights, corrupted = weights[seen], corrupted[seen]
    total = weights.sum()
    return WeightShare(
        num_examples=len(weights),
        num_corrupted=int(corrupted.sum()),
        data_share=float(corrupted.mean()) if len(weights) else float("nan"),
        weight_share=float(weights[corrupted].sum() / total) if total > 0 else float("nan"),
        median_clean=median(weights[~corrupted]),
        median_corrupted=median(weights[corrupted]),
    )


def median(values: ArrayLike) -> float:
    """The median of the finite values, NaN if there are none."""
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    return float(np.median(finite)) if len(finite) else float("nan")


def bin_edges(low: float, high: float, bins: int = 50) -> NDArray[np.float64]:
    """(bins + 1,) even edges from low to high."""
    return np.linspace(low, high, bins + 1)


def bin_places(values: NDArray[np.floating], edges: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(n,) the bin of each finite value between at most 256 even edges; what lies outside is in the first or last bin.

    Several times faster than np.histogram, which looks at each value's two edges.
    """
    low, high, bins = float(edges[0]), float(edges[-1]), len(edges) - 1
    places = values.clip(low, high)
    places -= low
    places *= bins / (high - low)
    return np.asarray(np.minimum(places.astype(np.uint8), bins - 1), dtype=np.uint8)


def populations(is_corrupted: ArrayLike | None, num_examples: int) -> dict[str, NDArray[np.bool_]]:
    """The rows of each population, as masks (N,); "all" alone where it is not known which labels are wrong."""
    if is_corrupted is None:
        return {"all": np.ones(num_examples, dtype=bool)}
    corrupted = np.asarray(is_corrupted, dtype=bool)
    return {"clean": ~corrupted, "corrupted": corrupted}
