"""The labels that a run trains on, and what is known of their truth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imae_core.config import RunConfig
from imae_core.data.dataset import Dataset
from imae_core.data.noisy import check_source
from imae_core.noise import LabelNoise, corrupt_labels


@dataclass(frozen=True)
class TrainingLabels:
    """Labels of the training rows, (N,).

    `true` is the reference: the data set's true labels, or the uploaded ones where noise was injected into them. It is
    None, and so is `is_corrupted`, for uploaded labels that are trained on as they are: nobody knows which are wrong. It
    is -1 for a picture that open-set noise put in: no class is right for it.
    `is_corrupted` is given != true, or an input that noise has changed; feature noise leaves the label right.
    """

    given: NDArray[np.int64]
    true: NDArray[np.int64] | None
    is_corrupted: NDArray[np.bool_] | None
    noise: LabelNoise

    @property
    def realized_noise_rate(self) -> float | None:
        """Fraction of examples that are corrupted; None where that is not known."""
        return None if self.is_corrupted is None else float(self.is_corrupted.mean())


def training_labels(config: RunConfig, dataset: Dataset, source: Dataset | None = None) -> TrainingLabels:
    """Draws the noise once, from its own seed, from the reference labels; test labels are never touched.

    A data set that brings its own noise (true labels beside the given ones) keeps it where no noise is asked for.
    """
    is_none = config.noise.is_none
    num_source = check_source(dataset, source).num_train if config.noise.kind == "open_set" and not is_none else 1
    noise = corrupt_labels(
        dataset.reference_labels,
        dataset.num_classes,
        config.noise.kind,
        config.noise.rate,
        config.noise_seed,
        inputs=dataset.train_inputs,
        num_source=num_source,
        **config.noise.params,
    )
    given = np.asarray(dataset.train_labels if is_none else noise.given_labels, dtype=np.int64)
    if is_none and not dataset.labels_are_true:
        return TrainingLabels(given=given, true=None, is_corrupted=None, noise=noise)
    true = noise.true_labels
    return TrainingLabels(given=given, true=true, is_corrupted=noise.is_corrupted | (given != true), noise=noise)
