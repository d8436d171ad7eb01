"""Faults at random moments: no run is lost, none trains twice at once, and each ends as an undisturbed one does.

`IMAE_SOAK_ROUNDS` sets the number of rounds; the long form is `make soak`, whose table goes into `docs/soak.md`.
"""

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from imae_core.recipes import make_config
from imae_core.runs.store import Store
from imae_core.runs.submit import run_folder, submit
from tests.conftest import wait_until
from tests.server import Server

ROUNDS = int(os.environ.get("IMAE_SOAK_ROUNDS", "4"))
TABLE = os.environ.get("IMAE_SOAK_TABLE")
PARTS = ("app + worker", "app + runner", "runner + worker", "app", "runner", "worker")
FAULTS = (*(f"{how} {parts}" for parts in PARTS for how in ("kill", "suspend")), "kill worker twice")
TIMES = ["seconds", "eval_seconds", "examples_per_second"]


def config():
    return make_config(
        "digits", (1, 8, 8), 1297, noise={"rate": 0.4}, loss={"name": "imae"}, epochs=80, eval_every=4, device="cpu"
    )


def outcome(folder):
    """What must not depend on faults: metrics without times, every epoch's dynamics, the final outputs."""
    tables = [folder.metrics().drop(columns=TIMES)]
    tables += [folder.dynamics(source, epoch) for source in ("seen", "eval") for epoch in folder.epochs(source)]
    arrays = [table.to_numpy(dtype=np.float64) for table in tables]
    return [*arrays, folder.array("pred_probs"), folder.trajectory().to_numpy(dtype=np.float64)]


def assert_same(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


class Census(threading.Thread):
    """Counts the workers of a run, ten times a second."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.most, self.ended = str(path), 0, threading.Event()

    def workers(self):
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            words = process.info["cmdline"] or []
            if "worker" in words and self.path in words and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process)
        # going through all processes takes a while: one that ended meanwhile was not beside one that began meanwhile
        return [process for process in found if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]

    def run(self):
        while not self.ended.wait(0.1):
            with suppress(psutil.Error):
                self.most = max(self.most, len(self.workers()))


def send(process_id, what):
    with suppress(ProcessLookupError, TypeError):
        os.kill(process_id, what)


def inject(fault, store, census, app):
    runner, workers = store.runner(), census.workers()
    what = signal.SIGSTOP if "suspend" in fault else signal.SIGKILL
    if "app" in fault:
        send(app.process.pid, what)
    if "runner" in fault:
        send(runner.pid, what)
    if "worker" in fault:
        for worker in workers:
            send(worker.pid, what)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The same run without any fault, carried out in this process."""
    from imae_core.runs.execute import execute

    home = tmp_path_factory.mktemp("calm")
    folder = run_folder(home, "calm")
    folder.create(config())
    execute(folder)
    return outcome(folder)


def one_round(home, store, app, number, generator):
    """A line of the table."""
    fault = FAULTS[number % len(FAULTS)] if number < len(FAULTS) else str(generator.choice(FAULTS))
    (run_id,) = submit(home, [config()])
    folder = run_folder(home, run_id)
    census = Census(folder.path)
    census.start()
    started = time.monotonic()
    delay = float(generator.uniform(0.2, 7.0))
    time.sleep(delay)
    inject(fault, store, census, app)
    if fault.endswith("twice"):
        time.sleep(float(generator.uniform(0.5, 5.0)))
        inject(fault, store, census, app)
    if "app" in fault:  # nobody but a person starts the app again; the rest is up to it
        time.sleep(float(generator.uniform(0.0, 5.0)))
        app.kill()
        app.start()
    wait_until(lambda: store.get(run_id).has_ended, 120, every=0.3)
    census.ended.set()
    run = store.get(run_id)
    return folder, run, {
        "round": number + 1, "fault": fault, "after s": f"{delay:.1f}", "state": run.state, "attempts": run.attempt,
        "most workers at once": census.most, "took s": f"{time.monotonic() - started:.0f}",
    }  # fmt: skip


@pytest.mark.alone
def test_faults_at_random_moments(home, monkeypatch, undisturbed):
    for name, value in (("CHECKPOINT", 0.3), ("HANG", 12), ("SILENT", 3), ("RUNNER_IDLE", 5)):
        monkeypatch.setenv(f"IMAE_{name}_SECONDS", str(value))
    generator = np.random.default_rng(int(os.environ.get("IMAE_SOAK_SEED", "0")))
    store, app = Store(home), Server(home)
    rows = []
    for number in range(ROUNDS):
        folder, run, row = one_round(home, store, app, number, generator)
        print(row)
        assert run.state == "done", (row, run.message, folder.log_tail(3000))
        assert row["most workers at once"] <= 1, row
        assert_same(outcome(folder), undisturbed)
        rows.append(row | {"same bits": "yes"})
    app.stop()
    assert len(store.runs()) == ROUNDS, "none lost, none doubled"
    if TABLE:
        write_table(Path(TABLE), rows)


def write_table(path, rows):
    lines = [
        "# Faults at random moments", "",
        f"`make soak` on {time.strftime('%Y-%m-%d')}: {len(rows)} rounds, 0 lost, 0 doubled; every run ended with the bits of an undisturbed one.",
        "", "| " + " | ".join(rows[0]) + " |", "|" + " --- |" * len(rows[0]),
        *("| " + " | ".join(str(value) for value in row.values()) + " |" for row in rows),
    ]  # fmt: skip
    path.write_text("\n".join(lines) + "\n")
