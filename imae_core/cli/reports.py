"""Commands that show or write results."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from imae_core.cli.options import AsJson, Home, app, console
from imae_core.files import without_nan
from imae_core.home import resolve_home
from imae_core.runs.store import Store
from imae_core.runs.submit import run_folder


@app.command()
def evaluate(run_id: str, home: Home = None, as_json: AsJson = False) -> None:
    """Evaluate a run's last checkpoint on the test and training set."""
    from imae_core.runs.evaluate import evaluate_checkpoint

    where = resolve_home(home)
    run = Store(where).get(run_id)
    numbers = evaluate_checkpoint(run_folder(where, run.run_id))
    if as_json:
        print(json.dumps(without_nan(numbers)))
        return
    table = Table(show_header=False, title=f"run {run.run_id}, step {numbers['step']}")
    for name, value in numbers.items():
        if isinstance(value, float):
            table.add_row(name, f"{value:.4f}")
    console.print(table)


@app.command()
def export(
    run_id: str,
    target: Annotated[Path, typer.Argument(help="A .csv, .parquet or .zip file that is not there yet.")],
    home: Home = None,
) -> None:
    """Write a run's per-example table (.csv, .parquet) or its whole folder (.zip). Every row, no limit."""
    from imae_core.runs.export import export_run

    where = resolve_home(home)
    run = Store(where).get(run_id)
    export_run(run_folder(where, run.run_id), target)
    console.print(f"wrote {target}")


@app.command()
def paper() -> None:
    """Print the paper's published numbers for CIFAR-10 (final version, Table 6)."""
    from imae_core.paper import TABLE_6

    table = Table(
        *map(str, TABLE_6[0]), title="arXiv 1903.12141, final version, Table 6: CIFAR-10, symmetric noise, percent"
    )
    for row in TABLE_6[1:]:
        table.add_row(*map(str, row))
    Console().print(table)
