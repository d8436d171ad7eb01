"""The runner as a process: at most one a home, started when there is work, gone when there has been none for a while."""

import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from imae_core.hardware import create_time, process_is
from imae_core.runs.machine import runner_is_alive, runner_is_external, write_machine
from imae_core.runs.store import Store

TICK_SECONDS = 0.3
LOCK_PATIENCE_SECONDS = 15.0
SHUTDOWN_SECONDS = 45.0
BEAT_SECONDS = 1.0
ROUND_SECONDS = 60.0  # a round may wait up to 30 s for a killed process to be gone
log = logging.getLogger("imae.runner")


def idle_seconds() -> float:
    """How long a runner without work stays; `IMAE_RUNNER_IDLE_SECONDS`, 60 by default."""
    return float(os.environ.get("IMAE_RUNNER_IDLE_SECONDS", "60"))


def serve(home: Path, *, for_ever: bool = False) -> bool:
    """Runs the queue of a home until it has been idle for a while; False if another runner does so already.

    On SIGTERM all workers save a checkpoint and leave, within 45 s; their runs go on with the next runner.
    """
    lock = FileLock(home / "runner.lock")
    try:
        # a runner that just decided to exit still holds the lock for a moment
        lock.acquire(timeout=LOCK_PATIENCE_SECONDS)
    except Timeout:
        return False
    with lock:
        service = _Service(home, for_ever)
        signal.signal(signal.SIGTERM, service.terminate)
        signal.signal(signal.SIGINT, service.terminate)
        service.run()
    return True


class _Service:
    def __init__(self, home: Path, for_ever: bool) -> None:
        from imae_core.runs.runner import Runner  # here, as who starts a runner has no use for one

        self.runner = Runner(home)
        self.for_ever = for_ever
        self.terminated = False
        self.pulse = _Pulse(self.runner.store)
        write_machine(home)

    def terminate(self, _signal: int, _frame: object) -> None:
        self.terminated = True

    def run(self) -> None:
        store = self.runner.store
        idle_since = time.monotonic()
        self.pulse.start()
        while not self.terminated:
            self.pulse.round_began = time.monotonic()
            self.runner.tick()
            if store.has_work():
                idle_since = time.monotonic()
            idle = time.monotonic() - idle_since
            if not self.for_ever and idle > idle_seconds() and store.runner_may_exit():
                return
            time.sleep(TICK_SECONDS)
        self._shut_down()

    def _shut_down(self) -> None:
        log.info("asked to leave: all workers save and stop")
        deadline = time.monotonic() + SHUTDOWN_SECONDS
        while self.runner.interrupt() and time.monotonic() < deadline:
            time.sleep(TICK_SECONDS)
        self.runner.store.runner_is_dismissed()


class _Pulse(threading.Thread):
    """The runner's signs of life, which a long round does not delay but a hung one ends."""

    def __init__(self, store: Store) -> None:
        super().__init__(name="pulse", daemon=True)
        self.store = store
        self.pid = os.getpid()
        self.round_began = time.monotonic()
        store.runner_enters(self.pid, create_time(self.pid) or time.time())

    def run(self) -> None:
        while True:
            time.sleep(BEAT_SECONDS)
            if time.monotonic() - self.round_began < ROUND_SECONDS:
                try:
                    self.store.runner_beats(self.pid)
                except sqlite3.Error as error:
                    log.warning("could not write a sign of life: %s", error)


def ensure_runner(store: Store) -> None:
    """Starts a runner in the background unless one lives, or unless `IMAE_RUNNER=external` says it is elsewhere.

    One that has not moved for long (suspended, hung) is killed first: its lock would keep the new one out.
    """
    if runner_is_external() or runner_is_alive(store):
        return
    _kill_silent_runner(store)
    with (store.home / "runner.log").open("ab") as output:
        subprocess.Popen(
            [sys.executable, "-m", "imae_core", "runner", "--home", str(store.home)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _kill_silent_runner(store: Store) -> None:
    row = store.runner()
    if row is None or row.state != "running" or not process_is(row.pid, row.created):
        return
    log.warning("the runner %d has not moved since %s; killing it", row.pid, time.ctime(row.heartbeat))
    with suppress(psutil.Error):
        process = psutil.Process(row.pid)
        process.kill()
        process.wait(10)


def resume_after_restart(store: Store) -> None:
    """Called once when a dashboard starts: what a crash or reboot left unfinished goes on."""
    if store.has_work():
        ensure_runner(store)
