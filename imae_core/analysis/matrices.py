"""Label against label: who was called what."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def count_matrix(rows: ArrayLike, columns: ArrayLike, num_classes: int) -> NDArray[np.int64]:
    """(K, K) how many examples have the label rows[i] (N,) and columns[i] (N,); labels outside 0..K-1 are left out."""
    first, second = np.asarray(rows, dtype=np.int64), np.asarray(columns, dtype=np.int64)
    known = (first >= 0) & (first < num_classes) & (second >= 0) & (second < num_classes)
    flat = np.bincount(first[known] * num_classes + second[known], minlength=num_classes * num_classes)
    return flat.reshape(num_classes, num_classes)


def row_shares(matrix: ArrayLike) -> NDArray[np.float64]:
    """(K, K) each row divided by its sum; a row of zeros stays one."""
    values = np.asarray(matrix, dtype=np.float64)
    shares: NDArray[np.float64] = values / np.maximum(values.sum(axis=1, keepdims=True), 1e-300)
    return shares
