"""Who lies near whom in the net's last hidden layer."""

import numpy as np
from numpy.typing import NDArray


def nearest(
    embeddings: NDArray[np.floating], row: int, count: int = 8
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The `count` rows most like `row` by cosine, itself left out, the nearest first, and their cosines."""
    vector = np.asarray(embeddings[row], dtype=np.float32)
    norms = np.linalg.norm(embeddings, axis=1) * np.linalg.norm(vector)
    cosine = (embeddings @ vector) / np.maximum(norms, 1e-12)
    cosine[row] = -np.inf
    count = min(count, len(cosine) - 1)
    rows = np.argpartition(-cosine, count - 1)[:count] if count > 0 else np.zeros(0, dtype=np.int64)
    rows = rows[np.argsort(-cosine[rows], kind="stable")]
    return rows.astype(np.int64), cosine[rows].astype(np.float64)
