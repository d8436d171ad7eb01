"""How many of the given labels are wrong, and which class is called which, estimated without knowing any truth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.mixture import GaussianMixture

from imae_core.analysis.suspicion_scores import sampled
from imae_core.errors import BadInputError, ImaeError

LEVEL = 0.95


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

    The confident joint is cleanlab's; calibrated to the counts of the given labels (Equation 3), its off-diagonal mass is
    the rate. The interval is a percentile bootstrap over examples with the classes' thresholds kept.

    Args:
        given_labels: (N,) in [0, K).
        pred_probs: (N, K), out of sample if the estimate is to be trusted; rows with NaN are left out.

    Raises BadInputError if the shapes do not fit or nothing is left, ImaeError where cleanlab is not installed.
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
    scaled = ((values - values.min()) / (values.max() - values.min()))[:, None]
    mixture = GaussianMixture(2, max_iter=200, reg_covar=5e-4, random_state=0).fit(sampled(scaled))
    return float(mixture.predict_proba(scaled)[:, mixture.means_.argmax()].mean())


def _checked(given_labels: ArrayLike, pred_probs: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    labels, probs = np.asarray(given_labels, dtype=np.int64), np.asarray(pred_probs, dtype=np.float64)
    if probs.ndim != 2 or labels.shape != probs.shape[:1]:
        raise BadInputError(f"needs labels (N,) and probabilities (N, K), got {labels.shape} and {probs.shape}")
    known = np.isfinite(probs).all(axis=1)
    labels, probs = labels[known], probs[known]
    if not len(labels):
        raise BadInputError("no example has probabilities, so nothing can be estimated; wait for the run's last epoch")
    if labels.min() < 0 or labels.max() >= probs.shape[1]:
        raise BadInputError(f"given labels must be in 0..{probs.shape[1] - 1}, got {labels.min()}..{labels.max()}")
    return labels, probs


def _confident_joint(labels: NDArray[np.int64], probs: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K, K) [given, true] counts of confident examples, at least 1 on the diagonal."""
    try:  # only here: a machine that trains need not have it
        from cleanlab.count import compute_confident_joint
    except ImportError:
        raise ImaeError("this needs the package cleanlab, which is not installed: pip install cleanlab") from None
    return np.asarray(compute_confident_joint(labels, probs, calibrate=False), dtype=np.float64)


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
