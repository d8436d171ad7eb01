"""`imae paper`: what was published, the paper's experiments, and ours beside them."""

import json
from typing import Annotated, Any

import typer
from rich.table import Table as RichTable

from imae_core.cli import options as o
from imae_core.cli.options import AsJson, Home, app, console
from imae_core.cli.runs import Group
from imae_core.errors import BadInputError, unknown_name
from imae_core.files import without_nan
from imae_core.home import resolve_home
from imae_core.paper import PRESETS, TABLES, Preset, Table, compare_with_paper, experiments, preset_of
from imae_core.paper.standing import Queued, Standing, cost, counts, standings, submit_missing
from imae_core.paper.tables import (
    comparison_markdown,
    comparison_records,
    published_markdown,
    records_csv,
)
from imae_core.runs.store import Store

FORMATS = ("markdown", "csv", "json")
paper_app = typer.Typer(help="The paper's experiments: published numbers, presets that repeat them, ours beside them.")
app.add_typer(paper_app, name="paper")
PresetName = Annotated[str, typer.Argument(help=f"Preset: {', '.join(PRESETS)}.")]
StandIn = Annotated[
    str | None, typer.Option("--dataset", help="A data set of this home that stands in for the official one.")
]
Only = Annotated[
    list[str] | None,
    typer.Option(help="Only experiments with this net, loss, noise in percent or parameter, such as resnet20, imae, 40, T=8; may be repeated."),
]  # fmt: skip
Format = Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}.")]


@paper_app.callback(invoke_without_command=True)
def default(context: typer.Context) -> None:
    """Without a command: the published numbers of Table 6."""
    if context.invoked_subcommand is None:
        show("table6", "markdown")
        console.print("\n`imae paper list` has the presets and the other tables", highlight=False)


@paper_app.command(name="list")
def list_command(dataset: StandIn = None, home: Home = None, as_json: AsJson = False) -> None:
    """List presets: how many runs, what is there already, and what the rest is expected to take."""
    store = Store(resolve_home(home))
    rows = [_listed(store, preset, dataset) for preset in PRESETS.values()]
    if as_json:
        print(json.dumps({"home": str(store.home), "presets": rows, "tables": list(TABLES)}))
        return
    table = RichTable("preset", "data set", "runs", "here", "time for the rest", title=f"home {store.home}")
    for row in rows:
        table.add_row(row["preset"], row["dataset"], str(row["runs"]), row["here"], row["time"])
    console.print(table)
    console.print(f"published tables: {', '.join(TABLES)}", highlight=False)


def _listed(store: Store, preset: Preset, dataset: str | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "preset": preset.name,
        "title": preset.title,
        "dataset": preset.dataset,
        "runs": len(preset.settings),
    }
    row |= {"scaled_down": preset.scaled_down or None, "protocol": preset.table.protocol, "seconds": None}
    if preset.missing():
        return row | {"here": f"needs the {', '.join(preset.missing())}", "time": "", "states": {}}
    name = dataset if dataset and _suits(store, preset, dataset) else preset.dataset
    found = standings(store.runs(), experiments(store.home, preset, dataset=name))
    seconds = cost(store, found).seconds
    return row | {
        "dataset": name,
        "here": counts(found),
        "seconds": seconds,
        "time": time_text(seconds),
        "states": {one.run.run_id: one.state for one in found if one.run},
    }


def _suits(store: Store, preset: Preset, dataset: str) -> bool:
    try:
        return bool(experiments(store.home, preset, dataset=dataset))
    except BadInputError:
        return False


def time_text(seconds: float | None) -> str:
    """Such as "about 45 min"."""
    if seconds is None:
        return "known after the first epoch"
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 3600:,.1f} h" if seconds > 5400 else f"about {seconds / 60:,.0f} min"


@paper_app.command()
def show(
    name: Annotated[str, typer.Argument(help=f"A table: {', '.join(TABLES)}; or a preset; or all.")] = "table6",
    kind: Format = "markdown",
) -> None:
    """Print published numbers with their version, protocol and source."""
    tables = _tables(name)
    if kind == "markdown":
        print("\n\n".join(published_markdown(table) for table in tables))
    else:
        _print_records([record for table in tables for record in table.records()], kind)


def _tables(name: str) -> list[Table]:
    if name == "all":
        return list(TABLES.values())
    if name in TABLES:
        return [TABLES[name]]
    if name in PRESETS:
        return [PRESETS[name].table]
    raise unknown_name("table", name, [*TABLES, *PRESETS, "all"])


def _print_records(records: list[dict[str, Any]], kind: str) -> None:
    if kind == "csv":
        print(records_csv(records), end="")
    elif kind == "json":
        print(json.dumps(without_nan(records)))
    else:
        raise unknown_name("format", kind, FORMATS)


@paper_app.command()
def submit(
    name: PresetName,
    dataset: StandIn = None,
    seed: o.Seeds = None,
    only: Only = None,
    device: o.Device = "auto",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Queue what is missing of a preset; what is done, queued or running is left alone, what had stopped goes on."""
    store = Store(resolve_home(home))
    preset = preset_of(name)
    wanted = experiments(store.home, preset, dataset=dataset, seeds=seed or [0], device=device, only=only or [])
    before = standings(store.runs(), wanted)
    queued = submit_missing(store, preset, wanted)
    if as_json:
        print(
            json.dumps({"run_ids": list(queued.new), "resumed": list(queued.resumed), "present": list(queued.present)})
        )
        return
    console.print(
        _queued_text(store, preset, before, queued), *queued.new, *queued.resumed, sep="\n  ", highlight=False
    )


def _queued_text(store: Store, preset: Preset, before: list[Standing], queued: Queued) -> str:
    scaled = f"\nscaled down: {preset.scaled_down}" if preset.scaled_down else ""
    parts = [f"{preset.title}: {len(before)} runs, {counts(before)}{scaled}"]
    if queued.new:
        parts.append(f"time for the missing ones: {time_text(cost(store, before).seconds)}; queued in {store.home}:")
    elif queued.resumed:
        parts.append(f"go on in {store.home}:")
    else:
        parts.append("nothing to queue")
    return "\n".join(parts)


@paper_app.command()
def compare(
    name: PresetName,
    dataset: StandIn = None,
    group: Group = "",
    kind: Format = "markdown",
    home: Home = None,
) -> None:
    """Print ours beside the published numbers, for every run of this home that carries out one of the experiments."""
    store = Store(resolve_home(home))
    preset = preset_of(name)
    found = compare_with_paper(store, preset, dataset=dataset, group=group)
    if not found:
        raise BadInputError(
            f"no run in {store.home} carries out an experiment of {name}; `imae paper submit {name}` queues them"
        )
    if kind == "markdown":
        print("\n\n".join(comparison_markdown(one) for one in found))
    elif kind == "json":
        print(json.dumps(without_nan([_plain(one) for one in found])))
    else:
        _print_records([record for one in found for record in comparison_records(one)], kind)


def _plain(found: Any) -> dict[str, Any]:
    return {
        "preset": found.preset.name,
        "published": found.preset.table.version,
        "protocol": found.preset.table.protocol,
        "variant": found.variant,
        "caveats": list(found.caveats),
        "numbers": comparison_records(found),
        "orders": [vars(order) for order in found.orders],
    }
