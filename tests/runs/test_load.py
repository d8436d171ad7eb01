"""200 queued runs and 20 clients that poll as pages do: the store never says 'locked', states add up."""

import subprocess
import sys
import threading
import time
from functools import partial

from imae_core.recipes import make_config
from imae_core.runs.runner import Runner
from imae_core.runs.status import all_statuses
from imae_core.runs.store import Store
from imae_core.runs.submit import create_run
from tests.conftest import wait_until
from tests.runs.test_runner import PretendedExecutor, finish

RUNS, CLIENTS = 200, 20


def test_two_hundred_runs_and_twenty_clients(home, monkeypatch):
    monkeypatch.setenv("IMAE_GPUS", "")
    monkeypatch.setenv("IMAE_CPU_CORES", "8")
    runner = Runner(home, PretendedExecutor(home))
    config = make_config("digits", (1, 8, 8), 1297)
    for _ in range(RUNS):
        folder = create_run(home, config)
        runner.store.add(folder.run_id, config, executor="local")
    problems, looks, ended = [], [], threading.Event()

    def poll(number):
        store = Store(home)
        while not ended.is_set():
            try:
                started = time.monotonic()
                statuses = all_statuses(store)
                looks.append(time.monotonic() - started)
                assert len(statuses) == RUNS
                if number == 0:
                    store.move_to_front(statuses[0].run.run_id)
            except Exception as error:
                problems.append(error)
                return
            time.sleep(1)

    clients = [threading.Thread(target=poll, args=(number,)) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    deadline = time.monotonic() + 240
    while runner.store.runs("queued", "starting", "running") and time.monotonic() < deadline:
        runner.tick()
        for run in runner.store.runs("starting"):
            finish(runner, run.run_id)
    ended.set()
    for client in clients:
        client.join(60)
    assert problems == []
    assert [run.state for run in runner.store.runs()] == ["done"] * RUNS
    assert [run.attempt for run in runner.store.runs()] == [1] * RUNS
    assert looks
    print(f"a look at {RUNS} runs, {CLIENTS} clients at once: median {sorted(looks)[len(looks) // 2]:.2f} s")


WRITER = """
import os, sys
from pathlib import Path
import numpy as np
from imae_core.runs.folder import RunFolder
folder, number = RunFolder(Path(sys.argv[1])), 0
while True:
    number += 1
    values = np.full(5000, number % 100, np.float32)
    folder.write_heartbeat({"step": number, "writer": os.getpid(), "filler": "x" * 5000})
    folder.write_dynamics("seen", 1, dict.fromkeys(("p_label", "predicted", "weight", "margin", "p_true"), values))
    folder.write_metrics([{"epoch": 1, "number": number}] * 50)
"""


def look(folder):
    """Reads every file that a page reads; true once all of them are there. Raises for half a file."""
    heartbeat, metrics, epochs = folder.heartbeat(), folder.metrics(), folder.epochs("seen")
    if heartbeat:
        assert len(heartbeat["filler"]) == 5000
    if epochs:
        table = folder.dynamics("seen", 1)
        assert len(table) == 5000
        assert table["weight"].nunique() == 1
    assert len(metrics) in (0, 50)
    return bool(heartbeat and epochs and len(metrics))


def sees_step(folder, writer, least):
    """Whether a look finds what this writer wrote as its step `least` or later."""
    heartbeat = folder.heartbeat()
    return look(folder) and heartbeat["writer"] == writer.pid and heartbeat["step"] >= least


def test_readers_see_only_whole_files_while_writers_write_and_are_killed(home):
    folder = create_run(home, make_config("digits", (1, 8, 8), 1297))
    for more_steps in (3, 5, 8):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(folder.path)])
        try:
            wait_until(partial(sees_step, folder, writer, 1), 60, every=0.001)
            begun = folder.heartbeat()["step"]
            wait_until(partial(sees_step, folder, writer, begun + more_steps), 60, every=0.001)
        finally:
            writer.kill()
            writer.wait(10)
        for _ in range(20):
            assert look(folder)
