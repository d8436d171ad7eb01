"""Runs that this process carries out itself, without a runner, in the same store and folders as all others."""

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from imae_core.config import RunConfig
from imae_core.errors import RunError
from imae_core.hardware import create_time
from imae_core.runs.execute import execute
from imae_core.runs.folder import RunFolder
from imae_core.runs.logs import logging_to
from imae_core.runs.observer import Report
from imae_core.runs.preparation import Outcome
from imae_core.runs.store import Store, StoredRun
from imae_core.runs.submit import create_run, run_folder
from imae_core.runs.together import Left, execute_together

LOCK_PATIENCE_SECONDS = 60.0


def begin(home: Path, config: RunConfig, group: str = "", together: int = 1) -> RunFolder:
    """A new run that belongs to this process; `carry_out` trains it, or `carry_out_together` with so many in all."""
    folder = create_run(home, config)
    _open_attempt(folder, together)
    Store(home).add(folder.run_id, config, group=group, executor="foreground", state="running", ref=_this_process())
    return folder


def take_over(home: Path, run: StoredRun) -> RunFolder | None:
    """A stopped or failed run becomes this process's, to go on from its checkpoint; None if somebody else was faster."""
    folder = run_folder(home, run.run_id)
    if not Store(home).transition(
        run.run_id, ("stopped", "failed"), "running", executor="foreground", token="", message="", stop_wished=None,
        started=time.time(), finished=None, slot={}, ref=_this_process(), attempt=1,
    ):  # fmt: skip
        return None
    folder.forget_outcome()
    _open_attempt(folder)
    return folder


def _this_process() -> dict[str, Any]:
    return {"pid": os.getpid(), "created": create_time(os.getpid())}


def _open_attempt(folder: RunFolder, together: int = 1) -> None:
    attempts = folder.attempts()
    where = {"pid": os.getpid(), "together": together}
    attempt = {"attempt": len(attempts) + 1, "started": time.time(), "where": where}
    folder.write_attempts([*attempts, attempt])
    folder.write_control("", stop=False)


def carry_out(folder: RunFolder, *, report: Report | None = None) -> Outcome:
    """Trains a run that `begin` or `take_over` gave, and notes in the store how it ended.

    Raises what `execute` raises; the run is then failed, or stopped after a KeyboardInterrupt.
    """
    store = Store(folder.home)
    try:
        with FileLock(folder.worker_lock_path, timeout=LOCK_PATIENCE_SECONDS), logging_to(folder.log_path):
            outcome = execute(folder, report=report)
    except BaseException as error:
        if isinstance(error, Timeout):
            error = _still_worked_on(folder)
        message = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error) or type(error).__name__
        _leave(store, folder, "stopped" if isinstance(error, KeyboardInterrupt) else "failed", message)
        raise error
    _leave(store, folder, "done" if outcome == "done" else "stopped", "")
    return outcome


def carry_out_together(folders: Sequence[RunFolder], left: Left, *, report: Report | None = None) -> None:
    """As `carry_out` for runs that `begin` or `take_over` gave and `runs.grids` calls alike, as one batched program.

    `left` is told of each when it has ended: how, or what went wrong. Raises KeyboardInterrupt; those that still train are
    stopped then.
    """
    store = Store(folders[0].home)
    going: dict[RunFolder, ExitStack] = {folder: ExitStack() for folder in folders}

    def note(folder: RunFolder, end: Outcome | Exception) -> None:
        going.pop(folder).close()
        if isinstance(end, Exception):
            _leave(store, folder, "failed", str(end) or type(end).__name__)
        else:
            _leave(store, folder, "done" if end == "done" else "stopped", "")
        left(folder, end)

    try:
        for folder, held in list(going.items()):
            _lock(folder, held, note)
        if going:
            execute_together(list(going), note, report=report)
    except Exception as error:
        for folder in list(going):
            note(folder, error)
    except BaseException:
        for folder, held in going.items():
            _leave(store, folder, "stopped", "interrupted")
            held.close()
        raise


def _lock(folder: RunFolder, held: ExitStack, note: Left) -> None:
    try:
        held.enter_context(FileLock(folder.worker_lock_path, timeout=LOCK_PATIENCE_SECONDS))
    except Timeout:
        note(folder, _still_worked_on(folder))


def _still_worked_on(folder: RunFolder) -> RunError:
    return RunError(f"another process still works on run {folder.run_id}; try again when it has ended")


def _leave(store: Store, folder: RunFolder, state: str, message: str) -> None:
    now = time.time()
    store.transition(folder.run_id, ("running",), state, message=message, finished=now, ref={})
    attempts = folder.attempts()
    if attempts:
        folder.write_attempts([*attempts[:-1], attempts[-1] | {"ended": now, "state": state, "message": message}])
