"""Binned counts of what is recorded for each example, in ranges that every epoch shares."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imae_core.analysis.weights import bin_edges, bin_places

BINS = 50
LOSS_LIMIT = 10.0  # -log p; what lies beyond is in the last bin
MARGIN_LIMIT = 15.0
SMALLEST_P = 1e-38
SMALL = 5000  # values that are partitioned as fast as they are looked for in their bins
RECORDED = ("weight", "p_label", "margin")


@dataclass(frozen=True)
class Binned:
    """One quantity of one population in one epoch: `counts` (bins,), and the median and sum of its finite values."""

    counts: NDArray[np.int64]
    median: float
    total: float


def quantity_edges(weight_limit: float) -> dict[str, NDArray[np.float64]]:
    """(BINS + 1,) edges of each quantity. What lies outside is counted in the first or last bin."""
    return {
        "weight": bin_edges(0.0, weight_limit, BINS),
        "p_label": bin_edges(0.0, 1.0, BINS),
        "loss": bin_edges(0.0, LOSS_LIMIT, BINS),
        "margin": bin_edges(-MARGIN_LIMIT, MARGIN_LIMIT, BINS),
    }


def quantities(columns: Mapping[str, Any] | pd.DataFrame) -> dict[str, NDArray[np.floating]]:
    """weight, p_label, margin as recorded (N,), and loss = -log p_label, the cross entropy whatever the run's loss.

    In single precision at least: half precision is slow to compute with.
    """
    found = {name: np.asarray(columns[name]) for name in RECORDED}
    found = {
        name: values.astype(np.promote_types(values.dtype, np.float32), copy=False) for name, values in found.items()
    }
    return found | {"loss": -np.log(np.maximum(found["p_label"], SMALLEST_P))}


def binned(values: NDArray[np.floating], edges: NDArray[np.float64]) -> Binned:
    """Counts, median and sum of values (n,)."""
    known = np.isfinite(values)
    finite = values if known.all() else values[known]
    places = bin_places(finite, edges)
    counts = np.bincount(places, minlength=len(edges) - 1).astype(np.int64)
    return Binned(counts, _median(finite, places, counts), float(finite.sum(dtype=np.float64)))


def _median(values: NDArray[np.floating], places: NDArray[np.uint8], counts: NDArray[np.int64]) -> float:
    """Exact; of many values it looks only into the bins (n,) where their middle lies."""
    if not len(values):
        return float("nan")
    places_of_middle = sorted({(len(values) - 1) // 2, len(values) // 2})
    if len(values) < SMALL:
        both = np.partition(values, places_of_middle)[places_of_middle]
        return float(both.sum(dtype=np.float64)) / len(both)
    ends = np.cumsum(counts)
    middle = []
    for place in places_of_middle:
        own = int(np.searchsorted(ends, place, side="right"))
        within = place - int(ends[own] - counts[own])
        middle.append(float(np.partition(values[places == own], within)[within]))
    return sum(middle) / len(middle)
