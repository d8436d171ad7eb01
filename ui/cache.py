"""Read-only data shared by all browsers, keyed so that it never goes stale: a written epoch does not change.

Tables are shared, not copied: nobody writes into what comes from here.
"""

import numpy as np
import pandas as pd
import streamlit as st

from imae_core.analysis.comparison import Comparison
from imae_core.analysis.data_map import data_map
from imae_core.analysis.noise_estimate import NoiseEstimate, estimate_noise
from imae_core.data.dataset import Dataset
from imae_core.data.store import dataset_path, load_dataset
from imae_core.review import Journal
from imae_core.runs.comparison import compare_runs, histories
from imae_core.runs.folder import LABELS, Source
from imae_core.runs.histograms import count_histograms, stored_histograms
from imae_core.runs.status import RunStatus, all_statuses
from imae_core.runs.submit import run_folder
from imae_core.runs.suspects import possible_detectors, suspects_table
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


@st.cache_resource(show_spinner=False, max_entries=16)
def examples(run_id: str, attempt: int) -> pd.DataFrame:
    """Labels of a run's training rows."""
    return run_folder(store().home, run_id).examples(LABELS)


@st.cache_resource(show_spinner=False, max_entries=16)
def dynamics(run_id: str, source: Source, epoch: int, written: float) -> pd.DataFrame:
    """One epoch's per-example table."""
    return run_folder(store().home, run_id).dynamics(source, epoch)


@st.cache_resource(show_spinner=False, max_entries=8)
def trajectory(run_id: str, num_epochs: int, started: float) -> pd.DataFrame:
    """Running statistics of each example over the eval epochs so far, with the columns of the data map."""
    table = run_folder(store().home, run_id).trajectory()
    return pd.concat([table, data_map(table)], axis=1) if len(table) else table


@st.cache_resource(show_spinner=False, max_entries=16)
def histograms(run_id: str, source: Source, num_epochs: int, started: float) -> pd.DataFrame:
    """Binned counts of all epochs of a source, as the run stored them, else counted anew."""
    return stored_histograms(run_folder(store().home, run_id), source)


@st.cache_resource(show_spinner="Counting these examples in all epochs …", max_entries=16)
def histograms_of(
    run_id: str, source: Source, num_epochs: int, started: float, name: str, _rows: dict[str, np.ndarray]
) -> pd.DataFrame:
    """The same of populations of one's own, given by their rows and known to the cache by a name."""
    folder = run_folder(store().home, run_id)
    return count_histograms(folder, folder.config(), source, _rows)


@st.cache_resource(show_spinner="Reading the results …", max_entries=8)
def comparison(runs: tuple[tuple[str, str, float | None], ...], over_seeds: bool) -> Comparison:
    """Of runs by id, state and end: a result does not change until a run is started anew."""
    by_id = {status.run.run_id: status for status in statuses()}
    found = [by_id[run_id] for run_id, _, _ in runs if run_id in by_id]
    return compare_runs([(status.run, status.folder) for status in found], over_seeds=over_seeds)


@st.cache_resource(show_spinner="Reading the curves …", max_entries=8)
def curves(runs: tuple[tuple[str, float | None], ...]) -> pd.DataFrame:
    """Accuracies by epoch of finished runs, by id and end."""
    return histories([run_folder(store().home, run_id) for run_id, _ in runs])


@st.cache_data(show_spinner=False, max_entries=64)
def detectors(run_id: str, source: Source, num_epochs: int, started: float, run_state: str) -> list[str]:
    """Those whose needs the run has recorded so far."""
    return possible_detectors(run_folder(store().home, run_id))


@st.cache_resource(show_spinner="Ranking the examples …", max_entries=2)
def suspects(
    run_id: str, source: Source, num_epochs: int, started: float, run_state: str, names: tuple[str, ...]
) -> pd.DataFrame:
    """(N rows) every training example with its suspicion; shared, never to be changed."""
    return suspects_table(run_folder(store().home, run_id), names)


@st.cache_data(show_spinner="Estimating the noise …", max_entries=16)
def noise_estimate(
    run_id: str, source: Source, num_epochs: int, started: float, run_state: str
) -> NoiseEstimate | None:
    """From the probabilities of the final net; None where the run has none yet."""
    folder = run_folder(store().home, run_id)
    probs = folder.array("pred_probs")
    return None if probs is None else estimate_noise(folder.examples(["given_label"])["given_label"], probs)


@st.cache_resource(show_spinner=False, max_entries=64)
def journal(run_id: str, reviewer: str) -> Journal:
    """One reviewer's decisions, shared so that only what is new is read."""
    return Journal(store().home, run_id, reviewer)
