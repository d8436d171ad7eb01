"""Small studies, and finished runs of them without training."""

import time

from imae_core.runs.store import Store
from imae_core.runs.submit import create_run
from imae_core.studies.store import create_study
from imae_core.studies.study import parse_study
from tests.runs.folders import result

SMALL = {
    "name": "small", "dataset": "digits", "noise_rates": [0.0, 0.4], "seeds": [0, 1],
    "losses": [{"name": "cce"}, {"name": "imae", "params": {"T": [4, 8]}}],
    "overrides": {"epochs": 1, "num_train": 100, "device": "cpu"},
}  # fmt: skip


def small(home, **changes):
    """A study of 12 runs that is saved, and its cells."""
    study = parse_study(SMALL | changes)
    return study, create_study(home, study)


def made_up(home, cell, group="small", state="done", seconds=10.0, **numbers):
    """A run of a cell that took so many seconds of machine time, with these numbers in its result."""
    folder = create_run(home, cell.config)
    store = Store(home)
    store.add(folder.run_id, cell.config, group=group, executor="local", state="running")
    now = time.time()
    folder.write_attempts([{"attempt": 1, "started": now - seconds, "ended": now, "where": {}, "state": state}])
    if state == "done":
        folder.write_result(result(folder.run_id, cell.config, 100, True) | numbers)
    if state != "running":
        store.transition(folder.run_id, ("running",), state, finished=now, started=now - seconds, message="made up")
    return folder


def accuracy(cell):
    """IMAE over CCE, T = 8 over T = 4, a little better with each seed."""
    base = {"cce": 0.7, "imae": 0.8 + 0.01 * cell.config.loss.params.get("T", 0)}[cell.config.loss.name]
    return base - 0.2 * cell.config.noise.rate + 0.01 * cell.config.seed
