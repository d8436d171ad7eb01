"""Studies through the queue: what is missing is submitted, what stopped or failed is resumed, what is done stays."""

from pathlib import Path

from imae_core.errors import BadInputError
from imae_core.runs.budget import spent_message
from imae_core.runs.service import ensure_runner
from imae_core.runs.store import Store
from imae_core.runs.submit import release_lost, resume, run_folder, submit
from imae_core.studies.progress import match
from imae_core.studies.store import cells_of, load_study, study_lock


def submit_study(home: Path, name: str, *, again: bool = False) -> list[str]:
    """Queues the study's missing runs, and those that were stopped; `again` those that failed too.

    A finished, queued or running one is left alone. Returns the ids of what was queued, in order. Raises BadInputError if
    the study's budget is spent already; later the runner stops what is queued once it is.
    """
    study = load_study(home, name)
    store = Store(home)
    with study_lock(home, name):
        check_budget(store, name)
        places = match(cells_of(home, study), [release_lost(store, run) for run in store.of_group(name)])
        states = ("stopped", "failed") if again else ("stopped",)
        known = [place.run.run_id for place in places if place.run is not None and place.state in states]
        for run_id in known:
            resume(home, run_id)
        missing = [place.cell.config for place in places if place.run is None]
        return known + (submit(home, missing, name) if missing else [])


def stop_study(home: Path, name: str) -> int:
    """Asks all runs of a study to stop after their current step; returns how many. They can be resumed."""
    load_study(home, name)
    store = Store(home)
    going = [run for run in store.of_group(name) if not run.has_ended]
    for run in going:
        store.wish_stop(run.run_id)
        if run.executor == "foreground":
            run_folder(home, run.run_id).write_control("", stop=True)
    if going:
        ensure_runner(store)
    return len(going)


def check_budget(store: Store, name: str) -> None:
    """BadInputError if no further run of the study may start."""
    message = spent_message(store, name)
    if message:
        raise BadInputError(message)
