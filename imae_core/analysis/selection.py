"""Choosing one value of a parameter, such as T, without clean labels: by the accuracy on held-out rows with noisy ones.

Under class-conditional noise whose matrix is diagonally dominant (every true class is called by its own name more often than
by any other), no classifier is right about noisy labels more often than the one that is right about all true ones, so
the accuracy on held-out noisy rows is a sound criterion (Chen, Ye, Chen, Zhao, Heng 2021, AAAI, arXiv 2012.04193,
Theorem 1). What the theorem leaves open, `order_note` says.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imae_core.analysis.places import mean_ranks
from imae_core.errors import BadInputError

SOURCE = "Chen et al. 2021, arXiv 2012.04193"


@dataclass(frozen=True)
class Truth:
    """How the choice did by the test set: its labels are true, so this is known in experiments only.

    `regret` is what the best value's mean final test accuracy has more than the chosen one's, a fraction; rank_correlation
    is Spearman's between the values' mean validation and test accuracies, None below three values or without an order.
    """

    best: Hashable
    best_accuracy: float
    chosen_accuracy: float
    regret: float
    rank_correlation: float | None


@dataclass(frozen=True)
class Selection:
    """A choice among V values.

    Attributes:
        table: indexed by value, in order: `validation_mean`, `validation_std` (sample; NaN for one seed), `difference`, by how much
            the chosen value's accuracy is higher, paired by seed, its `standard_error` (NaN for one seed), `is_apart`,
            whether the difference exceeds one standard error, and `test_mean`, `test_std` (NaN where unknown). Fractions.
        chosen: the value of the highest mean; the first of equals.
        num_seeds: seeds that every value has; no others count.
        num_left_out: finished runs of seeds that some value lacks.
        truth: None where no test accuracy is known.
    """

    table: pd.DataFrame
    chosen: Hashable
    num_seeds: int
    num_left_out: int
    truth: Truth | None

    @property
    def not_apart(self) -> list[Hashable]:
        """Values within one standard error of the chosen one."""
        return [value for value, apart in self.table["is_apart"].items() if not apart and value != self.chosen]


def select(runs: pd.DataFrame) -> Selection:
    """Chooses a value by the mean accuracy on held-out rows with noisy labels.

    "Cannot be told apart" is the one-standard-error rule (Breiman et al. 1984, Section 3.4.3) on differences paired by
    seed: seeds share data, noise and held-out rows, so their ups and downs cancel.

    Args:
        runs: a row per finished run: `value`, `seed` (anything that two runs of a pair share), `validation_accuracy_given`,
            and maybe `final_test_accuracy`; fractions, NaN where unknown. Runs of one value and seed are averaged.

    Raises:
        BadInputError: without any validation accuracy, for a single value, or if no seed is finished for all values.
    """
    known = runs.dropna(subset=["validation_accuracy_given"])
    if known.empty:
        raise BadInputError(
            "no finished run was judged by rows that it did not train on; set validation_fraction (such as 0.2), or folds"
        )
    validation = _by_seed(known, "validation_accuracy_given")
    if len(validation.columns) < 2:
        raise BadInputError(f"there is only one value to choose from, {validation.columns[0]}")
    complete = validation.dropna()
    if complete.empty:
        raise BadInputError("no seed is finished for all values yet")
    mean = complete.mean().round(12)  # equal sums in another order are equal
    chosen = mean.index[int(mean.to_numpy().argmax())]
    table = pd.DataFrame({"validation_mean": mean, "validation_std": complete.std()})
    differences = -complete.sub(complete[chosen], axis=0)
    table["difference"] = differences.mean()
    table["standard_error"] = differences.std() / len(complete) ** 0.5
    table["is_apart"] = table["difference"] > table["standard_error"]
    test = _by_seed(known, "final_test_accuracy").reindex(index=complete.index, columns=complete.columns)
    table["test_mean"], table["test_std"] = test.mean(skipna=False).round(12), test.std(skipna=False)
    return Selection(
        table=table,
        chosen=chosen,
        num_seeds=len(complete),
        num_left_out=int(known["seed"].map(lambda seed: seed not in complete.index).sum()),
        truth=_truth(table, chosen),
    )


def order_note(matrix: NDArray[np.float64] | None) -> str:
    """What the noise model says of the order by noisy accuracy; `matrix` (K, K) [true, given], None where the noise is not
    class-conditional or not known."""
    if matrix is None:
        return (
            "How these labels came to be wrong is not known, or depends on more than the class: that the order by noisy labels is the "
            "order by true ones is an assumption here"
        )
    own = matrix.diagonal()
    others = matrix - np.diag(own)
    if not (own > others.max(axis=1)).all():
        return (
            "Under this noise some class is called by another's name at least as often as by its own: accuracy on noisy labels then "
            "prefers the wrong value; do not choose by it"
        )
    off_diagonal = matrix[~np.eye(len(matrix), dtype=bool)]
    if np.ptp(own) < 1e-9 and np.ptp(off_diagonal) < 1e-9:
        slope = float(own[0] - off_diagonal[0])
        return (
            "Under this noise the expected accuracy on given labels rises evenly with that on true ones, so the order is kept; but a "
            f"difference of 1 point shows as {slope:.2f} points"
        )
    return (
        "Under this noise a perfect net has the highest accuracy on given labels, but between others the order may differ: "
        "mistakes in the direction of the noise are rewarded"
    )


def _by_seed(runs: pd.DataFrame, column: str) -> pd.DataFrame:
    """(seeds, values in order) of a column, NaN where a seed lacks a value."""
    if column not in runs:
        return pd.DataFrame(index=runs["seed"].unique(), columns=_ordered(runs["value"]), dtype=float)
    wide = runs.pivot_table(index="seed", columns="value", values=column, aggfunc="mean", dropna=False, sort=False)
    return wide.reindex(columns=_ordered(runs["value"]))


def _ordered(values: pd.Series) -> list[Any]:
    """Numbers rising, anything else as it comes."""
    found = list(dict.fromkeys(values))
    return sorted(found) if all(isinstance(value, int | float) for value in found) else found


def _truth(table: pd.DataFrame, chosen: Hashable) -> Truth | None:
    test = table["test_mean"]
    if test.isna().any():
        return None
    best = table.index[int(test.to_numpy().argmax())]
    best_accuracy, chosen_accuracy = float(test.max()), float(test[table.index == chosen].iloc[0])
    correlation = None
    if len(table) >= 3 and table["validation_mean"].nunique() > 1 and test.nunique() > 1:
        correlation = float(np.corrcoef(mean_ranks(table["validation_mean"]), mean_ranks(test))[0, 1])
    return Truth(best, best_accuracy, chosen_accuracy, best_accuracy - chosen_accuracy, correlation)
