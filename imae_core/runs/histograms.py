"""Binned counts of every epoch, so that a whole run can be scrubbed without reading its examples."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from imae_core.analysis.histograms import RECORDED, binned, quantities, quantity_edges
from imae_core.analysis.truth import truth_is_known
from imae_core.analysis.weights import populations
from imae_core.catalog import LOSSES
from imae_core.config import RunConfig
from imae_core.curves import largest_weight
from imae_core.hardware import cpu_cores
from imae_core.runs.folder import LABELS, SOURCES, RunFolder, Source

COLUMNS = ("epoch", "source", "quantity", "population", "low", "high", "median", "total", "counts")
Row = tuple[Any, ...]
Masks = Mapping[str, NDArray[np.bool_]]
Parts = Masks | Mapping[str, slice]


class HistogramBook:
    """All rows so far of a run's histograms; those of earlier epochs are counted again when a run is resumed.

    `weight_limit` is the right end of the weight axis.
    """

    def __init__(self, folder: RunFolder, weight_limit: float, masks: Masks, next_epoch: int) -> None:
        self.folder = folder
        self.masks = masks
        self.edges = quantity_edges(weight_limit)
        self.table = pa.table({})
        self.new_rows: list[Row] = []
        for source in SOURCES:
            for epoch in folder.epochs(source):
                if epoch < next_epoch:
                    self.add(epoch, source, folder.dynamics(source, epoch))

    def add(self, epoch: int, source: Source, columns: Mapping[str, Any] | pd.DataFrame) -> None:
        """Counts one epoch."""
        self.new_rows += _count(epoch, source, columns, self.masks, self.edges)

    def write(self) -> None:
        """All epochs so far; a run in folds has none before its end."""
        if self.new_rows:
            new = _table(self.new_rows)
            self.table = pa.concat_tables([self.table, new]) if len(self.table) else new
            self.new_rows = []
        if len(self.table):
            self.folder.write_histograms(self.table)


def stored_histograms(folder: RunFolder, source: Source) -> pd.DataFrame:
    """All epochs of a source, as the run stored them, else counted anew."""
    table = folder.histograms()
    if len(table):
        return table[table["source"] == source]
    labels = folder.examples(LABELS)
    known = truth_is_known(labels)
    masks = populations(labels["is_corrupted"] if known else None, len(labels))
    return count_histograms(
        folder, folder.config(), source, {name: np.flatnonzero(mask) for name, mask in masks.items()}
    )


def count_histograms(
    folder: RunFolder, config: RunConfig, source: Source, rows: Mapping[str, NDArray[np.int64]]
) -> pd.DataFrame:
    """The same table for populations of one's own, such as the examples of a class: `rows` names those of each.

    Reads these rows of all epochs, and no others.
    """
    edges = quantity_edges(weight_limit(folder, config))
    together = np.concatenate(list(rows.values()))
    ends = np.cumsum([0, *map(len, rows.values())])
    parts = {name: slice(start, end) for name, start, end in zip(rows, ends[:-1], ends[1:], strict=True)}

    def count(epoch: int) -> list[Row]:
        return _count(epoch, source, folder.dynamics_columns(source, epoch, RECORDED, together), parts, edges)

    with ThreadPoolExecutor(cpu_cores()) as threads:  # reading and numpy's loops leave the interpreter free
        found = threads.map(count, folder.epochs(source))
        return _table([row for rows in found for row in rows]).to_pandas()  # type: ignore[no-any-return]


def _count(
    epoch: int, source: Source, columns: Mapping[str, Any] | pd.DataFrame, parts: Parts, edges: Mapping[str, Any]
) -> list[Row]:
    rows: list[Row] = []
    for quantity, values in quantities(columns).items():
        low, high = edges[quantity][0], edges[quantity][-1]
        for population, part in parts.items():
            found = binned(values[part], edges[quantity])
            rows.append((epoch, source, quantity, population, low, high, found.median, found.total, found.counts))
    return rows


def _table(rows: Sequence[Row]) -> pa.Table:
    return pa.table(dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True)))


def weight_limit(folder: RunFolder, config: RunConfig) -> float:
    """The right end of the weight axis: as the run stored it, else the curve's maximum, else cross entropy's."""
    table = folder.histograms()
    if len(table):
        return float(table.loc[table["quantity"] == "weight", "high"].iloc[0])
    name = config.loss.name
    return largest_weight(name, **config.loss.params) if LOSSES[name].has_curve else 2.0
