"""What a study stands for: expansion, validation, widening, storage."""

import json

import pytest

from imae_core.catalog import LOSSES
from imae_core.data.facts import dataset_facts
from imae_core.errors import BadInputError, FormatVersionError
from imae_core.runs.budget import budgets
from imae_core.studies.parsing import parse_loss, parse_settings
from imae_core.studies.presets import PRESETS, preset
from imae_core.studies.store import (
    cells_of,
    create_study,
    list_studies,
    load_study,
    remove_study,
    study_path,
    widen_study,
)
from imae_core.studies.study import config_key, parse_study
from tests.studies.made_up import SMALL, small


def expanded(home, **changes):
    return parse_study(SMALL | changes).expand(dataset_facts(home, "digits"))


def test_every_combination_once_and_the_first_seed_first(home):
    cells = expanded(home)
    seen = [(c.config.seed, c.config.noise.rate, c.config.loss.name, c.config.loss.params.get("T")) for c in cells]
    one_seed = [(rate, *loss) for rate in (0.0, 0.4) for loss in (("cce", None), ("imae", 4.0), ("imae", 8.0))]
    assert seen == [(seed, *rest) for seed in (0, 1) for rest in one_seed]
    assert {cell.config.epochs for cell in cells} == {1}
    assert len({cell.key for cell in cells}) == 12


def test_what_comes_twice_is_one_run(home):
    losses = [{"name": "imae"}, {"name": "imae", "params": {"T": [8, 8.0, 4]}}, {"name": "imae", "params": {"T": 4}}]
    assert len(expanded(home, losses=losses, noise_rates=[0.4, 0.4], seeds=[0, 0])) == 2


def test_one_factor_at_a_time_around_the_usual_recipe(home):
    factors = {"lr": [0.1, 0.01], "loss.reduction": ["mean", "weight_sum"], "normalize": ["standardize"]}
    cells = expanded(
        home, losses=[{"name": "cce"}], noise_rates=[0.4], seeds=[0], factors=factors, design="one_at_a_time"
    )
    usual = {"lr": 0.1, "loss.reduction": "mean", "normalize": "default"}
    assert [cell.factors for cell in cells] == [
        usual, usual | {"lr": 0.01}, usual | {"loss.reduction": "weight_sum"}, usual | {"normalize": "standardize"},
    ]  # fmt: skip
    assert [cell.config.lr for cell in cells] == [0.1, 0.01, 0.1, 0.1]
    assert cells[2].config.loss.reduction == "weight_sum"
    assert cells[3].config.normalize == "standardize"
    product = expanded(home, losses=[{"name": "cce"}], noise_rates=[0.4], seeds=[0], factors=factors)
    assert len(product) == 4


def test_a_recipe_and_a_net_may_vary(home):
    cells = expanded(home, factors={"recipe": ["small", "cpu_quick"], "model": ["mlp", "small_cnn"]}, seeds=[0],
                     noise_rates=[0.4], losses=[{"name": "cce"}], overrides={"device": "cpu"})  # fmt: skip
    assert [(c.config.epochs, c.config.model.name) for c in cells] == [
        (100, "mlp"), (100, "small_cnn"), (15, "mlp"), (15, "small_cnn"),
    ]  # fmt: skip


def test_class_balanced_batches_take_as_many_classes_as_share_a_batch(home):
    cells = expanded(home, factors={"sampler": ["shuffle", "class_balanced"]}, seeds=[0], noise_rates=[0.4])
    assert [cell.config.classes_per_batch for cell in cells] == [None] * 3 + [8] * 3, (
        "8 of 10 classes, 16 of each in 128"
    )


def test_where_a_run_computes_does_not_make_it_another_one(home):
    config = expanded(home)[0].config
    assert config_key(config) == config_key(config.model_copy(update={"threads": 7, "device": "cuda:1"}))
    assert config_key(config) != config_key(config.model_copy(update={"lr": 0.2}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"losses": []}, "losses: give at least one"),
        ({"losses": [{"name": "imae", "params": {"T": [8, 99]}}]}, "T must be in [0, 64]"),
        ({"losses": [{"name": "ima"}]}, "unknown loss 'ima'"),
        ({"noise_rates": [1.4]}, "less than or equal to 1"),
        ({"seeds": [-1]}, "seeds must be 0 or more"),
        ({"noise": "symmetrical"}, "unknown noise model"),
        ({"factors": {"learning_rate": [1]}}, "unknown setting 'learning_rate'"),
        ({"factors": {"seed": [1]}}, "unknown setting 'seed'"),
        ({"factors": {"lr": []}}, "factor lr has no value"),
        ({"recipe": "hee"}, "unknown recipe"),
        ({"name": "../x"}, "name"),
        ({"max_hours": 0}, "max_hours"),
        ({"factors": {"lr": [0.1, -1]}}, "lr: Input should be greater than 0"),
        ({"dataset": "digit"}, "there is no data set 'digit'"),
        ({"seeds": list(range(4000))}, "24,000 runs, more than 20,000"),
    ],
)
def test_bad_input_is_said_in_one_line(home, changes, message):
    with pytest.raises(BadInputError) as caught:
        create_study(home, parse_study(SMALL | changes))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list_studies(home) == []


def test_studies_are_stored_whole_and_found_again(home):
    study, cells = small(home, max_hours=0.5)
    assert load_study(home, "small") == study
    assert [cell.key for cell in cells_of(home, load_study(home, "small"))] == [cell.key for cell in cells]
    assert json.loads(study_path(home, "small").read_text())["format_version"] == 1
    assert budgets(home) == {"small": 1800}
    with pytest.raises(BadInputError, match="there is a study 'small' already"):
        small(home)
    remove_study(home, "small")
    assert (list_studies(home), budgets(home)) == ([], {})
    with pytest.raises(BadInputError, match="there is no study 'small'"):
        load_study(home, "small")


def test_a_newer_format_is_refused(home):
    with pytest.raises(FormatVersionError, match="format version 9"):
        parse_study(SMALL | {"format_version": 9})


def test_widening_keeps_what_is_there(home):
    _, before = small(home, factors={"lr": [0.1]}, design="one_at_a_time")
    more = {
        "seeds": [1, 2],
        "noise_rates": [0.2],
        "losses": [{"name": "gce"}],
        "factors": {"lr": [0.1, 0.01]},
        "max_hours": 2,
    }
    after = widen_study(home, "small", more)
    study = load_study(home, "small")
    assert (study.seeds, study.noise_rates, study.factors) == ((0, 1, 2), (0.0, 0.4, 0.2), {"lr": (0.1, 0.01)})
    assert {cell.key for cell in before} < {cell.key for cell in after}
    assert len(after) == 3 * 3 * 4 * 2
    assert budgets(home) == {"small": 7200}


def test_widening_never_drops_runs(home):
    small(home)
    with pytest.raises(BadInputError, match="12 runs of study small would no longer belong to it"):
        widen_study(home, "small", {"factors": {"lr": [0.5]}})
    assert len(widen_study(home, "small", {"factors": {"lr": [0.1, 0.5]}})) == 24


def test_losses_and_settings_as_they_are_written():
    assert parse_loss("cce") == {"name": "cce", "params": {}}
    assert parse_loss("dm:lam=.5,1:beta=8") == {"name": "dm", "params": {"lam": [0.5, 1], "beta": 8}}
    assert parse_settings(["lr=0.01,0.1", "epochs=5", "normalize=none,mean"]) == (
        {"lr": [0.01, 0.1], "normalize": ["none", "mean"]}, {"epochs": 5},
    )  # fmt: skip
    for bad in ("imae:T", "imae:T="):
        with pytest.raises(BadInputError, match="a loss is NAME"):
            parse_loss(bad)
    with pytest.raises(BadInputError, match="a setting is NAME"):
        parse_settings(["lr"])


def test_presets_are_the_studies_that_they_say(home):
    everything = preset("digits-all-losses")
    names = [loss.name for loss in everything.losses]
    assert set(names) >= set(LOSSES) - {"gjs", "formula", "drawn"}
    assert len(cells_of(home, everything)) == len(names) * 5 * 3
    assert len(cells_of(home, preset("digits-sensitivity"))) == 3 * 3 * (1 + 1 + 1 + 2 + 1)
    assert all(build().name == name for name, build in PRESETS.items())
    with pytest.raises(BadInputError, match="unknown preset 'x'"):
        preset("x")
