"""Places in an order, in numpy alone: the app ranks a million examples without loading a statistics package."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imae_core.errors import BadInputError


def mean_ranks(values: ArrayLike) -> NDArray[np.float64]:
    """(N,) rank from 1, the lowest, to N; ties share their mean rank. Raises BadInputError for NaN, which has no place."""
    numbers = np.asarray(values)
    order = np.argsort(numbers)
    rising = numbers[order]
    if len(rising) and np.isnan(rising[-1]):
        raise BadInputError("values to rank must be numbers, got NaN")
    starts = np.flatnonzero(np.concatenate([[True], rising[1:] != rising[:-1]])) if len(rising) else np.zeros(0, int)
    lengths = np.diff(np.append(starts, len(rising)))
    ranks = np.empty(len(rising))
    ranks[order] = np.repeat(starts + (lengths + 1) / 2, lengths)
    return ranks
