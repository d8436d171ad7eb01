"""Comparison of runs, against numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from imae_core.analysis.comparison import compare, mean_curves, noise_pivot
from imae_core.analysis.parameters import agreeing, differing
from imae_core.analysis.same_examples import TrainedOn, change_table, changes, density, same_examples, why_incomparable
from imae_core.recipes import make_config


def config(loss="cce", rate=0.4, seed=0, **changes):
    settings = {"epochs": 3, "device": "cpu"} | changes
    params = settings.pop("params", {})
    return make_config(
        "digits", (1, 8, 8), 1297, loss={"name": loss, "params": params}, noise={"rate": rate}, seed=seed, **settings
    ).model_dump(mode="json")


def compared(runs, **options):
    """`runs` holds (config, final test accuracy or None, noisy subset accuracy, state)."""
    ids = [f"run{place}" for place in range(len(runs))]
    results = [{"final_test_accuracy": final, "noisy_subset_accuracy": noisy} for _, final, noisy, _ in runs]
    return compare(
        dict(zip(ids, (run[0] for run in runs), strict=True)),
        dict(zip(ids, results, strict=True)),
        dict(zip(ids, (run[3] for run in runs), strict=True)),
        **options,
    )


@pytest.fixture
def sweep():
    return compared(
        [
            (config("imae", seed=0), 0.80, 0.10, "done"),
            (config("imae", seed=1), 0.90, 0.20, "done"),
            (config("cce", seed=0), 0.70, 0.05, "done"),
            (config("cce", seed=1), 0.72, 0.07, "done"),
            (config("cce", seed=2), None, None, "failed"),
            (config("imae", rate=0.0), 0.95, None, "done"),
            (config("cce", rate=0.0), 0.96, None, "done"),
        ]
    )


def test_groups_are_runs_that_agree_in_all_but_the_seeds(sweep):
    assert sweep.groups.to_dict() == {
        "run0": "IMAE · noise rate 40 %", "run1": "IMAE · noise rate 40 %", "run2": "CCE · noise rate 40 %",
        "run3": "CCE · noise rate 40 %", "run4": "CCE · noise rate 40 %", "run5": "IMAE · noise rate 0 %",
        "run6": "CCE · noise rate 0 %",
    }  # fmt: skip
    assert list(sweep.summary.index)[:2] == ["CCE · noise rate 0 %", "IMAE · noise rate 0 %"], "by noise, then by loss"


def test_mean_sample_deviation_and_number_of_finished_runs(sweep):
    final = sweep.summary["final_test_accuracy"]
    imae, cce, lone = (
        final.loc[name] for name in ("IMAE · noise rate 40 %", "CCE · noise rate 40 %", "CCE · noise rate 0 %")
    )
    assert imae.to_dict() == pytest.approx({"mean": 0.85, "std": 0.05 * np.sqrt(2), "n": 2})
    assert (cce["mean"], cce["n"]) == (pytest.approx(0.71), 2), "the failed run is in no mean"
    assert np.isnan(lone["std"])
    assert sweep.unfinished["CCE · noise rate 40 %"] == "1 failed"
    assert sweep.unfinished["IMAE · noise rate 40 %"] == ""


def test_the_best_is_marked_within_the_same_noise_and_the_noisy_subset_wants_to_be_low(sweep):
    best = sweep.best
    assert list(best.index[best["final_test_accuracy"]]) == ["CCE · noise rate 0 %", "IMAE · noise rate 40 %"]
    assert list(best.index[best["noisy_subset_accuracy"]]) == ["CCE · noise rate 40 %"]
    assert not best["train_accuracy_given"].any(), "neither direction is better"


def test_a_row_that_stands_alone_is_not_the_best_of_anything():
    assert not compared([(config(), 0.9, 0.1, "done"), (config(seed=1), 0.8, 0.1, "done")]).best.any(axis=None)


def test_what_differs_and_what_agrees():
    table = compared([
        (config("imae", lr=0.1), 0.9, 0.1, "done"), (config("imae", lr=0.01, params={"T": 8}), 0.9, 0.1, "done"),
        (config("gce"), 0.9, 0.1, "done"),
    ]).parameters  # fmt: skip
    assert differing(table) == ["loss.name", "lr"], "that GCE has no T is no difference beside the loss"
    agree = agreeing(table)
    assert (agree["T (IMAE)"], agree["q (GCE)"], agree["noise rate"], agree["epochs"]) == ("8", "0.7", "40 %", "3")
    assert "learning rate" not in agree


def test_a_parameter_of_one_loss_that_differs_is_named():
    runs = [(config("imae", params={"T": t}), 0.9, 0.1, "done") for t in (4, 8)] + [(config("cce"), 0.9, 0.1, "done")]
    comparison = compared(runs)
    assert "loss.params.T" in differing(comparison.parameters)
    assert sorted(comparison.groups) == ["CCE", "IMAE · T 4", "IMAE · T 8"]


def test_every_seed_apart_and_the_same_seed_twice():
    runs = [(config(seed=0), 0.8, 0.1, "done"), (config(seed=1), 0.9, 0.1, "done"), (config(seed=1), 0.9, 0.1, "done")]
    assert compared(runs).repeated_seeds() == ["CCE"]
    assert compared(runs[:2]).repeated_seeds() == []
    apart = compared(runs[:2], over_seeds=False)
    assert len(apart.summary) == 2
    assert list(apart.labels.columns) == ["loss.name", "noise_seed", "seed"]


def test_no_finished_run_at_all():
    comparison = compared([(config("cce"), None, None, "running"), (config("imae"), None, None, "queued")])
    assert comparison.summary["final_test_accuracy"]["mean"].isna().all()
    assert (comparison.summary["final_test_accuracy"]["n"] == 0).all()
    assert noise_pivot(comparison, "final_test_accuracy").empty


def test_curves_are_means_over_the_runs_of_a_group_epoch_by_epoch(sweep):
    histories = pd.DataFrame(
        {
            "run_id": ["run0", "run0", "run1", "run1", "run2"],
            "epoch": [1, 2, 1, 2, 1],
            "test_accuracy": [0.1, 0.5, 0.3, np.nan, 0.2],
        }
    )
    table = mean_curves(histories, sweep.groups, "test_accuracy").set_index(["group", "epoch"])
    first = table.loc[("IMAE · noise rate 40 %", 1)]
    assert (first["mean"], first["std"], first["n"]) == (pytest.approx(0.2), pytest.approx(0.1 * np.sqrt(2)), 2)
    second = table.loc[("IMAE · noise rate 40 %", 2)]
    assert (second["mean"], second["n"]) == (0.5, 1), "an epoch that was not evaluated is left out"
    assert np.isnan(second["std"])


def test_loss_against_noise_rate(sweep):
    pivot = noise_pivot(sweep, "final_test_accuracy")
    assert list(pivot.columns) == [0.0, 0.4]
    assert pivot.loc["CCE"].tolist() == pytest.approx([0.96, 0.71])
    assert pivot.loc["IMAE"].tolist() == pytest.approx([0.95, 0.85])


# -- the same examples -------------------------------------------------------------------------------------------------


def trained(index, given, true, dataset="digits", fingerprint="", noise_seed=0):
    true_labels = np.asarray(true)
    frame = {"index": index, "given_label": given, "true_label": true, "is_corrupted": np.asarray(given) != true_labels}
    return TrainedOn(dataset, fingerprint, noise_seed, pd.DataFrame(frame))


def dynamics(weight, predicted):
    return pd.DataFrame({"weight": weight, "p_label": np.linspace(0, 1, len(weight)), "predicted": predicted})


def test_runs_that_saw_other_labels_or_data_are_told_apart():
    a = trained([0, 1, 2], [0, 1, 1], [0, 1, 2])
    assert why_incomparable(a, a) == ""
    assert "different data sets, digits and mine" in why_incomparable(a, trained([0], [0], [0], dataset="mine"))
    assert "two different data sets that were both named" in why_incomparable(
        a, trained([0], [0], [0], fingerprint="x")
    )
    assert "no example in common" in why_incomparable(a, trained([7], [0], [0]))
    other = trained([0, 1, 2], [0, 2, 1], [0, 1, 2], noise_seed=1)
    assert "1 of the 3 examples that both saw were given different labels (noise seeds 0 and 1)" in why_incomparable(
        a, other
    )


def test_examples_are_matched_by_index_and_ranked_by_weight():
    a = trained([3, 5, 9], [0, 1, 1], [0, 1, 2])
    b = trained([9, 3], [1, 0], [2, 0])
    table = same_examples(a, b, dynamics([5.0, 9.0, 1.0], [0, 1, 1]), dynamics([0.2, 0.1], [2, 0]))
    assert table["index"].tolist() == [3, 9]
    assert (table["row_a"].tolist(), table["row_b"].tolist()) == ([0, 2], [1, 0])
    assert (table["weight_a"].tolist(), table["weight_b"].tolist()) == ([5.0, 1.0], [0.1, 0.2])
    assert (table["rank_a"].tolist(), table["rank_b"].tolist()) == ([0.75, 0.25], [0.25, 0.75])
    assert table["is_corrupted"].tolist() == [False, True]


def test_an_example_without_a_weight_is_left_out():
    a = trained([0, 1], [0, 1], [0, 1])
    assert len(same_examples(a, a, dynamics([np.nan, 1.0], [0, 1]), dynamics([1.0, 1.0], [0, 1]))) == 1


def test_who_changed_sides():
    index = np.arange(10)
    true = np.zeros(10, dtype=int)
    given = np.where(index < 2, 1, 0)
    a = trained(index, given, true)
    rising, falling = index + 1.0, 10.0 - index
    table = same_examples(a, a, dynamics(rising, true), dynamics(falling, given))
    found = changes(table)
    assert np.flatnonzero(found["heavy_a"].mask).tolist() == [9], "one of ten is the top tenth"
    assert np.flatnonzero(found["heavy_b"].mask).tolist() == [0]
    assert np.flatnonzero(found["right_a"].mask).tolist() == [0, 1], "B predicts the wrong given label"
    assert not found["right_b"].mask.any()
    counts = change_table(table, found)
    assert counts.loc["right_a", ["all", "clean", "corrupted"]].tolist() == [2, 0, 2]
    assert counts.loc["heavy_a", ["all", "clean", "corrupted"]].tolist() == [1, 1, 0]


def test_where_the_truth_is_not_known_right_means_the_given_label():
    a = trained([0, 1], [1, 0], [-1, -1])
    a = TrainedOn(a.dataset, "", 0, a.examples.assign(is_corrupted=False))
    table = same_examples(a, a, dynamics([1.0, 2.0], [1, 0]), dynamics([1.0, 2.0], [0, 0]))
    found = changes(table)
    assert found["right_a"].mask.tolist() == [True, False]
    assert list(change_table(table, found).columns) == ["title", "all"]


def test_equal_weights_share_a_rank_so_that_a_silent_majority_is_the_lower_half():
    a = trained(np.arange(10), np.zeros(10, dtype=int), np.zeros(10, dtype=int))
    mostly_silent = np.r_[np.zeros(7), 1.0, 2.0, 3.0]
    table = same_examples(a, a, dynamics(np.arange(10)[::-1], 0), dynamics(mostly_silent, 0))
    assert table["rank_b"].tolist()[:7] == pytest.approx([0.35] * 7)
    assert np.flatnonzero(changes(table)["heavy_a"].mask).tolist() == [0]


def test_density_counts_every_example_by_row_y_and_column_x():
    counts, x, y = density([0.0, 1.0, 1.0], [0.0, 0.0, 2.0], bins=2)
    assert counts.tolist() == [[1, 1], [0, 1]]
    assert (x.tolist(), y.tolist()) == ([0.25, 0.75], [0.5, 1.5])
