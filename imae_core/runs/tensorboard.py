"""Runs as TensorBoard event files: the metrics of each epoch, and the distributions of weight and p by population."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imae_core.analysis.weights import bin_edges
from imae_core.errors import BadInputError
from imae_core.runs.folder import SOURCES, RunFolder
from imae_core.runs.histograms import stored_histograms
from imae_core.runs.store import StoredRun

QUANTITIES = ("weight", "p_label")


def export_tensorboard(runs: Sequence[tuple[StoredRun, RunFolder]], target: Path) -> None:
    """Writes one folder of event files a run into `target`, which is made if it is missing.

    Steps are epochs. Raises BadInputError where the package tensorboardX is missing, or a run's folder is there already.
    """
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        raise BadInputError(
            "TensorBoard event files need the package tensorboardX: pip install 'imae-core[tensorboard]', "
            "or pip install tensorboardX"
        ) from None
    places = [target / _folder_name(run) for run, _ in runs]
    for place in places:
        if place.exists():
            raise BadInputError(f"{place} is there already; choose another folder")
    for (run, folder), place in zip(runs, places, strict=True):
        with SummaryWriter(str(place)) as writer:
            _write_run(writer, run, folder)


def _folder_name(run: StoredRun) -> str:
    """What TensorBoard calls the run: its title, made a file name, and the end of its id."""
    return f"{re.sub(r'[^A-Za-z0-9.=-]+', '_', run.title)}-{run.run_id[-6:]}"


def _write_run(writer: Any, run: StoredRun, folder: RunFolder) -> None:
    writer.add_text("config", f"```json\n{run.config.model_dump_json(indent=1)}\n```", 0)
    for row in folder.metrics().to_dict("records"):
        epoch = int(row.pop("epoch"))
        for name, value in row.items():
            if np.isfinite(value):
                writer.add_scalar(f"metrics/{name}", float(value), epoch)
    for source in SOURCES:
        if not folder.epochs(source):
            continue
        table = stored_histograms(folder, source)
        for binned in table[table["quantity"].isin(QUANTITIES)].itertuples():
            _write_histogram(writer, binned)


def _write_histogram(writer: Any, row: Any) -> None:
    """From the binned counts; the sum of squares, which they do not hold, is that of the bins' centres."""
    counts = np.asarray(row.counts)
    if not counts.sum():
        return
    edges = bin_edges(row.low, row.high, len(counts))
    filled = np.flatnonzero(counts)
    centres = (edges[:-1] + edges[1:]) / 2
    writer.add_histogram_raw(
        f"{row.source}/{row.quantity}/{row.population}",
        min=edges[filled[0]],
        max=edges[filled[-1] + 1],
        num=int(counts.sum()),
        sum=float(row.total),
        sum_squares=float((counts * centres**2).sum()),
        bucket_limits=edges[1:].tolist(),
        bucket_counts=counts.tolist(),
        global_step=int(row.epoch),
    )
