"""`train` in the foreground and `submit` into the queue."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from imae_core.cli.options import AsJson, Home, app, console
from imae_core.cli.run_options import RunOptions, takes_run_options
from imae_core.errors import BadInputError, ImaeError
from imae_core.files import without_nan
from imae_core.home import resolve_home
from imae_core.runs.disk import disk_message
from imae_core.runs.folder import RunFolder
from imae_core.runs.submit import submit


@app.command()
@takes_run_options
def train(options: RunOptions, home: Home = None, as_json: AsJson = False) -> None:
    """Train one run in the foreground, with a progress bar."""
    where = resolve_home(home)
    if len(options.losses) > 1 or len(options.seeds) > 1:
        raise BadInputError("train takes one --loss and one --seed; use `imae submit` for several")
    from imae_core.runs.foreground import begin

    (config,) = options.configs(where)
    folder = begin(where, config)
    console.print(f"home {where} · run {folder.run_id} · {config.title}", highlight=False)
    result = train_in_foreground(where, folder)
    if as_json:
        print(json.dumps(without_nan(result)))
    else:
        console.print(_result_table(result))


def train_in_foreground(home: Path, folder: RunFolder) -> dict[str, Any]:
    """Carries out a run that was begun here, with a progress bar, and returns its result; ImaeError where it does not end."""
    from imae_core.runs.foreground import carry_out

    with _progress_bar() as report:
        outcome = carry_out(folder, report=report)
    if outcome == "paused":
        raise ImaeError(f"run {folder.run_id} was stopped: {disk_message(home)}; then `imae resume {folder.run_id}`")
    if outcome == "stopped":
        raise ImaeError(f"run {folder.run_id} was stopped; `imae resume {folder.run_id}` goes on")
    return folder.result() or {}


@contextmanager
def _progress_bar() -> Iterator[Any]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("steps"),
               TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("preparing", total=None)

        def report(progress: Any) -> None:
            speed = f", {progress.examples_per_second:,.0f} examples/s" if progress.examples_per_second else ""
            text = f"epoch {progress.epoch}/{progress.epochs}{speed}"
            bar.update(task, completed=progress.step, total=progress.total_steps, description=text)

        yield report


def _result_table(result: dict[str, Any]) -> Table:
    table = Table(show_header=False, title=f"run {result['run_id']}")
    for name in (
        "final_test_accuracy", "best_test_accuracy", "noisy_subset_accuracy", "clean_subset_accuracy",
        "train_accuracy_given", "train_accuracy_true", "validation_accuracy_given", "hybrid_accuracy", "realized_noise_rate",
        "detection_auc",
        "seconds", "examples_per_second",
    ):  # fmt: skip
        value = result[name]
        table.add_row(name, "not defined" if value is None else f"{value:,.4g}")
    return table


@app.command(name="submit")
@takes_run_options
def submit_command(
    options: RunOptions,
    group: Annotated[str, typer.Option(help="A name for these runs together.")] = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Queue one run for each loss and seed; they train in the background."""
    where = resolve_home(home)
    run_ids = submit(where, options.configs(where), group)
    if as_json:
        print(json.dumps({"run_ids": run_ids}))
    else:
        console.print(f"queued in {where}:", *run_ids, sep="\n  ", highlight=False)
