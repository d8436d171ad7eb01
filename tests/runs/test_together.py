"""A grid as a worker carries it out: own folders, checkpoints, stops, failures, resuming, and kill -9."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from imae_core.config import parse_config
from imae_core.recipes import make_config
from imae_core.runs.folder import RunFolder
from imae_core.runs.grids import are_alike, grid_key
from imae_core.runs.store import Store
from imae_core.runs.submit import create_run, resume, submit
from imae_core.runs.worker import work
from tests.conftest import wait_until


def config_of(loss="cce", seed=0, **choices):
    choices = {"epochs": 3, "num_train": 300, "noise_seed": 0, "noise": {"rate": 0.4}, "device": "cpu"} | choices
    return make_config("digits", (1, 8, 8), 1297, loss={"name": loss}, seed=seed, **choices)


def folders_of(home, *configs):
    folders = [create_run(home, config) for config in configs]
    for folder in folders:
        folder.write_control("", stop=False)
    return folders


def ends(folders):
    return [folder.heartbeat().get("phase") for folder in folders]


def test_each_run_has_its_own_whole_folder(home, caplog):
    caplog.set_level("INFO")
    folders = folders_of(home, config_of("cce"), config_of("imae"), config_of("elr", seed=1))
    assert work([folder.path for folder in folders]) == 0
    assert ends(folders) == ["done"] * 3
    for folder in folders:
        result = folder.result()
        assert result["config"]["loss"]["name"] == folder.config().loss.name
        assert folder.epochs("seen") == folder.epochs("eval") == [1, 2, 3]
        assert list(folder.metrics()["epoch"]) == [1, 2, 3]
        assert folder.array("pred_probs").shape == (300, 10)
        assert len(folder.histograms())
        assert len(folder.trajectory()) == 300
        assert "trains together with 2 other(s)" in folder.log_tail()
        assert "done: final test accuracy" in folder.log_tail()
    assert folders[0].checkpoint_path.stat().st_size < 1.5e6, "one run's part of the stack"
    single = folders_of(home, config_of("imae"))[0]
    assert work([single.path]) == 0
    assert single.result()["final_test_accuracy"] == pytest.approx(folders[1].result()["final_test_accuracy"], abs=0.05)
    np.testing.assert_allclose(
        single.dynamics("eval", 1)["p_label"], folders[1].dynamics("eval", 1)["p_label"], atol=0.01
    )


def test_a_run_that_cannot_be_carried_out_fails_alone(home):
    folders = folders_of(home, config_of("cce"), config_of("forward", noise={"rate": 0.4}), config_of("mae"))
    text = (folders[1].path / "config.json").read_text()
    (folders[1].path / "config.json").write_text(text.replace('"symmetric"', '"open_set"'))
    assert work([folder.path for folder in folders]) == 1
    assert ends(folders) == ["done", "failed", "done"]
    assert folders[1].heartbeat()["message"]


def test_one_is_stopped_and_resumed_alone(home, monkeypatch):
    monkeypatch.setattr("imae_core.training.grid.LOOK_SECONDS", 0.0)
    folders = folders_of(home, config_of("cce"), config_of("imae"))
    folders[1].write_control("", stop=True)
    assert work([folder.path for folder in folders]) == 0
    assert ends(folders) == ["done", "stopped"]
    assert folders[1].result() is None
    folders[1].write_control("", stop=False)
    assert work([folders[1].path]) == 0
    assert ends(folders) == ["done", "done"]
    assert folders[1].epochs("eval") == [1, 2, 3]


def test_one_of_another_worker_is_left_alone(home, monkeypatch):
    monkeypatch.setenv("IMAE_TOKEN", "ours")
    folders = folders_of(home, config_of("cce"), config_of("imae"))
    folders[0].write_control("ours", stop=False)
    folders[1].write_control("theirs", stop=False)
    assert work([folder.path for folder in folders]) == 0
    assert ends(folders) == ["done", None]


def test_what_trains_together_and_what_does_not():
    base = config_of()
    assert are_alike([base, config_of("gce", seed=3, noise_seed=4, noise={"kind": "asymmetric", "rate": 0.2})])
    for change in (
        {"lr": 0.05}, {"batch_size": 32}, {"epochs": 4}, {"num_train": 200}, {"momentum": 0.0}, {"threads": 2},
        {"eval_every": 2}, {"normalize": "mean"},
    ):  # fmt: skip
        assert not are_alike([base, config_of(**change)]), change
    alone = (
        {"num_folds": 3}, {"grad_clip": 1.0}, {"compile": "always"}, {"precision": "mixed"}, {"augment": "pad_crop"},
        {"model": {"name": "mlp", "params": {"hidden": 2000}}},
    )  # fmt: skip
    assert all(grid_key(config_of(**change)) is None for change in alone)
    values = base.model_dump() | {"dataset": "cifar10", "model": {"name": "small_cnn"}}
    assert grid_key(parse_config(values)) is None


def test_killed_in_the_middle_all_go_on_from_their_checkpoints(home, monkeypatch):
    monkeypatch.setenv("IMAE_RUNNER", "external")
    monkeypatch.setenv("IMAE_CHECKPOINT_SECONDS", "0.2")
    monkeypatch.setenv("IMAE_CPU_CORES", "1")
    run_ids = submit(home, [config_of("cce", seed, epochs=150) for seed in range(3)])
    runner = subprocess.Popen([sys.executable, "-m", "imae_core", "runner", "--home", str(home)])
    folders = [RunFolder(home / "runs" / run_id) for run_id in run_ids]
    try:
        wait_until(lambda: all(folder.checkpoint_path.exists() for folder in folders))
        (worker,) = {folder.worker()["pid"] for folder in folders}
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: all(folder.result() for folder in folders), seconds=120)
    finally:
        runner.terminate()
        runner.wait(60)
    for folder in folders:
        assert len(folder.attempts()) == 2
        assert folder.epochs("eval") == list(range(1, 151))
        assert "going on from epoch" in folder.log_tail()


def test_a_stop_wish_reaches_one_member_through_the_runner(home, monkeypatch):
    monkeypatch.setenv("IMAE_CPU_CORES", "1")
    run_ids = submit(home, [config_of("cce", seed, epochs=2000, eval_every=50) for seed in range(3)])
    store = Store(home)
    wait_until(lambda: all(store.get(run_id).state == "running" for run_id in run_ids))
    store.wish_stop(run_ids[1])
    wait_until(lambda: store.get(run_ids[1]).state == "stopped", seconds=15)
    others = [store.get(run_id) for run_id in (run_ids[0], run_ids[2])]
    assert [run.state for run in others] == ["running", "running"]
    assert {run.attempt for run in others} == {1}
    resume(home, run_ids[1])
    for run_id in run_ids:
        store.wish_delete(run_id)
    wait_until(lambda: not store.runs(), seconds=60)
