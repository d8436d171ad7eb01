"""The parameters of runs: configurations as a table, what differs, what agrees, and names for people."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from imae_core.catalog import LOSSES, MODELS, NOISES, Entry, table_text
from imae_core.formula import shown

SEEDS = ("seed", "noise_seed")
# one best value is marked among the rows that agree in these: a rate of 0 % would win every column otherwise
TASK = ("dataset", "num_train", "noise")
ABSENT = ""
MOST_ITEMS = 20

TITLES = {
    "dataset": "data set", "num_train": "training examples", "noise.kind": "noise", "noise.rate": "noise rate",
    "loss.name": "loss", "loss.reduction": "reduction", "loss.max_log_odds": "largest log odds", "model.name": "net",
    "lr": "learning rate", "lr_drop": "learning rate drop", "schedule": "schedule", "augment": "augmentation",
    "nesterov": "Nesterov momentum", "norm_bias_lr_factor": "learning rate of norm biases, times", "warmup": "warm-up share",
    "normalize": "normalisation", "sampler": "batches", "classes_per_batch": "classes a batch", "grad_clip": "gradient clip",
    "validation_fraction": "validation share", "eval_every": "epochs between evaluations", "num_folds": "folds", "compile": "compiled", "precision": "precision", "seed": "seed", "noise_seed": "noise seed",
}  # fmt: skip
_CHOICES = {
    "augment": {"none": "none", "pad_crop": "pad-crop", "resize_crop": "resize-crop"},
    "sampler": {"shuffle": "shuffled", "class_balanced": "class-balanced"},
    "normalize": {"default": "as imported", "none": "none", "mean": "mean", "standardize": "standardised"},
}
_OWNERS = {"loss.params.": "loss.name", "noise.params.": "noise.kind", "model.params.": "model.name"}
_CATALOGS: dict[str, Mapping[str, Entry]] = {"loss.name": LOSSES, "noise.kind": NOISES, "model.name": MODELS}


def flat_parameters(config: Mapping[str, Any], prefix: str = "") -> dict[str, Hashable]:
    """Nested mappings to dotted names, lists and mappings in them to tuples; the format's version is no parameter."""
    found: dict[str, Hashable] = {}
    for name, value in config.items():
        if isinstance(value, Mapping):
            found |= flat_parameters(value, f"{prefix}{name}.")
        elif name != "format_version":
            found[prefix + name] = _hashable(value)
    return found


def parameter_table(configs: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """(R, fields) of configurations by run id, ordered by data, net, noise and loss; ABSENT where a run lacks a field."""
    rows = {run_id: flat_parameters(config) for run_id, config in configs.items()}
    fields: list[str] = list(dict.fromkeys(name for row in rows.values() for name in row))
    order = sorted(rows, key=lambda run_id: _rank(rows[run_id], fields))
    columns = {field: [rows[run_id].get(field, ABSENT) for run_id in order] for field in fields}
    return pd.DataFrame(columns, index=pd.Index(order, name="run_id", dtype=object), dtype=object)


def differing(parameters: pd.DataFrame) -> list[str]:
    """Fields that differ between the runs, seeds included.

    A parameter of a loss, noise or net counts only if it differs between runs of the same one: that CCE has no T is no
    difference beside the loss.
    """
    return [field for field in map(str, parameters) if _differs(parameters, field)]


def agreeing(parameters: pd.DataFrame) -> dict[str, str]:
    """What all runs have in common, in words, by title; a parameter of one loss is named with it."""
    found = {}
    for field in parameters:
        owner = _owner(str(field))
        if _differs(parameters, str(field)):
            continue
        if owner is None:
            found[title(str(field))] = value_text(str(field), parameters[field].iloc[0])
            continue
        for name, part in parameters[parameters[field] != ABSENT].groupby(owner, sort=False):
            found[f"{title(str(field))} ({value_text(owner, name)})"] = value_text(str(field), part[field].iloc[0])
    return found


def title(field: str) -> str:
    """A field's name for people: "noise.rate" is "noise rate", "loss.params.T" is "T"."""
    last = field.rpartition(".")[2]
    return TITLES.get(field, last if _owner(field) else last.replace("_", " "))


def value_text(field: str, value: Any) -> str:
    """A parameter's value for people."""
    if field in _CATALOGS:
        known = _CATALOGS[field].get(value)
        return known.title.split(" (")[0] if known else str(value)
    if field in _CHOICES:
        return _CHOICES[field].get(value, str(value))
    if field in ("noise.rate", "validation_fraction", "warmup"):
        return f"{100 * value:g} %"
    if field == "noise.params.components":
        return " + ".join(_component_text(dict(part)) for part in value)
    if field == "loss.params.formula" and value != ABSENT:
        return shown(value)
    if field == "loss.params.points" and value != ABSENT:
        return table_text(value)
    if isinstance(value, tuple | list):
        square = all(isinstance(row, tuple | list) for row in value)
        if not square and len(value) > MOST_ITEMS:
            return f"{len(value)} numbers"
        return f"{len(value)} × {len(value)} matrix" if square else ", ".join(value_text("", item) for item in value)
    if isinstance(value, bool) or value is None:
        if field == "loss.params.matrix":
            return "the run's noise model"
        return {True: "yes", False: "no", None: "all" if field == "num_train" else "none"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def group_names(parameters: pd.DataFrame, without: Sequence[str] = SEEDS) -> pd.Series:
    """(R,) one name for all runs that agree in all but the fields `without`: the loss, and what else differs."""
    compared = parameters.drop(columns=list(without), errors="ignore")
    shown = [field for field in differing(compared) if field != "loss.name"]
    names: dict[tuple[Hashable, ...], str] = {}
    for key in compared.itertuples(index=False, name=None):
        if key not in names:
            values = dict(zip(compared.columns, key, strict=True))
            name = " · ".join(
                [value_text("loss.name", values.get("loss.name", ABSENT)), *(_phrase(field, values[field]) for field in shown
                  if values[field] != ABSENT)]
            )  # fmt: skip
            taken = sum(other == name or other.startswith(f"{name} (") for other in names.values())
            names[key] = f"{name} ({taken + 1})" if taken else name
    keys = compared.itertuples(index=False, name=None)
    return pd.Series([names[key] for key in keys], index=parameters.index, name="group", dtype=object)


def task_keys(parameters: pd.DataFrame) -> pd.Series:
    """(R,) the same key for rows of the same data and label noise."""
    fields = [field for field in parameters if field in TASK or str(field).partition(".")[0] in TASK]
    keys = list(parameters[fields].itertuples(index=False, name=None))
    codes = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    return pd.Series([codes[key] for key in keys], index=parameters.index)


def _component_text(part: Mapping[str, Any]) -> str:
    """Such as "50 % symmetric 40 %"."""
    return f"{100 * part['share']:g} % {part['kind']} {100 * part['rate']:g} %"


def _phrase(field: str, value: Any) -> str:
    text = value_text(field, value)
    return text if field in ("dataset", "noise.kind", "model.name", "schedule") else f"{title(field)} {text}"


def _hashable(value: Any) -> Hashable:
    if isinstance(value, Mapping):
        return tuple((name, _hashable(item)) for name, item in sorted(value.items()))
    return tuple(_hashable(item) for item in value) if isinstance(value, list | tuple) else value


def _owner(field: str) -> str | None:
    return next((owner for prefix, owner in _OWNERS.items() if field.startswith(prefix)), None)


def _differs(parameters: pd.DataFrame, field: str) -> bool:
    owner = _owner(field)
    if owner is None or owner not in parameters:
        return bool(len(set(parameters[field])) > 1)
    pairs = set(zip(parameters[owner], parameters[field], strict=True))
    return len(pairs) > parameters[owner].nunique()


def _rank(row: Mapping[str, Any], fields: Sequence[str]) -> tuple[Any, ...]:
    first = [str(row.get(field)) for field in ("dataset", "model.name", "noise.kind")]
    losses = list(LOSSES)
    loss = losses.index(row["loss.name"]) if row.get("loss.name") in losses else len(losses)
    rest = [_sortable(row.get(field, ABSENT)) for field in fields if field not in SEEDS]
    return (*first, row.get("noise.rate", 0.0), loss, *rest, row.get("noise_seed", 0), row.get("seed", 0))


def _sortable(value: Any) -> tuple[float, str]:
    return (float(value), "") if isinstance(value, int | float) else (float("inf"), str(value))
