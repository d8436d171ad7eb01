"""Named training recipes, and the config that a choice of data and recipe amounts to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imae_core.catalog import LOSSES, lookup
from imae_core.config import RunConfig, parse_config
from imae_core.hardware import cpu_cores
from imae_core.models.choice import default_model


@dataclass(frozen=True)
class Recipe:
    """Settings of a RunConfig under a name, and the loss's `reduction`; `source` says where they come from.

    `model` is a name, or as a ModelConfig.
    """

    name: str
    title: str
    summary: str
    source: str
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> dict[str, Any] | None:
        """The recipe's net as a ModelConfig takes it; None where the data decides."""
        model: dict[str, Any] | None = _model(self.values.get("model"))
        return model


AIRBENCH = (
    "after Jordan 2024, arXiv 2404.00498 (airbench94), without its label smoothing, lookahead, alternating flips and averages over "
    "views at test time; no publication has these numbers"
)
FAST = {"momentum": 0.85, "nesterov": True, "weight_decay": 1.3e-3, "schedule": "triangle", "augment": "pad_crop"}

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "small", "Small data", "SGD 0.1, momentum 0.9, weight decay 5e-4, batch 128, 100 epochs, drops by 10 at 50 % "
            "and 75 %. Seconds on a CPU for digits.", "this project's digits recipe",
            {"epochs": 100, "batch_size": 128, "lr": 0.1, "weight_decay": 5e-4, "augment": "none", "eval_every": 1},
        ),
        Recipe(
            "he", "He recipe (full length)", "64,000 steps of batch 128, SGD 0.1, momentum 0.9, weight decay 1e-4, drops by 10 "
            "at 32k and 48k, pad-crop and flip. Made for a GPU; about two days on two CPU cores.",
            "He et al. 2016, arXiv 1512.03385, Section 4.2",
            {"iterations": 64_000, "batch_size": 128, "lr": 0.1, "weight_decay": 1e-4, "augment": "pad_crop", "eval_every": 4},
        ),
        Recipe(
            "cpu_quick", "Quick look on a CPU", "5,000 examples, a small net, 15 epochs of batch 128. For a first look only: not "
            "comparable with published numbers.", "this project; no publication",
            {"epochs": 15, "batch_size": 128, "lr": 0.05, "weight_decay": 5e-4, "augment": "pad_crop", "eval_every": 1,
             "num_train": 5000, "model": "small_cnn"},
        ),
        Recipe(
            "fast", "Fast look on a GPU", "10 epochs of batch 1,024 with a net that whitens its inputs, Nesterov SGD 1, a triangle. To "
            "explore losses before the long run: not comparable with published numbers.", AIRBENCH,
            FAST | {"epochs": 10, "batch_size": 1024, "lr": 1.0, "norm_bias_lr_factor": 16.0, "eval_every": 5, "model": "fast_cnn"},
        ),
        Recipe(
            "fast_cpu", "Fast look on a CPU", "As the fast look on a GPU, with a narrow net: 6 epochs of batch 256 over all "
            "examples, minutes on two cores. To explore losses before the long run: not comparable with published numbers.", AIRBENCH,
            FAST | {"epochs": 6, "batch_size": 256, "lr": 0.3, "norm_bias_lr_factor": 4.0, "eval_every": 3,
                    "model": {"name": "fast_cnn", "params": {"width": 16}}},
        ),
        Recipe(
            "authors_cifar100", "Authors' recipe (CIFAR-100)", "ResNet-44 with projection shortcuts, 30,000 steps of batches of 32 "
            "classes × 8 pictures by given label, SGD 0.1, momentum 0.9, weight decay 5e-4, drops by 10 at 15k and 22k, resized to 36 "
            "and cropped, channel means subtracted, gradient divided by the sum of weights. Made for a GPU.",
            "the authors' code (Caffe) of arXiv 1905.11233",
            {"iterations": 30_000, "batch_size": 256, "sampler": "class_balanced", "classes_per_batch": 32, "lr": 0.1,
             "weight_decay": 5e-4, "milestones": (15 / 30, 22 / 30), "augment": "resize_crop", "normalize": "mean", "eval_every": 5,
             "model": {"name": "resnet44", "params": {"projection": 1}}, "reduction": "weight_sum"},
        ),
        Recipe(
            "apl_cnn8", "8-layer CNN, APL's recipe (CIFAR-10)", "120 epochs of batch 128, SGD 0.01, momentum 0.9, weight decay 1e-4, "
            "cosine to 0, gradient norm clipped at 5, pad-crop and flip. Made for a GPU.",
            "Ma et al. 2020, arXiv 2006.13554, and its public code; there the cosine steps once an epoch, and pictures are "
            "padded with black",
            {"epochs": 120, "batch_size": 128, "lr": 0.01, "weight_decay": 1e-4, "schedule": "cosine", "grad_clip": 5.0,
             "augment": "pad_crop", "eval_every": 1, "model": "cnn8"},
        ),
        Recipe(
            "elr_resnet34", "ResNet-34, ELR's recipe (CIFAR-10)", "120 epochs of batch 128, SGD 0.02, momentum 0.9, weight decay 1e-3, "
            "divided by 100 after 40 and 80 epochs, pad-crop and flip. Made for a GPU.",
            "Liu et al. 2020, arXiv 2007.00151, and its public code (config_cifar10_asym.json)",
            {"epochs": 120, "batch_size": 128, "lr": 0.02, "weight_decay": 1e-3, "milestones": (40 / 120, 80 / 120),
             "lr_drop": 0.01, "augment": "pad_crop", "eval_every": 1, "model": "resnet34"},
        ),
    )
}  # fmt: skip


def default_recipe(input_shape: tuple[int, ...], on_gpu: bool) -> str:
    """`small` for tables and tiny pictures, the He recipe on a GPU, the quick look on a CPU."""
    if default_model(input_shape, on_gpu) == "mlp":
        return "small"
    return "he" if on_gpu else "cpu_quick"


def make_config(
    dataset: str,
    input_shape: tuple[int, ...],
    num_available: int,
    *,
    on_gpu: bool = False,
    recipe: str | None = None,
    **overrides: Any,
) -> RunConfig:
    """A full config from a data set's facts, a recipe (default: by shape and device) and what a person chose.

    Overrides with the value None are left to the recipe. `loss`, `noise` and `model` take what their configs take;
    `model` may also be a name. A net's parameters that are not given take the recipe's if it is the recipe's net, those of the
    loss its defaults for the data set; the loss's reduction is the recipe's unless it is given. Raises BadInputError as
    `parse_config`.
    """
    chosen_recipe = lookup(RECIPES, recipe or default_recipe(input_shape, on_gpu), "recipe")
    chosen = {key: value for key, value in overrides.items() if value is not None}
    values = dict(chosen_recipe.values)
    if "epochs" in chosen or "iterations" in chosen:
        values.pop("epochs", None)
        values.pop("iterations", None)
    if chosen.get("sampler", "class_balanced") != "class_balanced":
        values.pop("classes_per_batch", None)
    if values.get("num_train", 0) >= num_available:
        values.pop("num_train")
    values |= chosen
    if values.get("num_train") == num_available:
        values.pop("num_train")
    values["model"] = _completed(_model(chosen.get("model")), chosen_recipe.model) or _model(
        default_model(input_shape, on_gpu)
    )
    values.setdefault("threads", 1 if values["model"].get("name") == "mlp" else cpu_cores())
    reduction = values.pop("reduction", "mean")
    loss = values.get("loss", {})
    if isinstance(loss, Mapping):
        values["loss"] = {"reduction": reduction, **_with_defaults(loss, dataset)}
    return parse_config({"dataset": dataset} | values)


def _model(model: Any) -> Any:
    return {"name": model} if isinstance(model, str) else model


def _completed(given: Any, usual: dict[str, Any] | None) -> Any:
    """A chosen net with the parameters that the recipe gives it; the recipe's if none was chosen."""
    if given is None:
        return usual
    if usual is None or not isinstance(given, Mapping) or given.get("name") != usual["name"]:
        return given
    return {**given, "params": {**usual.get("params", {}), **(given.get("params") or {})}}


def _with_defaults(loss: Mapping[str, Any], dataset: str) -> dict[str, Any]:
    entry = lookup(LOSSES, loss.get("name", "cce"), "loss")
    return {**loss, "params": entry.defaults_for(dataset) | entry.validate_given(loss.get("params") or {})}
