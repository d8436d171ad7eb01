"""Every detector against its definition, worked out by hand or in a slower, plainer way."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.mixture import GaussianMixture

from imae_core.analysis.detectors import (
    DETECTORS,
    DetectorInputs,
    available,
    fractional_rank,
    mean_rank,
    same_evidence,
    score,
    suggested_labels,
    suspicion_order,
)
from imae_core.analysis.scorecard import scorecard
from imae_core.analysis.suspicion_scores import high_loss_component
from imae_core.analysis.trajectories import TrajectoryStats
from imae_core.errors import BadInputError, ImaeError

N, K, EPOCHS = 120, 4, 6


@pytest.fixture(scope="module")
def noisy():
    """A made-up run in which every fourth label is wrong, and the truth."""
    generator = np.random.default_rng(0)
    true = generator.integers(0, K, N)
    is_corrupted = np.arange(N) % 4 == 0
    given = np.where(is_corrupted, (true + 1) % K, true)
    logits = generator.normal(size=(EPOCHS, N, K)) + 3 * np.eye(K)[true]
    probs = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    stats, rows = TrajectoryStats(N), np.arange(N)
    for epoch in range(EPOCHS):
        others = np.where(np.eye(K)[given] == 1, -np.inf, logits[epoch]).max(axis=1)
        margin = logits[epoch][rows, given] - others
        stats.update(probs[epoch][rows, given], margin, probs[epoch].argmax(axis=1) == given)
    embeddings = np.eye(K)[true] + generator.normal(scale=0.2, size=(N, K))
    inputs = DetectorInputs(
        given, probs[-1][rows, given].astype(np.float32), margin.astype(np.float16), K, pd.DataFrame(stats.table()),
        probs[-1].astype(np.float32), embeddings.astype(np.float16),
    )  # fmt: skip
    return inputs, is_corrupted, true


def test_records_speak_to_people():
    assert next(iter(DETECTORS)) == "confidence"
    for name, detector in DETECTORS.items():
        assert detector.name == name
        assert detector.help.endswith(".")
        assert "arXiv" in detector.source


@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_finds_wrong_labels(noisy, name):
    inputs, is_corrupted, _ = noisy
    scores = score(name, inputs)
    assert scores.shape == (N,)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    assert scorecard(scores, is_corrupted).auc > (0.6 if name in ("variability", "forgetting") else 0.9)


def test_scores_of_the_trajectory_by_hand():
    trajectory = pd.DataFrame({
        "mean_p_label": [0.9, 0.2], "variance_p_label": [0.04, 0.01], "aum": [3.0, -2.0], "num_correct": [3, 0],
        "forgetting": [1, 0], "num_epochs": [4, 4],
    })  # fmt: skip
    inputs = DetectorInputs(np.array([0, 1]), np.array([0.5, 0.0]), np.zeros(2), 2, trajectory)
    expected = {"confidence": [0.1, 0.8], "aum": [-3, 2], "variability": [-0.2, -0.1], "correctness": [0.25, 1.0],
                "forgetting": [1, 4], "loss": [-np.log(0.5), -np.log(1e-38)]}  # fmt: skip
    for name, values in expected.items():
        np.testing.assert_allclose(score(name, inputs), values, err_msg=name)


def test_gmm_is_dividemix(noisy):
    inputs, _, _ = noisy
    losses = -np.log(inputs.p_label.astype(np.float64))
    losses = ((losses - losses.min()) / (losses.max() - losses.min())).reshape(-1, 1)
    mixture = GaussianMixture(n_components=2, max_iter=10, tol=1e-2, reg_covar=5e-4, random_state=0).fit(losses)
    clean = mixture.predict_proba(losses)[:, mixture.means_.argmin()]
    np.testing.assert_allclose(score("gmm", inputs), 1 - clean, atol=1e-9)
    flat = replace(inputs, p_label=np.full(N, 0.5))
    np.testing.assert_array_equal(score("gmm", flat), np.zeros(N))


def test_cores_and_confident_learning_by_hand():
    probs = np.array([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1]])
    inputs = DetectorInputs(np.array([0, 2]), np.array([0.7, 0.1]), np.zeros(2), 3, pred_probs=probs)
    mean = -np.log([0.7, 0.2, 0.1]).mean()
    np.testing.assert_allclose(score("cores", inputs), [-np.log(0.7) - mean, -np.log(0.1) - mean])
    np.testing.assert_allclose(score("confident_learning", inputs), [0.3, 0.9])


def test_neighbours_vote_without_the_example_itself(noisy, monkeypatch):
    inputs, _, _ = noisy
    vectors = inputs.embeddings.astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = vectors @ vectors.T
    np.fill_diagonal(cosine, -np.inf)
    nearest = np.argsort(-cosine, axis=1)[:, :10]
    votes = (inputs.given_labels[nearest] != inputs.given_labels[:, None]).mean(axis=1)
    assert np.mean(np.abs(score("knn", inputs) - votes) < 1e-9) > 0.97  # float32 may swap near ties
    twins = DetectorInputs(np.array([0, 1] * 20), np.ones(40), np.ones(40), 2, embeddings=np.ones((40, 3)))
    assert score("knn", twins).max() <= 1.0
    monkeypatch.setattr("imae_core.analysis.suspicion_scores.MOST_REFERENCES", 40)
    sampled = score("knn", inputs)
    assert scorecard(sampled, noisy[1]).auc > 0.9


def test_what_is_missing_is_said(noisy):
    inputs = replace(noisy[0], pred_probs=None, embeddings=None)
    assert available(inputs) == ["confidence", "aum", "correctness", "variability", "forgetting", "loss", "gmm"]
    assert available(replace(inputs, trajectory=None)) == ["loss", "gmm"]
    assert available(noisy[0]) == list(DETECTORS)
    with pytest.raises(BadInputError, match="'knn' needs embeddings, .* choose one of: confidence"):
        score("knn", inputs)
    with pytest.raises(BadInputError, match="unknown detector 'luck'; choose one of: aum"):
        score("luck", inputs)
    with pytest.raises(BadInputError, match="at least one detector"):
        mean_rank([], inputs)


def test_without_cleanlab_the_message_says_what_to_install(noisy, monkeypatch):
    monkeypatch.setitem(sys.modules, "cleanlab.rank", None)
    with pytest.raises(ImaeError, match="pip install cleanlab"):
        score("confident_learning", noisy[0])


def test_ranks_are_fractions_and_nan_is_lowest(noisy):
    np.testing.assert_allclose(fractional_rank([5.0, np.nan, 7.0, 5.0]), [0.5, 0, 1, 0.5])
    assert suspicion_order([0.1, np.nan, 0.9, 0.1]).tolist() == [2, 0, 3, 1]
    assert fractional_rank([3.0]).tolist() == [0.0]
    inputs = noisy[0]
    both = mean_rank(["confidence", "knn"], inputs)
    expected = (fractional_rank(score("confidence", inputs)) + fractional_rank(score("knn", inputs))) / 2
    np.testing.assert_allclose(both, expected)
    np.testing.assert_allclose(mean_rank(["aum"], inputs), fractional_rank(score("aum", inputs)))


@pytest.mark.parametrize("name", DETECTORS)
def test_examples_that_were_never_evaluated_rank_lowest(noisy, name):
    inputs = noisy[0]
    holes = np.arange(N) < 5

    def with_holes(values):
        values = np.array(values, dtype=np.float64)
        values[holes] = np.nan
        return values

    trajectory = inputs.trajectory.astype(np.float64)
    trajectory.loc[holes] = np.nan
    broken = replace(
        inputs, trajectory=trajectory,
        **{field: with_holes(getattr(inputs, field)) for field in ("p_label", "margin", "pred_probs", "embeddings")},
    )  # fmt: skip
    scores = score(name, broken)
    assert np.isnan(scores[holes]).all()
    assert np.isfinite(scores[~holes]).all()
    assert set(suspicion_order(scores)[-5:]) == set(range(5))
    np.testing.assert_array_equal(suggested_labels(broken)[holes], inputs.given_labels[holes])


def test_suggestions_are_never_the_given_label(noisy):
    inputs, is_corrupted, true = noisy
    suggested = suggested_labels(inputs)
    assert (suggested != inputs.given_labels).all()
    assert (suggested == true)[is_corrupted].mean() > 0.8
    np.testing.assert_array_equal(suggested_labels(replace(inputs, pred_probs=None)), inputs.given_labels)


def test_detectors_load_neither_torch_nor_cleanlab():
    code = (
        "import sys, imae_core.runs.suspects, imae_core.analysis.noise_estimate, imae_core.analysis.scorecard;"
        "sys.exit('torch' in sys.modules or 'cleanlab' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_detectors_that_read_the_same_number_rank_alike(noisy):
    inputs, _, _ = noisy
    ranks = {name: fractional_rank(score(name, inputs)) for name in DETECTORS}
    assert same_evidence(["confidence", "loss", "aum"]) == []
    assert same_evidence(["confidence", "confident_learning", "loss"]) == ["confident_learning", "loss"]
    for name in same_evidence(list(DETECTORS)):
        assert np.corrcoef(ranks[name], ranks["loss"])[0, 1] > 0.99, name
    others = set(DETECTORS) - set(same_evidence(list(DETECTORS)))
    assert all(np.corrcoef(ranks[name], ranks["loss"])[0, 1] < 0.99 for name in others)


def test_a_mixture_is_fitted_to_a_sample_of_many_losses():
    generator = np.random.default_rng(0)
    losses = np.abs(np.concatenate([generator.normal(0.3, 0.1, 15_000), generator.normal(3, 0.5, 10_000)]))
    scores = high_loss_component(losses)
    assert scores.shape == losses.shape
    assert (scores > 0.5).mean() == pytest.approx(0.4, abs=0.01)
