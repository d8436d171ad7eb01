"""Folds: every row judged once by a net that never saw it, and the same bits after a resume as without one."""

import numpy as np
import pytest
import torch

from imae_core.analysis.detection import detection_auc
from imae_core.config import parse_config
from imae_core.data.store import load_dataset
from imae_core.errors import BadInputError
from imae_core.recipes import make_config
from imae_core.training.folds import FoldTrainer, fold_rows, training_of
from imae_core.training.result import summarize
from imae_core.training.rows import run_rows
from imae_core.training.trainer import Trainer
from tests.training.test_trainer import CPU, Notebook

FOLDS, EPOCHS = 3, 2


def training_for(**choices):
    choices = {"epochs": EPOCHS, "num_folds": FOLDS, "num_train": 400, "batch_size": 64} | choices
    data = load_dataset(None, "digits")
    config = make_config("digits", (1, 8, 8), 1297, noise={"kind": "symmetric", "rate": 0.3}, **choices)
    torch.set_num_threads(config.threads)
    return training_of(config, *run_rows(config, data), CPU)


def trained(stop_at=None, **choices):
    training, notebook = training_for(**choices), Notebook(stop_at)
    training.run(notebook)
    return training, notebook


@pytest.fixture(scope="module")
def whole():
    return trained()


def assert_same_outputs(training, other):
    assert training.is_finished
    assert other.is_finished
    assert set(training.held_out) == set(other.held_out)
    for name, values in training.held_out.items():
        np.testing.assert_array_equal(values, other.held_out[name])
        assert values.dtype == other.held_out[name].dtype
    timeless = [[{k: v for k, v in row.items() if "second" not in k} for row in t.history] for t in (training, other)]
    np.testing.assert_equal(timeless[0], timeless[1])
    np.testing.assert_array_equal(training.trajectories.table()["aum"], other.trajectories.table()["aum"])


def test_rows_are_held_out_once_and_in_their_class_shares():
    labels = np.repeat([0, 1, 2], [60, 30, 4])
    folds = fold_rows(labels, 5, seed=0)
    assert sorted(np.concatenate(folds)) == list(range(94))
    for rows in folds:
        assert np.bincount(labels[rows])[:2].tolist() == [12, 6]
    assert any((a != b).any() for a, b in zip(folds, fold_rows(labels, 5, seed=1), strict=True) if len(a) == len(b))
    with pytest.raises(BadInputError, match="5 folds need a class of at least 5 examples, the largest has 3"):
        fold_rows(np.array([0, 0, 0, 1]), 5, seed=0)


def test_each_row_is_judged_by_a_net_that_never_saw_it():
    """The second fold's rows against a net trained by hand on the rows of the other folds."""
    training = training_for()
    rows = training.folds[1]
    others = np.setdiff1d(np.arange(400), rows)
    assert not set(rows) & set(others)
    alone = training._trainer(1)
    np.testing.assert_array_equal(
        16 * alone.train_data.inputs(torch.arange(len(others))).numpy(),
        np.asarray(training.rows.dataset.train_inputs)[others],
    )
    np.testing.assert_array_equal(alone.given.numpy(), training.labels.given[others])
    alone.run(Notebook())
    alone.model.eval()
    inputs = (
        torch.from_numpy(np.asarray(training.rows.dataset.train_inputs)[rows]).float() * training.rows.dataset.scale
    )
    with torch.no_grad():
        probs = alone.model(inputs).softmax(dim=1).numpy()
    training.run(Notebook())
    np.testing.assert_allclose(training.held_out["pred_probs"][rows], probs, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        training.held_out["p_label"][rows],
        probs[np.arange(len(rows)), training.labels.given[rows]],
        rtol=1e-4,
        atol=1e-6,
    )


def test_one_evaluation_at_the_end_and_epochs_through_all_folds(whole):
    training, notebook = whole
    assert [record.epoch for record in notebook.records] == [1, 2, 3, 4, 5, 6]
    assert [record.evaluation is not None for record in notebook.records] == [False] * 5 + [True]
    assert all(record.seen is None for record in notebook.records)
    last = notebook.records[-1].evaluation
    assert last.pred_probs.shape == (400, 10)
    assert last.embeddings.shape == (400, 256)
    assert last.columns["predicted"].dtype == np.uint16
    assert training.trajectories.table()["num_epochs"].tolist() == [1] * 400
    steps = [progress.step for progress in notebook.progress]
    assert steps == sorted(steps)
    assert steps[-1] == training.total_steps == FOLDS * EPOCHS * 5
    assert all(1 <= progress.epoch <= progress.epochs == 6 for progress in notebook.progress)
    assert training.config.total_steps(400) == training.total_steps


def test_the_result_is_that_of_held_out_rows(whole):
    training, _ = whole
    result = summarize(training, 1.0)
    predicted, labels = training.held_out["predicted"], training.labels
    assert result["num_folds"] == FOLDS
    assert (result["best_test_accuracy"], result["best_epoch"]) == (None, None)
    tests = []
    for fold in range(FOLDS):
        alone = training._trainer(fold)
        alone.run(Notebook())
        tests.append(alone.history[-1]["test_accuracy"])
    assert result["final_test_accuracy"] == pytest.approx(np.mean(tests))
    assert [row["test_accuracy"] for row in training.history[1:5:2]] == tests[:2]
    assert result["train_accuracy_given"] == np.mean(predicted == labels.given)
    assert result["noisy_subset_accuracy"] == np.mean((predicted == labels.given)[labels.is_corrupted])
    assert result["detection_auc"] == pytest.approx(
        detection_auc(1 - training.held_out["p_label"], labels.is_corrupted)
    )
    assert result["validation_accuracy_given"] == result["train_accuracy_given"], "cross-validated"
    assert result["validation_accuracy_true"] == np.mean(predicted == labels.true)
    assert np.isnan(training.history[1]["train_accuracy_given"]), "a fold's own rows are no out-of-sample accuracy"


def test_held_out_rows_are_normalised_by_the_rows_of_the_net_that_judges_them():
    training = training_for(normalize="standardize", epochs=1)
    training.run(Notebook())
    rows = training.folds[0]
    others = np.setdiff1d(np.arange(400), rows)
    inputs = np.asarray(training.rows.dataset.train_inputs, dtype=np.float64) / 16
    mean, std = inputs[others].mean(0), inputs[others].std(0)
    alone = training._trainer(0)
    alone.run(Notebook())
    alone.model.eval()
    with torch.no_grad():
        held_out = torch.from_numpy((inputs[rows] - mean) / np.where(std > 0, std, 1)).float()
        probs = alone.model(held_out).softmax(dim=1).numpy()
    np.testing.assert_allclose(training.held_out["pred_probs"][rows], probs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("stop_at", [1, 7, 10, 15, 29, 30])
def test_stopped_anywhere_and_resumed_gives_the_bits_of_an_undisturbed_run(whole, stop_at, tmp_path):
    halted, _ = trained(stop_at)
    assert halted.step == stop_at
    assert not halted.is_finished
    torch.save(halted.state(), tmp_path / "checkpoint.pt")
    resumed = training_for()
    resumed.load(torch.load(tmp_path / "checkpoint.pt", weights_only=True))
    assert (resumed.step, resumed.epoch) == (halted.step, halted.epoch)
    resumed.run(notebook := Notebook())
    assert notebook.records[-1].evaluation is not None
    assert_same_outputs(whole[0], resumed)


def test_a_stop_while_held_out_rows_are_judged_repeats_only_that(whole):
    halted, notebook = training_for(), Notebook()
    notebook.on_progress = lambda progress: (
        progress.phase == "evaluating" and halted.trainer.is_finished and halted.fold == 2
    )
    assert halted.run(notebook) is None
    assert (halted.fold, halted.epoch, len(halted.history)) == (2, 6, 6)
    resumed = training_for()
    resumed.load(halted.state())
    resumed.run(rest := Notebook())
    assert [record.epoch for record in rest.records] == [6]
    assert_same_outputs(whole[0], resumed)
    again = training_for()
    again.load(resumed.state())
    assert again.run(Notebook()) is None
    assert_same_outputs(whole[0], again)


def test_config():
    values = make_config("digits", (1, 8, 8), 1297, noise={"rate": 0.4}).model_dump()
    assert "-fold" not in parse_config(values).title
    assert parse_config(values | {"num_folds": 5}).title.endswith("seed 0 · 5-fold")
    del values["num_folds"]
    assert parse_config(values).num_folds is None, "a config of an older version"
    for wrong in (1, 21):
        with pytest.raises(BadInputError, match="num_folds"):
            parse_config(values | {"num_folds": wrong})
    assert isinstance(training_for(), FoldTrainer)
    assert isinstance(training_for(num_folds=None), Trainer)


def test_lengths_in_iterations_are_those_of_each_net():
    training, notebook = trained(epochs=None, iterations=7)
    assert training.step == 7 * FOLDS
    assert [record.epoch for record in notebook.records] == [1, 2, 3, 4, 5, 6]
