"""What the paper's figures show of runs: how p is distributed over training."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imae_core.runs.folder import RunFolder, Source
from imae_core.runs.histograms import stored_histograms


@dataclass(frozen=True)
class Spread:
    """The distribution of p in one population: `shares` (epochs, bins) of its examples, rows sum to 1."""

    steps: NDArray[np.int64]
    edges: NDArray[np.float64]
    shares: NDArray[np.float64]
    num_examples: int


def p_over_training(folder: RunFolder, source: Source = "eval") -> dict[str, Spread]:
    """By population, as binned while the run went on; "all" alone where it is not known which labels are wrong."""
    table = stored_histograms(folder, source)
    metrics = folder.metrics()
    if not len(table) or not len(metrics):
        return {}
    step_of = dict(zip(metrics["epoch"].tolist(), metrics["step"].tolist(), strict=True))
    found = {}
    for population, rows in table[table["quantity"] == "p_label"].sort_values("epoch").groupby("population", sort=True):
        rows = rows[rows["epoch"].isin(step_of)]
        counts = np.stack(rows["counts"].tolist()) if len(rows) else np.zeros((0, 1))
        if counts.sum() == 0:
            continue
        first = rows.iloc[0]
        found[str(population)] = Spread(
            np.array([step_of[epoch] for epoch in rows["epoch"]], dtype=np.int64),
            np.linspace(first["low"], first["high"], counts.shape[1] + 1),
            counts / np.maximum(counts.sum(axis=1, keepdims=True), 1),
            int(counts.sum(axis=1).max()),
        )
    return found
