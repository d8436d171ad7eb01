"""Which rows a run trains on, and which it is only judged by."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imae_core.config import RunConfig
from imae_core.data.dataset import Dataset, stratified_rows
from imae_core.data.inputs import RowInputs
from imae_core.data.noisy import with_noisy_inputs
from imae_core.errors import BadInputError
from imae_core.training.labels import TrainingLabels, training_labels

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class TrainingRows:
    """Rows with their labels.

    Attributes:
        dataset: its training rows are these alone; its test rows are all.
        labels: of these rows.
        index: (N,) which rows of the whole data set they are, rising.
    """

    dataset: Dataset
    labels: TrainingLabels
    index: Rows

    def take(self, rows: Rows) -> "TrainingRows":
        """Some of them, by their places (M,)."""
        data, labels = self.dataset, self.labels
        true = data.train_true_labels
        return TrainingRows(
            replace(
                data,
                train_inputs=RowInputs(data.train_inputs, rows),
                train_labels=data.train_labels[rows],
                train_true_labels=None if true is None else true[rows],
            ),
            TrainingLabels(
                given=labels.given[rows],
                true=None if labels.true is None else labels.true[rows],
                is_corrupted=None if labels.is_corrupted is None else labels.is_corrupted[rows],
                noise=labels.noise,
            ),
            self.index[rows],
        )


def noisy_rows(config: RunConfig, dataset: Dataset, source: Dataset | None = None) -> TrainingRows:
    """All rows of a run: chooses a subset, if one is wanted, draws the noise, and puts it on labels and inputs.

    None of it depends on the training seed. `source` is the data set that open-set noise takes pictures from. Raises
    BadInputError as `Dataset.subset` and `corrupt_labels`.
    """
    index = np.arange(dataset.num_train)
    if config.num_train is not None:
        dataset, index = dataset.subset(config.num_train, config.noise_seed)
    labels = training_labels(config, dataset, source)
    return TrainingRows(with_noisy_inputs(dataset, labels.noise.input_change, source), labels, index)


def run_rows(
    config: RunConfig, dataset: Dataset, source: Dataset | None = None
) -> tuple[TrainingRows, TrainingRows | None]:
    """The rows that a run trains on, and those held out for validation, where its config wants some.

    The noise is drawn for all rows before a share of them, stratified by given label, is held out. A run with validation
    rows thus sees the same wrong labels as one without.

    Raises BadInputError as `noisy_rows`, and where the share is no example at all, or leaves some class without one.
    """
    rows = noisy_rows(config, dataset, source)
    if not config.validation_fraction:
        return rows, None
    trained = _trained_places(rows.labels.given, config.num_trained(len(rows.index)), config.noise_seed)
    return rows.take(trained), rows.take(np.setdiff1d(np.arange(len(rows.index)), trained))


def _trained_places(given: Rows, num_trained: int, seed: int) -> Rows:
    """All but the validation rows: at least one of each given class."""
    num_classes = len(np.unique(given))
    if not num_classes <= num_trained < len(given):
        raise BadInputError(
            f"of {len(given)} examples in {num_classes} given classes, validation_fraction must hold out at least one and leave "
            f"at least {num_classes}; it would hold out {len(given) - num_trained}"
        )
    return stratified_rows(given, int(given.max()) + 1, num_trained, (seed, 1))  # not the noise's own stream
