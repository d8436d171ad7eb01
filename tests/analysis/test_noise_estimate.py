"""Noise estimates against cleanlab and against noise that is known."""

import numpy as np
import pytest
from cleanlab.count import compute_confident_joint, estimate_joint, num_label_issues

from imae_core.analysis.noise_estimate import estimate_noise, mixture_noise_rate
from imae_core.errors import BadInputError
from imae_core.noise import corrupt_labels

K = 5


@pytest.fixture(scope="module")
def noisy():
    """Labels with 30 % symmetric noise, and the probabilities of a good net that never saw them."""
    generator = np.random.default_rng(0)
    true = generator.integers(0, K, 4000)
    noise = corrupt_labels(true, K, "symmetric", 0.3, 0)
    logits = generator.normal(size=(4000, K)) + 4 * np.eye(K)[true]
    return noise, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_known_noise_is_recovered(noisy):
    noise, probs = noisy
    estimate = estimate_noise(noise.given_labels, probs)
    assert estimate.noise_rate == pytest.approx(noise.realized_noise_rate, abs=0.02)
    assert estimate.low < estimate.noise_rate < estimate.high
    assert estimate.high - estimate.low < 0.05
    assert estimate.num_wrong == round(estimate.noise_rate * 4000)
    np.testing.assert_allclose(estimate.transition_matrix.sum(axis=1), 1)
    np.testing.assert_allclose(estimate.transition_matrix, noise.realized_transition_matrix, atol=0.04)


def test_it_is_cleanlabs_estimate(noisy):
    noise, probs = noisy
    estimate = estimate_noise(noise.given_labels, probs)
    np.testing.assert_allclose(estimate.joint.T, estimate_joint(noise.given_labels, probs), atol=1 / 4000)
    wrong = num_label_issues(noise.given_labels, probs, estimation_method="off_diagonal_calibrated")
    assert abs(estimate.num_wrong - wrong) <= K


def test_asymmetric_noise_is_told_from_its_transpose():
    generator = np.random.default_rng(1)
    true = generator.integers(0, K, 4000)
    noise = corrupt_labels(true, K, "pairflip", 0.3, 0)
    probs = np.where(np.eye(K)[true] == 1, 0.9, 0.1 / (K - 1))
    np.testing.assert_allclose(
        estimate_noise(noise.given_labels, probs).transition_matrix, noise.realized_transition_matrix, atol=1e-9
    )


def test_the_interval_is_that_of_resampling_examples(noisy):
    """The quick bootstrap of counts against the plain one, which draws rows and counts again."""
    noise, probs = noisy
    estimate = estimate_noise(noise.given_labels, probs)
    generator, rates = np.random.default_rng(0), []
    for _ in range(150):
        rows = generator.integers(0, 4000, 4000)
        joint = compute_confident_joint(noise.given_labels[rows], probs[rows])
        rates.append(1 - np.trace(joint) / 4000)
    low, high = np.quantile(rates, [0.025, 0.975])
    assert estimate.low == pytest.approx(low, abs=0.006)
    assert estimate.high == pytest.approx(high, abs=0.006)


def test_no_noise_and_missing_classes():
    true = np.repeat([0, 2], 200)
    estimate = estimate_noise(true, np.eye(3)[true] * 0.97 + 0.01)
    assert (estimate.noise_rate, estimate.low, estimate.high, estimate.num_wrong) == (0, 0, 0, 0)
    np.testing.assert_array_equal(estimate.transition_matrix, np.eye(3))


def test_rows_without_probabilities_are_left_out(noisy):
    noise, probs = noisy
    holes = probs.copy()
    holes[:2000] = np.nan
    assert (
        estimate_noise(noise.given_labels, holes).noise_rate
        == estimate_noise(noise.given_labels[2000:], probs[2000:]).noise_rate
    )
    with pytest.raises(BadInputError, match="no example has probabilities"):
        estimate_noise([0, 1], np.full((2, 2), np.nan))
    with pytest.raises(BadInputError, match=r"needs labels \(N,\)"):
        estimate_noise([0, 1], np.ones((3, 2)))
    with pytest.raises(BadInputError, match=r"must be in 0..1, got 0..5"):
        estimate_noise([0, 5], np.ones((2, 2)))


def test_a_mixture_counts_the_suspicious_population():
    generator = np.random.default_rng(0)
    scores = np.concatenate([generator.normal(0.1, 0.03, 700), generator.normal(0.8, 0.1, 300)])
    assert mixture_noise_rate(scores) == pytest.approx(0.3, abs=0.02)
    assert mixture_noise_rate(np.repeat(scores, 30)) == pytest.approx(0.3, abs=0.02), (
        "of many scores a sample is fitted"
    )
    assert np.isnan(mixture_noise_rate(np.full(10, 0.5)))
