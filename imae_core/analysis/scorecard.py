"""How well a suspicion score finds the labels that are known to be wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from imae_core.errors import BadInputError

MOST_POINTS = 400
MEASURES = ("auc", "average_precision", "precision_at_corrupted")


@dataclass(frozen=True)
class Scorecard:
    """All fractions in [0, 1]; None where a measure is not defined because only one population is there.

    Attributes:
        num_examples, num_corrupted: how many were scored.
        auc: ROC-AUC; 0.5 is chance.
        average_precision: chance is the noise rate.
        precision_at_corrupted: precision among the first `num_corrupted`, which is also the recall there.
        precision_at: k -> share of corrupted examples among the k most suspicious.
        roc: columns false_positive_rate, true_positive_rate, threshold; at most 400 rows.
        precision_recall: columns recall, precision, threshold; at most 400 rows, recall rising.
    """

    num_examples: int
    num_corrupted: int
    auc: float | None
    average_precision: float | None
    precision_at_corrupted: float | None
    precision_at: dict[int, float]
    roc: pd.DataFrame
    precision_recall: pd.DataFrame


def scorecard(scores: ArrayLike, is_corrupted: ArrayLike, at: Sequence[int] = ()) -> Scorecard:
    """Measures of suspicion scores (N,), higher is more likely wrong, against is_corrupted (N,); NaN scores rank lowest.

    `at`: numbers of examples to look at; those outside of 1..N are left out. Raises BadInputError if lengths differ.
    """
    values, truth = _checked(scores, is_corrupted)
    num_corrupted = int(truth.sum())
    steps = _steps(values, truth)
    both = 0 < num_corrupted < len(truth)
    auc, average_precision, at_corrupted = steps.measures() if both else (None, None, None)
    return Scorecard(
        num_examples=len(truth),
        num_corrupted=num_corrupted,
        auc=auc,
        average_precision=average_precision,
        precision_at_corrupted=at_corrupted,
        precision_at={k: steps.precision_at(k) for k in at if 0 < k <= len(truth)},
        roc=steps.roc() if both else _empty("false_positive_rate", "true_positive_rate"),
        precision_recall=steps.precision_recall() if both else _empty("recall", "precision"),
    )


def measures(scores: ArrayLike, is_corrupted: ArrayLike) -> dict[str, float]:
    """ROC-AUC (`auc`), `average_precision` and `precision_at_corrupted` as in `Scorecard`, but NaN where undefined."""
    values, truth = _checked(scores, is_corrupted)
    if truth.all() or not truth.any():
        return dict.fromkeys(MEASURES, float("nan"))
    return dict(zip(MEASURES, _steps(values, truth).measures(), strict=True))


def precision_at(scores: ArrayLike, is_corrupted: ArrayLike, k: int) -> float:
    """Expected share of corrupted examples among the k most suspicious of N, where ties are drawn at random.

    A detector with few distinct scores (a vote, a count) must not profit from the order of the rows. Raises
    BadInputError unless 1 <= k <= N.
    """
    values, truth = _checked(scores, is_corrupted)
    if not 1 <= k <= len(values):
        raise BadInputError(f"precision at k needs k from 1 to the number of examples, {len(values)}; got {k}")
    return _steps(values, truth).precision_at(k)


def per_class(
    scores: ArrayLike,
    is_corrupted: ArrayLike,
    given_labels: ArrayLike,
    num_classes: int,
    num_suspects: int | None = None,
) -> pd.DataFrame:
    """One row per given label: how well its wrong labels are found.

    Args:
        scores, is_corrupted, given_labels: (N,).
        num_suspects: how many of all N are taken for wrong; None: as many as are corrupted.

    Returns:
        label, num_examples, num_corrupted, noise_rate, auc, average_precision (NaN where undefined), and precision and
        recall of the `num_suspects` most suspicious of all classes (NaN without suspects, or without corrupted ones).
    """
    values, truth = _checked(scores, is_corrupted)
    labels = np.asarray(given_labels)
    suspects = np.zeros(len(values), dtype=bool)
    k = int(truth.sum()) if num_suspects is None else min(num_suspects, len(values))
    suspects[np.argsort(-values, kind="stable")[:k]] = True
    rows = []
    for label in range(num_classes):
        own = labels == label
        found = int((suspects & truth & own).sum())
        num_corrupted, taken = int(truth[own].sum()), int(suspects[own].sum())
        defined = measures(values[own], truth[own])
        rows.append(
            {
                "label": label,
                "num_examples": int(own.sum()),
                "num_corrupted": num_corrupted,
                "noise_rate": num_corrupted / own.sum() if own.any() else np.nan,
                "auc": defined["auc"],
                "average_precision": defined["average_precision"],
                "precision": found / taken if taken else np.nan,
                "recall": found / num_corrupted if num_corrupted else np.nan,
            }
        )
    return pd.DataFrame(rows)


def _checked(scores: ArrayLike, is_corrupted: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(is_corrupted, dtype=bool)
    if values.shape != truth.shape or values.ndim != 1:
        raise BadInputError(f"scores and is_corrupted must both be (N,), got {values.shape} and {truth.shape}")
    known = np.isfinite(values)
    if known.all():
        return values, truth
    return np.where(known, values, values[known].min() - 1.0 if known.any() else 0.0), truth


@dataclass(frozen=True)
class _Steps:
    """One step a distinct score, falling: how many corrupted (`found`) and clean (`false`) examples have that score or more.

    All measures and curves come from these, so from one sort: it is done for many epochs.
    """

    threshold: NDArray[np.float64]
    found: NDArray[np.float64]
    false: NDArray[np.float64]

    def measures(self) -> tuple[float, float, float]:
        """Those of `MEASURES`, in that order; both populations must be there."""
        return self.auc(), self.average_precision(), self.precision_at(int(self.found[-1]))

    def auc(self) -> float:
        """The area under the ROC curve by trapezoids, which is how ties count half."""
        area = np.trapezoid(np.append(0.0, self.found), np.append(0.0, self.false))
        return float(area / (self.found[-1] * self.false[-1]))

    def average_precision(self) -> float:
        return float((np.diff(self.found, prepend=0.0) * self.found / (self.found + self.false)).sum() / self.found[-1])

    def precision_at(self, k: int) -> float:
        """Within a step it rises evenly: ties are drawn at random."""
        return float(np.interp(k, np.append(0.0, self.found + self.false), np.append(0.0, self.found)) / k)

    def roc(self) -> pd.DataFrame:
        found, false, threshold = (np.append(first, values) for first, values in (
            (0.0, self.found), (0.0, self.false), (np.inf, self.threshold)))  # fmt: skip
        corner = np.concatenate([[True], (np.diff(found, 2) != 0) | (np.diff(false, 2) != 0), [True]])
        columns = {
            "false_positive_rate": false / false[-1],
            "true_positive_rate": found / found[-1],
            "threshold": threshold,
        }
        return _thinned({name: values[corner] for name, values in columns.items()}, *list(columns)[:2])

    def precision_recall(self) -> pd.DataFrame:
        precision = np.append(1.0, self.found / (self.found + self.false))
        columns = {"recall": np.append(0.0, self.found) / self.found[-1], "precision": precision}
        return _thinned(columns | {"threshold": np.append(np.inf, self.threshold)}, "recall", "precision")


def _steps(values: NDArray[np.float64], truth: NDArray[np.bool_]) -> _Steps:
    order = np.argsort(values)[::-1]
    falling = values[order]
    last = np.append(np.flatnonzero(falling[1:] != falling[:-1]), len(falling) - 1)
    found = np.cumsum(truth[order], dtype=np.float64)[last]
    return _Steps(falling[last], found, last + 1.0 - found)


def _thinned(columns: dict[str, NDArray[np.float64]], x: str, y: str) -> pd.DataFrame:
    """At most `MOST_POINTS` rows, evenly along the drawn line, its ends among them."""
    frame = pd.DataFrame(columns)
    if len(frame) <= MOST_POINTS:
        return frame
    steps = np.abs(np.diff(frame[x])) + np.abs(np.diff(frame[y]))
    along = np.concatenate([[0.0], np.cumsum(steps)])
    rows = np.unique(np.searchsorted(along, np.linspace(0.0, along[-1], MOST_POINTS)).clip(0, len(frame) - 1))
    rows[0], rows[-1] = 0, len(frame) - 1
    return frame.iloc[rows].reset_index(drop=True)


def _empty(x: str, y: str) -> pd.DataFrame:
    return pd.DataFrame({x: [], y: [], "threshold": []}, dtype=np.float64)
