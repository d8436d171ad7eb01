"""What the commands share: the application, its console, and options that several of them take."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from imae_core.catalog import DATASETS, LOSSES, MODELS, NOISES
from imae_core.recipes import RECIPES

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Which training examples does a loss listen to? Trains, queues and exports runs, and keeps data sets.",
)
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
NoiseParam = Annotated[
    list[str] | None,
    typer.Option(
        help="A parameter of the noise model, such as source=svhn or sigma=0.2; may be repeated. Lists are written as JSON."
    ),
]
Losses = Annotated[list[str] | None, typer.Option("--loss", help=f"Loss: {', '.join(LOSSES)}. `submit` takes several.")]
LossParam = Annotated[list[str] | None, typer.Option(help="A parameter of the loss, such as T=8; may be repeated.")]
Reduction = Annotated[
    str, typer.Option(help="mean, or weight_sum (the gradient divided by the batch's sum of weights).")
]
MaxLogOdds = Annotated[
    float | None,
    typer.Option(help="Let go of an example beyond these log odds (weight 0); 0 for never. Default: 30."),
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
Folds = Annotated[
    int | None,
    typer.Option(
        help="Train one net for each of so many folds (2 to 20): every example is judged by a net that never saw it."
    ),
]
Seeds = Annotated[list[int] | None, typer.Option("--seed", help="Training seed. `submit` takes several.")]
NoiseSeed = Annotated[int | None, typer.Option(help="Seed of the noise; default: the training seed.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda:N.")]
Threads = Annotated[int | None, typer.Option(help="CPU threads.")]
