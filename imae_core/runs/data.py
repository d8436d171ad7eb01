"""The data that a run was trained on: its data set, and its inputs as it saw them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imae_core.catalog import NOISES
from imae_core.config import RunConfig
from imae_core.data.dataset import Dataset
from imae_core.data.inputs import RowInputs
from imae_core.data.store import load_dataset
from imae_core.errors import DatasetError
from imae_core.runs.folder import RunFolder
from imae_core.training.rows import run_rows


def run_dataset(folder: RunFolder) -> Dataset:
    """The data set that a run was trained on; DatasetError if it was removed, or if another has its name by now."""
    return _unchanged(folder, folder.config().dataset, "data_fingerprint")


def run_inputs(folder: RunFolder, dataset: Dataset) -> RowInputs:
    """(N, ...) what a run saw of its training examples, in the order of its rows, noise on inputs included.

    Args:
        dataset: as `run_dataset` gives it.

    Raises DatasetError where the data set that pictures were taken from is gone.
    """
    config = folder.config()
    if config.noise.is_none or not NOISES[config.noise.kind].changes_inputs:
        return RowInputs(dataset.train_inputs, folder.examples(["index"])["index"].to_numpy(dtype=np.int64))
    source = None if config.noise.source is None else _unchanged(folder, config.noise.source, "source_fingerprint")
    inputs = run_rows(config, dataset, source)[0].dataset.train_inputs
    return inputs if isinstance(inputs, RowInputs) else RowInputs(inputs)


def noise_source(home: Path, config: RunConfig) -> Dataset | None:
    """The data set that open-set noise takes pictures from; None for other noise."""
    return None if config.noise.source is None else load_dataset(home, config.noise.source)


def fingerprints(dataset: Dataset, source: Dataset | None) -> Mapping[str, Any]:
    """What a run notes of its data, so that another of the same name is not taken for it."""
    found = {"data_fingerprint": dataset.fingerprint}
    return found if source is None else found | {"source_fingerprint": source.fingerprint}


def _unchanged(folder: RunFolder, name: str, noted: str) -> Dataset:
    data = load_dataset(folder.home, name)
    if data.fingerprint != folder.environment().get(noted, data.fingerprint):
        raise DatasetError(
            f"{name} is not the data set that run {folder.run_id} was trained on; that one was removed. Import it again "
            "and train anew"
        )
    return data
