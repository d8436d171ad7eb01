"""The command line, `imae` or `python -m imae_core`. The only module of the core that prints."""

import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from imae_core.catalog import DATASETS, LOSSES, MODELS, NOISES
from imae_core.config import RunConfig
from imae_core.data.facts import dataset_facts
from imae_core.errors import BadInputError, ImaeError
from imae_core.files import without_nan
from imae_core.hardware import create_time, gpus
from imae_core.home import resolve_home
from imae_core.recipes import RECIPES, make_config
from imae_core.runs.folder import RunFolder
from imae_core.runs.store import Store
from imae_core.runs.submit import create_run, resume, run_folder, submit

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
datasets_app = typer.Typer(no_args_is_help=True, help="Data sets of this home.")
app.add_typer(datasets_app, name="datasets")
console = Console(stderr=True)

Home = Annotated[Path | None, typer.Option("--home", help="Folder with all state; default: IMAE_HOME, else ./.imae")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object last, on standard output.")]
Dataset = Annotated[str, typer.Option(help=f"Data set: {', '.join(DATASETS)}, or one of your own.")]
NumTrain = Annotated[int | None, typer.Option(help="Train on a stratified subset of that many examples.")]
Noise = Annotated[str, typer.Option(help=f"Noise model: {', '.join(NOISES)}.")]
NoiseRate = Annotated[float, typer.Option(help="Noise rate, a fraction in [0, 1].")]
NoiseMatrix = Annotated[
    Path | None, typer.Option(help="K x K transition matrix as CSV, for --noise transition_matrix.")
]
Losses = Annotated[list[str] | None, typer.Option("--loss", help=f"Loss: {', '.join(LOSSES)}. `submit` takes several.")]
LossParam = Annotated[list[str] | None, typer.Option(help="A parameter of the loss, such as T=8; may be repeated.")]
Reduction = Annotated[
    str, typer.Option(help="mean, or weight_sum (the gradient divided by the batch's sum of weights).")
]
Model = Annotated[str | None, typer.Option(help=f"Net: {', '.join(MODELS)}; default: by the data's shape.")]
RecipeName = Annotated[
    str | None, typer.Option("--recipe", help=f"Recipe: {', '.join(RECIPES)}; default: by the data.")
]
Epochs = Annotated[int | None, typer.Option(help="Epochs.")]
Iterations = Annotated[int | None, typer.Option(help="Optimiser steps, instead of epochs.")]
BatchSize = Annotated[int | None, typer.Option(help="Batch size.")]
Lr = Annotated[float | None, typer.Option(help="Learning rate at the start.")]
Momentum = Annotated[float | None, typer.Option(help="Momentum of SGD.")]
WeightDecay = Annotated[float | None, typer.Option(help="Weight decay.")]
Schedule = Annotated[str | None, typer.Option(help="milestones or cosine.")]
Augment = Annotated[bool | None, typer.Option("--augment/--no-augment", help="Random pad-crop and flip.")]
EvalEvery = Annotated[int | None, typer.Option(help="Epochs between passes in evaluation mode.")]
Seeds = Annotated[list[int] | None, typer.Option("--seed", help="Training seed. `submit` takes several.")]
NoiseSeed = Annotated[int | None, typer.Option(help="Seed of the noise; default: the training seed.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda:N.")]
Threads = Annotated[int | None, typer.Option(help="CPU threads.")]


def main() -> None:
    """Runs the command line; exit code 2 with one line for bad input, 1 for a failed run."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        app(standalone_mode=True)
    except BadInputError as error:
        print(f"imae: {error}", file=sys.stderr)
        sys.exit(2)
    except ImaeError as error:
        print(f"imae: {error}", file=sys.stderr)
        sys.exit(1)


# -- training ----------------------------------------------------------------------------------------------------


def _config(home: Path, dataset: str, device: str, loss: str, loss_param: list[str] | None, reduction: str,
            noise: str, noise_rate: float, noise_matrix: Path | None, **rest: Any) -> RunConfig:  # fmt: skip
    facts = dataset_facts(home, dataset)
    noise_params: dict[str, Any] = {}
    if noise == "transition_matrix":
        noise_params["matrix"] = _read_matrix(noise_matrix)
    elif noise_matrix is not None:
        raise BadInputError(f"--noise-matrix goes with --noise transition_matrix, not with {noise}")
    if noise == "asymmetric" and facts.mapping is not None:
        noise_params["mapping"] = list(facts.mapping)
    on_gpu = device.startswith("cuda") or (device == "auto" and bool(gpus()))
    return make_config(
        dataset,
        facts.input_shape,
        facts.num_train,
        on_gpu=on_gpu,
        device=device,
        loss={"name": loss, "params": _pairs(loss_param), "reduction": reduction},
        noise={"kind": noise, "rate": noise_rate, "params": noise_params},
        **rest,
    )


def _pairs(texts: list[str] | None) -> dict[str, str]:
    pairs = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise BadInputError(f"--loss-param takes NAME=VALUE, such as T=8, got {text!r}")
        pairs[name.strip()] = value.strip()
    return pairs


def _read_matrix(path: Path | None) -> list[list[float]]:
    if path is None:
        raise BadInputError("--noise transition_matrix needs --noise-matrix FILE.csv")
    try:
        return np.loadtxt(path, delimiter=",", ndmin=2).tolist()  # type: ignore[no-any-return]
    except OSError:
        raise BadInputError(f"cannot read {path}") from None
    except ValueError as error:
        raise BadInputError(f"{path} is no table of numbers: {error}") from None


@app.command()
def train(
    dataset: Dataset = "digits",
    num_train: NumTrain = None,
    noise: Noise = "symmetric",
    noise_rate: NoiseRate = 0.0,
    noise_matrix: NoiseMatrix = None,
    loss: Losses = None,
    loss_param: LossParam = None,
    reduction: Reduction = "mean",
    model: Model = None,
    recipe: RecipeName = None,
    epochs: Epochs = None,
    iterations: Iterations = None,
    batch_size: BatchSize = None,
    lr: Lr = None,
    momentum: Momentum = None,
    weight_decay: WeightDecay = None,
    schedule: Schedule = None,
    augment: Augment = None,
    eval_every: EvalEvery = None,
    seed: Seeds = None,
    noise_seed: NoiseSeed = None,
    device: Device = "auto",
    threads: Threads = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Train one run in the foreground, with a progress bar."""
    where = resolve_home(home)
    losses, seeds = loss or ["cce"], seed or [0]
    if len(losses) > 1 or len(seeds) > 1:
        raise BadInputError("train takes one --loss and one --seed; use `imae submit` for several")
    config = _config(
        where, dataset, device, losses[0], loss_param, reduction, noise, noise_rate, noise_matrix,
        num_train=num_train, model=model, recipe=recipe, epochs=epochs, iterations=iterations, batch_size=batch_size,
        lr=lr, momentum=momentum, weight_decay=weight_decay, schedule=schedule, augment=augment,
        eval_every=eval_every, seed=seeds[0], noise_seed=noise_seed, threads=threads,
    )  # fmt: skip
    folder = create_run(where, config)
    console.print(f"home {where} · run {folder.run_id} · {config.title}", highlight=False)
    result = _train_in_foreground(where, folder, config)
    if as_json:
        print(json.dumps(without_nan(result)))
    else:
        console.print(_result_table(result))


def _train_in_foreground(home: Path, folder: RunFolder, config: RunConfig) -> dict[str, Any]:
    from imae_core.runs.execute import execute

    store = Store(home)
    store.add(folder.run_id, config, executor="foreground", state="running")
    store.update(folder.run_id, ref={"pid": os.getpid(), "created": create_time(os.getpid())}, attempt=1)
    folder.write_control("", stop=False)
    try:
        with _logging_to(folder.log_path), _progress_bar() as report:
            outcome = execute(folder, report=report)
    except BaseException as error:
        message = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error) or type(error).__name__
        state = "stopped" if isinstance(error, KeyboardInterrupt) else "failed"
        store.transition(folder.run_id, ("running",), state, message=message, finished=time.time(), ref={})
        raise
    state = "done" if outcome == "done" else "stopped"
    store.transition(folder.run_id, ("running",), state, finished=time.time(), ref={})
    if outcome == "stopped":
        raise ImaeError(f"run {folder.run_id} was stopped; `imae resume {folder.run_id}` goes on")
    return folder.result() or {}


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Sends the run's log into its folder instead of over the progress bar."""
    root = logging.getLogger()
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    others, root.handlers = root.handlers, [handler]
    try:
        yield
    finally:
        root.handlers = others
        handler.close()


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
        "train_accuracy_given", "train_accuracy_true", "hybrid_accuracy", "realized_noise_rate", "detection_auc",
        "seconds", "examples_per_second",
    ):  # fmt: skip
        value = result[name]
        table.add_row(name, "not defined" if value is None else f"{value:,.4g}")
    return table


@app.command(name="submit")
def submit_command(
    dataset: Dataset = "digits",
    num_train: NumTrain = None,
    noise: Noise = "symmetric",
    noise_rate: NoiseRate = 0.0,
    noise_matrix: NoiseMatrix = None,
    loss: Losses = None,
    loss_param: LossParam = None,
    reduction: Reduction = "mean",
    model: Model = None,
    recipe: RecipeName = None,
    epochs: Epochs = None,
    iterations: Iterations = None,
    batch_size: BatchSize = None,
    lr: Lr = None,
    momentum: Momentum = None,
    weight_decay: WeightDecay = None,
    schedule: Schedule = None,
    augment: Augment = None,
    eval_every: EvalEvery = None,
    seed: Seeds = None,
    noise_seed: NoiseSeed = None,
    device: Device = "auto",
    threads: Threads = None,
    group: Annotated[str, typer.Option(help="A name for these runs together.")] = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Queue one run for each loss and seed; they train in the background."""
    where = resolve_home(home)
    configs = [
        _config(
            where, dataset, device, name, loss_param, reduction, noise, noise_rate, noise_matrix,
            num_train=num_train, model=model, recipe=recipe, epochs=epochs, iterations=iterations,
            batch_size=batch_size, lr=lr, momentum=momentum, weight_decay=weight_decay, schedule=schedule,
            augment=augment, eval_every=eval_every, seed=number, noise_seed=noise_seed, threads=threads,
        )
        for name in loss or ["cce"]
        for number in seed or [0]
    ]  # fmt: skip
    run_ids = submit(where, configs, group)
    if as_json:
        print(json.dumps({"run_ids": run_ids}))
    else:
        console.print(f"queued in {where}:", *run_ids, sep="\n  ", highlight=False)


# -- runs --------------------------------------------------------------------------------------------------------


@app.command()
def runs(home: Home = None, as_json: AsJson = False) -> None:
    """List all runs with their state."""
    where = resolve_home(home)
    rows: list[dict[str, Any]] = []
    for run in Store(where).runs():
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
def stop(run_ids: list[str], home: Home = None) -> None:
    """Ask runs to stop after their current step; they can be resumed."""
    store = Store(resolve_home(home))
    for run in [store.get(run_id) for run_id in run_ids]:
        if run.has_ended:
            raise BadInputError(f"run {run.run_id} is {run.state} already")
        store.wish_stop(run.run_id)
        if run.executor == "foreground":
            run_folder(store.home, run.run_id).write_control("", stop=True)


@app.command(name="resume")
def resume_command(run_ids: list[str], home: Home = None) -> None:
    """Queue stopped or failed runs again; they go on from their checkpoint."""
    where = resolve_home(home)
    for run_id in run_ids:
        resume(where, run_id)


@app.command()
def runner(
    home: Home = None,
    for_ever: Annotated[bool, typer.Option("--for-ever", help="Stay when there is nothing to do.")] = False,
) -> None:
    """Work through the queue in the foreground (submitting starts one by itself)."""
    from imae_core.runs.runner import serve

    where = resolve_home(home)
    if not serve(where, for_ever=for_ever):
        console.print(f"another runner works on {where}")


@app.command(hidden=True)
def worker(run_folders: list[Path]) -> None:
    """Carry out runs; started by the runner."""
    from imae_core.runs.worker import work

    raise typer.Exit(work(run_folders))


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


# -- data sets ---------------------------------------------------------------------------------------------------


@datasets_app.command(name="list")
def datasets_list(home: Home = None, as_json: AsJson = False) -> None:
    """List data sets: which are ready, and which can be fetched."""
    from imae_core.data.store import list_datasets

    where = resolve_home(home)
    records = list_datasets(where)
    if as_json:
        print(json.dumps({"home": str(where), "datasets": [vars(record) for record in records]}))
        return
    table = Table("name", "title", "ready", "training", "test", "classes", title=f"home {where}")
    for record in records:
        table.add_row(
            record.name, record.title, "yes" if record.ready else "to be fetched", f"{record.num_train:,}",
            f"{record.num_test:,}", str(record.num_classes),
        )  # fmt: skip
    console.print(table)


@datasets_app.command(name="add")
def datasets_add(name: str, home: Home = None) -> None:
    """Fetch a built-in data set, or convert files that lie under the home's datasets folder already."""
    from imae_core.data.jobs import run_prepare

    where = resolve_home(home)
    with console.status(f"preparing {name} in {where}") if console.is_terminal else nullcontext():
        run_prepare(where, name)
    console.print(f"{name} is ready in {where}")


@datasets_app.command(name="remove")
def datasets_remove(name: str, home: Home = None) -> None:
    """Remove a prepared data set from the home; refused while runs that are not ended need it."""
    from imae_core.data.store import remove_dataset

    where = resolve_home(home)
    waiting = [run.run_id for run in Store(where).runs("queued", "starting", "running") if run.config.dataset == name]
    if waiting:
        raise BadInputError(f"{len(waiting)} run(s) still need {name}: {', '.join(waiting[:3])}; stop them first")
    remove_dataset(where, name)
    console.print(f"removed {name}")
