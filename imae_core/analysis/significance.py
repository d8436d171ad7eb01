"""Is a difference between two losses more than noise between seeds?

A cell is what was measured under one setting, a value a seed. Two cells are compared seed by seed: runs of one seed share
initial weights, order and label noise, so that the difference within a seed is less noisy than the two values.

References: Demšar 2006, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, Sections 3.1 and 3.2;
Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure"; Wilcoxon 1945.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ALPHA = 0.05
FEWEST_FOR_WILCOXON = 6  # below, its smallest two-sided p is above .05


@dataclass(frozen=True)
class Paired:
    """`difference` = mean of a - b over the n seeds that both have, with a confidence interval [low, high].

    t_pvalue: two-sided paired t-test. wilcoxon_pvalue: signed-rank test, None for fewer than 6 pairs.
    adjusted_pvalue: the t-test's after Holm's correction; the same as t_pvalue until `adjusted` was called.
    """

    n: int
    difference: float
    low: float
    high: float
    t_pvalue: float
    wilcoxon_pvalue: float | None
    adjusted_pvalue: float
    comparisons: int = 1

    @property
    def is_difference(self) -> bool:
        """Whether it is more than noise, in view of how many comparisons were made."""
        return self.adjusted_pvalue < ALPHA

    @property
    def may_be_none(self) -> bool:
        """Whether the interval, of this comparison by itself, holds 0."""
        return self.t_pvalue >= ALPHA


def paired_test(a: pd.Series, b: pd.Series, level: float = 0.95) -> Paired | None:
    """Compares two cells, each a value by seed; None with fewer than 2 seeds in common: one pair says nothing about noise.

    t = mean(d) / (sd(d) / sqrt(n)) with n - 1 degrees of freedom, d = a - b by seed. Where all differences are equal the
    interval has no width, and p is 0, or 1 if they are zero.
    """
    differences = (a - b).dropna().to_numpy(dtype=float)
    n = len(differences)
    if n < 2:
        return None
    from scipy import stats  # only here: it takes long to load

    mean, error = float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(n))
    if error <= 1e-12 * max(1.0, abs(mean)):
        error, p = 0.0, float(abs(mean) <= 1e-12)
    else:
        p = float(2 * stats.t.sf(abs(mean) / error, n - 1))
    reach = float(stats.t.ppf((1 + level) / 2, n - 1)) * error
    return Paired(n, mean, mean - reach, mean + reach, p, _wilcoxon(differences), p)


def _wilcoxon(differences: NDArray[np.float64]) -> float | None:
    if len(differences) < FEWEST_FOR_WILCOXON:
        return None
    from scipy import stats

    moved = differences[differences != 0]
    return float(stats.wilcoxon(moved).pvalue) if len(moved) else 1.0


def holm(pvalues: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the given order: the k-th smallest of m times m - k + 1, never falling, at most 1."""
    p = np.asarray(pvalues, dtype=float)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(steps, 1.0)
    return [float(value) for value in adjusted]


def adjusted(tests: Sequence[Paired | None]) -> list[Paired | None]:
    """The tests of one table with Holm's correction over those that could be made."""
    made = [test for test in tests if test is not None]
    corrected = iter(holm([test.t_pvalue for test in made]))
    return [
        None if test is None else replace(test, adjusted_pvalue=next(corrected), comparisons=len(made))
        for test in tests
    ]  # fmt: skip


@dataclass(frozen=True)
class Marks:
    """(rows, columns) of a table: means, sample standard deviations, numbers of seeds, the best mean of each column, and what
    cannot be told from it, each comparison by itself: corrected for a hundred comparisons, three seeds would tell nothing
    from anything.

    tests: by (row, column), the best of the column against the row; None where they share fewer than two seeds, absent for
    the best itself. comparisons: how many tests Holm's correction is over.
    """

    means: pd.DataFrame
    stds: pd.DataFrame
    counts: pd.DataFrame
    best: pd.DataFrame
    ties: pd.DataFrame
    tests: dict[tuple[Any, Any], Paired | None]
    comparisons: int


def mark_table(values: pd.DataFrame, best: str) -> Marks:
    """Marks of a table of cells.

    Args:
        values: columns row, column, seed, value; one line a run.
        best: "max" or "min"; with "" nothing is marked.
    """
    rows, columns = (list(dict.fromkeys(values[name])) for name in ("row", "column"))
    by_seed: Any = values.groupby(["row", "column", "seed"], sort=False)["value"].mean().unstack("seed")
    parts = {"mean": by_seed.mean(axis=1), "std": by_seed.std(axis=1), "count": by_seed.count(axis=1)}
    means, stds, counts = (part.unstack("column").reindex(index=rows, columns=columns) for part in parts.values())
    is_best = pd.DataFrame(False, index=means.index, columns=means.columns)
    ties = is_best.copy()
    tests: dict[tuple[Any, Any], Paired | None] = {}
    for column in columns if best else ():
        known = means[column].dropna()
        if len(known) < 2:
            continue
        extreme = known.max() if best == "max" else known.min()
        winner = known.index[known == extreme][0]
        for row in known.index:
            is_best.at[row, column] = known[row] == extreme
            if known[row] != extreme:
                tests[row, column] = paired_test(by_seed.loc[(winner, column)], by_seed.loc[(row, column)])
    tests = dict(zip(tests, adjusted(list(tests.values())), strict=True))
    for (row, column), test in tests.items():
        ties.at[row, column] = test is not None and test.may_be_none
    return Marks(means, stds, counts, is_best, ties, tests, sum(test is not None for test in tests.values()))


def verdict(a: str, b: str, test: Paired | None, where: str = "", best: str = "max") -> str:
    """In plain words, such as "IMAE over CCE at 40 %: +9.5 points [8.1, 10.9], 5 seeds, p = .0003: a difference".

    Values are fractions; points are percent.
    """
    names = f"{a} over {b}{f' at {where}' if where else ''}"
    if test is None:
        return f"{names}: fewer than two seeds in common; nothing can be said about the noise between seeds"
    direction = " (lower is better)" if best == "min" else ""
    low, middle, high = (f"{100 * value:+.1f}".replace("-", "−") for value in (test.low, test.difference, test.high))
    interval = f"[{low.removeprefix('+')}, {high.removeprefix('+')}]"
    numbers = f"{middle} points{direction} {interval}, {test.n} seeds"
    holm_note = f" (Holm, {test.comparisons} comparisons)" if test.comparisons > 1 else ""
    end = "a difference" if test.is_difference else "cannot be told from noise between seeds"
    return f"{names}: {numbers}, {pvalue_text(test.adjusted_pvalue)}{holm_note}: {end}"


def pvalue_text(p: float) -> str:
    """ "p = .0003", "p = .042", "p < .0001"."""
    if p < 0.0001:
        return "p < .0001"
    digits = 4 if p < 0.001 else 3 if p < 0.1 else 2
    return "p = " + (f"{p:.{digits}f}".removeprefix("0") if p < 0.995 else "1")
