"""The machine that runs train on: this one, or the one of a runner elsewhere that shares the home."""

import os
import time
from pathlib import Path

from imae_core.files import read_json, write_json
from imae_core.hardware import Gpu, cpu_cores, gpus, process_is
from imae_core.runs.store import Store


def silent_seconds() -> float:
    """A runner that said nothing for so long is not alive; it beats once a second. `IMAE_SILENT_SECONDS`, 8 by default."""
    return float(os.environ.get("IMAE_SILENT_SECONDS", "8"))


def runner_is_external() -> bool:
    """Whether `IMAE_RUNNER=external` says that another container or service works through the queue."""
    return os.environ.get("IMAE_RUNNER") == "external"


def runner_is_alive(store: Store) -> bool:
    """Whether a process runs the queue right now; of one elsewhere only its last sign of life is known."""
    row = store.runner()
    if row is None or row.state != "running" or time.time() - row.heartbeat > silent_seconds():
        return False
    return runner_is_external() or process_is(row.pid, row.created)


def runner_was_dismissed(store: Store) -> bool:
    """Whether the last runner was asked to leave, rather than died or ran out of work."""
    row = store.runner()
    return row is not None and row.state == "dismissed"


def write_machine(home: Path) -> None:
    """The runner's word on what it has, for dashboards that are elsewhere."""
    facts = {"gpus": [[gpu.index, gpu.name] for gpu in gpus()], "cpu_cores": cpu_cores()}
    write_json(home / "machine.json", facts)


def training_gpus(home: Path) -> tuple[Gpu, ...]:
    """GPUs that runs can use."""
    if not runner_is_external():
        return gpus()
    return tuple(Gpu(index, name) for index, name in read_json(home / "machine.json", {}).get("gpus", []))
