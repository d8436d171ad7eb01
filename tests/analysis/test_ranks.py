"""Ranks of losses: Demšar's table of critical values, Friedman's test by scipy, ranks by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from imae_core.analysis.ranks import critical_difference, rank_losses


def blocks(values, names="ABCDEFGH"):
    """(N, L) to lines: a block a row."""
    return pd.DataFrame(
        [{"row": names[place], "column": "40 %", "seed": seed, "value": value}
         for seed, line in enumerate(values) for place, value in enumerate(line)]
    )  # fmt: skip


@pytest.mark.parametrize(("k", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850), (10, 3.164)])
def test_critical_values_are_those_of_demsar_2006_table_5(k, q):
    assert critical_difference(k, 14) == pytest.approx(q * np.sqrt(k * (k + 1) / (6 * 14)), abs=1e-3)


def test_ranks_by_hand():
    ranks = rank_losses(blocks([[0.9, 0.8, 0.7], [0.8, 0.9, 0.7], [0.9, 0.9, 0.7]]))
    assert ranks.mean_ranks.to_dict() == pytest.approx({"A": (1 + 2 + 1.5) / 3, "B": (2 + 1 + 1.5) / 3, "C": 3.0})
    low = rank_losses(blocks([[0.9, 0.8, 0.7], [0.8, 0.9, 0.7]]), "min")
    assert low.mean_ranks.index[0] == "C"


def test_friedman_is_scipys():
    values = np.random.default_rng(0).random((10, 4)) + np.array([0.3, 0.0, 0.1, 0.2])
    ranks = rank_losses(blocks(values))
    reference = stats.friedmanchisquare(*values.T)
    assert (ranks.friedman_statistic, ranks.friedman_pvalue) == pytest.approx((reference.statistic, reference.pvalue))


def test_blocks_that_lack_a_loss_are_left_out_and_counted():
    ranks = rank_losses(blocks([[0.9, 0.8, 0.7], [0.8, np.nan, 0.7], [0.9, 0.6, 0.7]]))
    assert (ranks.num_blocks, ranks.left_out) == (2, 1)
    assert rank_losses(blocks([[0.9, np.nan], [np.nan, 0.8]])) is None
    assert rank_losses(blocks([[0.9], [0.8]])) is None


def test_two_losses_have_no_friedman_test_and_equal_ones_no_statistic():
    assert rank_losses(blocks([[0.9, 0.8], [0.9, 0.8]])).friedman_pvalue is None
    assert rank_losses(blocks([[0.9, 0.9, 0.9], [0.8, 0.8, 0.8]])).friedman_pvalue is None


def test_cliques_are_the_longest_groups_within_the_critical_difference():
    values = [[0.9, 0.89, 0.5, 0.49]] * 5 + [[0.89, 0.9, 0.49, 0.5]] * 5
    ranks = rank_losses(blocks(values))
    assert ranks.mean_ranks.tolist() == [1.5, 1.5, 3.5, 3.5]
    assert ranks.critical_difference == pytest.approx(2.569 * np.sqrt(20 / 60), abs=1e-3)
    assert ranks.cliques() == [["A", "B"], ["C", "D"]]
