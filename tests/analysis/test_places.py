"""Places in an order, and a mixture of two populations, against scipy and scikit-learn."""

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from imae_core.analysis.mixture import FLOOR, fit_mixture
from imae_core.analysis.places import mean_ranks
from imae_core.errors import BadInputError


@pytest.mark.parametrize("distinct", [1, 3, 1000])
def test_ties_share_their_mean_rank(distinct):
    values = np.random.default_rng(0).integers(0, distinct, 500).astype(np.float32)
    np.testing.assert_array_equal(mean_ranks(values), rankdata(values))
    assert mean_ranks([]).tolist() == []


def test_nan_has_no_rank():
    with pytest.raises(BadInputError, match="got NaN"):
        mean_ranks([1.0, np.nan])


GENERATOR = np.random.default_rng(1)
SCORES = {
    "two normals": np.concatenate([GENERATOR.normal(0.3, 0.1, 700), GENERATOR.normal(0.6, 0.15, 300)]),
    "losses of a net that learns": np.concatenate([GENERATOR.exponential(0.02, 700), GENERATOR.beta(4, 3, 300)]),
    "losses of a net that has memorised": GENERATOR.exponential(0.1, 1000),
    "few wrong": np.concatenate([GENERATOR.beta(2, 8, 980), GENERATOR.beta(40, 4, 20)]),
}


@pytest.mark.parametrize(("rounds", "tolerance"), [(10, 1e-2), (200, 1e-3)])
@pytest.mark.parametrize("values", SCORES.values(), ids=SCORES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_mixture_is_that_of_scikit_learn(values, rounds, tolerance):
    """Equal where both start from the ends; from scikit-learn's random start, which other clusters may follow, it is close."""
    clusters = KMeans(2, init=[[values.min()], [values.max()]], n_init=1, tol=0).fit_predict(values[:, None])
    parts = [values[clusters == k] for k in range(2)]
    settings = {"max_iter": rounds, "tol": tolerance, "reg_covar": FLOOR, "random_state": 0}
    other = GaussianMixture(
        2, weights_init=[len(part) / len(values) for part in parts], means_init=[[part.mean()] for part in parts],
        precisions_init=[[[1 / (part.var() + FLOOR)]] for part in parts], **settings,
    ).fit(values[:, None])  # fmt: skip
    found = fit_mixture(values, max_iter=rounds, tolerance=tolerance)
    np.testing.assert_allclose(found.means, other.means_[:, 0], atol=1e-9)
    np.testing.assert_allclose(found.shares, other.weights_, atol=1e-9)
    np.testing.assert_allclose(found.variances, other.covariances_[:, 0, 0], atol=1e-9)
    np.testing.assert_allclose(found.higher(values), other.predict_proba(values[:, None])[:, 1], atol=1e-9)
    usual = GaussianMixture(2, **settings).fit(values[:, None])
    high = usual.means_[:, 0].argmax()
    np.testing.assert_allclose(found.higher(values), usual.predict_proba(values[:, None])[:, high], atol=0.01)
