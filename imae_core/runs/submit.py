"""Putting runs into the queue, and back into it."""

import time
from collections.abc import Sequence
from pathlib import Path

from imae_core.config import RunConfig, new_run_id
from imae_core.errors import BadInputError
from imae_core.hardware import process_is
from imae_core.runs.folder import RunFolder
from imae_core.runs.service import ensure_runner
from imae_core.runs.store import ACTIVE, ENDED, Store, StoredRun


def run_folder(home: Path, run_id: str) -> RunFolder:
    """The folder of a run of this home."""
    return RunFolder(home / "runs" / run_id)


def create_run(home: Path, config: RunConfig) -> RunFolder:
    """A new run folder with its config, not queued yet."""
    folder = run_folder(home, new_run_id())
    folder.create(config)
    return folder


def submit(home: Path, configs: Sequence[RunConfig], group: str = "") -> list[str]:
    """Queues runs, starts a runner if none lives, and returns their ids in order."""
    store = Store(home)
    by_id = {create_run(home, config).run_id: config for config in configs}
    store.add_all(by_id, group=group, executor="local")
    ensure_runner(store)
    return list(by_id)


def resume(home: Path, run_id: str) -> None:
    """Puts a stopped or failed run back into the queue; it goes on from its checkpoint.

    Raises BadInputError if the run is done, queued or running.
    """
    store = Store(home)
    run = store.get(run_id)
    if run.state not in ("stopped", "failed"):
        raise BadInputError(f"run {run.run_id} is {run.state}; only a stopped or failed run can be resumed")
    run_folder(home, run.run_id).forget_outcome()
    store.transition(
        run.run_id, ENDED, "queued", stop_wished=None, attempt=0, message="", finished=None, executor="local"
    )
    ensure_runner(store)


def release_lost(store: Store, run: StoredRun) -> StoredRun:
    """A run whose foreground process is gone is failed, as the runner would note; any other is returned as it is."""
    if run.executor != "foreground" or not run.is_active or process_is(run.ref.get("pid"), run.ref.get("created")):
        return run
    message = "the process that trained it in the foreground is gone"
    store.transition(run.run_id, ACTIVE, "failed", message=message, finished=time.time(), ref={})
    return store.get(run.run_id)
