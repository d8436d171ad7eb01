"""The process that trains: knows only its run folders."""

import errno
import logging
import os
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from imae_core.errors import ImaeError
from imae_core.hardware import create_time
from imae_core.runs.folder import RunFolder

LOCK_PATIENCE_SECONDS = 60.0
log = logging.getLogger("imae.worker")


def work(paths: Sequence[Path]) -> int:
    """Carries out the runs one after another; the exit code: 0, or 1 if any failed.

    The token in `IMAE_TOKEN` names this worker; how a run ended is left in its heartbeat for the runner.
    """
    token = os.environ.get("IMAE_TOKEN", "")
    failures = 0
    for path in paths:
        failures += not _work_one(RunFolder(path), token)
    return 1 if failures else 0


def _work_one(folder: RunFolder, token: str) -> bool:
    """Nothing is written before the lock is held and the token is found to be the newest."""
    try:
        with FileLock(folder.worker_lock_path, timeout=LOCK_PATIENCE_SECONDS):
            if folder.control().get("token", token) != token:
                log.warning("another worker owns %s by now; leaving it alone", folder.run_id)
                return True
            folder.write_worker({"token": token, "pid": os.getpid(), "created": create_time(os.getpid())})
            return _train(folder, token)
    except Timeout:
        log.error("another worker holds %s and does not let go", folder.run_id)
        return False


def _train(folder: RunFolder, token: str) -> bool:
    from imae_core.runs.execute import execute
    from imae_core.runs.observer import StaleTokenError, beat

    try:
        execute(folder, token=token)
    except StaleTokenError:
        log.warning("another worker owns %s by now; leaving it alone", folder.run_id)
    except ImaeError as error:
        log.error("%s", error)
        beat(folder, token, phase="failed", message=str(error))
        return False
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            return _crashed(folder, token, error)
        log.error("the disk is full: %s", error)
        with suppress(OSError):  # if even this does not fit, the runner sees that the disk is full
            beat(folder, token, phase="paused", message="the disk is full")
    except Exception as error:
        return _crashed(folder, token, error)
    return True


def _crashed(folder: RunFolder, token: str, error: Exception) -> bool:
    from imae_core.runs.observer import beat

    log.error("%s", traceback.format_exc())
    beat(folder, token, phase="failed", message=f"{type(error).__name__}: {error}")
    return False
