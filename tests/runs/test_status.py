"""What people are told is so even where no runner is there to note it."""

import os
import time

import pytest

from imae_core.hardware import create_time
from imae_core.recipes import make_config
from imae_core.runs.execute import execute
from imae_core.runs.status import expected_cost, run_status
from imae_core.runs.store import Store
from imae_core.runs.submit import create_run

GONE = {"pid": 2**22 + 1, "created": 1.0}


@pytest.fixture
def shown(home):
    """A run that the store holds for active, as it is shown; no runner lives."""
    config = make_config("digits", (1, 8, 8), 1297)
    folder = create_run(home, config)
    store = Store(home)
    store.add(folder.run_id, config, executor="local")
    here = {"pid": os.getpid(), "created": create_time(os.getpid())}
    store.transition(folder.run_id, ("queued",), "starting", token="t", ref=here, started=time.time())

    def show(phase="", token="t", ref=here, stored="running", ago=0.0, **values):
        store.transition(folder.run_id, ("starting", "running"), stored, ref=ref)
        if phase:
            folder.write_heartbeat({"token": token, "time": time.time() - ago, "phase": phase, **values})
        return run_status(home, store.get(folder.run_id))

    show.folder, show.store = folder, store
    return show


def test_a_worker_that_has_begun_is_running(shown):
    assert shown(stored="starting").run.state == "starting"
    assert shown("preparing", stored="starting").run.state == "running"


def test_how_a_worker_ended_is_told_at_once(shown):
    failed = shown("failed", message="training diverged")
    assert (failed.run.state, failed.note) == ("failed", "training diverged")
    assert shown("paused").run.state == "paused"
    assert shown("stopped").run.state == "queued", "interrupted by a shutdown"
    shown.store.wish_stop(shown.folder.run_id)
    assert shown("stopped").run.state == "stopped"


def test_a_result_means_done(shown):
    shown("training", epoch=1, epochs=2, batch=1, batches=2)
    shown.folder.write_result({"final_test_accuracy": 0.5})
    status = shown()
    assert (status.run.state, status.final_test_accuracy, status.progress) == ("done", 0.5, 1.0)


def test_a_vanished_worker_is_not_running(shown):
    status = shown("preparing", ref=GONE)
    assert status.run.state == "queued"
    assert "its worker is gone" in status.note


def test_an_older_attempts_words_do_not_count(shown):
    assert shown("failed", token="older", stored="starting").run.state == "starting"


def test_a_worker_elsewhere_is_judged_by_its_words_alone(shown, monkeypatch):
    monkeypatch.setenv("IMAE_RUNNER", "external")
    assert shown("preparing", ref=GONE).run.state == "running"


def test_silence_is_told_within_seconds(shown):
    assert "no sign of life for 4 s" in shown("preparing", ago=4).note
    assert "no sign" not in shown("preparing", ago=1).note


@pytest.mark.parametrize("num_folds", [None, 3])
def test_the_disk_estimate_is_what_a_run_takes(home, num_folds):
    config = make_config("digits", (1, 8, 8), 1297, epochs=40, num_folds=num_folds, device="cpu")
    folder = create_run(home, config)
    execute(folder)
    taken = folder.size_bytes()
    expected = expected_cost(Store(home), config, 1297, 10).disk_bytes
    assert 0 < expected - taken < 11_000_000, "ten megabytes are for a larger net"


def test_folds_take_no_more_disk_for_more_epochs(home):
    def disk(**choices):
        return expected_cost(Store(home), make_config("digits", (1, 8, 8), 1297, **choices), 1297, 10).disk_bytes

    assert disk(epochs=500, num_folds=5) == disk(epochs=5, num_folds=5) < disk(epochs=500)
