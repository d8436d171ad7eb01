"""A run with every kind of noise: it trains, and what its result leaves undefined is null."""

import json

import numpy as np
import pytest

from imae_core.catalog import NOISES
from imae_core.data.digits import load_digits
from imae_core.data.store import load_dataset, save_dataset
from imae_core.recipes import make_config
from imae_core.review import KEEP_UNREVIEWED, Review, review_outcome
from imae_core.review.repair import repair_dataset
from imae_core.runs.data import run_dataset, run_inputs
from imae_core.runs.evaluate import evaluate_checkpoint
from imae_core.runs.execute import execute
from imae_core.runs.export import example_table
from imae_core.runs.store import Store
from imae_core.runs.submit import create_run
from imae_core.runs.suspects import suspects_table
from imae_core.training.labels import training_labels
from tests.noise.examples import NEEDED
from tests.noise.test_inputs import photos

PARAMS = NEEDED | {"open_set": {"source": "photos"}, "feature": {"sigma": 0.6}}


def trained(home, kind, rate=0.4, **rest):
    noise = {"kind": kind, "rate": rate if NOISES[kind].uses_rate else 0.0, "params": PARAMS.get(kind, {})}
    config = make_config("digits", (1, 8, 8), 1297, noise=noise, num_train=150, epochs=2, noise_seed=3, **rest)
    folder = create_run(home, config)
    assert execute(folder) == "done"
    return folder


@pytest.mark.parametrize("kind", list(NOISES))
def test_every_kind_trains_and_has_honest_nulls(home, kind):
    save_dataset(home, photos())
    folder = trained(home, kind)
    result, examples = folder.result(), folder.examples()
    last = folder.dynamics("eval", 2)
    wrong = examples["given_label"] != examples["true_label"]
    corrupted = examples["is_corrupted"].to_numpy()
    has_truth = examples["true_label"] >= 0
    assert result["realized_noise_rate"] == corrupted.mean() > 0
    assert result["detection_auc"] is not None
    assert result["clean_subset_accuracy"] == pytest.approx(
        (last["predicted"] == examples["given_label"])[~corrupted].mean()
    )
    right = (last["predicted"] == examples["true_label"])[has_truth]
    assert result["train_accuracy_true"] == pytest.approx(right.mean())
    expected = (result["final_test_accuracy"] * 500 + right.sum()) / (500 + has_truth.sum())
    assert result["hybrid_accuracy"] == pytest.approx(expected)
    np.testing.assert_array_equal(last["p_true"].isna(), ~has_truth)
    if kind == "feature":
        assert result["noisy_subset_accuracy"] is None, "no label is wrong"
        assert not wrong.any()
    else:
        np.testing.assert_array_equal(wrong, corrupted)
        memorised = (last["predicted"] == examples["given_label"])[wrong].mean()
        assert result["noisy_subset_accuracy"] == pytest.approx(memorised)
    assert has_truth.all() == (kind != "open_set")
    assert (~has_truth).sum() == (corrupted.sum() if kind == "open_set" else 0)
    again = evaluate_checkpoint(folder)
    assert again["hybrid_accuracy"] == pytest.approx(result["hybrid_accuracy"])


def test_the_examples_of_an_open_set_are_known_to_be_corrupted(home):
    save_dataset(home, photos())
    folder = trained(home, "open_set")
    table, suspects = example_table(folder), suspects_table(folder)
    for found in (table, suspects):
        np.testing.assert_array_equal(found["true_label"] == -1, found["is_corrupted"].astype(bool))
        assert not found["is_corrupted"].isna().any()
    populations = set(folder.histograms()["population"])
    assert populations == {"clean", "corrupted"}


@pytest.mark.parametrize("kind", ["symmetric", "open_set", "feature"])
def test_the_pictures_of_a_run_are_those_that_it_saw(home, kind):
    save_dataset(home, photos())
    folder = trained(home, kind)
    inputs, examples = run_inputs(folder, run_dataset(folder)), folder.examples()
    stored = load_digits().train_inputs[examples["index"]]
    changed = (np.asarray(inputs) != stored).reshape(len(stored), -1).any(axis=1)
    np.testing.assert_array_equal(changed, examples["is_corrupted"] & (kind != "symmetric"))


@pytest.mark.parametrize("kind", ["open_set", "feature"])
def test_a_repaired_data_set_has_the_pictures_that_were_reviewed(home, kind):
    save_dataset(home, photos())
    folder = trained(home, kind)
    outcome = review_outcome(suspects_table(folder), Review(), KEEP_UNREVIEWED)
    repair_dataset(folder, outcome, "anna", "kept")
    kept = load_dataset(home, "kept")
    np.testing.assert_array_equal(kept.train_inputs, np.asarray(run_inputs(folder, run_dataset(folder))))
    assert kept.labels_are_true == (kind == "feature"), "some pictures of the open set are of no class"
    strangers = folder.examples()["true_label"].to_numpy() < 0
    outcome.loc[strangers, "final_label"] = -1
    repair_dataset(folder, outcome, "anna", "dropped")
    dropped = load_dataset(home, "dropped")
    assert dropped.labels_are_true
    np.testing.assert_array_equal(dropped.train_true_labels, folder.examples()["true_label"][~strangers])


def test_folds_know_noise_on_inputs(home):
    save_dataset(home, photos())
    result = trained(home, "open_set", num_folds=2).result()
    assert 0 <= result["noisy_subset_accuracy"] <= 1
    assert result["train_accuracy_true"] is not None


def test_a_source_of_pictures_is_needed_as_long_as_its_runs_are(home):
    save_dataset(home, photos())
    config = make_config(
        "digits", (1, 8, 8), 1297, noise={"kind": "open_set", "rate": 0.4, "params": {"source": "photos"}}
    )
    folder = create_run(home, config)
    Store(home).add(folder.run_id, config, executor="local")
    assert [run.run_id for run in Store(home).active_on("photos")] == [folder.run_id]


def test_data_with_noise_of_its_own_keeps_it(home):
    data = load_digits()
    own = (data.train_labels + 1) % 10
    noisy = type(data)(**{**vars(data), "name": "noisy", "train_labels": own, "train_true_labels": data.train_labels})
    save_dataset(home, noisy)
    config = make_config("noisy", (1, 8, 8), 1297, noise={"kind": "feature", "rate": 0.0})
    labels = training_labels(config, load_dataset(home, "noisy"))
    assert labels.is_corrupted.all()
    np.testing.assert_array_equal(labels.given, own)


def test_the_command_line_takes_parameters_of_the_noise(home, monkeypatch):
    from typer.testing import CliRunner

    from imae_core.cli.options import app

    monkeypatch.setattr("imae_core.runs.submit.ensure_runner", lambda _home: None)
    save_dataset(home, photos())
    parts = json.dumps([{"kind": "pairflip", "share": 0.5, "rate": 0.4}])
    for arguments, expected in (
        (["feature", "--noise-param", "method=blur", "--noise-param", "radius=2"], {"method": "blur", "radius": 2.0}),
        (["open_set", "--noise-param", "source=photos"], {"source": "photos"}),
        (["mixture", "--noise-param", f"components={parts}"], {"components": [json.loads(parts)[0] | {"params": {}}]}),
    ):
        called = CliRunner().invoke(app, ["submit", "--noise-rate", "0.3", "--json", "--noise", *arguments])
        assert called.exit_code == 0, called.output
        assert Store(home).runs()[-1].config.noise.params.items() >= expected.items()
