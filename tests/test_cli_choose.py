"""`imae choose`, and the options that it shares with `train` and `submit`."""

import json

import pytest
import typer
from typer.testing import CliRunner

from imae_core.cli import app
from imae_core.errors import BadInputError
from imae_core.recipes import RECIPES
from imae_core.runs.store import Store

QUICK = ("--epochs", "2", "--num-train", "200", "--noise-rate", "0.2")


def imae(*arguments):
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def last_json(text):
    return json.loads(text.splitlines()[-1])


def configs(home):
    return [run.config for run in Store(home).runs()]


def test_every_run_option_is_declared_for_all_three_commands():
    commands = typer.main.get_command(app).commands
    shared = {"dataset", "noise_rate", "loss_param", "recipe", "sampler", "classes_per_batch", "grad_clip", "augment", "normalize",
              "validation_fraction", "num_folds", "seed", "threads"}  # fmt: skip
    for name in ("train", "submit", "choose"):
        assert shared <= {parameter.name for parameter in commands[name].params}


def test_options_reach_the_config(home, monkeypatch):
    monkeypatch.setenv("IMAE_RUNNER", "external")
    imae("submit", "--loss", "imae", "--loss-param", "T=4", "--seed", "3", "--seed", "4", "--lr", "0.02", "--folds", "4",
         "--sampler", "class_balanced", "--classes-per-batch", "8", "--augment", "resize_crop", "--normalize", "mean",
         "--grad-clip", "2", "--reduction", "weight_sum", "--max-log-odds", "0", "--noise", "pairflip", "--noise-rate", "0.1")  # fmt: skip
    first, second = configs(home)
    assert (first.seed, second.seed) == (3, 4)
    assert (first.sampler, first.classes_per_batch, first.augment, first.normalize) == (
        "class_balanced",
        8,
        "resize_crop",
        "mean",
    )
    assert (first.grad_clip, first.lr, first.num_folds) == (2, 0.02, 4)
    assert (first.loss.params, first.loss.reduction, first.loss.max_log_odds) == ({"T": 4}, "weight_sum", None)
    assert (first.noise.kind, first.noise.rate) == ("pairflip", 0.1)


def test_a_recipe_decides_the_reduction_unless_it_is_given(home, monkeypatch):
    monkeypatch.setenv("IMAE_RUNNER", "external")
    assert RECIPES["authors_cifar100"].values["reduction"] == "weight_sum"
    imae("submit", "--dataset", "cifar100", "--recipe", "authors_cifar100")
    imae("submit", "--dataset", "cifar100", "--recipe", "authors_cifar100", "--reduction", "mean")
    assert [config.loss.reduction for config in configs(home)] == ["weight_sum", "mean"]


def test_choose_trains_here_and_reads_the_group_again(home):
    said = last_json(imae("choose", "--loss", "imae", "--param", "T", "--values", "0, 8", "--seed", "0", "--seed", "1", "--here",
                          "--group", "of T", "--json", *QUICK))  # fmt: skip
    assert len(said["run_ids"]) == 4
    assert {(c.loss.params["T"], c.seed, c.validation_fraction) for c in configs(home)} == {
        (T, seed, 0.2) for T in (0, 8) for seed in (0, 1)
    }
    by_value = {row["value"]: row["validation_mean"] for row in said["values"]}
    assert said["chosen"] == max(by_value, key=by_value.get)
    results = [json.loads((home / "runs" / run_id / "result.json").read_text()) for run_id in said["run_ids"]]
    of_8 = [r["validation_accuracy_given"] for r in results if r["config"]["loss"]["params"]["T"] == 8]
    assert by_value[8.0] == pytest.approx(sum(of_8) / 2)
    again = last_json(imae("choose", "--group", "of T", "--json"))
    assert {name: again[name] for name in ("chosen", "values", "truth")} == {
        name: said[name] for name in ("chosen", "values", "truth")
    }


def test_choose_queues_by_default(home, monkeypatch):
    monkeypatch.setenv("IMAE_RUNNER", "external")
    said = last_json(imae("choose", "--param", "lr", "--values", "0.1,0.01", "--folds", "3", "--json", *QUICK))
    assert [(c.lr, c.num_folds, c.validation_fraction) for c in configs(home)] == [(0.1, 3, 0), (0.01, 3, 0)]
    assert {run.group_name for run in Store(home).runs()} == {said["group"]}
    assert "chosen" not in said
    imae("choose", "--param", "iterations", "--values", "10,20", "--epochs", "3", "--group", "length")
    imae("choose", "--param", "loss", "--values", "cce,mae", "--group", "losses")
    assert [(c.epochs, c.iterations) for c in configs(home)[2:4]] == [(None, 10), (None, 20)]
    assert [c.loss.name for c in configs(home)[4:]] == ["cce", "mae"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name what to choose with --param and --values"),
        (("--param", "T"), "at least two --values"),
        (("--param", "T", "--values", "1,2"), "unknown parameter of cce 'T'; choose one of: batch_size"),
        (("--loss", "imae", "--param", "T", "--values", "1,x"), "T must be a number, got 'x'"),
        (("--loss", "cce", "--loss", "mae", "--param", "lr", "--values", "1,2"), "choose takes one --loss"),
        (("--group", "nothing"), "there are no runs in group 'nothing'"),
    ],
)
def test_bad_choices_are_named(home, arguments, message):
    with pytest.raises(BadInputError, match=message):
        imae("choose", *arguments)
