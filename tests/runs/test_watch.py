"""The dashboard replaces a runner that died; it does so without a visitor, and not against a person's will."""

import os
import signal

import psutil
import pytest

from imae_core.recipes import make_config
from imae_core.runs import watch
from imae_core.runs.machine import runner_is_alive
from imae_core.runs.store import Store
from imae_core.runs.submit import create_run, run_folder, submit
from tests.conftest import end_processes_of, wait_until
from tests.server import Server

CONFIG = make_config("digits", (1, 8, 8), 1297)


@pytest.fixture
def looks(home, monkeypatch):
    """Looks a minute and more apart, each of which starts a runner or not; none really starts."""
    started, now = [], [0.0]
    monkeypatch.setattr(watch, "ensure_runner", lambda store: started.append(now[0]))
    monkeypatch.setattr(watch.time, "monotonic", lambda: now[0])
    watchman = watch.Watch(Store(home))

    def look(seconds):
        now[0] += seconds
        before = len(started)
        watchman.look()
        return len(started) > before

    return look


def queue(home):
    folder = create_run(home, CONFIG)
    Store(home).add(folder.run_id, CONFIG, executor="local")


def test_a_runner_is_started_only_for_work(home, looks):
    assert not looks(100)
    queue(home)
    assert looks(1)


def test_a_runner_that_keeps_dying_is_started_ever_more_rarely(home, looks):
    queue(home)
    assert [looks(1) for _ in range(20)].count(True) == 2
    assert [looks(1) for _ in range(240)].count(True) < 8


def test_a_dismissed_runner_stays_away(home, looks):
    queue(home)
    Store(home).runner_enters(2**22 + 1, 1.0)
    Store(home).runner_is_dismissed()
    assert not looks(100)


def test_after_a_reboot_runs_go_on_with_the_app_and_a_dead_runner_is_replaced(home, monkeypatch):
    monkeypatch.setenv("IMAE_CHECKPOINT_SECONDS", "0.3")
    store = Store(home)
    (run_id,) = submit(home, [CONFIG.model_copy(update={"epochs": 5000, "device": "cpu"})])
    wait_until(lambda: run_folder(home, run_id).checkpoint_path.exists())
    end_processes_of(home)  # as a power cut would
    app = Server(home)  # nobody visits it
    wait_until(lambda: "going on from epoch" in run_folder(home, run_id).log_tail())
    runner = store.runner().pid
    os.kill(runner, signal.SIGKILL)
    wait_until(lambda: runner_is_alive(store) and store.runner().pid != runner, 20)
    worker = store.get(run_id).ref["pid"]
    assert psutil.pid_exists(worker), "the worker outlived the runner"
    app.stop()
