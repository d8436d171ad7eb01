"""Configurations: old ones are read, newer ones refused, choices that exclude each other named; recipes."""

import pytest

from imae_core.config import FORMAT_VERSION, parse_config
from imae_core.errors import BadInputError, FormatVersionError
from imae_core.recipes import RECIPES, make_config
from imae_core.runs.folder import RunFolder

VERSION_1 = {
    "format_version": 1, "dataset": "digits", "num_train": None, "noise": {"kind": "symmetric", "rate": 0.4, "params": {}},
    "noise_seed": 0, "loss": {"name": "imae", "params": {"T": 8.0}, "reduction": "mean", "max_log_odds": 30.0},
    "model": {"name": "mlp", "params": {"hidden": 256.0}}, "epochs": 100, "iterations": None, "batch_size": 128, "lr": 0.1,
    "momentum": 0.9, "weight_decay": 0.0005, "schedule": "milestones", "milestones": [0.5, 0.75], "lr_drop": 0.1,
    "augment": False, "seed": 0, "device": "auto", "threads": 1, "eval_every": 1, "num_folds": None,
}  # fmt: skip


def cifar(**choices):
    return make_config("cifar100", (3, 32, 32), 50_000, **choices)


@pytest.mark.parametrize(("old", "new"), [(True, "pad_crop"), (False, "none")])
def test_version_1_is_read(old, new, tmp_path):
    config = parse_config(VERSION_1 | {"augment": old})
    assert config.format_version == FORMAT_VERSION
    assert (config.augment, config.sampler, config.classes_per_batch) == (new, "shuffle", None)
    assert (config.normalize, config.grad_clip, config.validation_fraction) == ("default", None, 0.0)
    assert (config.nesterov, config.norm_bias_lr_factor, config.schedule) == (False, 1.0, "milestones")
    folder = RunFolder(tmp_path / "runs" / "x")
    folder.create(config)
    assert folder.config() == config
    assert config == make_config("digits", (1, 8, 8), 1297, noise={"rate": 0.4}, loss={"name": "imae"}, augment=new)


def test_a_newer_version_is_refused():
    with pytest.raises(FormatVersionError, match=f"format version {FORMAT_VERSION + 1}"):
        parse_config(VERSION_1 | {"format_version": FORMAT_VERSION + 1})


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"sampler": "class_balanced"}, "sampler class_balanced needs classes_per_batch"),
        ({"classes_per_batch": 4}, "no other sampler takes it"),
        ({"sampler": "class_balanced", "classes_per_batch": 3}, "must divide batch_size, got 3 for batches of 128"),
        ({"validation_fraction": 0.6}, "validation_fraction: Input should be less than or equal to 0.5, got 0.6"),
        ({"validation_fraction": 0.2, "num_folds": 5}, "num_folds and validation_fraction exclude each other"),
        ({"augment": "crop"}, "augment: Input should be 'none', 'pad_crop' or 'resize_crop', got 'crop'"),
        ({"grad_clip": -1}, "grad_clip"),
        ({"nesterov": True, "momentum": 0.0}, "nesterov needs momentum above 0, got 0"),
        ({"warmup": 1.0}, "warmup: Input should be less than 1, got 1.0"),
        ({"norm_bias_lr_factor": 0.0}, "norm_bias_lr_factor: Input should be greater than 0, got 0.0"),
    ],
)
def test_what_is_not_allowed_is_named(choices, message):
    with pytest.raises(BadInputError, match=message):
        cifar(**choices)


def test_zero_switches_a_recipe_s_clipping_off():
    assert cifar(recipe="apl_cnn8").grad_clip == 5
    assert cifar(recipe="apl_cnn8", grad_clip=0).grad_clip is None


def test_every_recipe_is_a_config():
    for name in RECIPES:
        assert cifar(recipe=name).dataset == "cifar100"


def test_the_authors_recipe():
    config = cifar(recipe="authors_cifar100", loss={"name": "imae"})
    assert (config.model.name, config.model.params) == ("resnet44", {"projection": 1})
    assert (config.batch_size, config.classes_per_batch, config.iterations) == (256, 32, 30_000)
    assert [round(share * 30_000) for share in config.milestones] == [15_000, 22_000]
    assert (config.loss.reduction, config.augment, config.normalize) == ("weight_sum", "resize_crop", "mean")
    assert config.eval_every * config.steps_per_epoch(50_000) == 980


@pytest.mark.parametrize(("name", "width"), [("fast", 64), ("fast_cpu", 16)])
def test_the_fast_recipes(name, width):
    config = cifar(recipe=name)
    assert (config.model.name, config.model.params) == ("fast_cnn", {"width": width})
    assert (config.schedule, config.nesterov, config.num_train) == ("triangle", True, None)
    assert config.epochs % config.eval_every == 0
    assert "not comparable with published numbers" in RECIPES[name].summary
    assert cifar(recipe=name, model={"name": "fast_cnn", "params": {"width": 8}}).model.params == {"width": 8}


def test_what_a_person_says_goes_over_the_recipe():
    config = cifar(recipe="authors_cifar100", sampler="shuffle", model="resnet20", loss={"reduction": "mean"}, epochs=3)
    assert (config.classes_per_batch, config.model.params, config.loss.reduction) == (None, {"projection": 0}, "mean")
    assert (config.epochs, config.iterations) == (3, None)
    named = cifar(recipe="authors_cifar100", model={"name": "resnet44", "params": {"projection": 0}})
    assert named.model.params == {"projection": 0}
    assert cifar(recipe="authors_cifar100", model="resnet44").model.params == {"projection": 1}


def test_all_rows_are_no_subset():
    assert cifar(recipe="cpu_quick").num_train == 5000
    assert cifar(recipe="cpu_quick", num_train=50_000).num_train is None
    assert make_config("small", (3, 32, 32), 300, recipe="cpu_quick").num_train is None
