"""Weighting curves: the weight w(p) that a loss gives an example, for NumPy and PyTorch alike.

For a loss L that depends on p = p(given label | x) alone, the weight is the L1 norm of the gradient
with respect to the logits, w(p) = 2 p (1-p) |dL/dp| (IMAE, arXiv 1903.12141, Section 3). Every formula
here takes p and its complement `not_p` = 1-p separately, because 1-p computed from p loses all digits
near p = 1. Arguments may be floats, NumPy arrays or torch tensors; the result has their type and shape.
This module never imports torch.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from imae_core.drawn import drawn_curve
from imae_core.errors import BadInputError
from imae_core.formula import compile_formula

CurveFunction = Callable[..., Any]

LARGEST_WEIGHT = 1e12  # of a curve of one's own; a batch of them still has a sum in single precision
RCE_CLIP_LOG = -9.210340371976182  # log 1e-4: what the reverse cross entropy puts for log 0


def _library(x: Any) -> Any:
    """The module, `torch` or `numpy`, whose functions apply to x."""
    return sys.modules["torch"] if type(x).__module__.partition(".")[0] == "torch" else np


def _negative_xlogx(p: Any) -> Any:
    """-p log p, and 0 at p = 0."""
    xp = _library(p)
    positive = xp.where(p > 0, p, xp.ones_like(p))
    return -p * xp.log(positive)


def cce(p: Any, not_p: Any, /) -> Any:
    """Categorical cross entropy, L = -log p: w = 2(1-p)."""
    return 2 * not_p + 0 * p


def mae(p: Any, not_p: Any, /, *, scale: float = 2.0) -> Any:
    """Mean absolute error, L = scale (1-p), scale = 2: w = 4p(1-p)."""
    return 2 * scale * p * not_p


def mse(p: Any, not_p: Any, /) -> Any:
    """Squared error of p alone, L = (1-p)^2 (DM, arXiv 1905.11233; not the Brier score): w = 4p(1-p)^2."""
    return 4 * p * not_p**2


def imae(p: Any, not_p: Any, /, *, T: float = 8.0) -> Any:
    """IMAE (arXiv 1903.12141): w = exp(T p (1-p)); exactly 1 at p = 0 and p = 1."""
    return _library(p).exp(T * p * not_p)


def dm(p: Any, not_p: Any, /, *, lam: float = 0.5, beta: float = 8.0) -> Any:
    """Derivative manipulation (arXiv 1905.11233): w = exp(beta p^lambda (1-p)), peak at lambda/(lambda+1)."""
    return _library(p).exp(beta * p**lam * not_p)


def gce(p: Any, not_p: Any, /, *, q: float = 0.7) -> Any:
    """Generalised cross entropy (Zhang & Sabuncu 2018), L = (1-p^q)/q: w = 2 p^q (1-p)."""
    return 2 * p**q * not_p


def truncated_gce(
    p: Any, not_p: Any, /, *, q: float = 0.7, k: float = 0.5, start: float = 1 / 3, progress: float = 1.0
) -> Any:
    """Truncated GCE (Zhang & Sabuncu 2018): GCE, but weight 0 for p <= k once `progress` >= `start`."""
    weight = gce(p, not_p, q=q)
    return weight if progress < start else _library(p).where(p > k, weight, 0 * weight)


def rce(p: Any, not_p: Any, /, *, A: float = RCE_CLIP_LOG) -> Any:
    """Reverse cross entropy (Wang et al. 2019), L = -A (1-p), A = log 1e-4: w = 18.42 p(1-p)."""
    return -2 * A * p * not_p


def sce(p: Any, not_p: Any, /, *, alpha: float = 0.1, beta: float = 1.0, A: float = RCE_CLIP_LOG) -> Any:
    """Symmetric cross entropy (Wang et al. 2019), alpha CE + beta RCE: w = 2(1-p)(alpha - A beta p)."""
    return 2 * not_p * (alpha - A * beta * p)


def focal(p: Any, not_p: Any, /, *, gamma: float = 0.5, detach: int = 0) -> Any:
    """Focal loss (Lin et al. 2017), L = -(1-p)^g log p: w = 2(1-p)^g [(1-p) - g p log p].

    With `detach` the factor (1-p)^g is taken as a constant, as much public code does: w = 2(1-p)^(g+1).
    """
    return 2 * not_p**gamma * (not_p if detach else not_p + gamma * _negative_xlogx(p))


def taylor_ce(p: Any, not_p: Any, /, *, t: int = 2) -> Any:
    """Taylor cross entropy (Feng et al. 2020), L = sum_{i<=t} (1-p)^i / i: w = 2(1-p)[1-(1-p)^t]."""
    # 1 - x^t = (1-x)(1 + x + ... + x^(t-1)) has no cancellation for small p
    series = not_p**0
    for power in range(1, int(t)):
        series = series + not_p**power
    return 2 * p * not_p * series


def agce(p: Any, not_p: Any, /, *, a: float = 0.6, q: float = 0.6) -> Any:
    """Asymmetric GCE (Zhou et al. 2021), L = ((a+1)^q-(a+p)^q)/q: w = 2p(1-p)(a+p)^(q-1)."""
    return 2 * p * not_p * (a + p) ** (q - 1)


def aul(p: Any, not_p: Any, /, *, a: float = 5.5, q: float = 3.0) -> Any:
    """Asymmetric unhinged loss (Zhou et al. 2021), L = ((a-p)^q-(a-1)^q)/q: w = 2p(1-p)(a-p)^(q-1)."""
    return 2 * p * not_p * (a - 1 + not_p) ** (q - 1)


def ael(p: Any, not_p: Any, /, *, a: float = 2.5) -> Any:
    """Asymmetric exponential loss (Zhou et al. 2021), L = exp(-p/a): w = (2/a) p(1-p) exp(-p/a)."""
    return 2 / a * p * not_p * _library(p).exp(-p / a)


def js(p: Any, not_p: Any, /, *, pi1: float = 0.7) -> Any:
    """Jensen-Shannon (Englesson & Azizpour 2021): w = 2p(1-p) log((pi1+pi2 p)/(pi2 p)) / (-log pi2)."""
    pi2 = 1 - pi1
    log_ratio = p * _library(p).log((pi1 + pi2 * p) / pi2) + _negative_xlogx(p)
    return 2 * not_p * log_ratio / -np.log(pi2)


def formula(p: Any, not_p: Any, /, *, formula: str) -> Any:
    """A curve of one's own, typed (imae_core/formula.py)."""
    return compile_formula(formula)(p, not_p, _library(p))


def drawn(p: Any, not_p: Any, /, *, points: Sequence[Sequence[float]], smooth: float = 1) -> Any:
    """A curve of one's own, through points (imae_core/drawn.py)."""
    return drawn_curve(points, smooth)(p, not_p, _library(p))


CURVES: dict[str, CurveFunction] = {
    "cce": cce,
    "mae": mae,
    "mse": mse,
    "imae": imae,
    "dm": dm,
    "gce": gce,
    "truncated_gce": truncated_gce,
    "rce": rce,
    "sce": sce,
    "focal": focal,
    "taylor_ce": taylor_ce,
    "agce": agce,
    "aul": aul,
    "ael": ael,
    "js": js,
    "formula": formula,
    "drawn": drawn,
}


def uniform_p(points: int = 1001) -> np.ndarray[Any, np.dtype[np.float64]]:
    """An even grid of p over [0, 1], ends included, shape (points,)."""
    return np.linspace(0.0, 1.0, points)


def curve_on(name: str, p: Any, **params: Any) -> Any:
    """w(p) of a named curve at p (float, array or tensor); `params` as in the catalog, already validated."""
    p = p if hasattr(p, "dtype") else np.asarray(p, dtype=np.float64)
    return CURVES[name](p, 1 - p, **params)


def largest_weight(name: str, **params: Any) -> float:
    """The maximum of w over p in [0, 1]: the right end of a weight axis."""
    return float(np.max(curve_on(name, uniform_p(4001), **params)))


def check_weights(name: str, **params: Any) -> None:
    """BadInputError with the place where a curve of one's own is negative, not finite, too large, or 0 everywhere.

    Looks at even steps of p and, near 0 and 1, of the log odds, in double and in single precision.
    """
    log_odds = np.linspace(-100, 100, 801)
    p = np.concatenate([uniform_p(2001), 1 / (1 + np.exp(-log_odds))])
    not_p = np.concatenate([1 - uniform_p(2001), 1 / (1 + np.exp(log_odds))])
    for kind in (np.float64, np.float32):
        weight = np.asarray(CURVES[name](p.astype(kind), not_p.astype(kind), **params), dtype=np.float64)
        bad = ~((weight >= 0) & (weight <= LARGEST_WEIGHT))
        if bad.any():
            place = int(bad.argmax())
            advice = "" if np.isfinite(weight[place]) else "; log(p) or 1/p may need max(p, 0.001) instead of p"
            found = "not a number" if np.isnan(weight[place]) else f"{weight[place]:g}"
            raise BadInputError(
                f"{name}: a weight must be in [0, {LARGEST_WEIGHT:g}] for every p in [0, 1], but at p = {p[place]:.4g} it is "
                f"{found}{advice}"
            )
    if not (weight > 0).any():
        raise BadInputError(f"{name}: the weight is 0 for every p, so nothing would be learned")
