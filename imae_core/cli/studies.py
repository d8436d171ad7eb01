"""`imae study`: plan losses x noise rates x seeds, run what is missing, and tabulate what was found."""

import json
import shlex
import sys
from typing import Annotated, Any

import typer
from rich.table import Table

from imae_core.analysis.comparison import METRICS
from imae_core.catalog import LOSSES
from imae_core.cli.options import AsJson, Home, app, console
from imae_core.cli.run_options import noise_params
from imae_core.data.facts import dataset_facts
from imae_core.errors import BadInputError, ImaeError
from imae_core.hardware import gpus
from imae_core.home import resolve_home
from imae_core.recipes import RECIPES
from imae_core.runs.service import ensure_runner
from imae_core.runs.store import Store
from imae_core.studies.parsing import parse_loss, parse_settings
from imae_core.studies.presets import PRESETS, preset
from imae_core.studies.progress import StudyProgress, study_progress
from imae_core.studies.results import SettingsIn, study_results
from imae_core.studies.run import stop_study, submit_study
from imae_core.studies.store import (
    create_study,
    list_studies,
    load_study,
    remove_study,
    study_path,
    widen_study,
)
from imae_core.studies.study import FACTORS, parse_study
from imae_core.studies.tables import DEFAULT_METRIC, FORMATS, rank_lines, study_document, study_table

study_app = typer.Typer(no_args_is_help=True, help="Studies: losses x noise rates x seeds x settings as one thing.")
app.add_typer(study_app, name="study")

Name = Annotated[str, typer.Argument(help="The study.")]
LossList = Annotated[
    list[str] | None,
    typer.Option("--loss", help="A loss, such as cce, imae:T=2,4,8 or dm:lam=0.5,1:beta=8; may be repeated. "
                                f"Losses: {', '.join(LOSSES)}."),
]  # fmt: skip
Rates = Annotated[list[float] | None, typer.Option("--noise-rate", help="Noise rate in [0, 1]; may be repeated.")]
SeedList = Annotated[list[int] | None, typer.Option("--seed", help="Seed; may be repeated.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help=f"NAME=VALUE for all runs, NAME=VALUE,VALUE,… to vary it. Names: {', '.join(FACTORS)}."),
]
MaxHours = Annotated[
    float | None, typer.Option(help="Hours of machine time after which no further run is started; 0 for no limit.")
]
Metric = Annotated[str, typer.Option(help=f"What to tabulate: {', '.join(METRICS)}.")]
SettingsPlace = Annotated[
    str, typer.Option("--settings-in", help="rows or columns: where varied settings go; default: by the design.")
]


def _changes(loss: list[str] | None, noise_rate: list[float] | None, seed: list[int] | None, settings: list[str] | None,
             max_hours: float | None) -> dict[str, Any]:  # fmt: skip
    factors, fixed = parse_settings(settings or [])
    found: dict[str, Any] = {
        "losses": [parse_loss(text) for text in loss or []], "noise_rates": noise_rate, "seeds": seed,
        "factors": factors, "overrides": fixed,
    }  # fmt: skip
    if max_hours is not None:
        found["max_hours"] = max_hours or None
    return {name: value for name, value in found.items() if value or name == "max_hours"}


@study_app.command()
def create(
    name: Name,
    start: Annotated[str, typer.Option("--preset", help=f"Start from one of: {', '.join(PRESETS)}.")] = "",
    dataset: Annotated[str | None, typer.Option(help="Data set; default: digits.")] = None,
    loss: LossList = None,
    noise: Annotated[str | None, typer.Option(help="Noise model; default: symmetric.")] = None,
    noise_param: Annotated[
        list[str] | None, typer.Option(help="A parameter of the noise model; may be repeated.")
    ] = None,
    noise_rate: Rates = None,
    seed: SeedList = None,
    settings: Settings = None,
    one_at_a_time: Annotated[
        bool,
        typer.Option(
            "--one-at-a-time", help="Vary one setting and leave the others as usual, instead of every combination."
        ),
    ] = False,
    recipe: Annotated[str | None, typer.Option(help=f"Recipe: {', '.join(RECIPES)}; default: by the data.")] = None,
    max_hours: MaxHours = None,
    home: Home = None,
) -> None:
    """Write a study down; nothing runs yet. With --preset or the name of one, what is given replaces what it has."""
    where = resolve_home(home)
    base: dict[str, Any] = {"dataset": "digits", "on_gpu": bool(gpus())}
    if start or name in PRESETS:
        base = preset(start or name).model_dump()
    given = {"name": name, "dataset": dataset, "noise": noise, "recipe": recipe}
    values = base | {key: value for key, value in given.items() if value is not None}
    if noise_param:
        facts = dataset_facts(where, values["dataset"])
        values["noise_params"] = noise_params(values.get("noise", "symmetric"), noise_param, facts)
    changes = _changes(loss, noise_rate, seed, settings, max_hours)
    values |= changes | {"overrides": base.get("overrides", {}) | changes.get("overrides", {})}
    if one_at_a_time:
        values["design"] = "one_at_a_time"
    if not values.get("losses"):
        raise BadInputError("give at least one --loss, such as --loss cce --loss imae:T=4,8")
    cells = create_study(where, parse_study(values))
    console.print(
        f"study {name}: {len(cells)} runs in {study_path(where, name)}; `imae study here {name}` trains them in this "
        f"terminal, `imae study submit {name}` in the background",
        highlight=False,
    )


@study_app.command()
def widen(
    name: Name,
    loss: LossList = None,
    noise_rate: Rates = None,
    seed: SeedList = None,
    settings: Settings = None,
    max_hours: MaxHours = None,
    home: Home = None,
) -> None:
    """Add losses, noise rates, seeds or values of settings, or change the budget; what is there stays."""
    where = resolve_home(home)
    changes = _changes(loss, noise_rate, seed, settings, max_hours)
    if "overrides" in changes:
        raise BadInputError(
            "widen adds values to what varies (--set lr=0.01,0.1); a setting of all runs cannot be changed"
        )
    cells = widen_study(where, name, changes)
    console.print(f"study {name}: {len(cells)} runs now", highlight=False)


@study_app.command()
def submit(name: Name, home: Home = None, as_json: AsJson = False) -> None:
    """Queue what is missing or was stopped; the runs train in the background."""
    _queue(resolve_home(home), name, again=False, as_json=as_json)


@study_app.command()
def resume(name: Name, home: Home = None, as_json: AsJson = False) -> None:
    """Queue what is missing, was stopped or has failed; finished runs are never run again."""
    _queue(resolve_home(home), name, again=True, as_json=as_json)


def _queue(where: Any, name: str, *, again: bool, as_json: bool) -> None:
    _ensure_study(where, name)
    run_ids = submit_study(where, name, again=again)
    if as_json:
        print(json.dumps({"run_ids": run_ids}))
    else:
        console.print(f"queued {len(run_ids)} runs in {where}", highlight=False)


@study_app.command()
def here(
    name: Name,
    jobs: Annotated[int, typer.Option(help="Runs at a time, a process each.")] = 1,
    report: Annotated[
        bool, typer.Option("--report", help="Print tables, ranks and differences as Markdown at the end.")
    ] = False,
    home: Home = None,
) -> None:
    """Train what is missing, was stopped or has failed, in this terminal: no start-up for each run.

    Ctrl-C stops after the current step; the same command goes on. The name of a preset creates it first.
    """
    from imae_core.studies.here import Finished, run_here

    where = resolve_home(home)
    _ensure_study(where, name)
    before = study_progress(where, load_study(where, name))
    console.print(f"home {where} · study {name} · {before.text}", highlight=False)
    waiting = len(before.places) - before.counts["done"] - before.counts["queued"] - before.counts["running"]
    number = 0

    def tell(run: Finished) -> None:
        nonlocal number
        number += 1
        end = run.outcome if run.outcome != "failed" else f"failed: {run.message}"
        console.print(f"{number}/{waiting} · {run.title} · {run.seconds:.1f} s · {end}", highlight=False, markup=False)

    reason = run_here(where, name, jobs=jobs, tell=tell)
    after = study_progress(where, load_study(where, name))
    console.print(after.text, highlight=False)
    if report and after.counts["done"]:
        print(study_document(study_results(where, after)))
        print(f"Command: `imae {shlex.join(sys.argv[1:])}`.")
    if reason:
        raise ImaeError(f"study {name} is not finished: {reason}; `imae study here {name}` goes on")


def _ensure_study(where: Any, name: str) -> None:
    """A preset is created when it is first run."""
    if name in PRESETS and not study_path(where, name).exists():
        create_study(where, preset(name))


@study_app.command(name="list")
def list_command(home: Home = None, as_json: AsJson = False) -> None:
    """List studies with their progress."""
    where = resolve_home(home)
    found = [study_progress(where, study) for study in list_studies(where)]
    if as_json:
        print(json.dumps({"home": str(where), "studies": [_plain(progress) for progress in found]}))
        return
    table = Table("study", "data", "losses", "noise rates", "seeds", "progress", title=f"home {where}")
    for progress in found:
        study = progress.study
        losses = sum(1 for loss in study.losses for _ in loss.variants())
        rates = ", ".join(f"{100 * rate:g} %" for rate in study.noise_rates)
        table.add_row(study.name, study.dataset, str(losses), rates, str(len(study.seeds)), progress.text)
    presets = ", ".join(name for name in PRESETS if not study_path(where, name).exists())
    console.print(table if found else f"no studies in {where}; `imae study create` makes one")
    if presets:
        console.print(f"ready to run: {presets}", highlight=False)


@study_app.command()
def show(name: Name, home: Home = None, as_json: AsJson = False) -> None:
    """Show a study's progress: runs by state, machine time spent and left."""
    where = resolve_home(home)
    progress = study_progress(where, load_study(where, name))
    if as_json:
        print(json.dumps(_plain(progress)))
        return
    study = progress.study
    table = Table(show_header=False, title=f"study {name}")
    table.add_row("runs", progress.text)
    table.add_row("machine time spent", f"{progress.spent_seconds / 60:.1f} minutes")
    left = progress.left_seconds
    table.add_row("machine time left", "not measured yet" if left is None else f"about {left / 60:.1f} minutes")
    table.add_row("budget", f"{study.max_hours:g} hours" if study.max_hours else "no limit")
    table.add_row("losses", "\n".join(f"{loss.name} {loss.params or ''}" for loss in study.losses))
    table.add_row("noise", f"{study.noise}, rates {', '.join(f'{rate:g}' for rate in study.noise_rates)}")
    table.add_row("seeds", ", ".join(map(str, study.seeds)))
    for factor, values in study.factors.items():
        table.add_row(f"varied: {factor}", ", ".join(map(str, values)))
    for place in progress.places:
        if place.state == "failed" and place.run is not None:
            table.add_row(f"failed: {place.run.title}", place.run.message)
    console.print(table)


def _plain(progress: StudyProgress) -> dict[str, Any]:
    return {
        "study": progress.study.model_dump(mode="json"), "runs": len(progress.places), "states": progress.counts,
        "spent_seconds": progress.spent_seconds, "left_seconds": progress.left_seconds,
        "run_ids": [run.run_id for run in progress.runs],
    }  # fmt: skip


@study_app.command()
def stop(name: Name, home: Home = None) -> None:
    """Ask all runs of a study to stop after their current step; they can be resumed."""
    number = stop_study(resolve_home(home), name)
    console.print(f"asked {number} runs to stop", highlight=False)


@study_app.command()
def table(
    name: Name,
    metric: Metric = DEFAULT_METRIC,
    kind: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}.")] = "markdown",
    settings_in: SettingsPlace = "",
    home: Home = None,
) -> None:
    """Print losses by noise rates: means and standard deviations over seeds, the best and what cannot be told from it marked."""
    where = resolve_home(home)
    results = study_results(where, study_progress(where, load_study(where, name)))
    print(study_table(results, metric, kind, _place(settings_in)).rstrip("\n"))


def _place(text: str) -> SettingsIn | None:
    if text not in ("", "rows", "columns"):
        raise BadInputError(f"--settings-in must be rows or columns, got {text!r}")
    return text or None  # type: ignore[return-value]


@study_app.command()
def ranks(name: Name, metric: Metric = DEFAULT_METRIC, home: Home = None) -> None:
    """Print mean ranks of the losses over rates and seeds, with Friedman's test and Nemenyi's critical difference."""
    where = resolve_home(home)
    lines = rank_lines(study_results(where, study_progress(where, load_study(where, name))), metric)
    print(
        lines.rstrip("\n")
        if lines
        else "nothing to rank: no rate and seed has results of two losses yet, or neither direction is better"
    )


@study_app.command()
def report(name: Name, metric: Metric = DEFAULT_METRIC, home: Home = None) -> None:
    """Print tables, ranks, differences and what the order owes to the recipe, as one Markdown document."""
    where = resolve_home(home)
    print(study_document(study_results(where, study_progress(where, load_study(where, name))), metric))


@study_app.command()
def remove(
    name: Name,
    with_runs: Annotated[bool, typer.Option("--with-runs", help="Its runs with their files too, for good.")] = False,
    home: Home = None,
) -> None:
    """Forget a study; its runs stay unless --with-runs."""
    where = resolve_home(home)
    remove_study(where, name)
    if with_runs:
        store = Store(where)
        for run in store.of_group(name):
            store.wish_delete(run.run_id)
        ensure_runner(store)
    console.print(f"removed study {name}" + (" and its runs" if with_runs else "; its runs stay"), highlight=False)
