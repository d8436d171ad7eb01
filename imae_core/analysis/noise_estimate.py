"""How many of the given labels are wrong, and which class is called which, estimated without knowing any truth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imae_core.analysis.mixture import fit_mixture
from imae_core.errors import BadInputError

LEVEL = 0.95
BLOCK = 65_536  # rows; probabilities are widened by blocks, not all at once
# cleanlab's: how far below its class's threshold a probability still counts, and the lowest threshold
TOLERANCE, LOWEST_THRESHOLD = 1e-6, 2e-6


@dataclass(frozen=True)
class NoiseEstimate:
    """What the confident joint says about N examples in K classes.

    Attributes:
        noise_rate: estimated fraction of wrong given labels.
        low, high: its interval at `level`: what another draw of N examples might give. It covers chance alone: where the
            net has memorised the labels that it judges, the estimate is too low, and no interval shows that.
        level: 0.95.
        num_wrong: the rate times N, rounded.
        joint: (K, K) [true, given], estimated fractions of the examples; sums to 1.
        transition_matrix: (K, K) [true, given], rows sum to 1; a class that nobody seems to belong to keeps its label.
    """

    noise_rate: float
    low: float
    high: float
    level: float
    num_wrong: int
    joint: NDArray[np.float64]
    transition_matrix: NDArray[np.float64]


def estimate_noise(
    given_labels: ArrayLike, pred_probs: ArrayLike, num_resamples: int = 2000, seed: int = 0
) -> NoiseEstimate:
    """Noise rate and transition matrix by confident learning (Northcutt et al. 2021, arXiv 1911.00068, Section 3.1).

    The confident joint is that of cleanlab's `compute_confident_joint`; calibrated to the counts of the given labels (Equation 3), its off-diagonal mass is
    the rate. The interval is a percentile bootstrap over examples with the classes' thresholds kept.

    Args:
        given_labels: (N,) in [0, K).
        pred_probs: (N, K), out of sample if the estimate is to be trusted; rows with NaN are left out.

    Raises BadInputError if the shapes do not fit or nothing is left.
    """
    labels, probs = _checked(given_labels, pred_probs)
    counts = np.bincount(labels, minlength=probs.shape[1]).astype(np.float64)
    confident = _confident_joint(labels, probs)
    by_given = confident / confident.sum(axis=1, keepdims=True) * counts[:, None] / counts.sum()
    joint = by_given.T.copy()
    rate = float(1.0 - np.trace(joint))
    low, high = _interval(confident, counts, num_resamples, seed)
    return NoiseEstimate(
        rate, min(low, rate), max(high, rate), LEVEL, round(rate * len(labels)), joint, _transition_matrix(joint)
    )


def mixture_noise_rate(scores: ArrayLike) -> float:
    """Share of the population with the higher mean in a two-component Gaussian mixture of suspicion scores (N,).

    For scores over the whole run (mean confidence, AUM), which tell wrong labels even from a net that has memorised
    them. It needs two populations that differ: it is far off where there is little noise, and says nothing about a mean of
    ranks, whose distribution is the same whatever the labels are. NaN where the scores do not differ.
    """
    values = np.asarray(scores, dtype=np.float64)
    values = values[np.isfinite(values)]
    if len(values) < 2 or values.min() == values.max():
        return float("nan")
    scaled = (values - values.min()) / (values.max() - values.min())
    return float(fit_mixture(scaled, max_iter=200, tolerance=1e-3).higher(scaled).mean())


def _checked(given_labels: ArrayLike, pred_probs: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
    labels, probs = np.asarray(given_labels, dtype=np.int64), np.asarray(pred_probs)
    if probs.ndim != 2 or labels.shape != probs.shape[:1]:
        raise BadInputError(f"needs labels (N,) and probabilities (N, K), got {labels.shape} and {probs.shape}")
    known = np.isfinite(probs.sum(axis=1, dtype=np.float32))
    if not known.all():
        labels, probs = labels[known], probs[known]
    if not len(labels):
        raise BadInputError("no example has probabilities, so nothing can be estimated; wait for the run's last epoch")
    if labels.min() < 0 or labels.max() >= probs.shape[1]:
        raise BadInputError(f"given labels must be in 0..{probs.shape[1] - 1}, got {labels.min()}..{labels.max()}")
    return labels, probs


def _confident_joint(labels: NDArray[np.int64], probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """(K, K) [given, true] counts of confident examples, at least 1 on the diagonal.

    Confident of a class is an example whose probability of it reaches the class's threshold, the mean probability of the
    class among those that were given it; an example confident of several counts for its most probable class.
    """
    K = probs.shape[1]
    own = np.take_along_axis(probs, labels[:, None], axis=1)[:, 0].astype(np.float64)
    sizes = np.bincount(labels, minlength=K)
    means = np.bincount(labels, weights=own, minlength=K) / np.maximum(sizes, 1)
    thresholds = np.where(sizes > 0, np.maximum(means, LOWEST_THRESHOLD), np.inf) - TOLERANCE
    counts = np.zeros(K * K, dtype=np.int64)
    for start in range(0, len(labels), BLOCK):
        block = np.asarray(probs[start : start + BLOCK], dtype=np.float64)
        confident = block >= thresholds
        several = confident.sum(axis=1) > 1
        guess = np.where(several, block.argmax(axis=1), confident.argmax(axis=1))
        sure = np.flatnonzero(confident.any(axis=1))
        counts += np.bincount(labels[start : start + BLOCK][sure] * K + guess[sure], minlength=K * K)
    joint = counts.reshape(K, K).astype(np.float64)
    np.fill_diagonal(joint, np.maximum(joint.diagonal(), 1.0))
    return joint


def _interval(
    confident: NDArray[np.float64], counts: NDArray[np.float64], num_resamples: int, seed: int
) -> tuple[float, float]:
    """Resampling examples is resampling, for each given class, who is confidently right, confidently wrong, or neither."""
    right = np.diagonal(confident)
    wrong = confident.sum(axis=1) - right
    neither = np.maximum(counts - right - wrong, 0)
    cells = np.concatenate([right, wrong, neither])
    drawn = np.random.default_rng(seed).multinomial(int(counts.sum()), cells / cells.sum(), size=num_resamples)
    right, wrong, neither = np.split(drawn.astype(np.float64), 3, axis=1)
    of_class = right + wrong + neither
    rates = (of_class * wrong / np.maximum(right + wrong, 1)).sum(axis=1) / of_class.sum(axis=1)
    low, high = np.quantile(rates, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _transition_matrix(joint: NDArray[np.float64]) -> NDArray[np.float64]:
    mass = joint.sum(axis=1, keepdims=True)
    return np.where(mass > 0, joint / np.where(mass > 0, mass, 1.0), np.eye(len(joint)))
