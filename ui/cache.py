"""Read-only data shared by all browsers, keyed so that it never goes stale: a written epoch does not change.

Tables are shared, not copied: nobody writes into what comes from here. Of those with a row for each example few are
kept: one takes 20 to 100 MB at 1.28 million, and to map its file again takes milliseconds.
"""

import numpy as np
import pandas as pd
import streamlit as st

from imae_core.analysis.comparison import Comparison
from imae_core.analysis.data_map import data_map
from imae_core.analysis.noise_estimate import NoiseEstimate, mixture_noise_rate
from imae_core.config import RunConfig
from imae_core.data.dataset import Dataset
from imae_core.data.inputs import RowInputs
from imae_core.data.store import dataset_path, load_dataset
from imae_core.paper import PaperComparison, compare_with_paper, preset_of
from imae_core.paper.spread import Spread, p_over_training
from imae_core.paper.standing import PaperPlan, Standing, places, standings
from imae_core.review import Journal
from imae_core.runs.comparison import compare_runs, histories
from imae_core.runs.comparison import on_same_labels as runs_on_same_labels
from imae_core.runs.data import run_inputs as find_run_inputs
from imae_core.runs.detection import detection_course
from imae_core.runs.folder import LABELS, Source
from imae_core.runs.histograms import count_histograms, stored_histograms
from imae_core.runs.submit import run_folder
from imae_core.runs.suspects import noise_estimate as suspects_noise
from imae_core.runs.suspects import possible_detectors, suspects_table
from imae_core.studies.progress import Place
from imae_core.training.rows import TrainingRows, noisy_rows
from ui.run_list import States, statuses
from ui.state import store


def dataset(name: str) -> Dataset:
    """A data set of this home; pictures stay on disk until they are looked at."""
    return _dataset(name, dataset_changed(name))


def dataset_changed(name: str) -> int:
    """When it came, so that another of the same name is not taken for it."""
    facts = dataset_path(store().home, name) / "dataset.json"
    return facts.stat().st_mtime_ns if facts.exists() else 0


@st.cache_resource(show_spinner=False, max_entries=8)
def _dataset(name: str, changed: int) -> Dataset:
    return load_dataset(store().home, name)


def noisy_data(config: RunConfig) -> TrainingRows:
    """What a config's data and noise amount to: rows, labels and inputs; what else it says plays no part."""
    names = [name for name in (config.dataset, config.noise.source) if name]
    chosen = (config.dataset, config.noise.model_dump_json(), config.noise_seed, config.num_train)
    return _noisy_data(chosen, tuple(map(dataset_changed, names)), config)


@st.cache_resource(show_spinner="Drawing the noise …", max_entries=4)
def _noisy_data(chosen: tuple[object, ...], changed: tuple[int, ...], _config: RunConfig) -> TrainingRows:
    source = dataset(_config.noise.source) if _config.noise.source else None
    return noisy_rows(_config, dataset(_config.dataset), source)


@st.cache_resource(show_spinner=False, max_entries=6)
def run_inputs(run_id: str, attempt: int, changed: tuple[int, ...]) -> RowInputs:
    """What a run saw of its training examples, made when it is looked at; `changed` tells data sets of one name apart."""
    folder = run_folder(store().home, run_id)
    return find_run_inputs(folder, dataset(folder.config().dataset))


@st.cache_resource(show_spinner=False, max_entries=6)
def examples(run_id: str, attempt: int) -> pd.DataFrame:
    """Labels of a run's training rows."""
    return run_folder(store().home, run_id).examples(LABELS)


@st.cache_resource(show_spinner=False, max_entries=6)
def dynamics(run_id: str, source: Source, epoch: int, written: float) -> pd.DataFrame:
    """One epoch's per-example table."""
    return run_folder(store().home, run_id).dynamics(source, epoch)


@st.cache_resource(show_spinner=False, max_entries=4)
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
) -> tuple[NoiseEstimate, str] | None:
    """From the probabilities of the final net, and what speaks against it; None where the run has none yet."""
    return suspects_noise(run_folder(store().home, run_id))


@st.cache_data(show_spinner=False, max_entries=64)
def mixture_rate(
    run_id: str, source: Source, num_epochs: int, started: float, run_state: str, names: tuple[str, ...], name: str
) -> float:
    """Of the scores of one of the detectors that rank."""
    return mixture_noise_rate(suspects(run_id, source, num_epochs, started, run_state, names)[name])


@st.cache_data(show_spinner="Measuring the ranking …", max_entries=256)
def detection(
    run_id: str, source: Source, num_epochs: int, started: float, run_state: str, names: tuple[str, ...], most: int
) -> pd.DataFrame:
    """How well rankings find wrong labels at up to `most` epochs, the last included."""
    return detection_course(run_folder(store().home, run_id), names, most)


@st.cache_data(show_spinner="Looking for runs on the same labels …", max_entries=64)
def on_same_labels(run_id: str, attempt: int, others: tuple[tuple[str, int, bool], ...]) -> list[str]:
    """Ids of those of `others` (id, attempt, whether it has evaluated) that trained on the same examples and labels."""
    home = store().home
    pairs = [(store().get(other), run_folder(home, other)) for other in (run_id, *(other for other, _, _ in others))]
    return [run.run_id for run, _ in runs_on_same_labels(*pairs[0], pairs[1:])]


@st.cache_resource(show_spinner=False, max_entries=64)
def journal(run_id: str, reviewer: str) -> Journal:
    """One reviewer's decisions, shared so that only what is new is read."""
    return Journal(store().home, run_id, reviewer)


@st.cache_resource(show_spinner="Reading the results …", max_entries=32)
def paper_comparisons(preset: str, runs: States) -> list[PaperComparison]:
    """Ours beside the published numbers, one for each data set that carries out the preset."""
    return compare_with_paper(store(), preset_of(preset))


@st.cache_resource(show_spinner=False, max_entries=64)
def paper_places(plan: PaperPlan, runs: States) -> list[Place]:
    """Which runs of a preset are there."""
    return places(store(), plan)


@st.cache_resource(show_spinner="Looking for the paper's runs …", max_entries=16)
def paper_standings(dataset: str, runs: States) -> list[Standing]:
    """What is there of every preset."""
    return standings(store(), dataset)


@st.cache_resource(show_spinner=False, max_entries=32)
def p_spread(run_id: str, finished: float | None) -> dict[str, Spread]:
    """How p is distributed over the epochs of a finished run."""
    return p_over_training(run_folder(store().home, run_id))
