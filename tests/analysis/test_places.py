"""Places in an order, and a mixture of two populations, against scipy and scikit-learn."""

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.mixture import GaussianMixture

from imae_core.analysis.mixture import fit_mixture
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


def test_the_mixture_is_that_of_scikit_learn():
    generator = np.random.default_rng(1)
    values = np.concatenate([generator.normal(0.3, 0.1, 700), generator.normal(0.6, 0.15, 300)])
    other = GaussianMixture(2, max_iter=200, reg_covar=5e-4, random_state=0).fit(values[:, None])
    found = fit_mixture(values, max_iter=200, tolerance=1e-3)
    order = other.means_[:, 0].argsort()
    np.testing.assert_allclose(found.means, other.means_[order, 0], atol=1e-6)
    np.testing.assert_allclose(found.shares, other.weights_[order], atol=1e-6)
    np.testing.assert_allclose(found.higher(values), other.predict_proba(values[:, None])[:, order[1]], atol=1e-6)
