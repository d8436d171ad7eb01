"""Two populations in one column of scores: a Gaussian mixture of two components, in numpy alone.

The steps are those of scikit-learn's GaussianMixture started from k-means, which takes the app a second to load.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FLOOR = 5e-4  # added to each variance: DivideMix's reg_covar
MOST_FITTED = 10_000  # of more values a random sample of that many is fitted, always the same one
Pair = NDArray[np.float64]


@dataclass(frozen=True)
class Mixture:
    """Shares, means and variances, each (2,), the lower mean first."""

    shares: Pair
    means: Pair
    variances: Pair

    def log_densities(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(2, n) log of each component's share times its density."""
        scale = np.log(self.shares) - 0.5 * np.log(2 * np.pi * self.variances)
        return np.asarray(scale[:, None] - (values - self.means[:, None]) ** 2 / (2 * self.variances[:, None]))

    def higher(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) the probability of the component with the higher mean."""
        low, high = self.log_densities(values)
        with np.errstate(over="ignore"):  # then it is 0
            return np.asarray(1 / (1 + np.exp(low - high)))


def fit_mixture(values: NDArray[np.float64], max_iter: int, tolerance: float) -> Mixture:
    """Expectation maximisation on finite values (n,) of which two or more differ.

    It ends after `max_iter` rounds, or when the mean log likelihood moves by less than `tolerance`.
    """
    if len(values) > MOST_FITTED:
        values = np.random.default_rng(0).choice(values, MOST_FITTED, replace=False)
    upper = _two_means(values).astype(np.float64)
    mixture, before = _moments(values, np.stack([1 - upper, upper])), -np.inf
    for _ in range(max_iter):
        joint = mixture.log_densities(values)
        total = np.logaddexp(*joint)
        mixture, now = _moments(values, np.exp(joint - total)), float(total.mean())
        if abs(now - before) < tolerance:
            break
        before = now
    order = np.argsort(mixture.means)
    return Mixture(mixture.shares[order], mixture.means[order], mixture.variances[order])


def _two_means(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) who belongs to the higher of two clusters; started from the ends, Lloyd's steps meet in a few rounds."""
    low, high = values.min(), values.max()
    upper: NDArray[np.bool_] = values > (low + high) / 2
    for _ in range(300):
        middle = (values[~upper].mean() + values[upper].mean()) / 2
        moved = values > middle
        if (moved == upper).all():
            break
        upper = moved
    return upper


def _moments(values: NDArray[np.float64], weights: NDArray[np.float64]) -> Mixture:
    """From the weights (2, n) of each value in each component."""
    sizes = weights.sum(axis=1) + 10 * np.finfo(np.float64).eps
    means = weights @ values / sizes
    variances = np.array([w @ (values - mean) ** 2 for w, mean in zip(weights, means, strict=True)]) / sizes + FLOOR
    return Mixture(sizes / sizes.sum(), means, variances)
