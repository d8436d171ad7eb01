"""What the commands share: the application, its console, and options that several of them take."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Which training examples does a loss listen to? Trains, queues and exports runs, and keeps data sets.",
)
console = Console(stderr=True)

Home = Annotated[Path | None, typer.Option("--home", help="Folder with all state; default: IMAE_HOME, else ./.imae")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object last, on standard output.")]
