"""Real processes: a run outlives the runner, stops within a step, is resumed, and is never started twice."""

import os
import signal

import numpy as np
import psutil

from imae_core.recipes import make_config
from imae_core.runs.machine import runner_is_alive
from imae_core.runs.service import ensure_runner, resume_after_restart
from imae_core.runs.store import Store
from imae_core.runs.submit import create_run, resume, run_folder, submit
from imae_core.runs.worker import work
from tests.conftest import wait_until

LONG = {"epochs": 3000, "eval_every": 100}


def config(**choices):
    return make_config("digits", (1, 8, 8), 1297, noise={"rate": 0.4}, **choices)


def steps(home, run_id):
    return run_folder(home, run_id).heartbeat().get("step") or 0


def test_queued_runs_train_in_the_background_to_the_end(home):
    run_ids = submit(home, [config(epochs=3, loss={"name": name}) for name in ("cce", "imae")], group="pair")
    store = Store(home)
    wait_until(lambda: all(run.has_ended for run in store.runs()))
    for run_id in run_ids:
        folder = run_folder(home, run_id)
        assert store.get(run_id).state == "done", folder.log_tail()
        result = folder.result()
        assert result["run_id"] == run_id
        assert result["epochs"] == 3
        assert folder.epochs("seen") == folder.epochs("eval") == [1, 2, 3]
        examples = folder.examples()
        np.testing.assert_array_equal(examples["given_label"] != examples["true_label"], examples["is_corrupted"])
        histograms = folder.histograms()
        counts = np.stack(histograms[(histograms["quantity"] == "weight") & (histograms["epoch"] == 3)]["counts"])
        assert counts.sum() == 2 * 1297
        assert folder.array("pred_probs").shape == (1297, 10)
        assert folder.array("embeddings").shape == (1297, 256)
        assert folder.environment()["device"] == "cpu"
        assert len(folder.metrics()) == 3
        assert len(folder.trajectory()) == 1297
    wait_until(lambda: not runner_is_alive(store), 30)


def test_stop_within_a_step_and_resume_from_there(home):
    (run_id,) = submit(home, [config(**LONG)])
    store = Store(home)
    wait_until(lambda: steps(home, run_id) > 20)
    store.wish_stop(run_id)
    run = wait_until(lambda: (run := store.get(run_id)).has_ended and run, 20)
    assert run.state == "stopped"
    stopped_at = steps(home, run_id)
    resume(home, run_id)
    wait_until(lambda: steps(home, run_id) > stopped_at)
    assert "going on from epoch" in run_folder(home, run_id).log_tail()
    assert store.get(run_id).state in ("starting", "running")


def test_a_run_outlives_its_runner_and_the_next_one_finds_it(home):
    (run_id,) = submit(home, [config(**LONG)])
    store = Store(home)
    wait_until(lambda: steps(home, run_id) > 5 and store.get(run_id).state == "running")
    worker = store.get(run_id).ref["pid"]
    runner = psutil.Process(store.runner().pid)
    os.kill(runner.pid, signal.SIGKILL)
    wait_until(lambda: not runner_is_alive(store))
    before = steps(home, run_id)
    wait_until(lambda: steps(home, run_id) > before + 20)
    ensure_runner(store)
    wait_until(lambda: runner_is_alive(store))
    wait_until(lambda: store.get(run_id).state == "running")
    assert store.get(run_id).ref["pid"] == worker
    assert store.get(run_id).attempt == 1


def test_a_killed_worker_is_started_again(home, monkeypatch):
    monkeypatch.setenv("IMAE_CHECKPOINT_SECONDS", "0.5")
    (run_id,) = submit(home, [config(**LONG)])
    store = Store(home)
    wait_until(lambda: run_folder(home, run_id).checkpoint_path.exists())
    os.kill(store.get(run_id).ref["pid"], signal.SIGKILL)
    wait_until(lambda: store.get(run_id).attempt == 2)
    wait_until(lambda: "going on from epoch" in run_folder(home, run_id).log_tail())


def test_a_diverged_run_is_failed_with_advice(home):
    (run_id,) = submit(home, [config(lr=1e6, epochs=5)])
    run = wait_until(lambda: (run := Store(home).get(run_id)).has_ended and run)
    assert run.state == "failed"
    assert run.attempt == 1
    assert "training diverged" in run.message
    assert "Try a learning rate" in run.message


def test_a_full_disk_pauses_and_nothing_is_half_written(home, monkeypatch):
    monkeypatch.setenv("IMAE_MIN_FREE_MEGABYTES", "1e12")
    store = Store(home)
    folder = create_run(home, config(epochs=30))
    monkeypatch.setenv("IMAE_TOKEN", "t")
    folder.write_control("t", stop=False)
    assert work([folder.path]) == 0
    assert folder.heartbeat()["phase"] == "paused"
    assert folder.checkpoint_path.exists()
    assert folder.result() is None
    monkeypatch.delenv("IMAE_MIN_FREE_MEGABYTES")
    assert work([folder.path]) == 0
    assert folder.result()["epochs"] == 30
    assert store.runs() == []


def test_a_terminated_runner_lets_workers_save_and_the_next_goes_on(home):
    (run_id,) = submit(home, [config(**LONG)])
    store = Store(home)
    wait_until(lambda: steps(home, run_id) > 20)
    os.kill(store.runner().pid, signal.SIGTERM)
    wait_until(lambda: store.get(run_id).state == "queued", 30)
    wait_until(lambda: not runner_is_alive(store), 30)
    assert run_folder(home, run_id).checkpoint_path.exists()
    stopped_at = steps(home, run_id)
    resume_after_restart(store)
    wait_until(lambda: steps(home, run_id) > stopped_at)
    assert "going on from epoch" in run_folder(home, run_id).log_tail()
    assert store.get(run_id).attempt == 1


def test_a_suspended_runner_is_replaced(home, monkeypatch):
    monkeypatch.setenv("IMAE_SILENT_SECONDS", "2")
    (run_id,) = submit(home, [config(**LONG)])
    store = Store(home)
    wait_until(lambda: steps(home, run_id) > 5)
    first, worker = store.runner().pid, store.get(run_id).ref["pid"]
    os.kill(first, signal.SIGSTOP)
    wait_until(lambda: not runner_is_alive(store), 20)
    ensure_runner(store)
    wait_until(lambda: runner_is_alive(store) and store.runner().pid != first, 30)
    assert not psutil.pid_exists(first)
    assert store.get(run_id).ref["pid"] == worker
