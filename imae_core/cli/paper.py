"""`imae paper`: what was published, the paper's experiments, and ours beside them."""

import json
from typing import Annotated, Any

import typer
from rich.table import Table as RichTable

from imae_core.cli.options import AsJson, Home, app, console
from imae_core.cli.runs import Group
from imae_core.errors import BadInputError, RunError, unknown_name
from imae_core.files import without_nan
from imae_core.home import resolve_home
from imae_core.paper import PRESETS, TABLES, Table, compare_with_paper, preset_of
from imae_core.paper.standing import PaperPlan, Standing, counts, places, seconds_left, standings, submit_missing
from imae_core.paper.tables import (
    comparison_markdown,
    comparison_records,
    published_markdown,
    records_csv,
)
from imae_core.runs.store import Store
from imae_core.studies.progress import Place

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
    rows = [_plain_standing(one) for one in standings(store, dataset)]
    if as_json:
        print(json.dumps({"home": str(store.home), "presets": rows, "tables": list(TABLES)}))
        return
    table = RichTable("preset", "data set", "runs", "here", "time for the rest", title=f"home {store.home}")
    for row in rows:
        time = time_text(row["seconds_left"]) if row["states"] or row["missing"] else ""
        table.add_row(row["preset"], row["dataset"], str(row["runs"]), row["here"], time)
    console.print(table)
    console.print(f"published tables: {', '.join(TABLES)}", highlight=False)


def _plain_standing(one: Standing) -> dict[str, Any]:
    return {
        "preset": one.preset.name,
        "title": one.preset.title,
        "dataset": one.dataset,
        "runs": len(one.preset.settings),
        "protocol": one.preset.table.protocol,
        "scaled_down": one.preset.scaled_down or None,
        "here": one.here,
        "missing": sum(place.run is None for place in one.places),
        "states": {place.run.run_id: place.state for place in one.places if place.run},
        "seconds_left": one.seconds_left,
    }


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


Seeds = Annotated[list[int] | None, typer.Option("--seed", help="Training seed, default 0; may be repeated.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda:N.")]
Again = Annotated[bool, typer.Option("--again", help="Also try again what has failed.")]


@paper_app.command()
def submit(
    name: PresetName,
    dataset: StandIn = None,
    seed: Seeds = None,
    only: Only = None,
    device: Device = "auto",
    again: Again = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Queue what is missing of a preset; what is done, queued or running is left alone, what had stopped goes on."""
    store = Store(resolve_home(home))
    plan = PaperPlan(name, dataset, tuple(seed or [0]), device, tuple(only or []))
    before = places(store, plan)
    queued = submit_missing(store, plan, again=again)
    if as_json:
        print(json.dumps({name: list(ids) for name, ids in vars(queued).items()}))
        return
    told = "nothing to queue" if not queued.new and not queued.resumed else f"queued in {store.home}:"
    console.print(_planned_text(store, name, before), told, *queued.new, *queued.resumed, sep="\n  ", highlight=False)


def _planned_text(store: Store, name: str, found: list[Place]) -> str:
    preset = preset_of(name)
    scaled = f"; scaled down: {preset.scaled_down}" if preset.scaled_down else ""
    return f"{preset.title}{scaled}\n  {len(found)} runs, {counts(found)}; time for the rest: {time_text(seconds_left(store, found))}"


@paper_app.command()
def here(
    name: PresetName,
    dataset: StandIn = None,
    seed: Seeds = None,
    only: Only = None,
    device: Device = "auto",
    jobs: Annotated[
        int, typer.Option(help="Runs at a time, each in a process of its own where there are several.")
    ] = 1,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Train what is missing of a preset in this process, without the queue; after Ctrl-C the same command goes on."""
    from imae_core.studies.here import Finished, run_plan

    store = Store(resolve_home(home))
    plan = PaperPlan(name, dataset, tuple(seed or [0]), device, tuple(only or []))
    console.print(_planned_text(store, name, places(store, plan)), highlight=False)
    ended: list[Finished] = []

    def tell(run: Finished) -> None:
        ended.append(run)
        console.print(
            f"{run.outcome} after {run.seconds:,.0f} s: {run.title} · {run.run_id} {run.message}", highlight=False
        )

    reason = run_plan(store.home, plan, jobs=jobs, tell=tell)
    if as_json:
        print(json.dumps({"stopped": reason or None, "runs": [vars(run) for run in ended]}))
    failed = [run for run in ended if run.outcome == "failed"]
    if reason or failed:
        raise RunError(reason or f"{len(failed)} runs failed; `imae paper here {name}` tries them again")


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
