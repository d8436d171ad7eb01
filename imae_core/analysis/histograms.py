"""Binned counts of what is recorded for each example, in ranges that every epoch shares."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imae_core.analysis.weights import bin_counts, bin_edges, median

BINS = 50
LOSS_LIMIT = 10.0  # -log p; what lies beyond is in the last bin
MARGIN_LIMIT = 15.0
SMALLEST_P = 1e-38


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


def quantities(columns: Mapping[str, Any] | pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """weight, p_label, margin as recorded (N,), and loss = -log p_label, the cross entropy whatever the run's loss."""
    found = {name: np.asarray(columns[name], dtype=np.float64) for name in ("weight", "p_label", "margin")}
    return found | {"loss": -np.log(np.maximum(found["p_label"], SMALLEST_P))}


def binned(values: NDArray[np.float64], edges: NDArray[np.float64]) -> Binned:
    """Counts, median and sum of values (n,)."""
    finite = values[np.isfinite(values)]
    return Binned(bin_counts(finite, edges), median(finite), float(finite.sum()))
