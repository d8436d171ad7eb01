"""One round of work on the queue: settle what has ended, carry out wishes, fill free slots.

Data goes one way: it reads wishes from the store and heartbeats from run folders, and owns every transition of a
run's state. It may be killed at any moment: the next one picks up the living workers from the store.
"""

import logging
import os
import secrets
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imae_core.errors import unknown_name
from imae_core.hardware import process_is
from imae_core.runs.budget import budgets, spent_message
from imae_core.runs.disk import disk_has_room, disk_is_low, disk_message
from imae_core.runs.executors.base import Executor, ExecutorUnreachableError, Slot
from imae_core.runs.executors.local import LocalExecutor
from imae_core.runs.folder import RunFolder
from imae_core.runs.grids import mates
from imae_core.runs.store import ACTIVE, Store, StoredRun

STOP_GRACE_SECONDS = 20.0
ENDED_PHASES = ("done", "failed", "stopped", "paused")
LOST_SECONDS = 15.0  # a worker whose reference was lost has written its own by then
log = logging.getLogger("imae.runner")


def hang_seconds() -> float:
    """A worker that has not moved for so long is killed; `IMAE_HANG_SECONDS`, 120 by default."""
    return float(os.environ.get("IMAE_HANG_SECONDS", "120"))


def make_executor(home: Path) -> Executor:
    """`IMAE_EXECUTOR`: local (default) or ray."""
    name = os.environ.get("IMAE_EXECUTOR", "local")
    if name == "local":
        return LocalExecutor(home)
    if name == "ray":
        from imae_core.runs.executors.ray import RayExecutor

        return RayExecutor(home)
    raise unknown_name("executor (IMAE_EXECUTOR)", name, ("local", "ray"))


class Runner:
    """Reconciles store, run folders and workers; `tick` is one round of it."""

    def __init__(self, home: Path, executor: Executor | None = None) -> None:
        self.home = home
        self.store = Store(home)
        self.executor = executor or make_executor(home)
        self.unreachable = ""

    def folder(self, run: StoredRun) -> RunFolder:
        return RunFolder(self.home / "runs" / run.run_id)

    def tick(self, start_new: bool = True) -> None:
        """One round; without `start_new` only what is under way is looked after."""
        try:
            self._round(start_new)
            self.unreachable = ""
        except ExecutorUnreachableError as error:
            self._wait_for_executor(str(error))

    def _round(self, start_new: bool) -> None:
        for run in self.store.runs(*ACTIVE):
            self._reconcile(run)
        for run in self.store.wished():
            if run.delete_wished is not None:
                self._delete(run)
            else:
                self._stop(run)
        if start_new:
            self._wake_paused()
            self._fill_slots()

    def interrupt(self) -> bool:
        """Asks all workers to save and leave, as before a shutdown; True while some still live.

        Their runs go back to the queue, and go on when a runner is next started.
        """
        active = [run for run in self.store.runs(*ACTIVE) if run.executor != "foreground"]
        for run in active:
            if not self.folder(run).control().get("stop"):
                self.folder(run).write_control(run.token, stop=True)
        self.tick(start_new=False)
        return bool(active)

    def _wait_for_executor(self, message: str) -> None:
        """Nothing is concluded about runs while nobody can say how they are; people are told."""
        if message != self.unreachable:
            log.warning("%s", message)
        self.unreachable = message
        for run in self.store.runs("queued", *ACTIVE):
            if run.message != message:
                self.store.transition(run.run_id, (run.state,), run.state, message=message)

    # -- one run -------------------------------------------------------------------------------------------------

    def _reconcile(self, run: StoredRun) -> None:
        if run.executor == "foreground":
            if not process_is(run.ref.get("pid"), run.ref.get("created")):
                self._end(run, "failed", "the process that trained it in the foreground is gone")
            return
        if not run.ref and not self._found(run):
            return
        run = self.store.get(run.run_id)
        if run.ref and self.executor.is_alive(run.ref):
            self._watch(run)
        elif run.is_active:
            self._settle(run)

    def _found(self, run: StoredRun) -> bool:
        """A runner that was killed right after it started a worker never wrote which; the worker itself did, or will."""
        reference = self.executor.find(self.folder(run), run.token)
        if reference is not None:
            self.store.transition(run.run_id, ACTIVE, run.state, ref=reference)
            log.info("%s found again as %s", run.run_id, reference)
        return reference is not None or time.time() - (run.started or 0) > LOST_SECONDS

    def _watch(self, run: StoredRun) -> None:
        """A living worker: running once it says so, killed if it does not move."""
        heartbeat = self._heartbeat(run)
        if run.message and not self.unreachable:
            self.store.transition(run.run_id, (run.state,), run.state, message="")
        if heartbeat and run.state == "starting":
            self.store.transition(run.run_id, ("starting",), "running")
        if not heartbeat and self.executor.is_pending(run.ref):
            return
        if "grid" in run.slot and heartbeat.get("phase") in ENDED_PHASES:
            self._settle(run)  # its worker lives on for the others
        elif time.time() - heartbeat.get("time", run.started or 0) > hang_seconds():
            self.executor.kill(run.ref)
            self._retry(run, f"no sign of life for {hang_seconds():.0f} s")

    def _settle(self, run: StoredRun) -> None:
        """A worker that has gone: how did it end?"""
        heartbeat = self._heartbeat(run)
        phase, message = heartbeat.get("phase"), str(heartbeat.get("message", ""))
        if self.folder(run).result() is not None:
            self._end(run, "done", "")
        elif run.stop_wished is not None:
            self._end(
                run,
                "stopped",
                message if phase == "stopped" else "stopped on request; the worker did not answer in time",
            )
        elif phase == "failed":
            self._end(run, "failed", message)
        elif phase == "paused" or disk_is_low(self.home):
            self._pause(run)
        elif phase == "stopped":
            self._requeue(run, "interrupted; goes on from where it was", counts=False)
        else:
            self._retry(run, "the worker vanished")

    def _heartbeat(self, run: StoredRun) -> dict[str, Any]:
        """The last sign of life of this attempt's own worker."""
        heartbeat = self.folder(run).heartbeat()
        return heartbeat if heartbeat.get("token") == run.token else {}

    # -- transitions ---------------------------------------------------------------------------------------------

    def _end(self, run: StoredRun, state: str, message: str) -> None:
        self.store.transition(run.run_id, ACTIVE, state, message=message, finished=time.time(), ref={}, slot={})
        self._close_attempt(run, state, message)

    def _retry(self, run: StoredRun, reason: str) -> None:
        """Back to the queue, until `max_attempts` were made."""
        if run.attempt >= run.max_attempts:
            self._end(run, "failed", f"{reason}; gave up after {run.attempt} attempts (see the log)")
            return
        self._requeue(run, f"attempt {run.attempt} of {run.max_attempts}: {reason}; goes on from its last checkpoint")

    def _requeue(self, run: StoredRun, message: str, counts: bool = True) -> None:
        attempt = run.attempt if counts else run.attempt - 1
        self.store.transition(run.run_id, ACTIVE, "queued", message=message, ref={}, slot={}, token="", attempt=attempt)
        self._close_attempt(run, "queued", message)

    def _pause(self, run: StoredRun) -> None:
        message = disk_message(self.home)
        self.store.transition(
            run.run_id, ACTIVE, "paused", message=message, ref={}, slot={}, token="", attempt=run.attempt - 1
        )
        self._close_attempt(run, "paused", message)

    def _wake_paused(self) -> None:
        paused = self.store.runs("paused")
        if paused and disk_has_room(self.home):
            for run in paused:
                self.store.transition(run.run_id, ("paused",), "queued", message="there is room on the disk again")

    def _close_attempt(self, run: StoredRun, state: str, message: str) -> None:
        log.info("%s %s %s", run.run_id, state, message)
        folder = self.folder(run)
        attempts = folder.attempts()
        if attempts and "ended" not in attempts[-1] and folder.path.exists():
            attempts[-1] |= {"ended": time.time(), "state": state, "message": message}
            folder.write_attempts(attempts)

    # -- wishes --------------------------------------------------------------------------------------------------

    def _stop(self, run: StoredRun) -> None:
        if run.state in ("queued", "paused"):
            how = "stopped before it started" if not self.folder(run).attempts() else "stopped while it waited"
            self.store.transition(run.run_id, (run.state,), "stopped", message=how, finished=time.time())
        elif run.is_active and run.stop_wished is not None:
            if not self.folder(run).control().get("stop"):
                self.folder(run).write_control(run.token, stop=True)
            if run.executor != "foreground" and run.ref and self._is_overdue(run, run.stop_wished):
                self.executor.kill(run.ref)

    def _is_overdue(self, run: StoredRun, asked: float) -> bool:
        """Whether its worker did not answer; one that carries out others, too, is spared while it moves."""
        since = max(asked, self._heartbeat(run).get("time", 0.0)) if "grid" in run.slot else asked
        return time.time() - since > STOP_GRACE_SECONDS

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
        queued = [run for run in self.store.runs("queued") if run.executor != "foreground"]
        if not queued:
            return
        if disk_is_low(self.home):
            self._say_why(queued[0], f"waits for disk space; {disk_message(self.home).removeprefix('paused: ')}")
            return
        busy = _distinct([run.slot for run in self.store.runs(*ACTIVE) if run.executor != "foreground"])
        limits = budgets(self.home)
        while queued:
            run = queued.pop(0)
            slot = self.executor.place(run, busy)
            if slot is None:
                self._say_why(run, self.executor.why_waiting(run, busy))
                continue
            if run.group_name in limits and (spent := spent_message(self.store, run.group_name)):
                self.store.transition(run.run_id, ("queued",), "stopped", message=spent, finished=time.time())
                continue
            together = mates(run, queued, self._num_places(run, slot, busy, len(queued) + 1))
            queued = [other for other in queued if other not in together]
            self._start(together, slot)
            busy.append(slot)

    def _num_places(self, run: StoredRun, first: Slot, busy: list[Slot], most: int) -> int:
        """How many runs of this kind could start now."""
        taken = [*busy, first]
        while len(taken) - len(busy) < most and (slot := self.executor.place(run, taken)) is not None:
            taken.append(slot)
        return len(taken) - len(busy)

    def _say_why(self, run: StoredRun, reason: str) -> None:
        if run.message != reason and run.attempt == 0:
            self.store.transition(run.run_id, ("queued",), "queued", message=reason)

    def _start(self, runs: Sequence[StoredRun], slot: Slot) -> None:
        """The token is written before the worker is: whoever holds an older one must not go on."""
        token = secrets.token_hex(8)
        now = time.time()
        if len(runs) > 1:
            slot = slot | {"grid": token, "together": len(runs)}
        started = []
        for run in runs:
            attempt = run.attempt + 1
            changes = {
                "token": token, "slot": slot, "started": now, "finished": None, "attempt": attempt, "message": ""
            }  # fmt: skip
            if not self.store.transition(run.run_id, ("queued",), "starting", **changes):
                continue
            folder = self.folder(run)
            folder.write_attempts([*folder.attempts(), {"attempt": attempt, "started": now, "where": slot}])
            folder.write_control(token, stop=False)
            started.append(run)
        if not started:
            return
        try:
            reference = self.executor.start(started[0], [self.folder(run) for run in started], token, slot)
        except ExecutorUnreachableError as error:
            # if the request got through after all, the next token fences what it started
            for run in started:
                self._requeue(self.store.get(run.run_id), str(error), counts=False)
            raise
        for run in started:
            self.store.transition(run.run_id, ("starting",), "starting", ref=reference)
            log.info("%s started on %s as %s", run.run_id, slot, reference)


def _distinct(slots: Sequence[Slot]) -> list[Slot]:
    """Runs that train as one have one slot together."""
    grids = {slot["grid"]: slot for slot in slots if "grid" in slot}
    return [*grids.values(), *(slot for slot in slots if "grid" not in slot)]
