"""What training tells the loss: which examples, which matrix, how many views; and what evaluation leaves alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from imae_core.config import NoiseConfig
from imae_core.data.store import load_dataset
from imae_core.errors import BadInputError
from imae_core.recipes import make_config
from imae_core.training.criterion import criterion_of, known_matrix
from imae_core.training.folds import training_of
from imae_core.training.labels import training_labels
from imae_core.training.rows import run_rows
from tests.training.test_trainer import CPU, Notebook, trainer_for

SMALL = {"epochs": 1, "num_train": 120, "batch_size": 40}


def config_and_labels(data, **choices):
    config = make_config("digits", (1, 8, 8), 1297, epochs=1, **choices)
    return config, training_labels(config, data)


def test_forward_takes_the_runs_own_noise_model_unless_it_has_a_matrix():
    data = load_dataset(None, "digits")
    config, labels = config_and_labels(data, noise={"kind": "pairflip", "rate": 0.3}, loss={"name": "forward"})
    expected = 0.7 * np.eye(10) + 0.3 * np.roll(np.eye(10), 1, axis=1)
    np.testing.assert_allclose(known_matrix(config, labels), expected)
    assert_close(criterion_of(config, labels, 10).table.exp(), torch.from_numpy(expected.T.copy()))
    own = (0.9 * np.eye(10) + 0.01).tolist()
    config, labels = config_and_labels(data, noise={"rate": 0.3}, loss={"name": "forward", "params": {"matrix": own}})
    assert_close(criterion_of(config, labels, 10).table.exp(), torch.tensor(own, dtype=torch.float64).T)


def test_noise_that_a_data_set_brings_is_known_by_its_labels():
    data = load_dataset(None, "digits")
    wrong = np.asarray(data.train_labels).copy()
    wrong[::4] = (wrong[::4] + 1) % 10
    noisy = replace(data, train_labels=wrong, train_true_labels=np.asarray(data.train_labels), labels_are_true=True)
    config, labels = config_and_labels(noisy, noise={"rate": 0.0})
    matrix = known_matrix(config, labels)
    assert matrix[3, 4] == pytest.approx(np.mean(wrong[data.train_labels == 3] == 4))
    assert matrix[3, 4] > 0.15


def test_where_nobody_knows_the_noise_forward_asks_for_a_matrix():
    data = replace(load_dataset(None, "digits"), labels_are_true=False)
    config, labels = config_and_labels(data, noise={"rate": 0.0}, loss={"name": "forward"})
    assert config.noise == NoiseConfig()
    with pytest.raises(BadInputError, match="this run knows none"):
        criterion_of(config, labels, 10)


def test_each_step_shows_gjs_two_augmented_views_and_records_the_first():
    trainer = trainer_for(**SMALL, loss={"name": "gjs"}, model="small_cnn", augment=True)
    seen = []
    trainer.model.register_forward_hook(lambda _module, inputs, outputs: seen.append((inputs[0], outputs.detach())))
    trainer._train_step()
    inputs, logits = seen[0]
    assert len(inputs) == 80
    assert not torch.equal(inputs[:40], inputs[40:])
    rows = trainer.order[:40]
    given = trainer.given[rows]
    p = logits[:40].softmax(1)[torch.arange(40), given]
    columns = trainer.recorder.columns()
    np.testing.assert_allclose(columns["p_label"][rows], p, rtol=1e-5)
    both = trainer.criterion.weights(logits.unflatten(0, (2, 40)), given)
    np.testing.assert_allclose(columns["weight"][rows], both, rtol=1e-5)


def test_other_losses_see_one_view():
    trainer = trainer_for(**SMALL, loss={"name": "nce_rce"})
    sizes = []
    trainer.model.register_forward_hook(lambda _module, inputs, _outputs: sizes.append(len(inputs[0])))
    trainer._train_step()
    assert sizes == [40]


def test_elr_remembers_by_row_what_training_saw_and_nothing_of_evaluations():
    trainer, notebook = trainer_for(**SMALL, loss={"name": "elr"}), Notebook()
    kept = []
    notebook.on_progress = lambda progress: kept.append(trainer.criterion.memory.clone()) and False
    trainer.run(notebook)
    assert kept[0].shape == (120, 10)
    first = trainer.order[:40]
    assert (kept[0][first].sum(1) > 0.29).all()
    assert (np.delete(kept[0].numpy(), first.numpy(), axis=0) == 0).all()
    after_training = kept[2]
    assert (after_training.sum(1) > 0.29).all(), "one epoch: beta = 0.7 leaves 0.3 of the prediction"
    assert torch.equal(trainer.criterion.memory, after_training)
    assert "memory" in trainer.state()["criterion"]


def test_folds_bind_to_their_own_rows_and_judge_the_others_without_a_memory():
    config = make_config(
        "digits", (1, 8, 8), 1297, epochs=1, num_train=120, num_folds=2, noise={"rate": 0.4}, loss={"name": "elr"}
    )
    training = training_of(config, *run_rows(config, load_dataset(None, "digits")), CPU)
    assert training.trainer.criterion.memory.shape == (120 - len(training.folds[0]), 10)
    evaluation = training.run(Notebook())
    p = evaluation.columns["p_label"]
    np.testing.assert_allclose(evaluation.columns["weight"], 2 * (1 - p), rtol=1e-4, atol=1e-5)
