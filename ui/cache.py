"""Read-only data shared by all browsers, keyed so that it never goes stale: a written epoch does not change."""

import numpy as np
import pandas as pd
import streamlit as st

from imae_core.analysis.weights import populations
from imae_core.data.dataset import Dataset
from imae_core.data.store import dataset_path, load_dataset
from imae_core.runs.folder import Source
from imae_core.runs.histograms import count_histograms
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


@st.cache_data(show_spinner=False, max_entries=16)
def trajectory(run_id: str, num_epochs: int, started: float) -> pd.DataFrame:
    """Running statistics of each example over the eval epochs so far."""
    return run_folder(store().home, run_id).trajectory()


@st.cache_data(show_spinner=False, max_entries=16)
def histograms(run_id: str, source: Source, num_epochs: int, started: float) -> pd.DataFrame:
    """Binned counts of all epochs of a source, as the run stored them, else counted anew."""
    folder = run_folder(store().home, run_id)
    table = folder.histograms()
    if len(table):
        return table[table["source"] == source]
    labels = folder.examples()
    known = (labels["true_label"] >= 0).all()
    masks = populations(labels["is_corrupted"] if known else None, len(labels))
    rows = {name: np.flatnonzero(mask) for name, mask in masks.items()}
    return count_histograms(folder, folder.config(), source, rows)


@st.cache_data(show_spinner="Counting these examples in all epochs …", max_entries=16)
def histograms_of(
    run_id: str, source: Source, num_epochs: int, started: float, rows: dict[str, np.ndarray]
) -> pd.DataFrame:
    """The same of populations of one's own, given by their rows."""
    folder = run_folder(store().home, run_id)
    return count_histograms(folder, folder.config(), source, rows)
