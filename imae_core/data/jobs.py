"""Preparing a data set in a process of its own, with progress and cancel."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from imae_core.data.pickers import prepare_builtin
from imae_core.data.store import dataset_path
from imae_core.errors import DatasetError, ImaeError
from imae_core.files import read_json, write_json
from imae_core.hardware import create_time, process_is

WRITE_SECONDS = 0.5


@dataclass(frozen=True)
class JobStatus:
    """`state` is running, done, failed or cancelled; bytes are of the download."""

    state: str
    message: str
    done_bytes: int = 0
    total_bytes: int = 0
    pid: int = 0
    created: float = 0.0
    updated: float = 0.0


class _CancelledError(Exception):
    pass


def _job_path(home: Path, name: str, ending: str) -> Path:
    folder = dataset_path(home, name).parent / ".jobs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.{ending}"


def start_prepare(home: Path, name: str) -> None:
    """Starts a detached process that prepares the data set; its status follows within seconds."""
    _job_path(home, name, "cancel").unlink(missing_ok=True)
    with _job_path(home, name, "log").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "imae_core", "datasets", "add", name, "--home", str(home)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _write(home, name, JobStatus("running", "starting", pid=process.pid, created=create_time(process.pid) or 0.0))


def run_prepare(home: Path, name: str) -> None:
    """Prepares the data set in this process and keeps the status file; what the command line calls.

    Raises DatasetError if another process does so already, or if it fails or is cancelled.
    """
    try:
        lock = FileLock(_job_path(home, name, "lock"), timeout=0)
        lock.acquire()
    except Timeout:
        raise DatasetError(f"another process prepares {name} already") from None
    with lock:
        _run_locked(home, name)


def _run_locked(home: Path, name: str) -> None:
    me: dict[str, Any] = {"pid": os.getpid(), "created": create_time(os.getpid()) or 0.0}
    cancel = _job_path(home, name, "cancel")
    next_write = 0.0

    def report(done: int, total: int, message: str) -> None:
        nonlocal next_write
        if cancel.exists():
            raise _CancelledError
        if time.monotonic() >= next_write:
            next_write = time.monotonic() + WRITE_SECONDS
            _write(home, name, JobStatus("running", message, done, total, **me))

    def terminated(_signal: int, _frame: object) -> None:
        raise _CancelledError

    previous = signal.signal(signal.SIGTERM, terminated)
    try:
        prepare_builtin(home, name, report)
        _write(home, name, JobStatus("done", "ready", **me))
    except _CancelledError:
        _write(home, name, JobStatus("cancelled", "cancelled; nothing was kept", **me))
        raise DatasetError(f"preparing {name} was cancelled") from None
    except Exception as error:
        text = str(error) if isinstance(error, ImaeError) else f"{type(error).__name__}: {error}"
        _write(home, name, JobStatus("failed", text, **me))
        raise
    finally:
        signal.signal(signal.SIGTERM, previous)
        cancel.unlink(missing_ok=True)


def cancel_prepare(home: Path, name: str) -> None:
    """Asks a running preparation to stop; it removes what it has fetched so far."""
    status = job_status(home, name)
    if status is not None and status.state == "running":
        _job_path(home, name, "cancel").touch()


def job_status(home: Path, name: str) -> JobStatus | None:
    """How the last preparation stands; a process that has gone is never shown as running."""
    values = read_json(_job_path(home, name, "json"))
    if values is None:
        return None
    status = JobStatus(**values)
    if status.state == "running" and not process_is(status.pid, status.created):
        return JobStatus("failed", "the process that prepared it is gone; try again", updated=status.updated)
    return status


def _write(home: Path, name: str, status: JobStatus) -> None:
    write_json(_job_path(home, name, "json"), asdict(status) | {"updated": time.time()})
