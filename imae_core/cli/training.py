"""`train` in the foreground and `submit` into the queue: from flags to a RunConfig."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from imae_core.catalog import NOISES, OpenParameter, lookup
from imae_core.cli import options as o
from imae_core.cli.options import app, console
from imae_core.config import RunConfig
from imae_core.data.facts import DatasetFacts, complete_components, dataset_facts, known_params
from imae_core.errors import BadInputError, ImaeError
from imae_core.files import without_nan
from imae_core.hardware import gpus
from imae_core.home import resolve_home
from imae_core.recipes import make_config
from imae_core.runs.disk import disk_message
from imae_core.runs.folder import RunFolder
from imae_core.runs.submit import submit


def _config(home: Path, dataset: str, device: str, loss: str, loss_param: list[str] | None, reduction: str,
            max_log_odds: float | None,
            noise: str, noise_rate: float, noise_matrix: Path | None, noise_param: list[str] | None,
            **rest: Any) -> RunConfig:  # fmt: skip
    facts = dataset_facts(home, dataset)
    noise_params = known_params(noise, facts) | _noise_params(noise, noise_param, facts)
    if noise == "transition_matrix" and "matrix" not in noise_params:
        noise_params["matrix"] = _read_matrix(noise_matrix)
    elif noise_matrix is not None:
        raise BadInputError(f"--noise-matrix goes with --noise transition_matrix, not with {noise}")
    on_gpu = device.startswith("cuda") or (device == "auto" and bool(gpus()))
    return make_config(
        dataset,
        facts.input_shape,
        facts.num_train,
        on_gpu=on_gpu,
        device=device,
        loss={
            "name": loss,
            "params": _pairs(loss_param, "--loss-param", "T=8"),
            "reduction": reduction,
            **_letting_go(max_log_odds),
        },
        noise={"kind": noise, "rate": noise_rate, "params": noise_params},
        **rest,
    )


def _letting_go(max_log_odds: float | None) -> dict[str, float | None]:
    if max_log_odds is None:
        return {}
    return {"max_log_odds": max_log_odds or None}


def _noise_params(noise: str, texts: list[str] | None, facts: DatasetFacts) -> dict[str, Any]:
    """Parameters by name; what is no number or text of the catalog is read as JSON."""
    pairs: dict[str, Any] = _pairs(texts, "--noise-param", "source=svhn")
    entry = lookup(NOISES, noise, "noise model")
    for parameter in entry.parameters:
        if isinstance(parameter, OpenParameter) and parameter.name in pairs:
            try:
                pairs[parameter.name] = json.loads(pairs[parameter.name])
            except ValueError:
                raise BadInputError(
                    f"--noise-param {parameter.name} must be JSON, got {pairs[parameter.name]!r}"
                ) from None
    parts = pairs.get("components")
    if isinstance(parts, list) and all(isinstance(part, dict) for part in parts):
        pairs["components"] = complete_components(parts, facts)
    return pairs


def _pairs(texts: list[str] | None, flag: str, example: str) -> dict[str, str]:
    pairs = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise BadInputError(f"{flag} takes NAME=VALUE, such as {example}, got {text!r}")
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
    dataset: o.Dataset = "digits",
    num_train: o.NumTrain = None,
    noise: o.Noise = "symmetric",
    noise_rate: o.NoiseRate = 0.0,
    noise_matrix: o.NoiseMatrix = None,
    noise_param: o.NoiseParam = None,
    loss: o.Losses = None,
    loss_param: o.LossParam = None,
    reduction: o.Reduction = "mean",
    max_log_odds: o.MaxLogOdds = None,
    model: o.Model = None,
    recipe: o.RecipeName = None,
    epochs: o.Epochs = None,
    iterations: o.Iterations = None,
    batch_size: o.BatchSize = None,
    lr: o.Lr = None,
    momentum: o.Momentum = None,
    weight_decay: o.WeightDecay = None,
    schedule: o.Schedule = None,
    augment: o.Augment = None,
    eval_every: o.EvalEvery = None,
    folds: o.Folds = None,
    seed: o.Seeds = None,
    noise_seed: o.NoiseSeed = None,
    device: o.Device = "auto",
    threads: o.Threads = None,
    home: o.Home = None,
    as_json: o.AsJson = False,
) -> None:
    """Train one run in the foreground, with a progress bar."""
    where = resolve_home(home)
    losses, seeds = loss or ["cce"], seed or [0]
    if len(losses) > 1 or len(seeds) > 1:
        raise BadInputError("train takes one --loss and one --seed; use `imae submit` for several")
    config = _config(
        where, dataset, device, losses[0], loss_param, reduction, max_log_odds, noise, noise_rate, noise_matrix,
        noise_param, num_train=num_train, model=model, recipe=recipe, epochs=epochs, iterations=iterations, batch_size=batch_size,
        lr=lr, momentum=momentum, weight_decay=weight_decay, schedule=schedule, augment=augment,
        eval_every=eval_every, num_folds=folds, seed=seeds[0], noise_seed=noise_seed, threads=threads,
    )  # fmt: skip
    from imae_core.runs.foreground import begin

    folder = begin(where, config)
    console.print(f"home {where} · run {folder.run_id} · {config.title}", highlight=False)
    result = _train_in_foreground(where, folder)
    if as_json:
        print(json.dumps(without_nan(result)))
    else:
        console.print(_result_table(result))


def _train_in_foreground(home: Path, folder: RunFolder) -> dict[str, Any]:
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
        "train_accuracy_given", "train_accuracy_true", "hybrid_accuracy", "realized_noise_rate", "detection_auc",
        "seconds", "examples_per_second",
    ):  # fmt: skip
        value = result[name]
        table.add_row(name, "not defined" if value is None else f"{value:,.4g}")
    return table


@app.command(name="submit")
def submit_command(
    dataset: o.Dataset = "digits",
    num_train: o.NumTrain = None,
    noise: o.Noise = "symmetric",
    noise_rate: o.NoiseRate = 0.0,
    noise_matrix: o.NoiseMatrix = None,
    noise_param: o.NoiseParam = None,
    loss: o.Losses = None,
    loss_param: o.LossParam = None,
    reduction: o.Reduction = "mean",
    max_log_odds: o.MaxLogOdds = None,
    model: o.Model = None,
    recipe: o.RecipeName = None,
    epochs: o.Epochs = None,
    iterations: o.Iterations = None,
    batch_size: o.BatchSize = None,
    lr: o.Lr = None,
    momentum: o.Momentum = None,
    weight_decay: o.WeightDecay = None,
    schedule: o.Schedule = None,
    augment: o.Augment = None,
    eval_every: o.EvalEvery = None,
    folds: o.Folds = None,
    seed: o.Seeds = None,
    noise_seed: o.NoiseSeed = None,
    device: o.Device = "auto",
    threads: o.Threads = None,
    group: Annotated[str, typer.Option(help="A name for these runs together.")] = "",
    home: o.Home = None,
    as_json: o.AsJson = False,
) -> None:
    """Queue one run for each loss and seed; they train in the background."""
    where = resolve_home(home)
    configs = [
        _config(
            where, dataset, device, name, loss_param, reduction, max_log_odds, noise, noise_rate, noise_matrix,
            noise_param, num_train=num_train, model=model, recipe=recipe, epochs=epochs, iterations=iterations,
            batch_size=batch_size, lr=lr, momentum=momentum, weight_decay=weight_decay, schedule=schedule,
            augment=augment, eval_every=eval_every, num_folds=folds, seed=number, noise_seed=noise_seed, threads=threads,
        )
        for name in loss or ["cce"]
        for number in seed or [0]
    ]  # fmt: skip
    run_ids = submit(where, configs, group)
    if as_json:
        print(json.dumps({"run_ids": run_ids}))
    else:
        console.print(f"queued in {where}:", *run_ids, sep="\n  ", highlight=False)
