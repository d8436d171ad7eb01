"""Ours beside the published numbers: matching, means, differences, orders, labels."""

import json

import pytest

from imae_core.config import RunConfig
from imae_core.errors import BadInputError
from imae_core.paper import PRESETS, compare_with_paper, experiments
from imae_core.paper.compare import NOT_COMPARABLE
from imae_core.paper.orders import Measured
from imae_core.paper.tables import comparison_markdown, comparison_records, records_csv
from imae_core.runs.store import Store
from imae_core.runs.submit import create_run
from tests.paper.test_presets import stand_in
from tests.runs.folders import result


def finished(home, config: RunConfig, *, state="done", group="", **fractions):
    """A run that says it has these results, without training."""
    folder = create_run(home, config)
    if state == "done":
        folder.write_result(result(folder.run_id, config, 100, True) | fractions)
    Store(home).add(folder.run_id, config, group=group, executor="local", state=state)
    return folder.run_id


def table6_runs(home, only=("resnet20", "40"), finals=(0.65, 0.77, 0.83), **choices):
    """CCE, MAE and IMAE with these final accuracies."""
    found = experiments(home, PRESETS["table6"], only=only, **choices)
    return [finished(home, one.config, final_test_accuracy=value) for one, value in zip(found, finals, strict=True)]


def cells(comparison, metric="final_test_accuracy"):
    return {row.setting.loss: row.cells[metric] for row in comparison.rows if row.finished}


def order(comparison, metric="final_test_accuracy", task="ResNet20, symmetric 40 %"):
    return next(one for one in comparison.orders if (one.metric, one.task) == (metric, task))


def test_means_deviations_and_differences(home):
    table6_runs(home, finals=(0.64, 0.77, 0.83))
    table6_runs(home, finals=(0.68, 0.75, 0.85), seeds=[1])
    (found,) = compare_with_paper(Store(home), PRESETS["table6"])
    cce = cells(found)["cce"]
    assert cce.published == 67.0
    assert cce.ours == Measured(pytest.approx(66.0), pytest.approx(2.8284, abs=1e-3), 2)
    assert cce.difference == pytest.approx(-1.0)
    assert found.caveats == ()
    assert found.variant == "CIFAR-10 (official files)"
    assert found.num_runs == 6
    others = [row for row in found.rows if not row.finished]
    assert len(others) == 15
    assert all(cell.ours is None and cell.difference is None for row in others for cell in row.cells.values())


def test_seeds_device_and_threads_do_not_matter_all_else_does(home):
    config = experiments(home, PRESETS["table6"], only=["resnet20", "40", "imae"])[0].config
    same = [
        config.model_copy(update=update)
        for update in ({"seed": 5}, {"noise_seed": 7}, {"device": "cpu"}, {"threads": 3})
    ]
    other = [
        config.model_copy(update=update)
        for update in ({"lr": 0.05}, {"iterations": 100}, {"num_train": 100}, {"eval_every": 1})
    ]
    for one in [*same, *other]:
        finished(home, one)
    (found,) = compare_with_paper(Store(home), PRESETS["table6"])
    # device and threads alone repeat seed 0: the newest of them counts
    assert cells(found)["imae"].ours.n == 3


def test_of_several_runs_with_one_seed_the_newest_counts(home):
    config = experiments(home, PRESETS["table6"], only=["resnet20", "40", "imae"])[0].config
    finished(home, config, final_test_accuracy=0.1)
    newest = finished(home, config, final_test_accuracy=0.8)
    finished(home, config, state="failed")
    (found,) = compare_with_paper(Store(home), PRESETS["table6"])
    (row,) = [row for row in found.rows if row.finished]
    assert row.finished == (newest,)
    assert row.unfinished == ("1 failed",)
    assert row.cells["final_test_accuracy"].ours.mean == pytest.approx(80.0)


def test_orders_that_hold_and_that_do_not(home):
    table6_runs(home, finals=(0.65, 0.77, 0.83))
    (found,) = compare_with_paper(Store(home), PRESETS["table6"])
    assert order(found).verdict == "holds"
    assert order(found).published == "CCE 67.0 < MAE 75.9 < IMAE 84.0"
    assert order(found).ours == "CCE 65.0 < MAE 77.0 < IMAE 83.0"
    assert order(found, task="ResNet56, symmetric 40 %").verdict == "not known yet"
    table6_runs(home, only=("resnet20", "80"), finals=(0.30, 0.25, 0.41))
    (found,) = compare_with_paper(Store(home), PRESETS["table6"])
    broken = order(found, task="ResNet20, symmetric 80 %")
    assert broken.verdict == "does not hold"
    assert broken.broken == ("CCE 5.0 above MAE",)


def test_an_order_is_broken_before_it_is_complete_but_never_holds_before(home):
    table6_runs(home, only=("resnet20", "40", "cce", "imae"), finals=(0.9, 0.8))
    (found,) = compare_with_paper(Store(home), PRESETS["table6"])
    assert order(found).verdict == "does not hold"
    assert order(found).broken == ("CCE 10.0 above IMAE",)


def test_level_means_are_no_order(home):
    table6_runs(home, only=("resnet20", "40", "cce", "imae"), finals=(0.8, 0.8))
    (found,) = compare_with_paper(Store(home), PRESETS["table6"])
    assert (order(found).verdict, order(found).broken) == ("does not hold", ("CCE level with IMAE",))


def test_equal_published_numbers_are_in_no_order(home):
    table6_runs(home, only=("resnet56", "0"), finals=(0.95, 0.85, 0.93))
    (found,) = compare_with_paper(Store(home), PRESETS["table6"])
    # final: CCE 92.2 = IMAE 92.2, MAE 89.0
    assert order(found, task="ResNet56, 0 %").verdict == "holds"


def test_a_difference_within_the_seeds_is_said(home):
    for seed, finals in ((0, (0.60, 0.750, 0.84)), (1, (0.62, 0.840, 0.86)), (2, (0.61, 0.80, 0.82))):
        table6_runs(home, finals=finals, seeds=[seed])
    (found,) = compare_with_paper(Store(home), PRESETS["table6"])
    # MAE 79.67 ± 4.51, IMAE 84.00 ± 2.00, n = 3: a gap of 4.33 against a standard error of 2.85
    assert order(found).close == ()
    table6_runs(home, finals=(0.61, 0.90, 0.84), seeds=[3])
    (found,) = compare_with_paper(Store(home), PRESETS["table6"])
    # MAE 82.25 ± 6.34, IMAE 84.00 ± 1.63, n = 4: 1.75 against 3.27
    assert order(found).close == ("MAE and IMAE",)
    assert order(found).verdict == "holds"


def test_claims_in_words_are_orders_too(home):
    finals = (0.60, 0.62, 0.64, 0.66, 0.7, 0.8, 0.79)
    for one, value in zip(experiments(home, PRESETS["t_study"]), finals, strict=True):
        finished(home, one.config, final_test_accuracy=value, train_accuracy_true=value)
    (found,) = compare_with_paper(Store(home), PRESETS["t_study"])
    rises, fits = found.orders
    assert (rises.published, rises.verdict) == ("final test accuracy rises with T", "does not hold")
    assert rises.broken == ("IMAE (T = 8) 1.0 above IMAE (T = 16)",)
    assert fits.verdict == "holds"


def test_scaled_down_runs_are_never_subtracted_and_always_labelled(home):
    for one in experiments(home, PRESETS["table6_small"]):
        finished(home, one.config)
    (found,) = compare_with_paper(Store(home), PRESETS["table6_small"])
    assert all(cell.difference is None for row in found.rows for cell in row.cells.values())
    assert found.caveats[0].startswith(f"{NOT_COMPARABLE}: scaled down, 2,500 of 50,000")
    assert "**Not comparable: scaled down" in comparison_markdown(found)
    assert all(NOT_COMPARABLE in record["label"] for record in comparison_records(found))
    assert compare_with_paper(Store(home), PRESETS["table6"]) == [], "a scaled-down run is none of the full length"


def test_a_stand_in_is_named_and_labelled(home):
    name = stand_in(home)
    table6_runs(home, dataset=name)
    table6_runs(home)
    official, other = compare_with_paper(Store(home), PRESETS["table6"])
    assert official.caveats == ()
    assert other.dataset == name
    assert other.caveats == (f"{NOT_COMPARABLE}: {name} (JPEG variant) stands in for CIFAR-10 (official files)",)
    text = comparison_markdown(other)
    assert "on cifar10-jpeg (JPEG variant)**" in text
    assert "final version, Table 6" in text
    only = compare_with_paper(Store(home), PRESETS["table6"], dataset=name)
    assert [one.dataset for one in only] == [name]


def test_runs_of_other_data_are_left_out(home):
    finished(home, experiments(home, PRESETS["digits"])[0].config)
    assert compare_with_paper(Store(home), PRESETS["table6"]) == []
    with pytest.raises(BadInputError, match="cannot stand in"):
        compare_with_paper(Store(home), PRESETS["table6"], dataset="digits")


def test_digits_stand_beside_the_numbers_of_resnet20(home):
    for one in experiments(home, PRESETS["digits"], only=["40"]):
        finished(home, one.config)
    (found,) = compare_with_paper(Store(home), PRESETS["digits"])
    assert {loss: cell.published for loss, cell in cells(found).items()} == {"cce": 67.0, "mae": 75.9, "imae": 84.0}
    assert found.caveats == (f"{NOT_COMPARABLE}: scaled down, digits and an MLP instead of CIFAR-10 and ResNet20",)


def test_a_group_alone(home):
    config = experiments(home, PRESETS["table6"], only=["resnet20", "40", "imae"])[0].config
    finished(home, config, group="mine")
    finished(home, config.model_copy(update={"seed": 1}), group="other")
    (found,) = compare_with_paper(Store(home), PRESETS["table6"], group="mine")
    assert found.num_runs == 1


def test_records_are_plain_and_carry_version_protocol_and_variant(home):
    table6_runs(home)
    (found,) = compare_with_paper(Store(home), PRESETS["table6"])
    records = json.loads(json.dumps(comparison_records(found)))
    one = next(r for r in records if (r["loss"], r["metric"], r["n"]) == ("imae", "final_test_accuracy", 1))
    assert (one["version"], one["variant"], one["label"]) == (
        "final version, Table 6",
        "CIFAR-10 (official files)",
        "comparable",
    )
    assert (one["published"], one["mean"], one["std"]) == (84.0, pytest.approx(83.0), None)
    assert one["difference"] == pytest.approx(-1.0)
    header, *lines = records_csv(records).splitlines()
    assert header.startswith("preset,version,protocol,dataset,variant,net,noise,noise_rate,loss,params")
    assert len(lines) == 18 * 5


def test_a_run_without_noise_is_scored_against_the_labels_that_the_other_rows_take_for_true(home):
    config = experiments(home, PRESETS["table6"], only=["resnet20", "0", "cce"])[0].config
    unknown = {"train_accuracy_true": None, "clean_subset_accuracy": None, "hybrid_accuracy": None}
    scores = {"train_accuracy_given": 0.9, "final_test_accuracy": 0.6, "num_train": 50_000, "num_test": 10_000}
    finished(home, config, **unknown, **scores)
    (found,) = compare_with_paper(Store(home), PRESETS["table6"])
    assert cells(found, "clean_subset_accuracy")["cce"].ours.mean == pytest.approx(90)
    assert cells(found, "hybrid_accuracy")["cce"].ours.mean == pytest.approx((60 * 10_000 + 90 * 50_000) / 60_000)
    noisy = experiments(home, PRESETS["table6"], only=["resnet20", "40", "cce"])[0].config
    finished(home, noisy, **unknown, **scores)
    (found,) = compare_with_paper(Store(home), PRESETS["table6"])
    (row,) = [row for row in found.rows if row.finished and row.setting.rate]
    assert row.cells["clean_subset_accuracy"].ours is None
