"""Commands that show or write results."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from imae_core.cli.options import AsJson, Home, app, console
from imae_core.cli.runs import Group, RunIds, chosen_runs
from imae_core.errors import BadInputError, unknown_name
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
    run_ids: RunIds = None,
    target: Annotated[
        Path | None,
        typer.Argument(help="A .csv, .parquet or .zip file that is not there yet; with --to tensorboard a folder."),
    ] = None,
    group: Group = "",
    to: Annotated[
        str, typer.Option("--to", help="tensorboard: event files, a folder a run. Default: by the ending of TARGET.")
    ] = "",
    with_checkpoints: Annotated[
        bool, typer.Option("--checkpoints/--no-checkpoints", help="Whether a zip has the nets, to resume or evaluate.")
    ] = True,
    home: Home = None,
) -> None:
    """Write a run's per-example table (.csv, .parquet), or runs as one .zip that `imae import` takes in elsewhere.

    Every row, no limit. `imae export RUN... TARGET` names the runs, `imae export --group NAME TARGET` a sweep.
    """
    from imae_core.runs.export import export_runs
    from imae_core.runs.tensorboard import export_tensorboard

    target, run_ids = _target_and_runs(target, run_ids)
    where = resolve_home(home)
    runs = [(run, run_folder(where, run.run_id)) for run in chosen_runs(Store(where), run_ids, group)]
    if to not in ("", "tensorboard"):
        raise unknown_name("format for --to", to, ["tensorboard"])
    if to:
        export_tensorboard(runs, target)
    else:
        export_runs(runs, target, with_checkpoints=with_checkpoints)
    console.print(f"wrote {target}")


def _target_and_runs(target: Path | None, run_ids: list[str] | None) -> tuple[Path, list[str]]:
    """The last word is the target, whatever came before it."""
    words = [*(run_ids or []), *([str(target)] if target else [])]
    if not words:
        raise BadInputError("name the runs and then the file to write: imae export RUN... TARGET")
    return Path(words[-1]), words[:-1]


@app.command(name="import")
def import_command(
    file: Annotated[Path, typer.Argument(help="A zip of runs that `imae export` or the Runs page wrote.")],
    with_checkpoints: Annotated[
        bool,
        typer.Option(
            "--checkpoints/--no-checkpoints",
            help="Take the saved nets too, to resume or evaluate; from people you trust.",
        ),
    ] = False,
    home: Home = None,
) -> None:
    """Add the runs of a zip to this home, all or none; runs that are here already are skipped."""
    from imae_core.runs.archive import import_runs

    where = resolve_home(home)
    found = import_runs(where, file, with_checkpoints=with_checkpoints)
    console.print(f"imported into {where}:", *found.added, sep="\n  ", highlight=False)
    for sentence in found.remarks():
        console.print(sentence, highlight=False)


@app.command()
def report(
    run_ids: RunIds = None,
    group: Group = "",
    out: Annotated[Path, typer.Option("--out", help="An .html file that is not there yet.")] = Path("report.html"),
    home: Home = None,
) -> None:
    """Write one HTML file that works offline: settings, results, curves, histograms, suspicious examples."""
    from imae_core.reports.page import write_report

    where = resolve_home(home)
    runs = [(run, run_folder(where, run.run_id)) for run in chosen_runs(Store(where), run_ids, group)]
    write_report(runs, out, group)
    console.print(f"wrote {out}")
