"""Choosing a parameter's value without clean labels."""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from imae_core.catalog import LOSSES, lookup
from imae_core.cli.options import AsJson, Home, app, console
from imae_core.cli.run_options import RunOptions, takes_run_options
from imae_core.cli.training import train_in_foreground
from imae_core.config import RunConfig
from imae_core.errors import BadInputError, RunError, unknown_name
from imae_core.files import without_nan
from imae_core.home import resolve_home
from imae_core.runs.selection import RunSelection, select_among
from imae_core.runs.status import run_status
from imae_core.runs.store import Store
from imae_core.runs.submit import submit
from imae_core.runs.tables import cell_text

USUAL_SHARE = 0.2
# what is tuned, beside a loss's parameters and the loss itself
TUNED = ("lr", "weight_decay", "momentum", "batch_size", "epochs", "iterations", "grad_clip")

LENGTHS = ("epochs", "iterations")


@app.command()
@takes_run_options
def choose(
    options: RunOptions,
    param: Annotated[
        str, typer.Option(help=f"What to choose: a parameter of the loss such as T, loss, {', '.join(TUNED)}.")
    ] = "",
    values: Annotated[str, typer.Option(help="The values to choose from, with commas: 0,2,4,8,16.")] = "",
    group: Annotated[
        str, typer.Option(help="With --param: a name for these runs. Without: runs that were queued under it are read.")
    ] = "",
    here: Annotated[bool, typer.Option("--here", help="Train in this process instead of queueing.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Choose T, or another setting, by the accuracy on held-out rows with noisy labels: no clean label is needed.

    Trains one run for each value and seed, without 20 % of the training rows (--validation-fraction, or --folds for
    cross-validation), and prints how the values did, the choice, and what cannot be told from it. Queued runs take
    their time: `imae choose --group NAME` prints it later.
    """
    where = resolve_home(home)
    said: dict[str, Any] = {}
    if param or values:
        configs = _configs(where, options, param, [value.strip() for value in values.split(",") if value.strip()])
        group = group or f"choose-{param}-{datetime.now():%Y%m%d-%H%M%S}"
        said["run_ids"] = _train_here(where, configs, group) if here else submit(where, configs, group)
    elif not group:
        raise BadInputError("name what to choose with --param and --values, or runs that are there with --group")
    said["group"] = group
    found = [run_status(where, run) for run in Store(where).of_group(group)]
    if not found:
        raise BadInputError(f"there are no runs in group {group!r}")
    if any(status.run.state == "done" for status in found):
        selection = select_among([(status.run, status.folder) for status in found])
        said |= selection.as_json()
        if not as_json:
            _print(selection)
    elif not as_json:
        console.print(
            f"{len(found)} runs are queued in {where}; when some are done: imae choose --group {group}", highlight=False
        )
    if as_json:
        print(json.dumps(without_nan(said)))


def _configs(home: Path, options: RunOptions, param: str, values: list[str]) -> list[RunConfig]:
    """A config for each value and seed."""
    if len(values) < 2 or not param:
        raise BadInputError(f"choosing takes --param NAME and at least two --values, got {param!r} and {values}")
    if len(options.losses) > 1:
        raise BadInputError("choose takes one --loss; to choose between losses: --param loss --values cce,mae,imae")
    if options.validation_fraction is None and options.num_folds is None:
        options = replace(options, validation_fraction=USUAL_SHARE)
    loss = options.losses[0]
    entry = lookup(LOSSES, loss, "loss")
    known = [name for parameter in entry.parameters for name in (parameter.name, *parameter.aliases)]
    if param not in (*known, *TUNED, "loss"):
        raise unknown_name(f"parameter of {loss}", param, [*entry.defaults, *TUNED, "loss"])

    def config(value: str, seed: int) -> RunConfig:
        if param == "loss":
            return options.config(home, value, seed)
        if param in known:
            return options.config(home, loss, seed, loss_params={param: value})
        changes: dict[str, Any] = {param: value}
        if param in LENGTHS:
            changes = dict.fromkeys(LENGTHS) | changes
        return options.config(home, loss, seed, **changes)

    return [config(value, seed) for value in values for seed in options.seeds]


def _train_here(home: Path, configs: list[RunConfig], group: str) -> list[str]:
    """The runs' ids; one that fails is said and does not end the others."""
    from imae_core.runs.foreground import begin

    run_ids = []
    for place, config in enumerate(configs, 1):
        folder = begin(home, config, group)
        run_ids.append(folder.run_id)
        console.print(f"{place} of {len(configs)}: {config.title}", highlight=False)
        try:
            train_in_foreground(home, folder)
        except RunError as error:
            console.print(f"failed: {error}", highlight=False)
    return run_ids


def _print(selection: RunSelection) -> None:
    table = Table(
        selection.title,
        "validation, given labels",
        "below the chosen",
        "standard error",
        "told apart",
        "test (true labels)",
        title="percent; mean ± standard deviation over seeds",
    )
    for value, row in selection.selection.table.iterrows():
        is_chosen = value == selection.selection.chosen
        table.add_row(
            selection.text(value),
            cell_text(row["validation_mean"], row["validation_std"]),
            "chosen" if is_chosen else cell_text(row["difference"], float("nan")),
            "" if is_chosen else cell_text(row["standard_error"], float("nan"), digits=2),
            "" if is_chosen else ("yes" if row["is_apart"] else "no"),
            cell_text(row["test_mean"], row["test_std"]),
            style="bold" if is_chosen else None,
        )
    console.print(table)
    for sentence in selection.sentences():
        console.print(sentence, highlight=False)
