"""Commands about runs that are queued, running or ended."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from imae_core.cli.options import AsJson, Home, app, console
from imae_core.errors import BadInputError
from imae_core.home import resolve_home
from imae_core.runs.machine import runner_is_alive
from imae_core.runs.service import ensure_runner
from imae_core.runs.status import run_status
from imae_core.runs.store import Store, StoredRun
from imae_core.runs.submit import resume, run_folder

RunIds = Annotated[list[str] | None, typer.Argument(help="Run ids; the start of an id is enough.")]
Group = Annotated[str, typer.Option(help="All runs that were queued under this name.")]


@app.command()
def runs(home: Home = None, as_json: AsJson = False) -> None:
    """List all runs with their state."""
    where = resolve_home(home)
    rows: list[dict[str, Any]] = []
    for run in [run_status(where, run).run for run in Store(where).runs()]:
        heartbeat = run_folder(where, run.run_id).heartbeat() if run.is_active else {}
        rows.append(
            {
                "run_id": run.run_id,
                "state": run.state,
                "title": run.title,
                "group": run.group_name,
                "attempt": run.attempt,
                "step": heartbeat.get("step"),
                "total_steps": heartbeat.get("total_steps"),
                "message": run.message,
            }
        )
    if as_json:
        print(json.dumps({"home": str(where), "runs": rows}))
        return
    table = Table("run", "state", "what", "progress", "message", title=f"home {where}")
    for row in rows:
        progress = f"{row['step']}/{row['total_steps']}" if row["total_steps"] else ""
        table.add_row(row["run_id"], row["state"], row["title"], progress, row["message"])
    console.print(table if rows else f"no runs in {where}; `imae submit` queues one")


@app.command()
def stop(run_ids: RunIds = None, group: Group = "", home: Home = None) -> None:
    """Ask runs to stop after their current step; they can be resumed."""
    store = Store(resolve_home(home))
    chosen = chosen_runs(store, run_ids, group)
    going = [run for run in chosen if not run.has_ended]
    if not going or (run_ids and len(going) < len(chosen)):
        ended = next(run for run in chosen if run.has_ended)
        raise BadInputError(f"run {ended.run_id} is {ended.state} already")
    for run in going:
        store.wish_stop(run.run_id)
        if run.executor == "foreground":
            run_folder(store.home, run.run_id).write_control("", stop=True)
    ensure_runner(store)


@app.command(name="resume")
def resume_command(run_ids: RunIds = None, group: Group = "", home: Home = None) -> None:
    """Queue stopped or failed runs again; they go on from their checkpoint."""
    store = Store(resolve_home(home))
    chosen = chosen_runs(store, run_ids, group)
    for run in chosen if run_ids else [run for run in chosen if run.state in ("stopped", "failed")]:
        resume(store.home, run.run_id)


@app.command()
def first(run_ids: list[str], home: Home = None) -> None:
    """Let queued runs start before all others."""
    store = Store(resolve_home(home))
    for run in [store.get(run_id) for run_id in reversed(run_ids)]:
        if run.state != "queued":
            raise BadInputError(f"run {run.run_id} is {run.state}; only a queued one can be moved")
        store.move_to_front(run.run_id)


@app.command()
def delete(run_ids: RunIds = None, group: Group = "", home: Home = None) -> None:
    """Remove runs with their files for good; active ones are stopped first."""
    store = Store(resolve_home(home))
    for run in chosen_runs(store, run_ids, group):
        store.wish_delete(run.run_id)
    ensure_runner(store)


def chosen_runs(store: Store, run_ids: list[str] | None, group: str) -> list[StoredRun]:
    """The runs named, or those of a group; BadInputError for neither or both, or if there are none."""
    if bool(run_ids) == bool(group):
        raise BadInputError("name runs by their ids, or a group of them with --group")
    chosen = [store.get(run_id) for run_id in run_ids] if run_ids else store.of_group(group)
    if not chosen:
        raise BadInputError(f"there are no runs in group {group!r}")
    return chosen


@app.command()
def runner(
    home: Home = None,
    for_ever: Annotated[bool, typer.Option("--for-ever", help="Stay when there is nothing to do.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only tell whether one is alive: exit code 0, else 1.")
    ] = False,
) -> None:
    """Work through the queue in the foreground (submitting starts one by itself)."""
    where = resolve_home(home)
    if check:
        alive = runner_is_alive(Store(where))
        console.print("a runner is alive" if alive else "no runner is alive")
        raise typer.Exit(0 if alive else 1)
    from imae_core.runs.service import serve

    if not serve(where, for_ever=for_ever):
        console.print(f"another runner works on {where}")


@app.command(hidden=True)
def worker(run_folders: list[Path]) -> None:
    """Carry out runs; started by the runner."""
    from imae_core.runs.worker import work

    raise typer.Exit(work(run_folders))
