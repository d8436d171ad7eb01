"""Label noise that depends on the inputs (Xia et al. 2020, arXiv 2006.07836, Algorithm 2)."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imae_core.errors import BadInputError
from imae_core.noise.drawing import Labels
from imae_core.noise.matrices import Matrix
from imae_core.noise.streams import generator

BLOCK_VALUES = 4_000_000
# multiples of these make every sum of products exact, so that its order, which libraries choose, does not matter
INPUT_STEP, WEIGHT_STEP = 2.0**-10, 2.0**-12
Floats = NDArray[np.float64]


def draw_by_instance(
    labels: Labels, K: int, rate: float, seed: int, inputs: Any, deviation: float, sharpness: float
) -> tuple[Labels, Matrix]:
    """Given labels (N,) and the mean of P by true class (K, K), [true, given].

    q_i from a normal distribution (rate, deviation^2) cut to [0, 1] (0 for all where the rate is 0); x_i standardised per
    feature; A = sharpness x_i W[y_i] with W (K, D, K) standard normal, A[y_i] = -inf; P = q_i softmax(A), P[y_i] = 1 - q_i.
    A class without examples keeps its label in the matrix.

    Args:
        inputs: (N, ...) of anything that is indexed by rows; read by blocks, a class at a time.
    """
    if inputs is None or len(inputs) != len(labels):
        given = "none" if inputs is None else f"{len(inputs)} of them"
        raise BadInputError(f"instance_dependent noise needs the inputs of all {len(labels)} examples, got {given}")
    rates = _flip_rates(len(labels), rate, deviation, generator(seed, 0))
    draws = generator(seed, 1).random(len(labels))
    mean, spread = _standard(inputs)
    given_labels, matrix = labels.copy(), np.eye(K)
    for label in range(K):
        rows = np.flatnonzero(labels == label)
        if not len(rows):
            continue
        weights = generator(seed, 2, label).standard_normal((len(mean), K))
        weights = np.round(weights / WEIGHT_STEP) * WEIGHT_STEP
        total = np.zeros(K)
        for block in _blocks(rows, len(mean)):
            x = np.round((_flat(inputs, block) - mean) / spread / INPUT_STEP) * INPUT_STEP
            probs = _probabilities(sharpness * (x @ weights), label, rates[block])
            total += probs.sum(axis=0)
            edges = np.cumsum(probs, axis=1)
            edges /= edges[:, -1:]
            given_labels[block] = (edges <= draws[block][:, None]).sum(axis=1)
        matrix[label] = total / total.sum()
    return given_labels, matrix


def _probabilities(scores: Floats, label: int, rates: Floats) -> Floats:
    """(n, K) for examples of one true class."""
    scores[:, label] = -np.inf
    scores -= scores.max(axis=1, keepdims=True)
    probs = np.exp(scores)
    probs *= (rates / probs.sum(axis=1))[:, None]
    probs[:, label] = 1 - rates
    return probs


def _flip_rates(size: int, rate: float, deviation: float, random: np.random.Generator) -> Floats:
    """(N,) normal numbers, those outside of [0, 1] drawn again."""
    rates = np.full(size, rate)
    outside = np.arange(size if rate > 0 and deviation > 0 else 0)
    while len(outside):
        rates[outside] = random.normal(rate, deviation, len(outside))
        outside = outside[(rates[outside] < 0) | (rates[outside] > 1)]
    return rates


def _standard(inputs: Any) -> tuple[Floats, Floats]:
    """Mean and standard deviation per feature (D,); a constant feature's deviation is 1."""
    size = int(np.prod(inputs.shape[1:], dtype=np.int64))
    total, squares = np.zeros(size), np.zeros(size)
    everything = np.arange(len(inputs))
    for block in _blocks(everything, size):
        total += _flat(inputs, block).sum(axis=0)
    mean = total / max(len(inputs), 1)
    for block in _blocks(everything, size):
        squares += np.square(_flat(inputs, block) - mean).sum(axis=0)
    deviation = np.sqrt(squares / max(len(inputs), 1))
    if not np.isfinite(deviation).all():
        raise BadInputError("instance_dependent noise needs finite inputs, got NaN or infinity in some")
    return mean, np.where(deviation > 0, deviation, 1.0)


def _blocks(rows: Labels, size: int) -> Iterator[Labels]:
    step = max(1, BLOCK_VALUES // max(size, 1))
    return (rows[start : start + step] for start in range(0, len(rows), step))


def _flat(inputs: Any, rows: Labels) -> Floats:
    return np.asarray(inputs[rows], dtype=np.float64).reshape(len(rows), -1)
