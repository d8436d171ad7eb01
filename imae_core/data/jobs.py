"""Work on data sets in a process of its own: fetching, importing, exporting, with progress and cancel.

A job belongs to the name of the data set that it makes; its files lie in `<home>/datasets/.jobs/`.
"""

import os
import platform
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from imae_core.data.store import dataset_path
from imae_core.errors import DatasetError, ImaeError
from imae_core.files import read_json, write_json
from imae_core.hardware import create_time, process_is

WRITE_SECONDS = 0.5
SILENT_SECONDS = 30.0  # a job on another machine or in another container is gone after so long without a word
Report = Callable[[int, int, str, str], None]


@dataclass(frozen=True)
class JobStatus:
    """`state` is running, done, failed or cancelled; `done` of `total` counts `unit`s, total 0 if unknown."""

    name: str
    state: str
    message: str
    what: str = ""
    done: int = 0
    total: int = 0
    unit: str = ""
    pid: int = 0
    created: float = 0.0
    host: str = ""
    updated: float = 0.0


class _CancelledError(Exception):
    pass


def _jobs_folder(home: Path) -> Path:
    folder = home / "datasets" / ".jobs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _job_path(home: Path, name: str, ending: str) -> Path:
    dataset_path(home, name)  # refuses what is no name
    return _jobs_folder(home) / f"{name}.{ending}"


def start_job(home: Path, name: str, what: str, arguments: Sequence[str]) -> None:
    """Starts `imae datasets ARGUMENTS` detached; its status follows within seconds.

    Raises DatasetError if a job for this name runs already.
    """
    status = job_status(home, name)
    if status is not None and status.state == "running":
        raise DatasetError(f"a job for {name} is running already ({status.what}); wait for it or cancel it")
    _job_path(home, name, "cancel").unlink(missing_ok=True)
    with _job_path(home, name, "log").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "imae_core", "datasets", *arguments, "--background", "--home", str(home)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    created = create_time(process.pid) or 0.0
    _write(home, JobStatus(name, "running", "starting", what, pid=process.pid, created=created, host=platform.node()))


def start_prepare(home: Path, name: str) -> None:
    """Fetches or converts a built-in data set in the background."""
    start_job(home, name, "fetching", ["add", name])


def keep_upload(home: Path, name: str, file_name: str, content: memoryview | bytes) -> Path:
    """Stores an upload for the job that will import and then remove it."""
    dataset_path(home, name)
    folder = _jobs_folder(home) / f"{name}.{secrets.token_hex(4)}.upload"
    folder.mkdir()
    path = folder / (Path(file_name.replace("\\", "/")).name or "upload")
    try:
        path.write_bytes(content)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise DatasetError(f"cannot store the upload in {home}: {error.strerror}") from None
    return path


def forget_upload(path: Path) -> None:
    """Removes an upload that a job has done with, or that never got one."""
    if path.parent.name.endswith(".upload") and path.parent.parent.name == ".jobs":
        shutil.rmtree(path.parent, ignore_errors=True)


def run_job(home: Path, name: str, what: str, work: Callable[[Report], None], *, background: bool = False) -> None:
    """Does the work in this process, visible to pages; what the command line calls.

    How it ended is kept where nobody saw it: after a job that ran in the background.

    Raises DatasetError if another process works on this name, if the work is cancelled, or what the work raises.
    """
    lock = FileLock(_job_path(home, name, "lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise DatasetError(f"another process works on {name} already; wait for it or cancel it") from None
    with lock:
        job = _Job(home, name, what)
        try:
            with job.signs_of_life(), _terminated_as_cancelled():
                job.do(work)
        finally:
            if not background:
                _job_path(home, name, "json").unlink(missing_ok=True)
            _job_path(home, name, "lock").unlink(missing_ok=True)


class _Job:
    def __init__(self, home: Path, name: str, what: str) -> None:
        self.home = home
        self.status = JobStatus(
            name, "running", what, what, pid=os.getpid(), created=create_time(os.getpid()) or 0.0, host=platform.node()
        )
        self.cancel = _job_path(home, name, "cancel")
        self.next_look = 0.0

    def do(self, work: Callable[[Report], None]) -> None:
        name = self.status.name
        try:
            work(self.report)
            self._write(state="done", message="ready")
        except _CancelledError:
            self._write(state="cancelled", message="cancelled; nothing was kept")
            raise DatasetError(f"{self.status.what} {name} was cancelled; nothing was kept") from None
        except BaseException as error:
            text = str(error) if isinstance(error, ImaeError) else f"{type(error).__name__}: {error}"
            self._write(state="failed", message=text)
            raise
        finally:
            self.cancel.unlink(missing_ok=True)

    def report(self, done: int, total: int, message: str, unit: str) -> None:
        """Cheap enough to be called for every example."""
        now = time.monotonic()
        if now < self.next_look:
            return
        self.next_look = now + WRITE_SECONDS / 5
        if self.cancel.exists():
            raise _CancelledError
        self.status = self._with(done=int(done), total=int(total), message=message, unit=unit)

    @contextmanager
    def signs_of_life(self) -> Iterator[None]:
        """Writes the status twice a second, so that a page sees that the job lives through long steps."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(WRITE_SECONDS):
                if self.status.state == "running":
                    _write(self.home, self.status)

        self._write()
        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            _write(self.home, self.status)

    def _with(self, **values: Any) -> JobStatus:
        return JobStatus(**(asdict(self.status) | values))

    def _write(self, **values: Any) -> None:
        self.status = self._with(**values)
        _write(self.home, self.status)


@contextmanager
def _terminated_as_cancelled() -> Iterator[None]:
    def terminated(_signal: int, _frame: object) -> None:
        raise _CancelledError

    previous = signal.signal(signal.SIGTERM, terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def cancel_job(home: Path, name: str) -> None:
    """Asks a running job to stop; it removes what it has so far."""
    status = job_status(home, name)
    if status is not None and status.state == "running":
        _job_path(home, name, "cancel").touch()


def dismiss_job(home: Path, name: str) -> None:
    """Forgets how an ended job ended."""
    status = job_status(home, name)
    if status is not None and status.state != "running":
        _job_path(home, name, "json").unlink(missing_ok=True)


def job_status(home: Path, name: str) -> JobStatus | None:
    """How the last job of this name stands; a process that has gone is never shown as running."""
    values = read_json(_job_path(home, name, "json"))
    if values is None:
        return None
    status = JobStatus(**values)
    if status.state != "running":
        return status
    here = status.host == platform.node()
    alive = process_is(status.pid, status.created) if here else time.time() - status.updated < SILENT_SECONDS
    if alive:
        return status
    values = read_json(_job_path(home, name, "json"), values)  # it may have ended in between
    if values["state"] != "running":
        return JobStatus(**values)
    return JobStatus(**(asdict(status) | {"state": "failed", "message": "its process is gone; try again"}))


def all_jobs(home: Path) -> list[JobStatus]:
    """Every job that has not been dismissed, the newest first."""
    found = (job_status(home, path.name.removesuffix(".json")) for path in _jobs_folder(home).glob("[!.]*.json"))
    return sorted((status for status in found if status is not None), key=lambda status: -status.updated)


def _write(home: Path, status: JobStatus) -> None:
    write_json(_job_path(home, status.name, "json"), asdict(status) | {"updated": time.time()})
