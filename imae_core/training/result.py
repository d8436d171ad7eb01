"""The numbers that a finished run is quoted by."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imae_core.analysis.detection import detection_auc, suspicion
from imae_core.training.folds import Training
from imae_core.training.metrics import hybrid_accuracy, num_with_truth

COLLAPSED_SHARE = 0.98
USUAL_SHARE = 0.9


def summarize(trainer: Training, seconds: float) -> dict[str, Any]:
    """The contract's result of a finished trainer: fractions in [0, 1], None where undefined.

    `best_test_accuracy` is chosen on the test set (optimistic); `final_test_accuracy` is the last epoch's. With folds
    there is no best epoch; the final test accuracy is the mean over their nets, and what is said of the training set was
    found on held-out rows, as are the validation accuracies: cross-validated.
    `num_train` counts the examples that were trained on.
    `seconds` counts this run's training and evaluation over all attempts; of steps that it took with others its share.
    `together` runs were trained as one at the end.
    """
    labels = trainer.labels
    evaluated = [row for row in trainer.history if not math.isnan(row["test_accuracy"])]
    last = evaluated[-1] if evaluated else {}
    num_folds = trainer.config.num_folds
    best = None if num_folds else max(evaluated, key=lambda row: row["test_accuracy"], default=None)
    num_train, num_test = len(labels.given), len(trainer.test_labels)
    final = _number(last, "test_accuracy")
    true = _number(last, "train_accuracy_true")
    return {
        "best_test_accuracy": best["test_accuracy"] if best else None,
        "best_epoch": best["epoch"] if best else None,
        "final_test_accuracy": final,
        "train_accuracy_given": _number(last, "train_accuracy_given"),
        "train_accuracy_true": true,
        "noisy_subset_accuracy": _number(last, "noisy_subset_accuracy"),
        "clean_subset_accuracy": _number(last, "clean_subset_accuracy"),
        "validation_accuracy_given": _number(last, "validation_accuracy_given"),
        "validation_accuracy_true": _number(last, "validation_accuracy_true"),
        "hybrid_accuracy": hybrid_accuracy(final, num_test, true, num_with_truth(labels.true)),
        "realized_noise_rate": labels.realized_noise_rate,
        "detection_auc": None
        if labels.is_corrupted is None
        else detection_auc(suspicion(trainer.trajectories.mean_p_label), labels.is_corrupted),
        "seconds": seconds,
        "examples_per_second": _examples_per_second(trainer.history),
        "num_parameters": trainer.num_parameters,
        "num_train": num_train,
        "num_test": num_test,
        "epochs": trainer.epochs,
        "steps": trainer.step,
        "num_folds": num_folds,
        "reduction": trainer.config.loss.reduction,
        "together": trainer.together,
    }


def collapse_warning(predicted: NDArray[Any], given: NDArray[np.int64]) -> str:
    """What to try if the final net says nearly always the same class, though the labels do not; "" if it does not."""
    share = np.bincount(predicted).max() / len(predicted)
    usual = np.bincount(given).max() / len(given)
    if share < COLLAPSED_SHARE or usual > USUAL_SHARE:
        return ""
    return (
        f"the net predicts one class for {share:.0%} of the training set: it has collapsed. Try a lower learning rate"
    )


def _number(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name)
    return None if value is None or math.isnan(value) else float(value)


def _examples_per_second(history: Sequence[Mapping[str, Any]]) -> float | None:
    seconds = sum(row["seconds"] for row in history)
    return sum(row["seconds"] * row["examples_per_second"] for row in history) / seconds if seconds else None
