"""Read-only data shared by all browsers, keyed so that it never goes stale: a written epoch does not change."""

import numpy as np
import pandas as pd
import streamlit as st

from imae_core.analysis.weights import WeightShare, weight_share
from imae_core.data.dataset import Dataset
from imae_core.data.store import dataset_path, load_dataset
from imae_core.runs.folder import RunFolder, Source
from imae_core.runs.status import RunStatus, all_statuses
from imae_core.runs.submit import run_folder
from ui.state import store


@st.cache_resource(show_spinner=False, ttl=0.5)
def statuses() -> list[RunStatus]:
    """Every run, the newest first, at most half a second old: many browsers that ask each second share one look."""
    return all_statuses(store())


def dataset(name: str) -> Dataset:
    """A data set of this home; pictures stay on disk until they are looked at."""
    facts = dataset_path(store().home, name) / "dataset.json"
    return _dataset(name, facts.stat().st_mtime_ns if facts.exists() else 0)


@st.cache_resource(show_spinner=False, max_entries=8)
def _dataset(name: str, changed: int) -> Dataset:
    return load_dataset(store().home, name)


@st.cache_data(show_spinner=False, max_entries=32)
def examples(run_id: str, attempt: int) -> pd.DataFrame:
    """Labels of a run's training rows."""
    return run_folder(store().home, run_id).examples()


@st.cache_data(show_spinner=False, max_entries=64)
def dynamics(run_id: str, source: Source, epoch: int, written: float) -> pd.DataFrame:
    """One epoch's per-example table."""
    return run_folder(store().home, run_id).dynamics(source, epoch)


@st.cache_data(show_spinner=False, max_entries=4096)
def share(run_id: str, source: Source, epoch: int, written: float) -> WeightShare:
    """The corrupted examples' share of the gradient in one epoch."""
    table = dynamics(run_id, source, epoch, written)
    return weight_share(table["weight"], examples(run_id, 0)["is_corrupted"])


def histogram(folder: RunFolder, source: Source, epoch: int, quantity: str) -> dict[str, np.ndarray]:
    """Binned counts of both populations and the bin edges, as the run stored them."""
    table = folder.histograms()
    rows = table[(table["source"] == source) & (table["epoch"] == epoch) & (table["quantity"] == quantity)]
    counts = {row.population: np.asarray(row.counts) for row in rows.itertuples()}
    first = rows.iloc[0]
    return counts | {"edges": np.linspace(first["low"], first["high"], len(first["counts"]) + 1)}
