"""Machine time that the runs queued under one name may take: beyond it none of them is started."""

import time
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock

from imae_core.files import read_json, write_json
from imae_core.runs.folder import RunFolder
from imae_core.runs.store import Store, StoredRun


def budgets(home: Path) -> dict[str, float]:
    """Seconds by group."""
    return dict(read_json(home / "budgets.json", {}))


def set_budget(home: Path, group: str, seconds: float | None) -> None:
    """None takes the limit away."""
    with FileLock(home / "budgets.lock"):
        found = budgets(home)
        if found.get(group) == seconds:
            return
        found.pop(group, None)
        write_json(home / "budgets.json", found if seconds is None else found | {group: seconds})


def machine_seconds(folder: RunFolder, run: StoredRun) -> float:
    """Wall-clock time of all attempts at a run on this home's machines, start-up included; 0 for an imported one.

    Of an attempt in which several runs trained together each has its share.
    """
    if run.executor == "imported":
        return 0.0
    now = time.time()
    attempts = folder.attempts()
    if attempts:
        last = run.finished or now
        return sum(
            max(0.0, float(attempt.get("ended", last) - attempt["started"]) / int(attempt["where"].get("together", 1)))
            for attempt in attempts
        )
    return max(0.0, (run.finished or now) - run.started) if run.started else 0.0


def spent_seconds(home: Path, runs: Iterable[StoredRun]) -> float:
    """Machine time of several runs so far."""
    return sum(
        machine_seconds(RunFolder(home / "runs" / run.run_id), run) for run in runs if run.started or run.attempt
    )


def spent_message(store: Store, group: str, budget: float | None = None) -> str:
    """Why no further run of a group may start; "" while its budget is not spent, or where it has none."""
    limit = budgets(store.home).get(group) if budget is None else budget
    if limit is None:
        return ""
    spent = spent_seconds(store.home, store.of_group(group))
    if spent < limit:
        return ""
    return f"the budget of {group} is spent: {spent / 3600:.2f} of {limit / 3600:.2f} hours of machine time; raise it, then resume"
