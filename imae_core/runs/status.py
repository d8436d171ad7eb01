"""What a person is told about a run: state, progress, time left, and why it waits."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from imae_core.config import RunConfig
from imae_core.hardware import gpus, process_is
from imae_core.runs.folder import RunFolder
from imae_core.runs.machine import runner_is_external
from imae_core.runs.store import Store, StoredRun
from imae_core.runs.submit import run_folder

QUIET_SECONDS = 3.0


@dataclass(frozen=True)
class RunStatus:
    """`progress` in [0, 1] or None before the first step; `eta_seconds` None where it is not known."""

    run: StoredRun
    folder: RunFolder
    progress: float | None
    place: str
    eta_seconds: float | None
    note: str
    final_test_accuracy: float | None


def run_status(home: Path, run: StoredRun) -> RunStatus:
    """Reads the heartbeat of an active run, or the result of a finished one."""
    folder = run_folder(home, run.run_id)
    if run.is_active:
        run = _as_it_is(folder, run)
    if run.state == "queued" and not run.attempt:
        return RunStatus(run, folder, None, "", None, run.message, None)
    if run.state == "done":
        result = stored_result(folder, run.finished)
        note = run.message or result.get("warning") or ""
        return RunStatus(run, folder, 1.0, "", 0.0, note, result.get("final_test_accuracy"))
    heartbeat = folder.heartbeat()
    step, total = heartbeat.get("step"), heartbeat.get("total_steps")
    progress = step / total if step is not None and total else None
    if not run.is_active:
        return RunStatus(run, folder, progress, "", None, run.message, None)
    note = run.message or str(heartbeat.get("message", ""))
    quiet = time.time() - heartbeat.get("time", time.time())
    if quiet > QUIET_SECONDS:
        note = f"no sign of life for {quiet:.0f} s"
    elif run.stop_wished is not None:
        note = "stopping after the current step"
    elif not note and (together := int(heartbeat.get("together", 1))) > 1:
        note = f"together with {together - 1} other{'s' * (together > 2)}"
    return RunStatus(run, folder, progress, _place(heartbeat), _eta(folder, heartbeat, run.config), note, None)


def _as_it_is(folder: RunFolder, run: StoredRun) -> StoredRun:
    """An active run with the state that its worker left, where no runner has noted it yet: that may be dead itself."""
    heartbeat = folder.heartbeat()
    own = heartbeat if heartbeat.get("token") == run.token else {}
    phase, message = own.get("phase"), str(own.get("message", ""))
    if phase in ("failed", "paused"):
        return replace(run, state=phase, message=message, finished=own.get("time"))
    if phase == "stopped":
        state = "queued" if run.stop_wished is None else "stopped"
        return replace(run, state=state, message=message, finished=own.get("time"))
    if own and run.state == "starting":
        return replace(run, state="running")
    pid = run.ref.get("pid")
    if folder.result() is not None:
        return replace(run, state="done", message="")
    if pid and not runner_is_external() and not process_is(pid, run.ref.get("created")):
        return replace(run, state="queued", message="its worker is gone; it goes on from its last checkpoint")
    return run


@lru_cache(maxsize=4096)
def stored_result(folder: RunFolder, _finished: float | None) -> dict[str, Any]:
    """Read once: a result does not change until the run is started anew."""
    return folder.result() or {}


def all_statuses(store: Store) -> list[RunStatus]:
    """Of every run, the newest first."""
    runs = sorted(store.runs(), key=lambda run: (run.created, run.run_id), reverse=True)
    return [run_status(store.home, run) for run in runs]


def _place(heartbeat: dict[str, object]) -> str:
    phase = str(heartbeat.get("phase", "starting"))
    if phase == "compiling":
        return "compiling the net, once, for faster steps"
    if phase not in ("training", "evaluating"):
        return phase
    unit = "batch" if phase == "training" else "evaluating example"
    return f"epoch {heartbeat['epoch']}/{heartbeat['epochs']}, {unit} {heartbeat['batch']}/{heartbeat['batches']}"


def _eta(folder: RunFolder, heartbeat: dict[str, object], config: RunConfig) -> float | None:
    """From this run's own epochs; within the first one from its speed so far."""
    step, total = heartbeat.get("step"), heartbeat.get("total_steps")
    if not isinstance(step, int) or not isinstance(total, int):
        return None
    together = int(str(heartbeat.get("together", 1)))
    metrics = folder.metrics()
    if len(metrics):
        spent = float(metrics["seconds"].sum() + metrics["eval_seconds"].sum())
        return spent / float(metrics["step"].iloc[-1]) * (total - step) * together
    speed = heartbeat.get("examples_per_second")
    if not isinstance(speed, float) or speed <= 0:
        return None
    return (total - step) * config.batch_size / speed * together


def kind_of_work(config: RunConfig) -> tuple[object, ...]:
    """What two runs must share for one to tell how long a step of the other takes on this machine."""
    on_cpu = config.device == "cpu" or (config.device == "auto" and not gpus())
    model = (config.model.name, *sorted(config.model.params.items()))
    return (
        config.dataset,
        model,
        config.batch_size,
        config.augment,
        config.compile,
        config.precision,
        config.threads if on_cpu else "gpu",
    )


def step_seconds(store: Store) -> dict[tuple[object, ...], float]:
    """Seconds an optimiser step takes by kind of work: medians over this home's finished runs."""
    rates: dict[tuple[object, ...], list[float]] = {}
    for run in store.runs("done"):
        result = stored_result(run_folder(store.home, run.run_id), run.finished)
        if result.get("seconds") and result.get("steps"):
            rates.setdefault(kind_of_work(run.config), []).append(result["seconds"] / result["steps"])
    return {kind: float(np.median(values)) for kind, values in rates.items()}


@dataclass(frozen=True)
class Cost:
    """What a run is expected to take; None where nothing of the kind was measured here yet."""

    seconds: float | None
    disk_bytes: int


def expected_cost(
    store: Store, config: RunConfig, num_train: int, num_classes: int,
    rates: Mapping[tuple[object, ...], float] | None = None,
) -> Cost:  # fmt: skip
    """Time from this home's finished runs of the same net, data and threads; disk from the sizes of the tables.

    `rates` of `step_seconds` save looking at all runs again.
    """
    rate = (step_seconds(store) if rates is None else rates).get(kind_of_work(config))
    examples = config.num_trained(min(config.num_train or num_train, num_train))
    steps = config.total_steps(examples)
    return Cost(None if rate is None else rate * steps, _disk_bytes(config, examples, num_classes))


def _disk_bytes(config: RunConfig, num_examples: int, num_classes: int) -> int:
    """At most what a run folder takes: 14 bytes an example and recorded epoch, the final net's outputs, the checkpoint.

    A run in folds records its rows once, while they were held out; its checkpoint carries their outputs from fold to fold.
    """
    outputs = num_examples * (4 * num_classes + 600)
    if config.num_folds:
        return 14 * num_examples + 2 * outputs + 10_000_000
    epochs = -(-config.total_steps(num_examples) // config.steps_per_epoch(num_examples))
    tables = epochs + -(-epochs // config.eval_every)
    return 14 * num_examples * tables + outputs + 10_000_000
