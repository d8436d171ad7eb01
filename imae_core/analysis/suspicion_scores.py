"""Scores of how likely a given label is wrong, each from its own evidence. All (N,) float64: higher is more suspicious.

An example without evidence (NaN) has the score NaN.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imae_core.analysis.histograms import SMALLEST_P
from imae_core.analysis.mixture import fit_mixture
from imae_core.errors import ImaeError

Scores = NDArray[np.float64]
NEIGHBOURS = 10
MOST_REFERENCES = 20_000  # beyond this many examples the neighbours are looked for among a sample of that many


def cross_entropy(p_label: ArrayLike) -> Scores:
    """-log p_label (N,), in nats; at most 87.5, where a probability is 0."""
    return -np.log(np.maximum(np.asarray(p_label, dtype=np.float64), SMALLEST_P))


def forgetting_events(forgetting: ArrayLike, num_correct: ArrayLike, num_epochs: ArrayLike) -> Scores:
    """How often a learned label was forgotten; an example that was never learned gets `num_epochs`, which no learned one
    reaches (Toneva et al. 2019, arXiv 1812.05159, where never learned counts as infinitely often)."""
    return np.where(np.asarray(num_correct) == 0, num_epochs, forgetting).astype(np.float64)


def high_loss_component(loss: ArrayLike) -> Scores:
    """1 - P(component of the lower mean) of a two-component Gaussian mixture on the losses (N,), scaled to [0, 1].

    DivideMix's settings: max_iter 10, tol 1e-2, reg_covar 5e-4 (Li et al. 2020, arXiv 2002.07394, Section 3.1 and its
    code). All 0 where the losses do not differ.
    """
    values = np.asarray(loss, dtype=np.float64)
    known = np.isfinite(values)
    scores = np.where(known, 0.0, np.nan)
    finite = values[known]
    if len(finite) < 2 or finite.min() == finite.max():
        return scores
    scaled = (finite - finite.min()) / (finite.max() - finite.min())
    scores[known] = fit_mixture(scaled, max_iter=10, tolerance=1e-2).higher(scaled)
    return scores


def label_quality_gap(given_labels: ArrayLike, pred_probs: ArrayLike) -> Scores:
    """1 - cleanlab's label quality score by self-confidence; given_labels (N,), pred_probs (N, K).

    Raises ImaeError where cleanlab is not installed.
    """
    try:  # only here: a machine that trains need not have it
        from cleanlab.rank import get_label_quality_scores
    except ImportError:
        raise ImaeError("this score needs the package cleanlab, which is not installed: pip install cleanlab") from None
    probs = np.asarray(pred_probs, dtype=np.float64)
    known = np.isfinite(probs).all(axis=1)
    scores = np.full(len(probs), np.nan)
    if known.any():
        labels = np.asarray(given_labels, dtype=np.int64)[known]
        scores[known] = 1.0 - get_label_quality_scores(labels, probs[known], method="self_confidence")
    return scores


def sieve_gap(given_labels: ArrayLike, pred_probs: ArrayLike) -> Scores:
    """CE of the given label less the mean CE over all classes, in nats: at most 0 is clean to CORES2's sample sieve
    (Cheng et al. 2021, arXiv 2010.02347, Equation 3). given_labels (N,), pred_probs (N, K)."""
    losses = cross_entropy(pred_probs)
    own: Scores = np.take_along_axis(losses, np.asarray(given_labels, dtype=np.int64)[:, None], axis=1)[:, 0]
    return np.asarray(own - losses.mean(axis=1))


def neighbours_against(given_labels: ArrayLike, embeddings: ArrayLike, count: int = NEIGHBOURS) -> Scores:
    """Share of the `count` nearest examples by cosine, itself left out, whose given label is another one.

    The vote of SimiFeat (Zhu et al. 2022, arXiv 2110.06283). given_labels (N,), embeddings (N, D). Of more than
    `MOST_REFERENCES` examples a random sample of that many may vote, always the same one.
    """
    labels = np.asarray(given_labels)
    vectors = np.asarray(embeddings, dtype=np.float32)
    known = np.isfinite(vectors).all(axis=1)
    voters = np.flatnonzero(known)
    scores = np.full(len(labels), np.nan)
    if len(voters) < 2:
        return np.where(known, 0.0, np.nan)
    if len(voters) > MOST_REFERENCES:
        voters = np.sort(np.random.default_rng(0).choice(voters, MOST_REFERENCES, replace=False))
    from sklearn.neighbors import NearestNeighbors  # only here: scikit-learn takes long to load, and memory

    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    count = min(count, len(voters) - 1)
    search = NearestNeighbors(n_neighbors=count + 1, algorithm="brute").fit(units[voters])
    rows = np.flatnonzero(known)
    found = voters[search.kneighbors(units[rows], return_distance=False)]
    is_self = found == rows[:, None]
    is_self[~is_self.any(axis=1), -1] = True  # not among its own neighbours: the farthest one goes instead
    others = found[~is_self].reshape(len(rows), count)
    scores[rows] = (labels[others] != labels[rows][:, None]).mean(axis=1)
    return scores
