"""Presets expand to exactly the experiments, and say what they lack."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from imae_core.data.dataset import Dataset
from imae_core.data.store import save_dataset
from imae_core.errors import BadInputError
from imae_core.paper import PRESETS, TABLES, Setting, experiments
from imae_core.paper.standing import PaperPlan, counts, places, seconds_left, submit_missing
from imae_core.runs.store import Store


def configs(home, name, **choices):
    return [one.config for one in experiments(home, PRESETS[name], **choices)]


def stand_in(home, name="cifar10-jpeg", classes=10, side=32):
    """A tiny data set with CIFAR-10's inputs and classes."""
    pictures, labels = np.zeros((classes, 3, side, side), np.uint8), np.arange(classes)
    save_dataset(
        home,
        Dataset(
            name=name, title=name, train_inputs=pictures, train_labels=labels, test_inputs=pictures, test_labels=labels,
            class_names=tuple(str(label) for label in range(classes)),
        ),
    )  # fmt: skip
    return name


def test_table_6_is_18_runs_of_the_he_recipe(home):
    found = configs(home, "table6")
    assert Counter((c.model.name, c.noise.rate, c.loss.name) for c in found) == Counter(
        (net, rate, loss) for net in ("resnet20", "resnet56") for rate in (0, 0.4, 0.8) for loss in ("cce", "mae", "imae")
    )  # fmt: skip
    for config in found:
        assert (config.dataset, config.iterations, config.batch_size, config.weight_decay) == (
            "cifar10",
            64_000,
            128,
            1e-4,
        )
        assert (config.noise.kind, config.loss.reduction, config.num_train) == ("symmetric", "mean", None)
        assert config.loss.params == {"cce": {}, "mae": {"scale": 2.0}, "imae": {"T": 8.0}}[config.loss.name]


def test_table_2_is_that_of_the_other_version(home):
    found = configs(home, "table2")
    assert Counter((c.model.name, c.noise.rate) for c in found) == Counter(
        {(net, rate): 3 for net in ("resnet20", "resnet32") for rate in (0.2, 0.5, 0.8)}
    )


def test_the_t_study_varies_t_alone(home):
    found = configs(home, "t_study")
    assert [c.loss.params["T"] for c in found] == [0, 0.5, 1, 2, 4, 8, 16]
    assert all(c.model_copy(update={"loss": found[0].loss}) == found[0] for c in found)
    assert found[0].noise.rate == 0.5


def test_small_presets_differ_in_size_alone(home):
    small, full = configs(home, "table6_small"), configs(home, "table6", only=["resnet20"])
    assert len(small) == len(full) == 9
    for one, other in zip(small, full, strict=True):
        assert one.num_train < 50_000
        assert one.iterations < 64_000
        assert one.model_copy(update={"num_train": None, "iterations": 64_000, "eval_every": other.eval_every}) == other
    for preset in PRESETS.values():
        if preset.overrides or preset.stands_for:
            assert preset.scaled_down, preset.name


def test_digits_is_the_paper_in_minutes(home):
    found = configs(home, "digits", seeds=[0, 1])
    assert len(found) == 18
    assert {(c.dataset, c.model.name, c.epochs) for c in found} == {("digits", "mlp", 100)}
    assert {c.noise_seed == c.seed for c in found} == {True}


@pytest.mark.parametrize(
    ("name", "number"),
    [("cifar100_symmetric", 12), ("cifar100_asymmetric", 9), ("authors_logs", 40), ("cnn8", 40), ("resnet34_elr", 16)],
)
def test_every_number_of_a_protocol_has_its_run(home, name, number):
    preset = PRESETS[name]
    assert preset.settings == tuple(TABLES[name].results)
    assert len(preset.settings) == number
    if preset.missing():
        with pytest.raises(BadInputError, match=f"preset {name} needs the recipe|preset {name} needs the loss"):
            experiments(home, preset)
        return
    found = configs(home, name)
    assert len({config.model_dump_json() for config in found}) == number
    if preset.dataset == "cifar100":
        for config in found:
            assert config.model.params == {"projection": 1}
            assert (config.batch_size, config.iterations) == (256, 30_000)
    if name == "cifar100_asymmetric":
        assert {config.noise.kind for config in found} == {"superclass_swap"}
        assert {config.loss.reduction for config in found} == {"weight_sum"}


def test_cifar100_uses_the_reductions_and_ts_of_the_logs():
    found = {
        (one.loss, one.rate): (dict(one.params).get("T"), one.reduction)
        for one in PRESETS["cifar100_symmetric"].settings
    }
    assert found["imae", 0.6] == (2.0, "weight_sum")
    assert found["imae", 0.0] == (6.0, "weight_sum")
    assert found["cce", 0.4] == (None, "mean")


def test_what_is_missing_is_said_in_words(home):
    preset = replace(
        PRESETS["table6"], recipe="no_such", settings=(Setting("resnet20", 0.4, "no_loss", "no_noise"),)
    )  # fmt: skip
    with pytest.raises(
        BadInputError, match="needs the recipe 'no_such', the loss 'no_loss', the noise model 'no_noise', which this"
    ):
        experiments(home, preset)


def test_words_of_one_kind_are_alternatives_of_several_all_must_hold(home):
    found = configs(home, "table6", only=["resnet20", "imae", "mae", "40"])
    assert [(c.model.name, c.noise.rate, c.loss.name) for c in found] == [
        ("resnet20", 0.4, "mae"),
        ("resnet20", 0.4, "imae"),
    ]
    assert [c.loss.params["T"] for c in configs(home, "t_study", only=["T=0.5"])] == [0.5]
    with pytest.raises(BadInputError, match="unknown word for preset table6 'resnet32'; choose one of: 0, 40, 80, T=8"):
        experiments(home, PRESETS["table6"], only=["resnet32"])
    with pytest.raises(BadInputError, match="no experiment with cce and T=8"):
        experiments(home, PRESETS["table6"], only=["cce", "T=8"])


def test_a_stand_in_must_have_the_inputs_and_classes(home):
    name = stand_in(home)
    assert {config.dataset for config in configs(home, "table6_small", dataset=name)} == {name}
    with pytest.raises(BadInputError, match=r"digits cannot stand in for CIFAR-10: its inputs are \(1, 8, 8\)"):
        experiments(home, PRESETS["table6"], dataset="digits")
    with pytest.raises(BadInputError, match="there is no data set 'nothing'"):
        experiments(home, PRESETS["table6"], dataset="nothing")


def test_only_what_is_missing_is_queued(home, monkeypatch):
    monkeypatch.setenv("IMAE_RUNNER", "external")
    store, plan = Store(home), PaperPlan("digits", seeds=(0, 1), only=("40",))
    assert counts(places(store, plan)) == "6 missing"
    first = submit_missing(store, PaperPlan("digits", only=("40", "imae")))
    assert len(first.new) == 1
    second = submit_missing(store, plan)
    assert (len(second.new), second.present) == (5, first.new)
    assert {run.group_name for run in store.runs()} == {"paper-digits"}
    assert submit_missing(store, plan).new == ()
    store.transition(first.new[0], ("queued",), "stopped")
    assert submit_missing(store, plan).resumed == first.new
    store.transition(first.new[0], ("queued",), "failed")
    assert submit_missing(store, plan).resumed == ()
    assert submit_missing(store, plan, again=True).resumed == first.new


def test_another_device_and_threads_are_the_same_experiment(home, monkeypatch):
    monkeypatch.setenv("IMAE_RUNNER", "external")
    store, plan = Store(home), PaperPlan("digits", only=("40", "imae"), device="cpu")
    submit_missing(store, plan)
    assert counts(places(store, PaperPlan("digits", only=("40", "imae")))) == "1 queued"


def test_time_is_known_after_a_run_of_the_kind(home):
    from tests.runs.folders import result

    store, plan = Store(home), PaperPlan("digits", only=("40",))
    assert seconds_left(store, places(store, plan)) is None
    from imae_core.runs.submit import create_run

    config = plan.cells(home)[0].config
    folder = create_run(home, config)
    folder.write_result(result(folder.run_id, config, 1297, True) | {"seconds": 11.0, "steps": 1100})
    store.add(folder.run_id, config, executor="local", state="done")
    # two more of 100 epochs of 11 steps, at 10 ms each
    assert seconds_left(store, places(store, plan)) == pytest.approx(2 * 11.0)
