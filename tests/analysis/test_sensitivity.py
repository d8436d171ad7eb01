"""Where the order of losses turns round with a setting."""

import pandas as pd
import pytest

from imae_core.analysis.sensitivity import factor_view, turn_sentence, turns


def lines(table, **fixed):
    """{(loss, lr, sampler): values by seed} to lines."""
    return pd.DataFrame(
        [{"row": loss, "column": 0.4, "seed": seed, "lr": lr, "sampler": sampler, "value": value}
         for (loss, lr, sampler), values in table.items() for seed, value in enumerate(values)]
    )  # fmt: skip


ORDER = lines(
    {
        ("IMAE", "0.1", "shuffle"): [0.90, 0.91, 0.92],
        ("MAE", "0.1", "shuffle"): [0.80, 0.815, 0.82],
        ("CCE", "0.1", "shuffle"): [0.70, 0.71, 0.72],
        ("IMAE", "0.01", "shuffle"): [0.80, 0.81, 0.82],
        ("MAE", "0.01", "shuffle"): [0.90, 0.915, 0.92],
        ("CCE", "0.01", "shuffle"): [0.60, 0.61, 0.62],
        ("IMAE", "0.1", "balanced"): [0.5, 0.5, 0.5],
        ("MAE", "0.1", "balanced"): [0.4, 0.4, 0.4],
    }
)


def test_only_blocks_with_every_value_count():
    view = factor_view(ORDER, "lr", ["sampler"])
    assert list(view.means.columns) == ["0.1", "0.01"]
    assert view.means.loc["IMAE"].tolist() == pytest.approx([0.91, 0.81]), "without the balanced runs"
    assert view.counts.loc["IMAE"].tolist() == [3, 3]
    assert list(factor_view(ORDER, "sampler", ["lr"]).means.index) == ["IMAE", "MAE"], "CCE has one value only"


def test_a_turn_is_found_tested_and_said():
    (turn,) = turns(ORDER, "lr", ["sampler"], "max")
    assert (turn.first, turn.second, turn.here, turn.there) == ("IMAE", "MAE", "0.1", "0.01")
    assert turn.is_sure
    sentence = turn_sentence(turn, factor_view(ORDER, "lr", ["sampler"]), "learning rate")
    assert sentence == (
        "The order turns round with the learning rate: at 0.1 IMAE (91.0) is before MAE (81.2), at 0.01 MAE (91.2) is before "
        "IMAE (81.0)."
    )
    assert turns(ORDER, "sampler", ["lr"], "max") == []
    assert turns(ORDER, "lr", ["sampler"], "") == []


def test_a_turn_within_the_noise_says_so():
    table = lines({("A", "0.1", "s"): [0.5, 0.9], ("B", "0.1", "s"): [0.7, 0.6], ("A", "0.01", "s"): [0.5, 0.6],
                   ("B", "0.01", "s"): [0.9, 0.7]})  # fmt: skip
    (turn,) = turns(table, "lr", ["sampler"], "max")
    assert not turn.is_sure
    assert "cannot be told from noise" in turn_sentence(turn, factor_view(table, "lr", ["sampler"]), "learning rate")
    assert factor_view(table, "sampler", ["lr"]) is None, "it does not vary"


def test_a_seed_that_one_loss_lacks_counts_for_none():
    table = lines({("A", "0.1", "s"): [0.5, 0.1], ("A", "0.01", "s"): [0.6, 0.1], ("B", "0.1", "s"): [0.4],
                   ("B", "0.01", "s"): [0.5], ("C", "0.1", "s"): [0.9]})  # fmt: skip
    view = factor_view(table, "lr", ["sampler"])
    assert view.means.loc["A"].tolist() == [0.5, 0.6]
    assert list(view.means.index) == ["A", "B"], "C has one value only"
    assert turns(table, "lr", ["sampler"], "max") == []


def test_noise_rates_are_averaged_within_a_seed_before_the_spread_is_taken():
    table = pd.DataFrame(
        [{"row": "A", "column": rate, "seed": seed, "lr": lr, "value": rate + 0.01 * seed}
         for rate in (0.2, 0.8) for seed in (0, 1) for lr in ("0.1", "0.01")]
    )  # fmt: skip
    view = factor_view(table, "lr", [])
    assert view.stds.loc["A", "0.1"] == pytest.approx(0.01 / 2**0.5)
