"""Drawing given labels from true ones."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imae_core.errors import BadInputError
from imae_core.noise.matrices import Matrix, build_transition_matrix


@dataclass(frozen=True)
class LabelNoise:
    """Labels after corruption.

    Attributes:
        given_labels: (N,) int64, what training sees.
        is_corrupted: (N,) bool, given != true.
        transition_matrix: (K, K) the model's probabilities, [true, given].
        realized_transition_matrix: (K, K) the shares that were drawn; a class without examples keeps its model row.
        realized_noise_rate: fraction of examples whose label changed, in [0, 1].
    """

    given_labels: NDArray[np.int64]
    is_corrupted: NDArray[np.bool_]
    transition_matrix: Matrix
    realized_transition_matrix: Matrix
    realized_noise_rate: float


def corrupt_labels(
    true_labels: ArrayLike,
    num_classes: int,
    kind: str = "symmetric",
    rate: float = 0.4,
    seed: int = 0,
    **params: Any,
) -> LabelNoise:
    """Corrupts labels once, each example independently, from its true label alone.

    Args:
        true_labels: (N,) integers in [0, num_classes).
        num_classes: K >= 2.
        kind: a name of `catalog.NOISES`.
        rate: requested noise rate in [0, 1]; what it means for the overall rate depends on the kind.
        seed: of the noise alone; the same seed gives the same labels on every machine.
        params: see `build_transition_matrix`.

    Raises:
        BadInputError: labels that are no integers or out of range, or as `build_transition_matrix`.
    """
    matrix = build_transition_matrix(kind, num_classes, rate, **params)
    labels = _checked_labels(true_labels, len(matrix))
    if isinstance(seed, bool) or int(seed) != seed or seed < 0:
        raise BadInputError(f"seed must be a whole number of at least 0, got {seed!r}")
    draws = np.random.default_rng(int(seed)).random(len(labels))
    given = labels.copy()
    for label, row in enumerate(matrix):
        rows = np.flatnonzero(labels == label)
        edges = np.cumsum(row)
        edges /= edges[-1]  # so that rounding never lets a draw fall behind the last possible class
        given[rows] = np.searchsorted(edges, draws[rows], side="right")
    is_corrupted = given != labels
    return LabelNoise(
        given_labels=given,
        is_corrupted=is_corrupted,
        transition_matrix=matrix,
        realized_transition_matrix=realized_matrix(labels, given, matrix),
        realized_noise_rate=float(is_corrupted.mean()) if len(labels) else 0.0,
    )


def realized_matrix(true_labels: NDArray[np.int64], given_labels: NDArray[np.int64], model: Matrix) -> Matrix:
    """(K, K) shares of given labels within each true class; rows of absent classes are taken from `model`."""
    K = len(model)
    counts = np.bincount(true_labels * K + given_labels, minlength=K * K).reshape(K, K).astype(np.float64)
    totals = counts.sum(axis=1, keepdims=True)
    return np.where(totals > 0, counts / np.maximum(totals, 1), model)


def _checked_labels(true_labels: ArrayLike, K: int) -> NDArray[np.int64]:
    labels = np.asarray(true_labels)
    if labels.ndim != 1:
        raise BadInputError(f"true_labels must be one-dimensional, got shape {labels.shape}")
    if labels.dtype.kind not in "iu":
        raise BadInputError(f"true_labels must be integers, got {labels.dtype}")
    outside = np.flatnonzero((labels < 0) | (labels >= K))
    if len(outside):
        place = int(outside[0])
        raise BadInputError(f"label {labels[place]} at position {place} is outside of 0 to {K - 1}")
    return labels.astype(np.int64)
