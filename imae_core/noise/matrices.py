"""Transition matrices T[true, given]: the probability that an example of class `true` gets the label `given`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imae_core.catalog import NOISES, NoiseEntry, lookup
from imae_core.errors import BadInputError

Matrix = NDArray[np.float64]
Mapped = Mapping[int, int] | Sequence[int]


def build_transition_matrix(kind: str, num_classes: int, rate: float, **params: Any) -> Matrix:
    """The matrix of a noise model that depends on the class alone.

    Args:
        kind: a name of `catalog.NOISES`. Those that change inputs keep every label.
        num_classes: K >= 2.
        rate: requested noise rate in [0, 1]; `transition_matrix` and `mixture` do not use it.
        params: `mapping` for `asymmetric` (K target classes, or a dict of the classes that move; default
            i -> i+1), `matrix` for `transition_matrix` (K x K).

    Returns:
        (K, K) float64, rows sum to 1.

    Raises:
        BadInputError: unknown kind or parameter, a rate outside of [0, 1], a matrix that is not row-stochastic, or a model
            whose matrix depends on more than the class (see `corrupt_labels`).
    """
    entry: NoiseEntry = lookup(NOISES, kind, "noise model")
    K, checked_rate = check_sizes(num_classes, rate)
    values = entry.validate(params)
    if entry.changes_inputs:
        return np.eye(K)
    if kind not in BUILDERS:
        raise BadInputError(
            f"the matrix of {kind} noise depends on the examples and the seed; take that of corrupt_labels(...)"
        )
    return BUILDERS[kind](K, checked_rate, values)


def check_sizes(num_classes: Any, rate: Any) -> tuple[int, float]:
    """Both as numbers; BadInputError for what they cannot be."""
    if isinstance(num_classes, bool) or int(num_classes) != num_classes or num_classes < 2:
        raise BadInputError(f"num_classes must be a whole number of at least 2, got {num_classes!r}")
    try:
        valid_rate = 0.0 <= float(rate) <= 1.0
    except (TypeError, ValueError):
        valid_rate = False
    if not valid_rate:
        raise BadInputError(f"noise rate must be a fraction in [0, 1], got {rate!r}")
    return int(num_classes), float(rate)


def _symmetric(K: int, rate: float, _: Mapping[str, Any]) -> Matrix:
    matrix = np.full((K, K), rate / (K - 1))
    np.fill_diagonal(matrix, 1 - rate)
    return matrix


def _symmetric_inclusive(K: int, rate: float, _: Mapping[str, Any]) -> Matrix:
    return (1 - rate) * np.eye(K) + rate / K


def _pairflip(K: int, rate: float, _: Mapping[str, Any]) -> Matrix:
    return _moved(K, rate, [(label + 1) % K for label in range(K)])


def _asymmetric(K: int, rate: float, params: Mapping[str, Any]) -> Matrix:
    mapping = params.get("mapping")
    if mapping is None:
        return _pairflip(K, rate, {})
    return _moved(K, rate, _targets(mapping, K))


def _legacy_block5(K: int, rate: float, _: Mapping[str, Any]) -> Matrix:
    if K % 5:
        raise BadInputError(f"legacy_block5 needs a number of classes that 5 divides, got {K}; choose asymmetric noise")
    return _moved(K, rate, [5 * (label // 5) + (label + 1) % 5 for label in range(K)])


def _targets(mapping: Mapped, K: int) -> list[int]:
    """The target class of each class, from a full list or from a dict of the classes that move."""
    if isinstance(mapping, Mapping):
        try:
            moves = {int(source): int(target) for source, target in mapping.items()}
        except (TypeError, ValueError):
            raise BadInputError(f"mapping must map class numbers to class numbers, got {mapping!r}") from None
        bad = [source for source in moves if not 0 <= source < K]
        targets = [moves.get(label, label) for label in range(K)]
    else:
        targets = [int(target) for target in mapping]
        bad = []
        if len(targets) != K:
            raise BadInputError(f"mapping must name a target for each of the {K} classes, got {len(targets)}")
    bad += [target for target in targets if not 0 <= target < K]
    if bad:
        raise BadInputError(f"mapping names class {bad[0]}, but classes are 0 to {K - 1}")
    return targets


def _moved(K: int, rate: float, targets: Sequence[int]) -> Matrix:
    matrix = np.eye(K)
    for label, target in enumerate(targets):
        if target != label:
            matrix[label, label] = 1 - rate
            matrix[label, target] = rate
    return matrix


def _given(K: int, _: float, params: Mapping[str, Any]) -> Matrix:
    if params.get("matrix") is None:
        raise BadInputError(f"transition_matrix needs a {K} x {K} matrix; pass matrix=...")
    try:
        matrix = np.asarray(params["matrix"], dtype=np.float64)
    except (TypeError, ValueError):
        raise BadInputError("the transition matrix holds something that is not a number") from None
    if matrix.shape != (K, K):
        raise BadInputError(f"the transition matrix must be {K} x {K} for {K} classes, got {matrix.shape}")
    if not np.isfinite(matrix).all() or (matrix < 0).any():
        raise BadInputError("the transition matrix must hold finite numbers of at least 0")
    sums = matrix.sum(axis=1)
    wrong = int(np.argmax(np.abs(sums - 1)))
    if abs(sums[wrong] - 1) > 1e-6:
        raise BadInputError(f"each row of the transition matrix must sum to 1; row {wrong} sums to {sums[wrong]:g}")
    normalised: Matrix = matrix / sums[:, None]
    return normalised


BUILDERS: dict[str, Callable[[int, float, Mapping[str, Any]], Matrix]] = {
    "symmetric": _symmetric,
    "symmetric_inclusive": _symmetric_inclusive,
    "pairflip": _pairflip,
    "asymmetric": _asymmetric,
    "legacy_block5": _legacy_block5,
    "transition_matrix": _given,
}
