"""What a weighting curve listens to: in numbers, as a loss with derivatives, and on the examples of a run.

A curve here is a function of p and its complement 1-p, arrays of one shape, such as `functools.partial(CURVES["imae"], T=8)`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from imae_core.analysis.weights import WeightShare, populations, weight_share

Array = NDArray[np.float64]
Curve = Callable[[Any, Any], Any]

UNIFORM_POINTS = 20_000
NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(8)
STEP = 1e-3  # of the log odds, for the second derivative
CERTAIN = 1 - 1e-6  # in single precision, examples beyond log odds of 17 are as good as p = 1


@dataclass(frozen=True)
class Emphasis:
    """Where a curve's weight is largest, and how weights spread; NaN where there is no example."""

    peak_p: float
    peak_weight: float
    mean: float
    variance: float
    low: float
    high: float


@dataclass(frozen=True)
class Examples:
    """The training examples at one epoch of a run.

    Attributes:
        p: (N,) probability of the given label.
        is_corrupted: (N,) bool, or None where it is not known which labels are wrong.
        let_go: (N,) bool, those that the run gave no weight because they were fitted (`LossConfig.max_log_odds`).
    """

    p: Array
    is_corrupted: NDArray[np.bool_] | None
    let_go: NDArray[np.bool_]

    @classmethod
    def recorded(
        cls, p_label: ArrayLike, weight: ArrayLike, is_corrupted: ArrayLike | None, max_log_odds: float | None
    ) -> "Examples":
        """From what a run recorded; all (N,)."""
        p = np.asarray(p_label, dtype=np.float64)
        let_go = (np.asarray(weight) == 0) & (p > CERTAIN) & (max_log_odds is not None)
        return cls(p, None if is_corrupted is None else np.asarray(is_corrupted, dtype=bool), let_go)

    def weights(self, curve: Curve) -> Array:
        """(N,) what the curve would give each example, 0 to those that the run let go."""
        return np.where(self.let_go, 0.0, curve(self.p, 1 - self.p))

    def share(self, curve: Curve) -> WeightShare | None:
        """The corrupted examples' share of the weight under the curve, p held fixed; None where it is not known."""
        return self.share_of(self.weights(curve))

    def share_of(self, weights: Array) -> WeightShare | None:
        """The same for weights (N,) that are known already."""
        return None if self.is_corrupted is None else weight_share(weights, self.is_corrupted)


def uniform_emphasis(curve: Curve) -> Emphasis:
    """If p were uniform on [0, 1]: the paper's 0.33 for CCE, 0.09 for MAE and 4.55 for IMAE with T = 8 are variances."""
    middle = (np.arange(UNIFORM_POINTS) + 0.5) / UNIFORM_POINTS
    ends = np.linspace(0.0, 1.0, 2001)
    inside, grid = curve(middle, 1 - middle), curve(ends, 1 - ends)
    peak = int(np.argmax(grid))
    return Emphasis(
        float(ends[peak]), float(grid[peak]), float(inside.mean()), float(inside.var()), float(grid.min()), float(grid.max())
    )  # fmt: skip


def emphasis_of(p: ArrayLike, weights: ArrayLike) -> Emphasis:
    """Of examples, p and weights both (n,), NaN left out: the peak is the example of the largest weight."""
    probabilities, found = np.asarray(p, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    probabilities, found = probabilities[np.isfinite(found)], found[np.isfinite(found)]
    if not len(found):
        return Emphasis(*[float("nan")] * 6)
    peak = int(np.argmax(found))
    return Emphasis(
        float(probabilities[peak]), float(found[peak]), float(found.mean()), float(found.var()), float(found.min()),
        float(found.max()),
    )  # fmt: skip


def emphasis_by_population(curve: Curve, examples: Examples) -> dict[str, Emphasis]:
    """Of all examples, and of clean and corrupted ones where that is known."""
    weights = examples.weights(curve)
    masks = {"all": np.ones(len(weights), dtype=bool)} | populations(examples.is_corrupted, len(weights))
    return {name: emphasis_of(examples.p[mask], weights[mask]) for name, mask in masks.items()}


def derivative_table(curve: Curve, points: int = 401) -> pd.DataFrame:
    """The loss that belongs to a curve, on even steps of p strictly between 0 and 1.

    Args:
        points: number of rows; made odd, so that p = 1/2 is one of them.

    Returns:
        Columns p, weight, value (relative: zero at p = 1/2), dL_dp = -w / (2p(1-p)), dL_ds = -w/2 and d2L_ds2, with s the
        log odds of the label; all finite.
    """
    odd = points + 1 - points % 2
    p = np.linspace(0.0, 1.0, odd + 2)[1:-1]
    not_p = p[::-1]
    weight = np.asarray(curve(p, not_p), dtype=np.float64)
    s = np.log(p) - np.log(not_p)
    rise = curve(_sigmoid(s + STEP), _sigmoid(-s - STEP)) - curve(_sigmoid(s - STEP), _sigmoid(STEP - s))
    return pd.DataFrame(
        {
            "p": p,
            "weight": weight,
            "value": _relative_values(curve, s),
            "dL_dp": -weight / (2 * p * not_p),
            "dL_ds": -weight / 2,
            "d2L_ds2": -rise / (4 * STEP),
        }
    )


def sweep_table(curves: Mapping[float, Curve], examples: Examples | None) -> pd.DataFrame:
    """One row a swept value: variance under uniform p, and on examples variance and the corrupted ones' share of weight.

    What is not known is NaN.
    """
    rows = []
    for value, curve in curves.items():
        row = {"value": value, "uniform_variance": uniform_emphasis(curve).variance}
        if examples is not None:
            weights = examples.weights(curve)
            share = examples.share_of(weights)
            row["variance"] = emphasis_of(examples.p, weights).variance
            row["weight_share"] = float("nan") if share is None else share.weight_share
        rows.append(row)
    return pd.DataFrame(rows, columns=["value", "uniform_variance", "variance", "weight_share"])


def _sigmoid(s: Array) -> Array:
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * s))


def _relative_values(curve: Curve, s: Array) -> Array:
    """L(s) = -1/2 integral_0^s w(sigmoid(t)) dt at rising s whose middle is 0, by Gauss-Legendre between neighbours."""
    width = np.diff(s)[:, None]
    t = s[:-1, None] + width * (NODES + 1) / 2
    pieces = (curve(_sigmoid(t), _sigmoid(-t)) * NODE_WEIGHTS * width / 2).sum(axis=1)
    integral = np.concatenate([[0.0], np.cumsum(pieces)])
    return np.asarray(-0.5 * (integral - integral[len(s) // 2]))
