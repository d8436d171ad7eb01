"""Accuracies of an evaluation, and the summary of a run. Fractions in [0, 1]; None where undefined."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imae_core.training.labels import TrainingLabels

Labels = NDArray[np.int64]


def accuracy(predicted: NDArray[Any], labels: NDArray[Any]) -> float | None:
    """Share of equal entries; None without entries."""
    return float(np.mean(predicted == labels)) if len(labels) else None


def training_accuracies(
    predicted: NDArray[Any], given: Labels, true: Labels | None, is_corrupted: NDArray[np.bool_] | None
) -> dict[str, float | None]:
    """Accuracies on the training set, all (N,).

    noisy_subset_accuracy is against the wrong given labels (lower is better: it is memorisation), on the corrupted
    examples; clean_subset_accuracy is on the others. Both, and train_accuracy_true, need known truth.
    """
    subsets: tuple[float | None, float | None] = (None, None)
    if is_corrupted is not None:
        subsets = tuple(accuracy(predicted[rows], given[rows]) for rows in (is_corrupted, ~is_corrupted))  # type: ignore[assignment]
    return {
        "train_accuracy_given": accuracy(predicted, given),
        "train_accuracy_true": accuracy(predicted, true) if true is not None else None,
        "noisy_subset_accuracy": subsets[0],
        "clean_subset_accuracy": subsets[1],
    }


def validation_accuracies(predicted: NDArray[Any], labels: TrainingLabels) -> dict[str, float | None]:
    """Accuracies on rows that were not trained on (N,): against their given labels, maybe wrong, which is all that one has
    in earnest, and against their true ones where these are known."""
    return {
        "validation_accuracy_given": accuracy(predicted, labels.given),
        "validation_accuracy_true": None if labels.true is None else accuracy(predicted, labels.true),
    }


def hybrid_accuracy(
    test_accuracy: float | None, num_test: int, train_accuracy_true: float | None, num_train: int
) -> Any:
    """Test set and all examples that were trained on, scored against their true labels (IMAE, final Table 6); examples held out
    for validation are neither."""
    if test_accuracy is None or train_accuracy_true is None:
        return None
    return (test_accuracy * num_test + train_accuracy_true * num_train) / (num_test + num_train)
