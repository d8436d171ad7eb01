"""Runs that train as one: the same start, data and gradients as alone, the same results but for rounding; coming and going."""

import numpy as np
import pytest
import torch

from imae_core.data.store import load_dataset
from imae_core.recipes import make_config
from imae_core.training.evaluation import DivergedError
from imae_core.training.grid import Grid, Member
from imae_core.training.judging import judge, judge_together
from imae_core.training.rows import run_rows
from imae_core.training.trainer import Trainer
from tests.training.test_trainer import CPU, Notebook

DIGITS = load_dataset(None, "digits")


@pytest.fixture(autouse=True)
def _asked_after_each_step(monkeypatch):
    monkeypatch.setattr("imae_core.training.grid.LOOK_SECONDS", 0.0)


LOSSES = (
    {"name": "cce"},
    {"name": "imae"},
    {"name": "imae", "reduction": "weight_sum"},
    {"name": "truncated_gce"},
    {"name": "elr"},
    {"name": "gjs"},
    {"name": "forward"},
    {"name": "proselflc"},
)


def config_of(loss, seed, **choices):
    noise = {"kind": "symmetric", "rate": 0.2 + 0.2 * seed}
    choices = {"epochs": 3, "num_train": 300, "noise_seed": 5, "batch_size": 64} | choices
    return make_config("digits", (1, 8, 8), 1297, loss=loss, noise=noise, seed=seed, device="cpu", **choices)


def trainers_of(configs):
    torch.set_num_threads(1)
    shared = {}
    return [Trainer(config, *_rows(config), shared) for config in configs]


def _rows(config):
    rows, validation = run_rows(config, DIGITS)
    return rows, CPU, validation


def alone(configs):
    found = []
    for trainer in trainers_of(configs):
        notebook = Notebook()
        trainer.run(notebook)
        found.append((trainer, notebook))
    return found


def together(configs, **stop_at):
    """Members in the order of the configs, all trained as one."""
    members = [
        Member(trainer, Notebook(stop_at.get(f"run{place}"))) for place, trainer in enumerate(trainers_of(configs))
    ]
    left = list(Grid(members).run())
    assert set(left) == set(members)
    return members


CONFIGS = [config_of(loss, seed) for loss in LOSSES for seed in (0, 1)]


def test_same_initial_weights_order_and_first_gradients():
    singles, stacked = trainers_of(CONFIGS), trainers_of(CONFIGS)
    before = [[p.detach().clone() for p in trainer.model.parameters()] for trainer in singles]
    grid = Grid([Member(trainer, Notebook()) for trainer in stacked])
    for trainer, own in zip(stacked, before, strict=True):
        for parameter, value in zip(trainer.model.parameters(), own, strict=True):
            assert torch.equal(parameter, value)
    grid._step()
    place_of = {id(member.trainer): place for place, member in enumerate(grid.members)}
    for single, own in zip(singles, stacked, strict=True):
        single._train_step()
        assert torch.equal(single.order, own.order)
        for parameter, stack in zip(single.model.parameters(), grid.nets.stacks, strict=True):
            part = stack.grad[place_of[id(own)]]
            torch.testing.assert_close(part, parameter.grad, rtol=1e-4, atol=1e-6)
        for parameter, other in zip(single.model.parameters(), own.model.parameters(), strict=True):
            torch.testing.assert_close(other.data, parameter.data, rtol=1e-5, atol=1e-6)


def test_same_recording_and_metrics_as_alone():
    for (single, notebook), member in zip(alone(CONFIGS), together(CONFIGS), strict=True):
        assert member.error is None
        first, own = notebook.records[0], member.observer.records[0]
        for column in ("p_label", "weight", "margin"):
            np.testing.assert_allclose(own.seen[column], first.seen[column], rtol=0.02, atol=0.02, equal_nan=True)
        assert len(member.observer.records) == 3
        np.testing.assert_array_equal(np.isnan(own.seen["weight"]), np.isnan(first.seen["weight"]))
        for name in ("train_loss", "mean_weight", "test_accuracy", "train_accuracy_given"):
            assert member.trainer.history[0][name] == pytest.approx(single.history[0][name], abs=0.02), name
        assert member.predicted.shape == (300,)
        assert member.trainer.is_finished


def test_inputs_are_on_the_device_once():
    same = trainers_of([config_of({"name": "cce"}, seed, num_train=None) for seed in (0, 1)])
    assert same[0].train_data is same[1].train_data
    others = trainers_of([config_of({"name": "cce"}, 0, noise_seed=seed, normalize="mean") for seed in (0, 1)])
    assert others[0].train_data is not others[1].train_data, "subsets of their own"
    assert others[0].test_data is not others[1].test_data, "normalised by the rows that each trains on"
    assert others[0].test_data.rows is not same[0].test_data.rows


def test_one_that_stops_leaves_whole_and_goes_on_alone_or_with_others():
    reference = together(CONFIGS[:4])
    members = together(CONFIGS[:4], run1=7)
    stopped = members[1].trainer
    assert (members[1].predicted, members[1].error) == (None, None)
    assert 7 <= stopped.step < stopped.total_steps
    assert all(member.trainer.is_finished for place, member in enumerate(members) if place != 1)
    state = stopped.state()
    resumed = trainers_of(CONFIGS[1:2])[0]
    resumed.load(state)
    resumed.run(Notebook())
    for name in ("test_accuracy", "train_loss"):
        assert resumed.history[-1][name] == pytest.approx(reference[1].trainer.history[-1][name], abs=0.03)
    np.testing.assert_allclose(
        [row["train_loss"] for row in members[0].trainer.history],
        [row["train_loss"] for row in reference[0].trainer.history],
        rtol=1e-3,
    )


def test_a_stopped_grid_resumes_with_the_same_bits():
    def go_on(stop_at):
        members = together(CONFIGS[:4], **{f"run{place}": stop_at for place in range(4)})
        states = [member.trainer.state() for member in members]
        assert len({member.trainer.step for member in members}) == 1
        again = trainers_of(CONFIGS[:4])
        for trainer, state in zip(again, states, strict=True):
            trainer.load(state)
        list(Grid([Member(trainer, Notebook()) for trainer in again]).run())
        return again

    whole = [member.trainer for member in together(CONFIGS[:4])]
    for trainer, other in zip(whole, go_on(7), strict=True):
        for name, tensor in trainer.model.state_dict().items():
            assert torch.equal(tensor, other.model.state_dict()[name])
        assert [row["train_loss"] for row in trainer.history] == [row["train_loss"] for row in other.history]


def test_one_that_diverges_fails_alone():
    members = together([config_of({"name": "cce"}, 0, lr=1e3), config_of({"name": "mae"}, 0, lr=1e3)])
    broken, fine = members
    assert isinstance(broken.error, DivergedError)
    assert "training diverged: the loss is not finite at epoch 2" in str(broken.error)
    assert fine.error is None
    assert fine.trainer.is_finished


def test_an_observer_that_fails_takes_its_own_run_along_and_no_other():
    class Full(Notebook):
        def on_epoch(self, record):
            raise OSError(28, "no space left")

    first, second = trainers_of(CONFIGS[:2])
    members = [Member(first, Full()), Member(second, Notebook())]
    assert list(Grid(members).run()) == members
    assert isinstance(members[0].error, OSError)
    assert second.is_finished


def test_a_criterion_that_fails_in_the_evaluation_takes_its_own_run_along_and_no_other(monkeypatch):
    members = [Member(trainer, Notebook()) for trainer in trainers_of(CONFIGS[:3])]

    def fail(*_):
        raise RuntimeError("no weights")

    monkeypatch.setattr(members[1].trainer.criterion, "example_weights", fail)
    monkeypatch.setattr(
        "imae_core.training.grid._alike", lambda ts: [(t.criterion, slice(i, i + 1)) for i, t in enumerate(ts)]
    )
    assert set(Grid(members).run()) == set(members)
    assert [str(member.error) for member in members] == ["None", "no weights", "None"]
    assert [member.trainer.is_finished for member in members] == [True, False, True]


def test_judged_together_as_alone():
    """The same outputs, and all that follows from them but for the last bit of a power."""
    members = [Member(trainer, Notebook()) for trainer in trainers_of(CONFIGS)]
    grid = Grid(members)
    grid._step()
    found = judge_together(grid.trainers, grid.parts, lambda: None)
    for trainer, own in zip(grid.trainers, found, strict=True):
        alone = judge(trainer, lambda *_: None, keep_outputs=False)
        np.testing.assert_array_equal(own.test_predicted, alone.test_predicted)
        for name, column in alone.evaluation.columns.items():
            np.testing.assert_allclose(
                own.evaluation.columns[name], column, rtol=1e-6, err_msg=f"{trainer.config.title} {name}"
            )


def test_who_leaves_before_an_evaluation_takes_no_progress_along():
    """Losses that change over training, judged by the progress of the last step, though who led them has left."""
    configs = [config_of({"name": "truncated_gce"}, seed) for seed in (0, 1, 2)]
    steps = trainers_of(configs[:1])[0].batches
    members = together(configs, run0=2 * steps)
    for (single, notebook), member in list(zip(alone(configs), members, strict=True))[1:]:
        own, other = (
            member.observer.records[1].evaluation.columns["weight"],
            notebook.records[1].evaluation.columns["weight"],
        )
        assert own.mean() == pytest.approx(other.mean(), abs=0.05), single.config.title


def test_one_stops_while_all_are_judged():
    class Impatient(Notebook):
        def on_progress(self, progress):
            super().on_progress(progress)
            return progress.epoch == 2 and progress.batch == progress.batches

    first, second = trainers_of(CONFIGS[:2])
    members = [Member(first, Impatient()), Member(second, Notebook())]
    list(Grid(members).run())
    assert (first.epoch, first.is_at_end_of_epoch, len(first.history)) == (2, True, 1), (
        "its epoch is evaluated when it goes on"
    )
    assert second.is_finished


def test_class_balanced_batches_and_validation_rows_too():
    choices = {"sampler": "class_balanced", "classes_per_batch": 4, "validation_fraction": 0.2}
    configs = [config_of({"name": "imae"}, seed, **choices) for seed in (0, 1)]
    for (single, _), member in zip(alone(configs), together(configs), strict=True):
        assert member.error is None
        for name in ("train_loss", "validation_accuracy_given"):
            assert member.trainer.history[0][name] == pytest.approx(single.history[0][name], abs=0.02)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu_too():
    shared = {}
    device = torch.device("cuda:0")
    rows = [run_rows(config, DIGITS) for config in CONFIGS]
    trainers = [
        Trainer(config, own, device, validation, shared)
        for config, (own, validation) in zip(CONFIGS, rows, strict=True)
    ]
    members = [Member(trainer, Notebook()) for trainer in trainers]
    list(Grid(members).run())
    for (single, _), member in zip(alone(CONFIGS), members, strict=True):
        assert member.error is None
        assert member.trainer.history[-1]["train_loss"] == pytest.approx(single.history[-1]["train_loss"], rel=0.02)
