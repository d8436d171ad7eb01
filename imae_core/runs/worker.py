"""The process that trains: knows only its run folders."""

import errno
import logging
import os
import time
import traceback
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from imae_core.errors import ImaeError, RunError
from imae_core.hardware import create_time
from imae_core.runs.folder import RunFolder
from imae_core.runs.grids import are_alike

LOCK_PATIENCE_SECONDS = 60.0
log = logging.getLogger("imae.worker")


def work(paths: Sequence[Path]) -> int:
    """Carries out the runs, as one batched program where they are alike, else one after another; the exit code: 0, or 1 if any failed.

    The token in `IMAE_TOKEN` names this worker; how a run ended is left in its heartbeat for the runner.
    """
    token = os.environ.get("IMAE_TOKEN", "")
    folders = [RunFolder(path) for path in paths]
    if len(folders) > 1 and are_alike([folder.config() for folder in folders]):
        return _work_together(folders, token)
    failures = sum(not _work_one(folder, token) for folder in folders)
    return 1 if failures else 0


def _work_together(folders: Sequence[RunFolder], token: str) -> int:
    """Each folder's lock is held until its run has ended, so that it can be resumed while the others still train."""
    from imae_core.runs.together import execute_together

    failures = 0
    held: dict[RunFolder, ExitStack] = {}
    deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
    for folder in folders:
        stack = ExitStack()
        if _take(folder, token, stack, max(deadline - time.monotonic(), 0.0)):
            held[folder] = stack
            continue
        stack.close()
        if not _is_anothers(folder, token):
            failures += not _note(folder, token, RunError("another process still works on this run; resume it later"))

    def left(folder: RunFolder, end: str | Exception) -> None:
        nonlocal failures
        if isinstance(end, Exception):
            failures += not _note(folder, token, end)
        held.pop(folder).close()

    execute_together(list(held), left, token=token)
    return 1 if failures else 0


def _take(folder: RunFolder, token: str, stack: ExitStack, patience: float = LOCK_PATIENCE_SECONDS) -> bool:
    """Takes the lock and says who holds it; False if the run is another worker's."""
    try:
        stack.enter_context(FileLock(folder.worker_lock_path, timeout=patience))
    except Timeout:
        log.error("another worker holds %s and does not let go", folder.run_id)
        return False
    if _is_anothers(folder, token):
        log.warning("another worker owns %s by now; leaving it alone", folder.run_id)
        return False
    folder.write_worker({"token": token, "pid": os.getpid(), "created": create_time(os.getpid())})
    return True


def _is_anothers(folder: RunFolder, token: str) -> bool:
    return bool(folder.control().get("token", token) != token)


def _work_one(folder: RunFolder, token: str) -> bool:
    """Nothing is written before the lock is held and the token is found to be the newest."""
    with ExitStack() as stack:
        if not _take(folder, token, stack):
            return _is_anothers(folder, token)
        from imae_core.runs.execute import execute

        try:
            execute(folder, token=token)
        except Exception as error:
            return _note(folder, token, error)
        return True


def _note(folder: RunFolder, token: str, error: Exception) -> bool:
    """Leaves word of what ended a run; True where it is no failure of the run's own."""
    from imae_core.runs.observer import StaleTokenError, beat

    if isinstance(error, StaleTokenError):
        log.warning("another worker owns %s by now; leaving it alone", folder.run_id)
        return True
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        log.error("the disk is full: %s", error)
        with suppress(OSError):  # if even this does not fit, the runner sees that the disk is full
            beat(folder, token, phase="paused", message="the disk is full")
        return True
    message = str(error)
    if isinstance(error, ImaeError):
        log.error("%s: %s", folder.run_id, error)
    else:
        log.error("%s: %s", folder.run_id, "".join(traceback.format_exception(error)))
        message = f"{type(error).__name__}: {error}"
    beat(folder, token, phase="failed", message=message)
    return False
