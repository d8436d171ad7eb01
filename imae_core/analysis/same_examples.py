"""The same examples under two losses: who is heard by one and not by the other.

Weights of two losses have different scales, so they are compared by their rank within each run.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from imae_core.analysis.places import mean_ranks
from imae_core.analysis.truth import truth_is_known

TOP_SHARE = 0.1


@dataclass(frozen=True)
class TrainedOn:
    """What a run trained on: data set, its fingerprint ("" for built-in ones), noise seed, and the examples (N,) with
    columns index, given_label, true_label (-1 where unknown or no class is right) and is_corrupted."""

    dataset: str
    fingerprint: str
    noise_seed: int
    examples: pd.DataFrame


@dataclass(frozen=True)
class Change:
    """A way to change sides; `title` has {a} and {b} for the runs' names."""

    title: str
    mask: NDArray[np.bool_]


def why_incomparable(a: TrainedOn, b: TrainedOn) -> str:
    """In a sentence why examples of the two runs are not the same; "" if they are."""
    if a.dataset != b.dataset:
        return f"They trained on different data sets, {a.dataset} and {b.dataset}."
    if a.fingerprint != b.fingerprint:
        return f"They trained on two different data sets that were both named {a.dataset}: one was replaced between the runs."
    shared = _shared(a.examples, b.examples)
    if not len(shared):
        return "They trained on subsets that have no example in common. Choose two runs with the same noise seed."
    different, what = int((shared["given_label_a"] != shared["given_label_b"]).sum()), "labels"
    if not different and truth_is_known(a.examples) and truth_is_known(b.examples):
        different, what = int((shared["is_corrupted_a"] != shared["is_corrupted_b"]).sum()), "inputs"
    if different:
        return (
            f"{different:,} of the {len(shared):,} examples that both saw were given different {what} "
            f"(noise seeds {a.noise_seed} and {b.noise_seed}). Choose two runs with the same noise and noise seed."
        )
    return ""


def same_labels(a: TrainedOn, b: TrainedOn) -> bool:
    """Whether both runs trained on the very same examples with the same given labels: then they can be scored side by side."""
    columns = ("index", "given_label")
    same_data = (a.dataset, a.fingerprint) == (b.dataset, b.fingerprint)
    return same_data and all(np.array_equal(a.examples[name], b.examples[name]) for name in columns)


def same_examples(a: TrainedOn, b: TrainedOn, dynamics_a: pd.DataFrame, dynamics_b: pd.DataFrame) -> pd.DataFrame:
    """One row an example that both runs saw, n in all.

    Columns: index, row_a, row_b (rows in each run), given_label, true_label, is_corrupted, and of each run (suffix _a, _b)
    weight, p_label, predicted and rank, the share of these examples that are lighter, in (0, 1), ties at their mean.
    Dynamics are (N,) tables of one epoch; examples without a weight in one of them are left out.
    """
    shared = _shared(a.examples, b.examples)
    table: pd.DataFrame = pd.DataFrame(
        {
            "index": shared["index"],
            "row_a": shared["row_a"],
            "row_b": shared["row_b"],
            "given_label": shared["given_label_a"],
            "true_label": shared["true_label_a"],
            "is_corrupted": shared["is_corrupted_a"].astype(bool),
        }
    )
    for name, dynamics in (("a", dynamics_a), ("b", dynamics_b)):
        taken = dynamics[["weight", "p_label", "predicted"]].iloc[table[f"row_{name}"].to_numpy()]
        for column in taken:
            table[f"{column}_{name}"] = taken[column].to_numpy()
    weighed = np.isfinite(table["weight_a"]) & np.isfinite(table["weight_b"])
    table = table.loc[weighed].reset_index(drop=True)
    for name in ("a", "b"):
        table[f"rank_{name}"] = (mean_ranks(table[f"weight_{name}"]) - 0.5) / len(table)
    return table


def changes(table: pd.DataFrame, top: float = TOP_SHARE) -> dict[str, Change]:
    """Who changed sides, as masks (n,) over the rows of `same_examples`.

    Heavy: among the share `top` of largest weights; light: in the lower half. Right: the predicted class is the true label,
    or the given one where the truth is not known.
    """
    heavy = {name: table[f"rank_{name}"].to_numpy() >= 1 - top for name in ("a", "b")}
    light = {name: table[f"rank_{name}"].to_numpy() <= 0.5 for name in ("a", "b")}
    truth = table["true_label"].where(table["true_label"] >= 0, table["given_label"]).to_numpy()
    right = {name: table[f"predicted_{name}"].to_numpy() == truth for name in ("a", "b")}
    return {
        "heavy_a": Change("Heavy in {a}, light in {b}", heavy["a"] & light["b"]),
        "heavy_b": Change("Heavy in {b}, light in {a}", heavy["b"] & light["a"]),
        "right_a": Change("Right in {a}, wrong in {b}", right["a"] & ~right["b"]),
        "right_b": Change("Right in {b}, wrong in {a}", right["b"] & ~right["a"]),
    }


def change_table(table: pd.DataFrame, found: dict[str, Change]) -> pd.DataFrame:
    """How many changed sides, indexed by the kind of change: columns title, all, clean, corrupted.

    Clean and corrupted are left out where it is not known which labels are wrong.
    """
    corrupted = table["is_corrupted"].to_numpy()
    rows = [{"title": change.title, "all": int(change.mask.sum()), "clean": int((change.mask & ~corrupted).sum()),
             "corrupted": int((change.mask & corrupted).sum())} for change in found.values()]  # fmt: skip
    counts: pd.DataFrame = pd.DataFrame(rows, index=pd.Index(list(found)))
    return counts if truth_is_known(table) else counts[["title", "all"]]


def density(x: ArrayLike, y: ArrayLike, bins: int = 60) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Counts (bins, bins) by row y and column x of values (n,), and the centres of the columns and rows (bins,)."""
    counts, edges_y, edges_x = np.histogram2d(np.asarray(y), np.asarray(x), bins=bins)
    return counts, (edges_x[:-1] + edges_x[1:]) / 2, (edges_y[:-1] + edges_y[1:]) / 2


def _shared(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Examples of both by `index`, with their rows; columns get the suffixes _a and _b."""
    columns = ["index", "given_label", "true_label", "is_corrupted"]
    first = a[columns].assign(row=np.arange(len(a)))
    second = b[columns].assign(row=np.arange(len(b)))
    if np.array_equal(a["index"], b["index"]):  # the usual case, and a hundred times faster than a merge
        rest = second.drop(columns="index").set_axis(first.index, axis=0)
        return (
            first.set_index("index").add_suffix("_a").reset_index().join(rest.add_suffix("_b").reset_index(drop=True))
        )
    shared: pd.DataFrame = first.merge(second, on="index", suffixes=("_a", "_b"))
    return shared
