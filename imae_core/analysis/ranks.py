"""Ranks of losses over blocks, and whether their order is more than chance.

A block is one noise rate with one seed: within it all losses met the same data, the same wrong labels and the same initial
weights. Rank 1 is the best; equal values share their mean rank.

Reference: Demšar 2006, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, Section 3.2.2. Demšar's
blocks are independent data sets; here those of one rate or one seed are related, so that p is a guide, not proof.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Ranks:
    """mean_ranks (L,) by loss, the best first. N blocks counted; `left_out` of them lacked a loss.

    friedman_pvalue: that all losses are equally good; None with fewer than 3 losses or 2 blocks. critical_difference:
    mean ranks that are further apart differ at the 5 % level by Nemenyi's test.
    """

    mean_ranks: pd.Series
    num_blocks: int
    left_out: int
    friedman_statistic: float | None
    friedman_pvalue: float | None
    critical_difference: float

    def cliques(self) -> list[list[str]]:
        """Longest runs of losses, in the order of their ranks, that lie within the critical difference; two or more each."""
        found: list[tuple[int, int]] = []
        values = self.mean_ranks.to_numpy()
        for first in range(len(values)):
            last = int(np.searchsorted(values, values[first] + self.critical_difference, side="right")) - 1
            if last > first and (not found or last > found[-1][1]):
                found.append((first, last))
        names = [str(name) for name in self.mean_ranks.index]
        return [names[first : last + 1] for first, last in found]


def rank_losses(values: pd.DataFrame, best: str = "max") -> Ranks | None:
    """Ranks over all blocks in which every loss has a value.

    Args:
        values: columns row (the loss), column (the noise rate), seed, value; one line a run.
        best: "max" or "min".

    Returns:
        None without two losses that share a block. A loss without any value is left out.
    """
    known = values.dropna(subset=["value"])
    blocks = known.pivot_table(index=["column", "seed"], columns="row", values="value", aggfunc="mean", sort=False)
    complete = blocks.dropna()
    num_losses, num_blocks = complete.shape[1], len(complete)
    if num_losses < 2 or num_blocks < 1:
        return None
    ranks = complete.rank(axis=1, ascending=best == "min", method="average")
    statistic = pvalue = None
    if num_losses > 2 and num_blocks > 1 and (ranks.nunique(axis=1) > 1).any():
        from scipy import stats  # only here: it takes long to load

        result = stats.friedmanchisquare(*(complete[loss] for loss in complete))
        statistic, pvalue = float(result.statistic), float(result.pvalue)
    means = ranks.mean().sort_values(kind="stable")
    distance = critical_difference(num_losses, num_blocks)
    return Ranks(means, num_blocks, len(blocks) - num_blocks, statistic, pvalue, distance)


def critical_difference(num_losses: int, num_blocks: int, alpha: float = 0.05) -> float:
    """Nemenyi's q_alpha sqrt(k (k + 1) / (6 N)), q_alpha from the Studentised range over sqrt(2) (Demšar 2006, Table 5)."""
    from scipy import stats  # only here: it takes long to load

    q = float(stats.studentized_range.ppf(1 - alpha, num_losses, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(num_losses * (num_losses + 1) / (6 * num_blocks)))
