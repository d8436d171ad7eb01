"""What departs from a recipe: one widget for each choice of a RunConfig that is not of data, noise or loss."""

from typing import Any

import streamlit as st

from imae_core.analysis.parameters import value_text
from imae_core.config import RunConfig
from imae_core.data.facts import DatasetFacts
from imae_core.hardware import cpu_cores

SCHEDULES = ["milestones", "cosine", "triangle"]
REDUCTIONS = ["mean", "weight_sum"]
SAMPLERS = ["shuffle", "class_balanced"]
AUGMENTS = ["none", "pad_crop", "resize_crop"]
NORMALIZATIONS = ["default", "none", "mean", "standardize"]
COMPILE = ["auto", "never", "always"]
PRECISIONS = ["auto", "float32", "mixed"]


def recipe_inputs(base: RunConfig, facts: DatasetFacts, key: str) -> dict[str, Any]:
    """The choices as `make_config` takes them, with `reduction` for the loss; they start at those of `base`."""
    columns = st.columns(4)
    with columns[0]:
        values = _length(base, key)
        values |= _batches(base, facts, key)
    with columns[1]:
        values |= _optimiser(base, key)
    with columns[2]:
        values |= _inputs(base, key)
    with columns[3]:
        values |= _evaluation(base, facts, key)
    return values


def _length(base: RunConfig, key: str) -> dict[str, Any]:
    unit = st.selectbox("Length in", ["epochs", "iterations"], index=0 if base.epochs else 1, key=f"unit_{key}",
                        help="An epoch is one pass over the training set; an iteration is one step of the optimiser.")  # fmt: skip
    start = (base.epochs if unit == "epochs" else base.iterations) or 100
    return {unit: st.number_input(unit.capitalize(), 1, 10_000_000, start, key=f"length_{unit}_{key}")}


def _batches(base: RunConfig, facts: DatasetFacts, key: str) -> dict[str, Any]:
    values: dict[str, Any] = {
        "batch_size": st.number_input("Batch size", 1, 65_536, base.batch_size, key=f"batch_{key}")
    }
    values["sampler"] = _one_of(
        "Batches", "sampler", SAMPLERS, base.sampler, key,
        "shuffled: every example once an epoch. class-balanced: as many examples of each of a few classes, by given label; an "
        "epoch may miss examples and repeat others.",
    )  # fmt: skip
    if values["sampler"] == "class_balanced":
        start = min(base.classes_per_batch or facts.num_classes, facts.num_classes)
        values["classes_per_batch"] = st.number_input(
            "Classes a batch", 1, facts.num_classes, start, key=f"classes_{key}",
            help="Must divide the batch size: 32 classes and batches of 256 are 8 examples of each.",
        )  # fmt: skip
    return values


def _optimiser(base: RunConfig, key: str) -> dict[str, Any]:
    return {
        "lr": st.number_input("Learning rate", 1e-6, 100.0, base.lr, 0.01, format="%g", key=f"lr_{key}"),
        "schedule": _one_of(
            "Schedule", "schedule", SCHEDULES, base.schedule, key,
            f"milestones: the learning rate times {base.lr_drop:g} at {' and '.join(f'{share:.0%}' for share in base.milestones)} "
            f"of training. cosine: it falls to 0. triangle: it rises from 0.2 times to the learning rate at {base.warmup:.0%} of "
            "training, then falls to 0.07 times.",
        ),
        "momentum": st.number_input("Momentum", 0.0, 0.999, base.momentum, 0.05, format="%g", key=f"momentum_{key}"),
        "nesterov": st.checkbox("Nesterov", base.nesterov, key=f"nesterov_{key}",
                                help="The momentum looks ahead: the step is the one that the next would be if the gradient stayed."),
        "norm_bias_lr_factor": st.number_input(
            "Norm biases, times", 0.01, 10_000.0, base.norm_bias_lr_factor, 1.0, format="%g", key=f"bias_{key}",
            help="The learning rate of batch norm's biases is that many times the others'; they decay as all others do. Fast recipes "
            "use 64 (Jordan 2024, arXiv 2404.00498); 1: no difference.",
        ),
        "weight_decay": st.number_input(
            "Weight decay", 0.0, 10.0, base.weight_decay, 1e-4, format="%g", key=f"wd_{key}"
        ),
        "grad_clip": st.number_input(
            "Gradient clip", 0.0, 1e6, base.grad_clip or 0.0, 1.0, format="%g", key=f"clip_{key}",
            help="A longer gradient, of all parameters together, is shortened to this norm. 0: never.",
        ),
    }  # fmt: skip


def _inputs(base: RunConfig, key: str) -> dict[str, Any]:
    return {
        "augment": _one_of(
            "Augmentation", "augment", AUGMENTS, base.augment, key,
            "Of training pictures. pad-crop: padded by 4 pixels, cropped at random, half of them mirrored. resize-crop: enlarged by "
            "36/32 and cropped to the old size, at random in training and in the middle otherwise; half of them mirrored.",
        ),
        "normalize": _one_of(
            "Normalisation", "normalize", NORMALIZATIONS, base.normalize, key,
            "as imported: colour pictures less the mean and divided by the standard deviation of each channel, grey ones in [0, 1], "
            "tables in [0, 1] by feature. none: pictures in [0, 1], tables as they are. mean: less the mean of each channel or "
            "feature. standardised: also divided by the standard deviation; tiny pictures pixel by pixel. Which loss wins may "
            "depend on it.",
        ),
        "reduction": _one_of(
            "Reduction", "loss.reduction", REDUCTIONS, base.loss.reduction, key,
            "mean: the paper's formulas. weight_sum: each batch's gradient divided by the sum of its weights, as in the authors' "
            "code; the learning rate then means something else.",
        ),
        "compile": _one_of(
            "Compile the net", "compile", COMPILE, base.compile, key,
            "torch.compile makes the steps of convolutional nets faster and takes a minute or more before the first one. auto: for "
            "long runs. Where it fails, the run goes on without, with a line in its log.",
        ),
        "precision": _one_of(
            "Precision", "precision", PRECISIONS, base.precision, key,
            "Of training steps. mixed: the net in bfloat16, the loss and all that is recorded in float32. auto: mixed for "
            "convolutional nets on a GPU, else float32.",
        ),
        "threads": st.number_input("CPU threads", 1, max(cpu_cores(), base.threads), base.threads, key=f"threads_{key}",
                                   help="Part of the config: on a CPU the same threads give the same bits."),
    }  # fmt: skip


def _evaluation(base: RunConfig, facts: DatasetFacts, key: str) -> dict[str, Any]:
    values: dict[str, Any] = {
        "eval_every": st.number_input(
            "Evaluate every … epochs", 1, 10_000, base.eval_every, key=f"eval_{key}",
            help="A pass over the training and test set without augmentation; accuracies and detection come from it.",
        ),
        "num_train": st.number_input(
            "Training examples", facts.num_classes, facts.num_train, min(base.num_train or facts.num_train, facts.num_train),
            key=f"subset_{key}", help="Fewer than all: a stratified subset.",
        ),
        "num_folds": st.number_input(
            "Folds", 0, 20, base.num_folds or 0, key=f"folds_{key}",
            help="0: one net on all examples. 2 to 20: that many nets, each trained without the examples that it then judges; "
            "for Clean labels, at that many times the cost.",
        ) or None,
    }  # fmt: skip
    if values["num_folds"] is None:
        percent = st.number_input(
            "Validation, %", 0, 50, round(100 * base.validation_fraction), 5, key=f"validation_{key}",
            help="That share of the training examples is judged by its given labels and not trained on: to choose T, or any other "
            "setting, without a clean validation set (Chen et al. 2021, arXiv 2012.04193).",
        )  # fmt: skip
        values["validation_fraction"] = percent / 100
    return values


def _one_of(label: str, field: str, options: list[str], start: str, key: str, help_text: str) -> str:
    return st.selectbox(
        label, options, index=options.index(start), key=f"{field}_{key}", help=help_text,
        format_func=lambda value: value_text(field, value),
    )  # fmt: skip
