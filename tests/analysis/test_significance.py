"""Tests of differences between cells, against values worked out by hand and against scipy's own."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from imae_core.analysis.significance import (
    Paired,
    adjusted,
    holm,
    mark_table,
    paired_test,
    pvalue_text,
    verdict,
)

A = pd.Series([0.90, 0.92, 0.91, 0.93, 0.89, 0.94])
B = pd.Series([0.80, 0.86, 0.83, 0.84, 0.82, 0.85])


def cells(**rows):
    """Rows of {column: [value of seed 0, of seed 1, …]}."""
    lines = [
        {"row": row, "column": column, "seed": seed, "value": value}
        for row, columns in rows.items()
        for column, values in columns.items()
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(lines)


def test_paired_t_is_scipys():
    test = paired_test(A, B)
    reference = stats.ttest_rel(A, B)
    interval = reference.confidence_interval(0.95)
    assert test.t_pvalue == pytest.approx(reference.pvalue, rel=1e-9)
    assert (test.low, test.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert test.difference == pytest.approx(0.08166667)
    assert test.wilcoxon_pvalue == pytest.approx(2 / 2**6), "all six signs agree: 2 of 64 ways"


def test_by_hand():
    """d = .1, .2, .3: mean .2, sd .1, t = .2 / (.1 / sqrt 3) = 3.4641 with 2 degrees of freedom; the two-sided p is .0742."""
    test = paired_test(pd.Series([0.6, 0.7, 0.8]), pd.Series([0.5, 0.5, 0.5]))
    assert test.t_pvalue == pytest.approx(0.07417, abs=1e-5)
    assert test.high - test.difference == pytest.approx(4.302653 * 0.1 / np.sqrt(3), rel=1e-6)
    assert (test.n, test.wilcoxon_pvalue) == (3, None)


def test_only_seeds_in_common_are_paired():
    a = pd.Series({0: 0.5, 1: 0.6, 2: np.nan, 7: 0.9})
    b = pd.Series({1: 0.5, 0: 0.5, 2: 0.1, 8: 0.9})
    test = paired_test(a, b)
    assert test.n == 2
    assert test.difference == pytest.approx(0.05)
    assert paired_test(a, pd.Series({1: 0.5, 9: 0.5})) is None, "one pair says nothing"


def test_equal_differences_have_no_width():
    same = paired_test(pd.Series([0.5, 0.6]), pd.Series([0.5, 0.6]))
    assert (same.t_pvalue, same.low, same.high) == (1.0, 0.0, 0.0)
    shifted = paired_test(pd.Series([0.75, 0.5]), pd.Series([0.5, 0.25]))
    assert (shifted.t_pvalue, shifted.low, shifted.high) == (0.0, 0.25, 0.25)
    zeros = pd.Series([0.5] * 6)
    assert paired_test(zeros, zeros).wilcoxon_pvalue == 1.0


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06]), "3 x .01; 2 x .03; then never falling"
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_correction_leaves_what_could_not_be_tested_out():
    first, second = (Paired(3, 0.1, 0.0, 0.2, p, None, p) for p in (0.03, 0.02))
    found = adjusted([first, None, second])
    assert found[1] is None
    assert [test.adjusted_pvalue for test in (found[0], found[2])] == pytest.approx([0.04, 0.04])
    assert found[0].comparisons == 2


def test_a_table_marks_the_best_and_what_cannot_be_told_from_it():
    table = cells(
        IMAE={"40 %": [0.90, 0.91, 0.92, 0.90]},
        GCE={"40 %": [0.91, 0.90, 0.90, 0.91]},
        CCE={"40 %": [0.80, 0.81, 0.82, 0.81]},
    )
    marks = mark_table(table, "max")
    assert marks.best["40 %"].tolist() == [True, False, False]
    assert marks.ties["40 %"].tolist() == [False, True, False]
    assert marks.comparisons == 2
    assert ("IMAE", "40 %") not in marks.tests
    assert mark_table(table, "min").best["40 %"].tolist() == [False, False, True]
    assert not mark_table(table, "").best.any(axis=None)
    assert marks.stds.at["IMAE", "40 %"] == pytest.approx(np.std([0.90, 0.91, 0.92, 0.90], ddof=1))


def test_marks_are_not_washed_out_by_the_number_of_rows():
    rows = {f"loss {place}": {"40 %": [0.10, 0.16, 0.22]} for place in range(40)}
    marks = mark_table(cells(IMAE={"40 %": [0.98, 0.97, 0.98]}, **rows), "max")
    assert not marks.ties.any(axis=None), (
        "80 points over three seeds are a difference, whatever else stands in the table"
    )
    assert not marks.tests["loss 0", "40 %"].is_difference, "which the correction would deny"


def test_one_seed_and_no_value():
    marks = mark_table(cells(IMAE={"0 %": [0.9]}, CCE={"0 %": [0.8]}, MAE={"0 %": [np.nan]}), "max")
    assert marks.best["0 %"].tolist() == [True, False, False]
    assert not marks.ties.any(axis=None), "with one seed nothing is said"
    assert marks.comparisons == 0
    assert marks.means["0 %"].isna().tolist() == [False, False, True]
    alone = mark_table(cells(IMAE={"0 %": [0.9, 0.8]}), "max")
    assert not alone.best.any(axis=None), "a row that stands alone is not the best of anything"


def test_verdicts_in_words():
    clear = Paired(5, 0.095, 0.081, 0.109, 0.0003, None, 0.0003)
    assert verdict("IMAE", "CCE", clear, "40 %") == (
        "IMAE over CCE at 40 %: +9.5 points [8.1, 10.9], 5 seeds, p = .0003: a difference"
    )
    noise = Paired(3, -0.01, -0.05, 0.03, 0.3, None, 0.6, 2)
    assert verdict("A", "B", noise, best="min") == (
        "A over B: −1.0 points (lower is better) [−5.0, 3.0], 3 seeds, p = .60 (Holm, 2 comparisons): cannot be told from "
        "noise between seeds"
    )
    assert "nothing can be said" in verdict("A", "B", None)


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.00001, "p < .0001"), (0.0003, "p = .0003"), (0.042, "p = .042"), (0.5, "p = .50"), (1.0, "p = 1")],
)
def test_pvalues_in_words(p, text):
    assert pvalue_text(p) == text
