"""The loop: same bits, resuming, the paper's story on digits, divergence, recorded dynamics."""

import numpy as np
import pytest
import torch

from imae_core.analysis.detection import detection_auc
from imae_core.analysis.trajectories import TrajectoryStats
from imae_core.data.store import load_dataset
from imae_core.errors import BadInputError
from imae_core.losses import build_loss
from imae_core.recipes import make_config
from imae_core.training.evaluation import DivergedError
from imae_core.training.result import summarize
from imae_core.training.rows import run_rows
from imae_core.training.schedule import lr_at
from imae_core.training.trainer import Trainer

CPU = torch.device("cpu")


class Notebook:
    """An observer that keeps all records and can stop after some steps."""

    def __init__(self, stop_at=None):
        self.records, self.progress, self.stop_at = [], [], stop_at

    def on_progress(self, progress):
        self.progress.append(progress)
        return self.stop_at is not None and progress.step >= self.stop_at

    def on_epoch(self, record):
        self.records.append(record)


def trainer_for(device=CPU, **choices):
    choices = {"epochs": None if "iterations" in choices else 4, "noise": {"kind": "symmetric", "rate": 0.4}} | choices
    data = load_dataset(None, "digits")
    config = make_config("digits", (1, 8, 8), 1297, **choices)
    torch.set_num_threads(config.threads)
    rows, validation = run_rows(config, data)
    return Trainer(config, rows, device, validation)


def trained(stop_at=None, **choices):
    trainer, notebook = trainer_for(**choices), Notebook(stop_at)
    trainer.run(notebook)
    return trainer, notebook


def assert_same_run(first, second):
    (trainer, notebook), (other, other_notebook) = first, second
    for name, tensor in trainer.model.state_dict().items():
        assert torch.equal(tensor, other.model.state_dict()[name])
    timeless = [[{k: v for k, v in row.items() if "second" not in k} for row in t.history] for t in (trainer, other)]
    np.testing.assert_equal(timeless[0], timeless[1])
    records = {record.epoch: record for record in notebook.records}
    for record in other_notebook.records:
        for column, values in record.seen.items():
            np.testing.assert_array_equal(values, records[record.epoch].seen[column])
    for column, values in trainer.trajectories.table().items():
        np.testing.assert_array_equal(values, other.trajectories.table()[column])


@pytest.mark.parametrize("model", ["mlp", "small_cnn"])
def test_same_config_same_bits_on_the_cpu(model):
    choices = {"model": model, "epochs": 2, "augment": "pad_crop", "threads": 2, "num_train": 600}
    assert_same_run(trained(**choices), trained(**choices))


def test_seeds_matter_and_noise_has_its_own():
    first, _ = trained(epochs=1)
    other, _ = trained(epochs=1, seed=1, noise_seed=0)
    assert not torch.equal(first.model.head.weight, other.model.head.weight)
    np.testing.assert_array_equal(first.labels.given, other.labels.given)


@pytest.mark.parametrize("stop_at", [1, 14, 22, 33])
def test_stopped_anywhere_and_resumed_gives_the_bits_of_an_undisturbed_run(stop_at, tmp_path):
    whole = trained(epochs=4, model="small_cnn", num_train=400, augment="pad_crop", batch_size=32)
    halted, notebook = trained(
        epochs=4, model="small_cnn", num_train=400, augment="pad_crop", batch_size=32, stop_at=stop_at
    )
    assert halted.step == stop_at
    torch.save(halted.state(), tmp_path / "checkpoint.pt")
    resumed = trainer_for(epochs=4, model="small_cnn", num_train=400, augment="pad_crop", batch_size=32)
    resumed.load(torch.load(tmp_path / "checkpoint.pt", weights_only=True))
    resumed.run(notebook := Notebook())
    assert_same_run(whole, (resumed, notebook))


@pytest.mark.parametrize(
    "options",
    [{"sampler": "class_balanced", "classes_per_batch": 4}, {"augment": "resize_crop"}, {"normalize": "standardize"},
     {"grad_clip": 0.5}, {"validation_fraction": 0.25}],
)  # fmt: skip
def test_every_protocol_resumes_bit_for_bit(options, tmp_path):
    choices = {"epochs": 3, "num_train": 400, "batch_size": 32, "model": "mlp"} | options
    whole, plain = trained(**choices), trained(**choices | dict.fromkeys(options))
    assert not torch.equal(whole[0].model.head.weight, plain[0].model.head.weight), "the option does something"
    halted, _ = trained(stop_at=16, **choices)
    torch.save(halted.state(), tmp_path / "checkpoint.pt")
    resumed = trainer_for(**choices)
    resumed.load(torch.load(tmp_path / "checkpoint.pt", weights_only=True))
    resumed.run(notebook := Notebook())
    assert_same_run(whole, (resumed, notebook))


def test_a_checkpoint_from_before_validation_is_gone_on_with():
    halted, _ = trained(stop_at=16, num_train=400, epochs=6)
    state = halted.state()
    for row in state["history"]:
        del row["validation_accuracy_given"], row["validation_accuracy_true"]
    resumed = trainer_for(num_train=400, epochs=6)
    resumed.load(state)
    resumed.run(Notebook())
    assert summarize(resumed, 0.0)["validation_accuracy_given"] is None


def test_class_balanced_epochs_are_recorded_as_far_as_they_saw():
    trainer, notebook = trained(sampler="class_balanced", classes_per_batch=4, batch_size=32, epochs=1, num_train=400)
    assert (trainer.step, trainer.batches) == (13, 13)
    seen = notebook.records[0].seen
    drawn = trainer.order.numpy()
    assert len(drawn) == 13 * 32
    np.testing.assert_array_equal(np.isfinite(seen["weight"]), np.isin(np.arange(400), drawn))
    assert 0 < np.isnan(seen["weight"]).sum() < 400
    assert np.isfinite(trainer.history[0]["train_loss"])
    assert len(notebook.records[0].evaluation.columns["weight"]) == 400


def test_the_train_loss_counts_repeated_examples():
    trainer = trainer_for(
        sampler="class_balanced", classes_per_batch=2, batch_size=64, epochs=1, num_train=100, lr=1e-9
    )
    trainer.run(Notebook())
    first = float(trainer.history[0]["train_loss"])
    assert first == pytest.approx(np.log(10), rel=0.1), "an untrained net's cross entropy, whatever was drawn twice"


def gradients_after_one_step(**choices):
    trainer = trainer_for(epochs=1, loss={"name": "imae"}, **choices)
    trainer._train_step()
    return torch.cat([parameter.grad.flatten() for parameter in trainer.model.parameters()])


def test_a_gradient_longer_than_the_clip_is_shortened_and_no_other():
    free = gradients_after_one_step()
    norm = float(free.norm())
    torch.testing.assert_close(gradients_after_one_step(grad_clip=norm / 4), free / 4, rtol=1e-4, atol=1e-8)
    assert torch.equal(gradients_after_one_step(grad_clip=2 * norm), free)


def test_a_batch_of_one_is_refused_where_a_net_cannot_take_it():
    with pytest.raises(
        BadInputError, match="cnn8 cannot train on a batch of 1 example, which 129 examples in batches of 128"
    ):
        trainer_for(model="cnn8", num_train=129)
    assert trainer_for(model="cnn8", num_train=129, sampler="class_balanced", classes_per_batch=2)


def test_validation_rows_are_judged_and_not_trained_on():
    trainer, notebook = trained(epochs=3, validation_fraction=0.25, eval_every=2)
    config, data = trainer.config, load_dataset(None, "digits")
    rows, validation = run_rows(config, data)
    assert (len(rows.index), len(validation.index)) == (973, 324)
    np.testing.assert_array_equal(np.sort(np.concatenate([rows.index, validation.index])), np.arange(1297))
    trained_on = trainer.train_data.inputs(torch.arange(973)).numpy()
    np.testing.assert_array_equal(trained_on * 16, data.train_inputs[rows.index])
    whole, _ = run_rows(config.model_copy(update={"validation_fraction": 0.0}), data)
    np.testing.assert_array_equal(whole.labels.given[validation.index], validation.labels.given)
    np.testing.assert_array_equal(whole.labels.true[rows.index], rows.labels.true)
    shares = np.bincount(validation.labels.given) / np.bincount(whole.labels.given)
    np.testing.assert_allclose(shares, 0.25, atol=0.01)
    trainer.model.eval()
    with torch.no_grad():
        predicted = trainer.model(torch.from_numpy(data.train_inputs[validation.index]).float() / 16).argmax(1).numpy()
    result = summarize(trainer, 0.0)
    assert result["validation_accuracy_given"] == np.mean(predicted == validation.labels.given)
    assert result["validation_accuracy_true"] == np.mean(predicted == validation.labels.true)
    assert result["num_train"] == len(notebook.records[-1].evaluation.pred_probs) == 973
    assert [np.isfinite(row["validation_accuracy_given"]) for row in trainer.history] == [False, True, True]


def test_validation_rows_follow_the_noise_seed_and_are_independent_of_the_noise():
    data = load_dataset(None, "digits")
    shares, chosen = [], set()
    for seed in range(40):
        config = trainer_for(validation_fraction=0.3, noise_seed=seed).config
        _, validation = run_rows(config, data)
        shares.append(validation.labels.is_corrupted.mean())
        chosen.add(tuple(validation.index))
    assert len(chosen) == 40
    assert abs(np.mean(shares) - 0.4) < 3 * np.std(shares) / 40**0.5
    other_seed = trainer_for(validation_fraction=0.3, noise_seed=0, seed=9).config
    assert tuple(run_rows(other_seed, data)[1].index) in chosen


@pytest.mark.parametrize(("choices", "message"), [
    ({"validation_fraction": 0.01, "num_train": 20}, "must hold out at least one and leave at least"),
    ({"validation_fraction": 0.5, "num_train": 10}, "it would hold out 5"),
])  # fmt: skip
def test_a_validation_share_that_does_not_work_is_said(choices, message):
    with pytest.raises(BadInputError, match=message):
        trainer_for(**choices, noise={"rate": 0.0})


def test_without_validation_rows_there_is_no_accuracy():
    trainer, _ = trained(epochs=1)
    assert summarize(trainer, 0.0)["validation_accuracy_given"] is None


def test_a_stop_during_an_evaluation_repeats_only_the_evaluation():
    trainer, notebook = trainer_for(epochs=2), Notebook()
    notebook.on_progress = lambda progress: progress.phase == "evaluating" and progress.epoch == 2
    assert trainer.run(notebook) is None
    assert [record.epoch for record in notebook.records] == [1]
    steps = trainer.step
    trainer.run(rest := Notebook())
    assert trainer.step == steps
    assert [record.epoch for record in rest.records] == [2]
    assert_same_run(trained(epochs=2), (trainer, rest))


def test_the_papers_story_on_digits():
    """Seed 0, 40 %: CCE memorises, MAE underfits, IMAE does neither. Bounds are wide: what is fixed is the order."""
    results = {}
    for loss in ("cce", "mae", "imae"):
        trainer, _ = trained(loss={"name": loss}, epochs=100)
        results[loss] = summarize(trainer, 0.0)
    cce, mae, imae = (results[name] for name in ("cce", "mae", "imae"))
    assert imae["final_test_accuracy"] > 0.86
    assert imae["final_test_accuracy"] > max(cce["final_test_accuracy"], mae["final_test_accuracy"]) + 0.02
    assert cce["noisy_subset_accuracy"] > 0.4
    assert imae["noisy_subset_accuracy"] < 0.2
    assert mae["clean_subset_accuracy"] < 0.95 < imae["clean_subset_accuracy"]
    assert imae["detection_auc"] > cce["detection_auc"] > mae["detection_auc"]


def test_recorded_weights_are_those_of_the_step():
    trainer, notebook = trained(epochs=1, loss={"name": "imae"})
    seen = notebook.records[0].seen
    np.testing.assert_allclose(seen["weight"], build_loss("imae").curve(seen["p_label"]), rtol=1e-4)
    assert seen["p_label"].dtype == np.float32
    clean = ~trainer.labels.is_corrupted
    np.testing.assert_allclose(seen["p_true"][clean], seen["p_label"][clean], atol=1e-3)
    evaluated = notebook.records[0].evaluation
    assert evaluated.pred_probs.shape == (1297, 10)
    np.testing.assert_allclose(
        evaluated.pred_probs[np.arange(1297), trainer.labels.given], evaluated.columns["p_label"], rtol=1e-5
    )
    np.testing.assert_array_equal(
        evaluated.columns["margin"] > 0, evaluated.columns["predicted"] == trainer.labels.given
    )


def test_result_agrees_with_what_was_recorded():
    trainer, notebook = trained(epochs=4, eval_every=2)
    result = summarize(trainer, 1.0)
    means = np.mean([r.evaluation.columns["p_label"] for r in notebook.records if r.evaluation], axis=0)
    assert [r.epoch for r in notebook.records if r.evaluation] == [2, 4]
    assert result["detection_auc"] == pytest.approx(detection_auc(1 - means, trainer.labels.is_corrupted))
    last = notebook.records[-1].evaluation.columns
    corrupted = trainer.labels.is_corrupted
    assert result["noisy_subset_accuracy"] == np.mean(last["predicted"][corrupted] == trainer.labels.given[corrupted])
    assert result["clean_subset_accuracy"] == np.mean(last["predicted"][~corrupted] == trainer.labels.given[~corrupted])
    true = np.mean(last["predicted"] == trainer.labels.true)
    assert result["train_accuracy_true"] == true
    expected = (true * 1297 + result["final_test_accuracy"] * 500) / 1797
    assert result["hybrid_accuracy"] == pytest.approx(expected)
    assert result["realized_noise_rate"] == corrupted.mean()
    assert result["best_test_accuracy"] >= result["final_test_accuracy"]


def test_without_noise_what_is_undefined_is_none():
    trainer, _ = trained(epochs=1, noise={"rate": 0.0})
    result = summarize(trainer, 1.0)
    assert result["noisy_subset_accuracy"] is None
    assert result["detection_auc"] is None
    assert result["train_accuracy_given"] == result["train_accuracy_true"]


def test_iterations_may_end_within_an_epoch():
    trainer, notebook = trained(iterations=15)
    assert trainer.step == 15
    assert [record.epoch for record in notebook.records] == [1, 2]
    assert np.isnan(notebook.records[1].seen["weight"]).sum() == 1297 - 4 * 128


def test_divergence_names_epoch_step_and_what_to_try():
    with pytest.raises(
        DivergedError, match=r"at epoch \d+, step \d+ of 44 .learning rate 1e\+06.*Try a learning rate of"
    ):
        trained(lr=1e6, loss={"name": "cce"})


def test_imae_without_letting_go_breaks_the_net():
    """Why runs set max_log_odds: the exact gradient has weight 1 at p = 1 and scales the outputs up without end."""
    exact, _ = trained(loss={"name": "imae", "max_log_odds": None}, epochs=30, noise={"rate": 0.0})
    kept, _ = trained(loss={"name": "imae"}, epochs=30, noise={"rate": 0.0})
    assert summarize(exact, 0.0)["final_test_accuracy"] < 0.5 < summarize(kept, 0.0)["final_test_accuracy"]


def test_weight_sum_is_a_different_run():
    mean, _ = trained(epochs=1, loss={"name": "imae"})
    other, _ = trained(epochs=1, loss={"name": "imae", "reduction": "weight_sum"})
    assert not torch.equal(mean.model.head.weight, other.model.head.weight)


def test_schedules():
    config = trainer_for().config
    assert [lr_at(config, step, 100) for step in (0, 49, 50, 74, 75, 99)] == pytest.approx(
        [0.1, 0.1, 0.01, 0.01, 0.001, 0.001]
    )
    cosine = trainer_for(schedule="cosine").config
    assert [lr_at(cosine, step, 100) for step in (0, 50)] == pytest.approx([0.1, 0.05])


@pytest.mark.gpu
def test_a_run_on_the_gpu():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    trainer = trainer_for(torch.device("cuda:0"), model="small_cnn", augment="pad_crop")
    trainer.run(notebook := Notebook())
    assert np.isfinite(notebook.records[-1].seen["weight"]).all()


def test_an_evaluation_that_is_stopped_at_its_end_counts_once():
    """The last thing that is judged are the validation rows: nothing has been counted before they are done."""
    trainer = trainer_for(epochs=2, validation_fraction=0.1)
    seen = []

    def stop(progress):
        seen.append(progress)
        return progress.phase == "evaluating" and progress.batch == progress.batches < 200

    notebook = Notebook()
    notebook.on_progress = stop
    trainer.run(notebook)
    assert seen[-1].batches < 200
    assert trainer.trajectories.num_epochs == 0
    trainer.run(Notebook())
    assert trainer.trajectories.num_epochs == 2


def test_a_table_of_trajectories_stays_as_it_was_when_it_was_taken():
    stats = TrajectoryStats(2)
    stats.update([0.5, 0.5], [0.1, 0.1], [True, False])
    table = stats.table()
    before = {name: values.copy() for name, values in table.items()}
    stats.update([0.5, 0.5], [0.1, 0.1], [False, True])
    for name, values in table.items():
        np.testing.assert_array_equal(values, before[name])
