"""Two classes of each superclass swap an exact share of their examples."""

from typing import Any

import numpy as np

from imae_core.errors import BadInputError
from imae_core.noise.drawing import Labels
from imae_core.noise.matrices import Matrix
from imae_core.noise.streams import generator


def swap_in_superclasses(labels: Labels, K: int, rate: float, seed: int, superclasses: Any) -> tuple[Labels, Matrix]:
    """Given labels (N,) and the matrix [true, given] (K, K), whose pairs of classes come from the seed.

    Args:
        superclasses: K numbers; a superclass of one class stays clean.
    """
    groups = _checked(superclasses, K)
    random = generator(seed)
    given, matrix = labels.copy(), np.eye(K)
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        if len(members) < 2:
            continue
        pair = random.choice(members, 2, replace=False)
        for source, target in (pair, pair[::-1]):
            rows = np.flatnonzero(labels == source)
            moved = random.choice(rows, int(rate * len(rows) + 0.5), replace=False)
            given[moved] = target
            matrix[source, source], matrix[source, target] = 1 - rate, rate
    return given, matrix


def _checked(superclasses: Any, K: int) -> Labels:
    if superclasses is None:
        raise BadInputError(
            f"superclass_swap needs the superclass of each of the {K} classes; pass superclasses=..., or choose asymmetric noise"
        )
    try:
        groups = np.asarray(superclasses, dtype=np.int64)
    except (TypeError, ValueError, OverflowError):
        raise BadInputError(f"superclasses must be {K} whole numbers, got {superclasses!r:.100}") from None
    if groups.shape != (K,):
        raise BadInputError(f"superclasses must name one for each of the {K} classes, got shape {groups.shape}")
    return groups
