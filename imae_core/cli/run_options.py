"""What `train`, `submit` and `choose` let people say of a run: every field is an option, declared once."""

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, get_args

import numpy as np
import typer

from imae_core.catalog import DATASETS, LOSSES, MODELS, NOISES, OpenParameter, lookup
from imae_core.config import RunConfig
from imae_core.data.facts import DatasetFacts, complete_components, dataset_facts, known_params
from imae_core.errors import BadInputError
from imae_core.hardware import gpus
from imae_core.recipes import RECIPES, make_config

Option = typer.Option
P = ParamSpec("P")


def _words(field: str) -> str:
    """The words that a field of RunConfig takes."""
    return ", ".join(get_args(RunConfig.model_fields[field].annotation))


@dataclass(frozen=True)
class RunOptions:
    """The options; None leaves a choice to the recipe. Those that name a field of RunConfig are handed to it as they are."""

    dataset: Annotated[str, Option(help=f"Data set: {', '.join(DATASETS)}, or one of your own.")] = "digits"
    num_train: Annotated[int | None, Option(help="Train on a stratified subset of that many examples.")] = None
    noise: Annotated[str, Option(help=f"Noise model: {', '.join(NOISES)}.")] = "symmetric"
    noise_rate: Annotated[float, Option(help="Noise rate, a fraction in [0, 1].")] = 0.0
    noise_matrix: Annotated[
        Path | None, Option(help="K x K transition matrix as CSV, for --noise transition_matrix.")
    ] = None
    noise_param: Annotated[
        list[str] | None,
        Option(
            help="A parameter of the noise model, such as source=svhn or sigma=0.2; may be repeated. Lists are JSON."
        ),
    ] = None
    loss: Annotated[list[str] | None, Option(help=f"Loss: {', '.join(LOSSES)}. `submit` takes several.")] = None
    loss_param: Annotated[
        list[str] | None,
        Option(help="A parameter of the loss: T=8, formula=exp(8*p*(1-p)), points=0:1,0.5:7.4,1:1; may be repeated."),
    ] = None
    reduction: Annotated[
        str | None, Option(help="mean, or weight_sum (the gradient divided by the batch's sum of weights).")
    ] = None
    max_log_odds: Annotated[
        float | None,
        Option(help="Let go of an example beyond these log odds (weight 0); 0 for never. Default: 30."),
    ] = None
    model: Annotated[str | None, Option(help=f"Net: {', '.join(MODELS)}; default: by the data's shape.")] = None
    recipe: Annotated[str | None, Option(help=f"Recipe: {', '.join(RECIPES)}; default: by the data.")] = None
    epochs: Annotated[int | None, Option(help="Epochs.")] = None
    iterations: Annotated[int | None, Option(help="Optimiser steps, instead of epochs.")] = None
    batch_size: Annotated[int | None, Option(help="Batch size.")] = None
    sampler: Annotated[
        str | None, Option(help=f"How batches are drawn: {_words('sampler')} (as many of each of a few given classes).")
    ] = None
    classes_per_batch: Annotated[
        int | None, Option(help="Classes of a class-balanced batch; must divide the batch size.")
    ] = None
    lr: Annotated[float | None, Option(help="Learning rate at the start, or at a triangle's peak.")] = None
    momentum: Annotated[float | None, Option(help="Momentum of SGD.")] = None
    nesterov: Annotated[bool | None, Option(help="Whether the momentum looks ahead (Nesterov).")] = None
    weight_decay: Annotated[float | None, Option(help="Weight decay.")] = None
    norm_bias_lr_factor: Annotated[
        float | None, Option(help="Times the learning rate for batch norm's biases, which decay as all others do.")
    ] = None
    schedule: Annotated[str | None, Option(help=f"Of the learning rate: {_words('schedule')}.")] = None
    warmup: Annotated[
        float | None, Option(help="Share of training until the peak of --schedule triangle, in (0, 1).")
    ] = None
    grad_clip: Annotated[float | None, Option(help="Largest norm of the whole gradient; 0 for any.")] = None
    augment: Annotated[str | None, Option(help=f"Random crops and flips: {_words('augment')}.")] = None
    normalize: Annotated[
        str | None, Option(help=f"What is done to inputs: {_words('normalize')}; default: as imported.")
    ] = None
    validation_fraction: Annotated[
        float | None,
        Option(help="Share of the training rows, up to 0.5, that is judged by its given labels and not trained on."),
    ] = None
    eval_every: Annotated[int | None, Option(help="Epochs between passes in evaluation mode.")] = None
    num_folds: Annotated[
        int | None,
        Option(
            "--folds",
            help="Train one net for each of so many folds (2 to 20): every example is judged by a net that never saw it.",
        ),
    ] = None
    compile: Annotated[
        str | None, Option(help=f"Compile the net: {_words('compile')}; default: auto, where it pays.")
    ] = None
    precision: Annotated[
        str | None, Option(help=f"Of training steps: {_words('precision')}; default: auto, mixed on a GPU.")
    ] = None
    seed: Annotated[list[int] | None, Option(help="Training seed. `submit` takes several.")] = None
    noise_seed: Annotated[int | None, Option(help="Seed of the noise; default: the training seed.")] = None
    device: Annotated[str, Option(help="auto, cpu or cuda:N.")] = "auto"
    threads: Annotated[int | None, Option(help="CPU threads.")] = None

    @property
    def losses(self) -> list[str]:
        return self.loss or ["cce"]

    @property
    def seeds(self) -> list[int]:
        return self.seed or [0]

    def configs(self, home: Path) -> list[RunConfig]:
        """One config for each loss and seed, losses first."""
        return [self.config(home, loss, seed) for loss in self.losses for seed in self.seeds]

    def config(
        self, home: Path, loss: str, seed: int, loss_params: dict[str, Any] | None = None, **changes: Any
    ) -> RunConfig:
        """What the options say of a run with this loss and seed; `loss_params` go over `--loss-param`, `changes` over the
        options of the same name."""
        facts = dataset_facts(home, self.dataset)
        on_gpu = self.device.startswith("cuda") or (self.device == "auto" and bool(gpus()))
        choice: dict[str, Any] = {
            "name": loss,
            "params": _pairs(self.loss_param, "--loss-param", "T=8") | (loss_params or {}),
        }
        if self.reduction is not None:
            choice["reduction"] = self.reduction
        if self.max_log_odds is not None:
            choice["max_log_odds"] = self.max_log_odds or None
        as_they_are = [field.name for field in fields(self) if field.name in RunConfig.model_fields]
        chosen = {name: getattr(self, name) for name in as_they_are}
        return make_config(
            input_shape=facts.input_shape,
            num_available=facts.num_train,
            on_gpu=on_gpu,
            recipe=self.recipe,
            **chosen | {"loss": choice, "seed": seed, "noise": self._noise(facts)} | changes,
        )

    def _noise(self, facts: DatasetFacts) -> dict[str, Any]:
        params = known_params(self.noise, facts) | noise_params(self.noise, self.noise_param, facts)
        if self.noise == "transition_matrix" and "matrix" not in params:
            params["matrix"] = _read_matrix(self.noise_matrix)
        elif self.noise_matrix is not None:
            raise BadInputError(f"--noise-matrix goes with --noise transition_matrix, not with {self.noise}")
        return {"kind": self.noise, "rate": self.noise_rate, "params": params}


def takes_run_options(command: Callable[Concatenate[RunOptions, P], None]) -> Callable[..., None]:
    """Gives a command every field of RunOptions as an option; it gets them as one object, its first argument."""
    own = list(inspect.signature(command).parameters.values())[1:]
    shared = [
        inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type)
        for field in fields(RunOptions)
    ]

    @wraps(command)
    def command_of_options(**values: Any) -> None:
        options = RunOptions(**{field.name: values.pop(field.name) for field in shared})
        command(options, **values)  # type: ignore[call-arg]

    parameters = [*shared, *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own)]
    command_of_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command_of_options.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command_of_options


def noise_params(noise: str, texts: list[str] | None, facts: DatasetFacts) -> dict[str, Any]:
    """Parameters by name; what is no number or text of the catalog is read as JSON."""
    pairs = _pairs(texts, "--noise-param", "source=svhn")
    for parameter in lookup(NOISES, noise, "noise model").parameters:
        if isinstance(parameter, OpenParameter) and parameter.name in pairs:
            given = pairs[parameter.name]
            try:
                pairs[parameter.name] = json.loads(given)
            except ValueError:
                raise BadInputError(f"--noise-param {parameter.name} must be JSON, got {given!r}") from None
    parts = pairs.get("components")
    if isinstance(parts, list) and all(isinstance(part, dict) for part in parts):
        pairs["components"] = complete_components(parts, facts)
    return pairs


def _pairs(texts: list[str] | None, flag: str, example: str) -> dict[str, Any]:
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
