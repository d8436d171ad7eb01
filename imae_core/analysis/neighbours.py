"""Who lies near whom in the net's last hidden layer."""

import numpy as np
from numpy.typing import NDArray

CHUNK = 65_536  # rows; half precision is slow to compute with, and a map of a large file need not be read at once


def nearest(
    embeddings: NDArray[np.floating], row: int, count: int = 8
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The `count` rows of embeddings (N, D) most like `row` by cosine, itself left out, the nearest first, and their cosines."""
    vector = np.asarray(embeddings[row], dtype=np.float32)
    vector = vector / max(float(np.linalg.norm(vector)), 1e-12)
    cosine = np.concatenate(
        [_cosine(embeddings[start : start + CHUNK], vector) for start in range(0, len(embeddings), CHUNK)]
    )
    cosine[row] = -np.inf
    count = min(count, len(cosine) - 1)
    rows = np.argpartition(-cosine, count - 1)[:count] if count > 0 else np.zeros(0, dtype=np.int64)
    rows = rows[np.argsort(-cosine[rows], kind="stable")]
    return rows.astype(np.int64), cosine[rows].astype(np.float64)


def _cosine(part: NDArray[np.floating], vector: NDArray[np.float32]) -> NDArray[np.float32]:
    values = np.asarray(part, dtype=np.float32)
    norms: NDArray[np.float32] = np.sqrt(np.einsum("nd,nd->n", values, values))
    return np.asarray((values @ vector) / np.maximum(norms, 1e-12), dtype=np.float32)
