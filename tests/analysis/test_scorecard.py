"""The scorecard against counting by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import auc, average_precision_score, roc_auc_score

from imae_core.analysis.scorecard import MOST_POINTS, measures, per_class, precision_at, scorecard
from imae_core.errors import BadInputError


def test_a_small_ranking_by_hand():
    scores, wrong = [0.9, 0.8, 0.7, 0.6, 0.1], [True, False, True, False, False]
    card = scorecard(scores, wrong, at=(1, 2, 3, 99))
    assert (card.num_examples, card.num_corrupted) == (5, 2)
    assert card.auc == pytest.approx(5 / 6)
    assert card.average_precision == pytest.approx((1 + 2 / 3) / 2)
    assert card.precision_at_corrupted == 0.5
    assert card.precision_at == {1: 1.0, 2: 0.5, 3: pytest.approx(2 / 3)}


def test_ties_do_not_profit_from_the_order_of_the_rows():
    assert precision_at([1, 1, 1, 1], [True, True, False, False], 2) == 0.5
    assert precision_at([2, 1, 1, 1], [True, True, False, False], 2) == pytest.approx((1 + 1 / 3) / 2)
    with pytest.raises(BadInputError, match="from 1 to the number of examples, 2; got 3"):
        precision_at([1, 2], [True, False], 3)


def test_curves_are_thin_and_keep_their_areas():
    generator = np.random.default_rng(0)
    wrong = generator.random(20_000) < 0.3
    scores = generator.normal(size=20_000) + wrong
    card = scorecard(scores, wrong)
    for curve, ends in (
        (card.roc, ("false_positive_rate", "true_positive_rate")),
        (card.precision_recall, ("recall",)),
    ):
        assert MOST_POINTS // 2 < len(curve) <= MOST_POINTS
        for column in ends:
            assert (curve[column].iloc[0], curve[column].iloc[-1]) == (0, 1)
            assert curve[column].is_monotonic_increasing
    area = auc(card.roc["false_positive_rate"], card.roc["true_positive_rate"])
    assert area == pytest.approx(roc_auc_score(wrong, scores), abs=2e-3)
    area = auc(card.precision_recall["recall"], card.precision_recall["precision"])
    assert area == pytest.approx(average_precision_score(wrong, scores), abs=5e-3)


def test_nan_ranks_lowest():
    card = scorecard([np.nan, 0.2, 0.1], [True, False, False])
    assert card.auc == 0.0
    assert scorecard([np.nan, np.nan], [True, False]).auc == 0.5


def test_one_population_alone_has_no_scorecard():
    card = scorecard([0.1, 0.2], [False, False], at=(1,))
    assert (card.auc, card.average_precision, card.precision_at_corrupted) == (None, None, None)
    assert card.precision_at == {1: 0.0}
    assert len(card.roc) == len(card.precision_recall) == 0
    with pytest.raises(BadInputError, match="must both be"):
        scorecard([0.1, 0.2], [True])


def test_per_class_counts_by_given_label():
    scores = [0.9, 0.1, 0.8, 0.2, 0.3, 0.0]
    table = per_class(scores, [True, False, False, True, False, False], [0, 0, 1, 1, 1, 3], 4).set_index("label")
    assert table["num_examples"].tolist() == [2, 3, 0, 1]
    assert table["num_corrupted"].tolist() == [1, 1, 0, 0]
    assert table.loc[0, ["auc", "precision", "recall"]].tolist() == [1.0, 1.0, 1.0]
    assert table.loc[1, ["auc", "precision", "recall"]].tolist() == [0.0, 0.0, 0.0]
    assert table.loc[[2, 3], ["auc", "average_precision", "precision", "recall"]].isna().all().all()
    assert np.isnan(table.loc[2, "noise_rate"])
    assert per_class(scores, [False] * 6, [0] * 6, 1, num_suspects=2)["precision"].tolist() == [0.0]


@pytest.mark.parametrize("digits", [1, 8])
def test_the_measures_from_one_sort_are_scikit_learns(digits):
    """Many ties with one digit, none with eight."""
    generator = np.random.default_rng(0)
    truth = generator.random(500) < 0.3
    scores = np.round(generator.random(500) + 0.4 * truth, digits)
    found = measures(scores, truth)
    assert found["auc"] == pytest.approx(roc_auc_score(truth, scores))
    assert found["average_precision"] == pytest.approx(average_precision_score(truth, scores))
    assert found["precision_at_corrupted"] == pytest.approx(precision_at(scores, truth, int(truth.sum())))
    assert np.isnan(list(measures(scores, np.ones(500)).values())).all()
