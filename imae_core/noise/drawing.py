"""From a true label to a given one, where the class alone decides how likely each is."""

import numpy as np
from numpy.typing import NDArray

from imae_core.noise.matrices import Matrix
from imae_core.noise.streams import generator

Labels = NDArray[np.int64]


def draw_by_class(labels: Labels, matrix: Matrix, seed: int) -> Labels:
    """(N,) given labels, each example drawn for itself from the row of its true class."""
    draws = generator(seed).random(len(labels))
    given = labels.copy()
    for label, row in enumerate(matrix):
        rows = np.flatnonzero(labels == label)
        edges = np.cumsum(row)
        edges /= edges[-1]  # so that rounding never lets a draw fall behind the last possible class
        given[rows] = np.searchsorted(edges, draws[rows], side="right")
    return given


def realized_matrix(true_labels: Labels, given_labels: Labels, model: Matrix) -> Matrix:
    """(K, K) shares of given labels within each true class; rows of absent classes are taken from `model`."""
    K = len(model)
    counts = np.bincount(true_labels * K + given_labels, minlength=K * K).reshape(K, K).astype(np.float64)
    totals = counts.sum(axis=1, keepdims=True)
    return np.where(totals > 0, counts / np.maximum(totals, 1), model)
