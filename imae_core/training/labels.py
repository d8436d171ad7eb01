"""The labels that a run trains on, and what is known of their truth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imae_core.config import RunConfig
from imae_core.data.dataset import Dataset
from imae_core.noise import LabelNoise, corrupt_labels


@dataclass(frozen=True)
class TrainingLabels:
    """Labels of the training rows, (N,). `true` are the reference: the data set's true labels, or the uploaded ones."""

    given: NDArray[np.int64]
    true: NDArray[np.int64]
    is_corrupted: NDArray[np.bool_]
    noise: LabelNoise

    @property
    def realized_noise_rate(self) -> float:
        """Fraction of given labels that differ from the reference."""
        return float(self.is_corrupted.mean())


def training_labels(config: RunConfig, dataset: Dataset) -> TrainingLabels:
    """Draws the noise once, from its own seed, from the reference labels; test labels are never touched.

    A data set that brings its own noise (true labels beside the given ones) keeps it where no noise is asked for.
    """
    reference = dataset.train_labels if dataset.train_true_labels is None else dataset.train_true_labels
    noise = corrupt_labels(
        reference,
        dataset.num_classes,
        config.noise.kind,
        config.noise.rate,
        config.noise_seed,
        **config.noise.params,
    )
    given = np.asarray(dataset.train_labels if config.noise.is_none else noise.given_labels, dtype=np.int64)
    true = np.asarray(reference, dtype=np.int64)
    return TrainingLabels(given=given, true=true, is_corrupted=given != true, noise=noise)
