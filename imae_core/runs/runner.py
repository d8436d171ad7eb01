"""The one process that works through the queue of a home.

Data goes one way: it reads wishes from the store and heartbeats from run folders, and owns every transition of a
run's state. It may be killed at any moment: the next one picks up the living workers from the store.
"""

import logging
import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

from filelock import FileLock, Timeout

from imae_core.hardware import create_time, process_is
from imae_core.runs.executors.base import Executor
from imae_core.runs.executors.local import LocalExecutor
from imae_core.runs.folder import RunFolder
from imae_core.runs.store import ACTIVE, Store, StoredRun

TICK_SECONDS = 0.3
STOP_GRACE_SECONDS = 20.0
HANG_SECONDS = 600.0
LOCK_PATIENCE_SECONDS = 15.0
log = logging.getLogger("imae.runner")


def idle_seconds() -> float:
    """How long a runner without work stays; `IMAE_RUNNER_IDLE_SECONDS`, 60 by default."""
    return float(os.environ.get("IMAE_RUNNER_IDLE_SECONDS", "60"))


class Runner:
    """Reconciles store, run folders and workers; `tick` is one round of it."""

    def __init__(self, home: Path, executor: Executor | None = None) -> None:
        self.home = home
        self.store = Store(home)
        self.executor = executor or LocalExecutor()

    def folder(self, run: StoredRun) -> RunFolder:
        return RunFolder(self.home / "runs" / run.run_id)

    def tick(self) -> None:
        """Settles what has ended, carries out wishes, fills free slots."""
        for run in self.store.runs(*ACTIVE):
            self._reconcile(run)
        for run in self.store.runs():
            if run.delete_wished is not None:
                self._delete(run)
            elif run.stop_wished is not None:
                self._stop(run)
        self._fill_slots()

    # -- one run -------------------------------------------------------------------------------------------------

    def _reconcile(self, run: StoredRun) -> None:
        if run.executor == "foreground":
            if not process_is(run.ref.get("pid"), run.ref.get("created")):
                self._end(run, "failed", "the process that trained it in the foreground is gone")
            return
        alive = bool(run.ref) and self.executor.is_alive(run.ref)
        heartbeat = self.folder(run).heartbeat()
        ours = heartbeat.get("token") == run.token
        if alive:
            if ours and run.state == "starting":
                self.store.transition(run.run_id, ("starting",), "running")
            last_sign = heartbeat.get("time", 0) if ours else (run.started or 0)
            if time.time() - last_sign > HANG_SECONDS:
                self.executor.kill(run.ref)
                self._retry(run, f"no sign of life for {HANG_SECONDS:.0f} s")
            return
        result = self.folder(run).result()
        phase = heartbeat.get("phase") if ours else None
        if result is not None:
            self._end(run, "done", "")
        elif phase in ("failed", "stopped"):
            self._end(run, str(phase), str(heartbeat.get("message", "")))
        elif run.stop_wished is not None:
            self._end(run, "stopped", "stopped on request; the worker did not answer in time")
        else:
            self._retry(run, "the worker vanished")

    def _end(self, run: StoredRun, state: str, message: str) -> None:
        self.store.transition(run.run_id, ACTIVE, state, message=message, finished=time.time(), ref={}, slot={})
        log.info("%s %s %s", run.run_id, state, message)

    def _retry(self, run: StoredRun, reason: str) -> None:
        """Back to the queue, until `max_attempts` were made."""
        if run.attempt >= run.max_attempts:
            self._end(run, "failed", f"{reason}; gave up after {run.attempt} attempts (see the log)")
            return
        message = f"attempt {run.attempt} of {run.max_attempts}: {reason}; goes on from its last checkpoint"
        self.store.transition(run.run_id, ACTIVE, "queued", message=message, ref={}, slot={}, token="")
        log.warning("%s %s", run.run_id, message)

    def _stop(self, run: StoredRun) -> None:
        if run.state == "queued":
            self.store.transition(
                run.run_id, ("queued",), "stopped", message="stopped before it started", finished=time.time()
            )
        elif run.is_active and run.stop_wished is not None:
            self.folder(run).write_control(run.token, stop=True)
            if run.executor != "foreground" and time.time() - run.stop_wished > STOP_GRACE_SECONDS:
                self.executor.kill(run.ref)

    def _delete(self, run: StoredRun) -> None:
        if run.is_active:
            if run.stop_wished is None:
                self.store.wish_stop(run.run_id)
            else:
                self._stop(run)
            return
        shutil.rmtree(self.folder(run).path, ignore_errors=True)
        self.store.remove(run.run_id)

    # -- slots ---------------------------------------------------------------------------------------------------

    def _fill_slots(self) -> None:
        busy = [run.slot for run in self.store.runs(*ACTIVE) if run.executor != "foreground"]
        for run in self.store.runs("queued"):
            if run.executor == "foreground":
                continue
            slot = self.executor.place(run, busy)
            if slot is None:
                reason = self.executor.why_waiting(run, busy)
                if run.message != reason and run.attempt == 0:
                    self.store.transition(run.run_id, ("queued",), "queued", message=reason)
                continue
            self._start(run, slot)
            busy.append(slot)

    def _start(self, run: StoredRun, slot: dict[str, object]) -> None:
        """The token is written before the worker is: whoever holds an older one must not go on."""
        token = secrets.token_hex(8)
        started = self.store.transition(
            run.run_id,
            ("queued",),
            "starting",
            token=token,
            slot=slot,
            started=time.time(),
            finished=None,
            attempt=run.attempt + 1,
            message="",
        )
        if not started:
            return
        folder = self.folder(run)
        folder.write_control(token, stop=False)
        reference = self.executor.start(run, folder, token, slot)
        self.store.transition(run.run_id, ("starting",), "starting", ref=reference)
        log.info("%s started on %s as %s", run.run_id, slot, reference)


def serve(home: Path, *, for_ever: bool = False) -> bool:
    """Runs the queue of a home until it has been idle for a while; False if another runner does so already."""
    lock = FileLock(home / "runner.lock")
    try:
        # a runner that just decided to exit still holds the lock for a moment
        lock.acquire(timeout=LOCK_PATIENCE_SECONDS)
    except Timeout:
        return False
    with lock:
        runner = Runner(home)
        pid = os.getpid()
        created = create_time(pid) or time.time()
        idle_since = time.monotonic()
        while True:
            runner.store.runner_beats(pid, created)
            runner.tick()
            if runner.store.runs("queued", *ACTIVE):
                idle_since = time.monotonic()
            idle = time.monotonic() - idle_since
            if not for_ever and idle > idle_seconds() and runner.store.runner_may_exit():
                return True
            time.sleep(TICK_SECONDS)


def runner_is_alive(store: Store) -> bool:
    """Whether a process runs the queue right now."""
    row = store.runner()
    return row is not None and row.state == "running" and process_is(row.pid, row.created)


def ensure_runner(store: Store) -> None:
    """Starts a runner in the background unless one lives, or unless `IMAE_RUNNER=external` says it is elsewhere."""
    if os.environ.get("IMAE_RUNNER") == "external" or runner_is_alive(store):
        return
    with (store.home / "runner.log").open("ab") as output:
        subprocess.Popen(
            [sys.executable, "-m", "imae_core", "runner", "--home", str(store.home)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
