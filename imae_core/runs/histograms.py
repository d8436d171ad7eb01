"""Binned counts of weight and p of every epoch, so that a whole run can be scrubbed without reading its examples."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imae_core.analysis.weights import bin_counts, bin_edges
from imae_core.config import RunConfig
from imae_core.curves import CURVES, largest_weight
from imae_core.runs.folder import SOURCES, RunFolder, Source

BINS = 50


class HistogramBook:
    """All rows so far of a run's histograms; those of earlier epochs are counted again when a run is resumed."""

    def __init__(
        self, folder: RunFolder, config: RunConfig, masks: Mapping[str, NDArray[np.bool_]], next_epoch: int
    ) -> None:
        self.folder = folder
        self.masks = masks
        self.edges = {"p_label": bin_edges(0.0, 1.0, BINS), "weight": bin_edges(0.0, weight_limit(config), BINS)}
        self.rows: list[dict[str, Any]] = []
        for source in SOURCES:
            for epoch in folder.epochs(source):
                if epoch < next_epoch:
                    frame = folder.dynamics(source, epoch)
                    self.add(epoch, source, {name: frame[name].to_numpy() for name in self.edges})

    def add(self, epoch: int, source: Source, columns: Mapping[str, NDArray[Any]]) -> None:
        """Counts one epoch."""
        for quantity, edges in self.edges.items():
            for population, mask in self.masks.items():
                self.rows.append(
                    {
                        "epoch": epoch,
                        "source": source,
                        "quantity": quantity,
                        "population": population,
                        "low": edges[0],
                        "high": edges[-1],
                        "counts": bin_counts(columns[quantity][mask], edges),
                    }
                )

    def write(self) -> None:
        self.folder.write_histograms(self.rows)


def weight_limit(config: RunConfig) -> float:
    """The right end of the weight axis: the curve's maximum."""
    return largest_weight(config.loss.name, **config.loss.params) if config.loss.name in CURVES else 2.0
