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
    """Settings of a RunConfig under a name; `source` says where they come from."""

    name: str
    title: str
    summary: str
    source: str
    values: Mapping[str, Any] = field(default_factory=dict)


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "small", "Small data", "SGD 0.1, momentum 0.9, weight decay 5e-4, batch 128, 100 epochs, drops by 10 at 50 % "
            "and 75 %. Seconds on a CPU for digits.", "this project's digits recipe",
            {"epochs": 100, "batch_size": 128, "lr": 0.1, "weight_decay": 5e-4, "augment": False, "eval_every": 1},
        ),
        Recipe(
            "he", "He recipe (full length)", "64,000 steps of batch 128, SGD 0.1, momentum 0.9, weight decay 1e-4, drops by 10 "
            "at 32k and 48k, pad-crop and flip. Made for a GPU; about two days on two CPU cores.",
            "He et al. 2016, arXiv 1512.03385, Section 4.2",
            {"iterations": 64_000, "batch_size": 128, "lr": 0.1, "weight_decay": 1e-4, "augment": True, "eval_every": 4},
        ),
        Recipe(
            "cpu_quick", "Quick look on a CPU", "5,000 examples, a small net, 15 epochs of batch 128. For a first look only: not "
            "comparable with published numbers.", "this project; no publication",
            {"epochs": 15, "batch_size": 128, "lr": 0.05, "weight_decay": 5e-4, "augment": True, "eval_every": 1,
             "num_train": 5000, "model": "small_cnn"},
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
    `model` may also be a name. Parameters of the loss that are not given take its defaults for the data set. Raises BadInputError as `parse_config`.
    """
    name = recipe or default_recipe(input_shape, on_gpu)
    values = dict(lookup(RECIPES, name, "recipe").values)
    chosen = {key: value for key, value in overrides.items() if value is not None}
    if "epochs" in chosen or "iterations" in chosen:
        values.pop("epochs", None)
        values.pop("iterations", None)
    values |= chosen
    if (values.get("num_train") or 0) >= num_available and "num_train" not in chosen:
        values.pop("num_train", None)
    model = values.get("model") or default_model(input_shape, on_gpu)
    values["model"] = {"name": model} if isinstance(model, str) else model
    if "threads" not in values:
        values["threads"] = 1 if values["model"].get("name") == "mlp" else cpu_cores()
    if isinstance(values.get("loss"), Mapping):
        values["loss"] = _with_defaults(values["loss"], dataset)
    return parse_config({"dataset": dataset} | values)


def _with_defaults(loss: Mapping[str, Any], dataset: str) -> dict[str, Any]:
    entry = lookup(LOSSES, loss.get("name", "cce"), "loss")
    return {**loss, "params": entry.defaults_for(dataset) | entry.validate_given(loss.get("params") or {})}
