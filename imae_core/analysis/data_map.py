"""The data map: confidence against variability of each example over the run (Swayamdipta et al. 2020, arXiv 2009.10795)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray


def data_map(trajectory: pd.DataFrame) -> pd.DataFrame:
    """(N rows) confidence and variability, the mean and standard deviation of p_label over the eval epochs so far, and
    correctness, the share of those epochs in which the given label was predicted. All in [0, 1]."""
    return pd.DataFrame(
        {
            "confidence": trajectory["mean_p_label"].to_numpy(dtype=np.float64),
            "variability": np.sqrt(trajectory["variance_p_label"].to_numpy(dtype=np.float64)),
            "correctness": trajectory["num_correct"].to_numpy() / np.maximum(trajectory["num_epochs"].to_numpy(), 1),
        }
    )


def stratified_sample(groups: ArrayLike, size: int, seed: int = 0) -> NDArray[np.int64]:
    """Rising rows, about `size` of them: of each group (N,) its share, but at least 50 (or all it has)."""
    values = np.asarray(groups)
    if len(values) <= size:
        return np.arange(len(values))
    generator = np.random.default_rng(seed)
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    chosen = []
    for rows in np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1]):
        count = min(len(rows), max(50, round(size * len(rows) / len(values))))
        chosen.append(generator.choice(rows, count, replace=False))
    return np.sort(np.concatenate(chosen))


def inside(corners_x: Sequence[float], corners_y: Sequence[float], x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
    """Which points x, y (N,) lie in the polygon with these corners (even-odd rule; points on an edge may go either way)."""
    px, py = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    result = np.zeros(len(px), dtype=bool)
    if len(corners_x) < 3:
        return result
    near = np.flatnonzero(
        (px >= min(corners_x)) & (px <= max(corners_x)) & (py >= min(corners_y)) & (py <= max(corners_y))
    )
    px, py = px[near], py[near]
    odd = np.zeros(len(near), dtype=bool)
    ends = zip(np.roll(corners_x, 1), np.roll(corners_y, 1), corners_x, corners_y, strict=True)
    for x0, y0, x1, y1 in ends:
        crosses = (y0 > py) != (y1 > py)
        if y0 != y1:
            odd ^= crosses & (px < (x1 - x0) * (py - y0) / (y1 - y0) + x0)
    result[near] = odd
    return result


def density(
    x: ArrayLike, y: ArrayLike, bins: int = 80
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Counts (bins, bins) by row y and column x, and the centres of the columns and rows (bins,); NaN points in none."""
    counts, edges_y, edges_x = np.histogram2d(
        np.asarray(y), np.asarray(x), bins=bins, range=[[0, 1], [0, max(0.5, float(np.nanmax(x)))]]
    )
    return counts, (edges_x[:-1] + edges_x[1:]) / 2, (edges_y[:-1] + edges_y[1:]) / 2
