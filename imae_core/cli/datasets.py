"""`imae datasets`: list, add, labels, report, rename, export and remove."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from imae_core.catalog import DATASETS
from imae_core.cli.options import AsJson, Home, app, console
from imae_core.errors import BadInputError, unknown_name
from imae_core.home import resolve_home
from imae_core.runs.store import Store

datasets_app = typer.Typer(no_args_is_help=True, help="Data sets of this home: built-in ones, and your own.")
app.add_typer(datasets_app, name="datasets")
Progress = Callable[[int, int, str, str], None]
Background = Annotated[
    bool, typer.Option("--background", hidden=True, help="Started by a page, which looks for the status.")
]


@datasets_app.command(name="list")
def list_command(home: Home = None, as_json: AsJson = False) -> None:
    """List data sets: which are ready, and which can be fetched."""
    from imae_core.data.store import list_datasets

    where = resolve_home(home)
    records = list_datasets(where)
    if as_json:
        print(json.dumps({"home": str(where), "datasets": [vars(record) for record in records]}))
        return
    table = Table("name", "title", "ready", "training", "test", "classes", "labels", title=f"home {where}")
    for record in records:
        table.add_row(
            record.name, record.title, "yes" if record.ready else "to be fetched", f"{record.num_train:,}",
            f"{record.num_test:,}", str(record.num_classes), record.labels,
        )  # fmt: skip
    console.print(table)


@datasets_app.command()
def add(
    source: Annotated[str, typer.Argument(help="A built-in name, or a path: .zip, .csv, .parquet, .npz or a folder.")],
    name: Annotated[str | None, typer.Option(help="Name of the data set; default: the file's stem.")] = None,
    image_size: Annotated[int, typer.Option(help="Shorter side of pictures that are larger or of several sizes.")] = 64,
    skip_unreadable: Annotated[
        bool,
        typer.Option("--skip-unreadable", help="Leave damaged pictures out and list them, instead of refusing all."),
    ] = False,
    flip: Annotated[
        bool | None,
        typer.Option("--flip/--no-flip", help="A mirrored picture is one of its class; default: for colour."),
    ] = None,
    label_column: Annotated[str, typer.Option(help="Column of the labels.")] = "label",
    true_label_column: Annotated[
        str, typer.Option(help="Column of known true labels, if there is one.")
    ] = "true_label",
    split_column: Annotated[str, typer.Option(help="Column that says train or test, if there is one.")] = "split",
    encoding: Annotated[str, typer.Option(help="Encoding of a text table.")] = "utf-8",
    background: Background = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Add a data set of your own, or fetch a built-in one."""
    where = resolve_home(home)
    if source in DATASETS and not Path(source).exists():
        _fetch(where, source, background)
        return
    if not Path(source).expanduser().exists() and re.fullmatch(r"\w+", source):
        raise unknown_name("file, folder or built-in data set", source, DATASETS)
    from imae_core.data.imports import ImportOptions, import_dataset, name_from
    from imae_core.data.jobs import forget_upload, run_job

    path = Path(source).expanduser()
    if not 8 <= image_size <= 512:
        raise BadInputError(f"--image-size must be in [8, 512], got {image_size}")
    options = ImportOptions(
        name=name or name_from(path), image_size=image_size, skip_unreadable=skip_unreadable, flip=flip,
        label_column=label_column, true_label_column=true_label_column, split_column=split_column, encoding=encoding,
    )  # fmt: skip
    report: dict[str, Any] = {}
    try:
        with _shown_progress() as show:
            run_job(
                where, options.name, "importing",
                lambda tell: report.update(import_dataset(where, path, options, _both(tell, show))),
                background=background,
            )  # fmt: skip
    finally:
        if background:
            forget_upload(path)
    _print_report(where, options.name, report, as_json)


def _fetch(home: Path, name: str, background: bool) -> None:
    from imae_core.data.jobs import run_job
    from imae_core.data.pickers import prepare_builtin

    with _shown_progress() as show:
        run_job(
            home, name, "fetching", lambda tell: prepare_builtin(home, name, _both(tell, show)), background=background
        )
    console.print(f"{name} is ready in {home}", highlight=False)


@datasets_app.command()
def labels(
    base: Annotated[str, typer.Argument(help="The data set whose training rows are labelled.")],
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with `index` (or `file`), `given_label` and maybe `true_label`; or .pt or .npy of CIFAR-10N, CIFAR-100N."
        ),
    ],
    column: Annotated[
        str, typer.Option(help="The labels to take where the file has several, such as worse_label.")
    ] = "",
    name: Annotated[str | None, typer.Option(help="Name of the new data set; default: BASE-FILE.")] = None,
    background: Background = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a data set with known noise: the labels of BASE are true, those of FILE are given."""
    from imae_core.data.imports import import_labels, name_from
    from imae_core.data.jobs import forget_upload, run_job

    where = resolve_home(home)
    new = name or f"{base}-{name_from(file)}" + (f"-{column}" if column else "")
    report: dict[str, Any] = {}
    try:
        with _shown_progress() as show:
            run_job(
                where, new, "importing",
                lambda tell: report.update(import_labels(where, base, file, new, _both(tell, show), column)),
                background=background,
            )  # fmt: skip
    finally:
        if background:
            forget_upload(file)
    _print_report(where, new, report, as_json)


@datasets_app.command(name="report")
def report_command(name: str, home: Home = None, as_json: AsJson = False) -> None:
    """Show what an import found, changed and left out."""
    from imae_core.data.store import import_report, open_dataset

    where = resolve_home(home)
    report = import_report(where, name)
    if report is None:
        open_dataset(where, name)
        raise BadInputError(f"{name} is built in; only imported data sets have a report")
    _print_report(where, name, report, as_json)


@datasets_app.command()
def rename(name: str, new_name: str, home: Home = None) -> None:
    """Give a data set of your own another name; its runs find it still."""
    from imae_core.data.store import rename_dataset

    where = resolve_home(home)
    _refuse_while_needed(where, name)
    rename_dataset(where, name, new_name)
    console.print(f"{name} is called {new_name} now", highlight=False)


@datasets_app.command(name="export")
def export_command(
    name: str,
    target: Annotated[Path, typer.Argument(help="Pictures: .zip or .npz. Tables: .csv, .parquet or .npz.")],
    background: Background = False,
    home: Home = None,
) -> None:
    """Write a whole data set to a file that other tools read."""
    from imae_core.data.export import export_dataset
    from imae_core.data.jobs import run_job
    from imae_core.data.store import load_dataset

    where = resolve_home(home)
    data = load_dataset(where, name)
    with _shown_progress() as show:
        run_job(
            where,
            name,
            "exporting",
            lambda tell: export_dataset(data, target, _both(tell, show)),
            background=background,
        )
    console.print(f"wrote {target}", highlight=False)


@datasets_app.command()
def remove(
    name: str,
    force: Annotated[
        bool, typer.Option("--force", help="Even while runs need it; those not started yet will fail.")
    ] = False,
    home: Home = None,
) -> None:
    """Remove a prepared data set from the home; refused while runs that are not ended need it."""
    from imae_core.data.store import remove_dataset

    where = resolve_home(home)
    if not force:
        _refuse_while_needed(where, name)
    remove_dataset(where, name)
    console.print(f"removed {name}", highlight=False)


def _refuse_while_needed(home: Path, name: str) -> None:
    waiting = [run.run_id for run in Store(home).active_on(name)]
    if waiting:
        raise BadInputError(
            f"{len(waiting)} run(s) still need {name}: {', '.join(waiting[:3])}; stop them first, or --force"
        )


def _print_report(home: Path, name: str, report: dict[str, Any], as_json: bool) -> None:
    from imae_core.data.imports.report import report_lines

    if as_json:
        print(json.dumps({"name": name, "home": str(home), "report": report}))
        return
    num_train, num_test = (sum(entry[split] for entry in report["classes"]) for split in ("train", "test"))
    console.print(
        f"{name} in {home}: {num_train:,} training and {num_test:,} test examples in {len(report['classes']):,} classes",
        highlight=False,
    )
    for line in report_lines(report):
        console.print(f"  - {line}", highlight=False, markup=False)
    if "seconds" in report:
        peak = report["peak_memory_bytes"] / 1e6
        console.print(f"  - took {report['seconds']:.1f} s and at most {peak:,.0f} MB of memory", highlight=False)


def _both(first: Progress, second: Progress) -> Progress:
    def report(done: int, total: int, message: str, unit: str) -> None:
        first(done, total, message, unit)
        second(done, total, message, unit)

    return report


@contextmanager
def _shown_progress() -> Iterator[Progress]:
    """A bar where somebody looks."""
    if not console.is_terminal:
        yield lambda *_: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=console
    ) as bar:
        task = bar.add_task("starting", total=None)

        def show(done: int, total: int, message: str, _unit: str) -> None:
            bar.update(task, completed=done, total=total or None, description=message)

        yield show
