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
    """Accuracies on the training set, all (N,); `true` is -1 where no class is right.

    noisy_subset_accuracy is against the wrong given labels (lower is better: it is memorisation), on the examples that
    have one: those of label noise, and of open-set noise, for whose pictures every label is wrong. Feature noise leaves
    labels right, so that it is None there. clean_subset_accuracy is on the examples that are not corrupted at all, and
    train_accuracy_true on those with a true class. All three need known truth.
    """
    if true is None or is_corrupted is None:
        noisy = clean = has_truth = np.zeros(len(given), dtype=bool)
    else:
        noisy, clean, has_truth = given != true, ~is_corrupted, true >= 0
    return {
        "train_accuracy_given": accuracy(predicted, given),
        "train_accuracy_true": None if true is None else accuracy(predicted[has_truth], true[has_truth]),
        "noisy_subset_accuracy": accuracy(predicted[noisy], given[noisy]),
        "clean_subset_accuracy": accuracy(predicted[clean], given[clean]),
    }


def validation_accuracies(predicted: NDArray[Any], labels: TrainingLabels) -> dict[str, float | None]:
    """Accuracies on rows that were not trained on (N,): against their given labels, maybe wrong, which is all that one has
    in earnest, and against their true ones where these are known."""
    found = training_accuracies(predicted, labels.given, labels.true, labels.is_corrupted)
    return {f"validation_accuracy_{kind}": found[f"train_accuracy_{kind}"] for kind in ("given", "true")}


def num_with_truth(true: Labels | None) -> int:
    """Training examples that have a true class."""
    return 0 if true is None else int((true >= 0).sum())


def hybrid_accuracy(
    test_accuracy: float | None, num_test: int, train_accuracy_true: float | None, num_train: int
) -> Any:
    """Test set and all examples that were trained on and have a true class, scored against it (IMAE, final Table 6); examples
    held out for validation are neither."""
    if test_accuracy is None or train_accuracy_true is None:
        return None
    return (test_accuracy * num_test + train_accuracy_true * num_train) / (num_test + num_train)
