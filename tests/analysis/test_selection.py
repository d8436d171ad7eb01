"""Choosing by noisy held-out accuracy: hand values, pairing, ties, and the theorem that it rests on."""

import numpy as np
import pandas as pd
import pytest

from imae_core.analysis.selection import order_note, select
from imae_core.errors import BadInputError
from imae_core.noise.matrices import build_transition_matrix

VALIDATION = {0: [0.50, 0.40, 0.60], 4: [0.54, 0.43, 0.65], 8: [0.55, 0.46, 0.61], 16: [0.52, 0.38, 0.60]}
TEST = {0: [0.80, 0.70, 0.90], 4: [0.90, 0.80, 1.00], 8: [0.85, 0.75, 0.95], 16: [0.70, 0.60, 0.80]}


def runs(validation=VALIDATION, test=TEST):
    rows = [
        {"value": value, "seed": seed, "validation_accuracy_given": accuracy, "final_test_accuracy": test[value][seed]}
        for value, accuracies in validation.items() for seed, accuracy in enumerate(accuracies)
    ]  # fmt: skip
    return pd.DataFrame(rows).sample(frac=1, random_state=0)


def test_the_highest_mean_is_chosen_and_compared_in_pairs():
    """4 and 8 tie at 0.54: the first of equals. Differences of 8: -.01, -.03, .04, of 0: .04, .03, .05."""
    selection = select(runs())
    assert selection.chosen == 4
    table = selection.table
    assert list(table.index) == [0, 4, 8, 16]
    np.testing.assert_allclose(table["validation_mean"], [0.5, 0.54, 0.54, 0.5])
    np.testing.assert_allclose(table["validation_std"], [np.std(VALIDATION[v], ddof=1) for v in table.index])
    np.testing.assert_allclose(table["difference"], [0.04, 0, 0, 0.04], atol=1e-12)
    expected = [
        np.std(d, ddof=1) / 3**0.5 for d in ([0.04, 0.03, 0.05], [0, 0, 0], [-0.01, -0.03, 0.04], [0.02, 0.05, 0.05])
    ]
    np.testing.assert_allclose(table["standard_error"], expected, atol=1e-12)
    assert table["is_apart"].tolist() == [True, False, False, True], (
        "though all spreads are far wider than the differences"
    )
    assert selection.not_apart == [8]
    assert (selection.num_seeds, selection.num_left_out) == (3, 0)


def test_how_it_did_where_truth_is_known():
    truth = select(runs()).truth
    assert truth.best == 4
    assert truth.rank_correlation == pytest.approx(4 / 20**0.5), "ranks 1.5, 3.5, 3.5, 1.5 against 2, 4, 3, 1"
    assert truth.regret == 0
    worse = select(runs(VALIDATION | {16: [0.60, 0.50, 0.70]}))
    assert worse.chosen == 16
    assert (worse.truth.best, worse.truth.regret) == (4, pytest.approx(0.2))
    assert select(runs().drop(columns="final_test_accuracy")).truth is None


def test_only_seeds_that_all_values_have_count():
    table = runs()
    table = table[~((table["value"] == 8) & (table["seed"] == 1))]
    selection = select(table)
    assert (selection.num_seeds, selection.num_left_out) == (2, 3)
    np.testing.assert_allclose(selection.table["validation_mean"], [0.55, 0.595, 0.58, 0.56])
    unfinished = table.assign(validation_accuracy_given=table["validation_accuracy_given"].where(table["seed"] != 2))
    assert select(unfinished).num_seeds == 1


def test_one_seed_tells_nothing_apart():
    selection = select(runs().query("seed == 0"))
    assert selection.chosen == 8
    assert selection.table["standard_error"].isna().all()
    assert not selection.table["is_apart"].any()


@pytest.mark.parametrize(("table", "message"), [
    (runs().assign(validation_accuracy_given=np.nan), "set validation_fraction"),
    (runs().query("value == 4"), "only one value to choose from, 4"),
    (runs().query("(value == 4 and seed == 0) or (value == 8 and seed == 1)"), "no seed is finished for all values"),
])  # fmt: skip
def test_what_cannot_be_chosen_from_is_said(table, message):
    with pytest.raises(BadInputError, match=message):
        select(table)


def test_values_may_be_names():
    table = runs().assign(value=lambda t: t["value"].map({0: "cce", 4: "mae", 8: "imae", 16: "gce"}))
    assert select(table).chosen in ("mae", "imae")


def noisy_accuracy(confusion, matrix):
    """Expected share of given labels that predictions repeat; confusion (K, K) [true, predicted], classes equally likely."""
    return float((confusion * matrix).sum() / len(matrix))


def random_confusion(generator, K, accuracy):
    rest = generator.dirichlet(np.ones(K - 1), K)
    confusion = np.zeros((K, K))
    confusion[~np.eye(K, dtype=bool)] = ((1 - accuracy) * rest).ravel()
    return confusion + accuracy * np.eye(K)


def test_under_symmetric_noise_the_order_is_kept_at_the_stated_slope():
    matrix = build_transition_matrix("symmetric", 10, 0.4)
    generator = np.random.default_rng(0)
    found = [noisy_accuracy(random_confusion(generator, 10, accuracy), matrix) for accuracy in (0.5, 0.6, 0.9)]
    slope = 0.6 - 0.4 / 9
    np.testing.assert_allclose(np.diff(found), [0.1 * slope, 0.3 * slope])
    assert f"shows as {slope:.2f} points" in order_note(matrix)


def test_under_dominant_noise_the_perfect_net_is_best_but_the_order_of_others_may_turn():
    matrix = build_transition_matrix("asymmetric", 4, 0.4)
    generator = np.random.default_rng(0)
    perfect = noisy_accuracy(np.eye(4), matrix)
    for accuracy in np.linspace(0, 0.99, 50):
        assert noisy_accuracy(random_confusion(generator, 4, accuracy), matrix) < perfect
    along_the_noise = 0.80 * np.eye(4) + 0.20 * np.roll(np.eye(4), 1, axis=1)
    elsewhere = 0.85 * np.eye(4) + 0.15 * np.roll(np.eye(4), 2, axis=1)
    assert noisy_accuracy(along_the_noise, matrix) > noisy_accuracy(elsewhere, matrix)
    assert "the order may differ" in order_note(matrix)


def test_noise_that_outvotes_the_truth_is_named():
    matrix = build_transition_matrix("pairflip", 4, 0.6)
    assert noisy_accuracy(np.roll(np.eye(4), 1, axis=1), matrix) > noisy_accuracy(np.eye(4), matrix)
    assert "do not choose by it" in order_note(matrix)
    assert "do not choose by it" in order_note(build_transition_matrix("symmetric", 10, 0.95))
    assert "an assumption here" in order_note(None)
