"""The fast recipe at toy size: every loss learns, same bits, resuming, whitening by training rows alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from imae_core.data.dataset import Dataset
from imae_core.models import build_model
from imae_core.recipes import make_config
from imae_core.training import fitting
from imae_core.training.folds import FoldTrainer, training_of
from imae_core.training.rows import run_rows
from tests.training.test_trainer import CPU, Notebook, assert_same_run

SHAPE = (3, 12, 12)
TOY = {"recipe": "fast_cpu", "model": {"name": "fast_cnn", "params": {"width": 4}}, "batch_size": 64, "threads": 1}


def pictures(count, seed):
    """Stripes, dots and planes of random colours; labels (count,) in [0, 3), in the order of the classes."""
    generator = np.random.default_rng(seed)
    labels = np.sort(generator.integers(3, size=count))
    y, x = np.mgrid[:12, :12]
    shapes = np.stack([y % 4 < 2, (x % 4 < 2) & (y % 4 < 2), np.zeros((12, 12), bool)])
    colours = generator.uniform(0.3, 1, size=(count, 3, 1, 1))
    values = shapes[labels][:, None] * colours * 160 + generator.normal(50, 15, size=(count, *SHAPE))
    return values.clip(0, 255).astype(np.uint8), labels.astype(np.int64)


@pytest.fixture(scope="module")
def data():
    train, train_labels = pictures(400, 0)
    test, test_labels = pictures(150, 1)
    return Dataset("toy", "Toy", train, train_labels, test, test_labels, ("a", "b", "c"), scale=1 / 255,
                   shift=(0.3, 0.3, 0.3), spread=(0.2, 0.2, 0.2), flip=True)  # fmt: skip


def training_for(data, **choices):
    config = make_config("toy", SHAPE, data.num_train, **TOY | {"epochs": 3, "noise": {"rate": 0.2}} | choices)
    torch.set_num_threads(1)
    return training_of(config, *run_rows(config, data), CPU)


def trained(data, stop_at=None, **choices):
    training, notebook = training_for(data, **choices), Notebook(stop_at)
    training.run(notebook)
    return training, notebook


def test_same_config_same_bits(data):
    assert_same_run(trained(data), trained(data))


@pytest.mark.parametrize("stop_at", [1, 9, 14])
def test_resumed_it_gives_the_bits_of_an_undisturbed_run(data, stop_at, tmp_path):
    whole = trained(data)
    halted, _ = trained(data, stop_at=stop_at)
    torch.save(halted.state(), tmp_path / "checkpoint.pt")
    resumed = training_for(data)
    resumed.load(torch.load(tmp_path / "checkpoint.pt", weights_only=True))
    resumed.run(notebook := Notebook())
    assert_same_run(whole, (resumed, notebook))


def test_whitening_is_of_the_training_rows_and_stays(data):
    before = training_for(data).model.whitening.weight.clone()
    assert not torch.equal(before, build_model("fast_cnn", SHAPE, 3, seed=0, width=4).whitening.weight)
    trainer, _ = trained(data)
    assert torch.equal(trainer.model.whitening.weight, before), "frozen"
    assert torch.equal(training_for(data, seed=5, noise_seed=0).model.whitening.weight, before), "of the data alone"
    blank = replace(data, test_inputs=np.zeros_like(data.test_inputs))
    assert torch.equal(training_for(blank).model.whitening.weight, before), "test rows are not looked at"


def test_what_a_net_is_fitted_to_is_spread_over_the_rows(data, monkeypatch):
    monkeypatch.setattr(fitting, "MOST_EXAMPLES", 4)
    rows = training_for(data).train_data
    shown = []
    net = torch.nn.Identity()
    net.fit_inputs = shown.append
    fitting.fit_to_inputs(net, rows)
    assert torch.equal(shown[0], rows.inputs(torch.tensor([0, 100, 200, 300])))
    fitting.fit_to_inputs(torch.nn.Identity(), rows)
    assert len(shown) == 1


@pytest.mark.parametrize("options", [{"validation_fraction": 0.25}, {"num_folds": 3}])
def test_whitening_never_sees_rows_that_are_held_out(data, options):
    """Held-out rows are made black, with the normalisation left as it is: nothing changes."""
    weight, held_out = whitening_and_held_out(data, options)
    inputs = data.train_inputs.copy()
    inputs[held_out] = 0
    other, _ = whitening_and_held_out(replace(data, train_inputs=inputs), options)
    assert 0 < len(held_out) < data.num_train
    assert torch.equal(other, weight)
    inputs[:] = 0
    assert not torch.equal(whitening_and_held_out(replace(data, train_inputs=inputs), options)[0], weight)


def whitening_and_held_out(data, options):
    training = training_for(data, **options)
    if isinstance(training, FoldTrainer):
        return training.trainer.model.whitening.weight, training.folds[0]
    _, validation = run_rows(training.config, data)
    return training.model.whitening.weight, validation.index


def test_the_parts_of_the_recipe_all_count(data):
    plain, _ = trained(data, epochs=1)
    for change in ({"nesterov": False}, {"norm_bias_lr_factor": 1.0}, {"warmup": 0.5}, {"schedule": "cosine"}):
        other, _ = trained(data, epochs=1, **change)
        assert not torch.equal(other.model.head.weight, plain.model.head.weight), change


@pytest.mark.parametrize("loss", ["cce", "mae", "imae"])
@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_losses_of_all_gradient_sizes_learn(data, loss, rate):
    trainer, notebook = trained(
        data, epochs=12, batch_size=32, lr=0.1, eval_every=12, loss={"name": loss}, noise={"rate": rate}
    )
    assert trainer.history[-1]["test_accuracy"] > 0.85
    assert np.isfinite(notebook.records[-1].evaluation.columns["weight"]).all()
    assert all(np.isfinite(record.seen["weight"]).all() for record in notebook.records)
