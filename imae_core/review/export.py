"""A review as tables that other tools read. Every example, in the order of the data."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from imae_core.data.dataset import Dataset
from imae_core.data.export import export_formats
from imae_core.data.store import import_report, row_names
from imae_core.errors import BadInputError, DatasetError
from imae_core.files import replacing
from imae_core.runs.data import run_dataset
from imae_core.runs.folder import RunFolder

LABEL_COLUMNS = ("given_label", "true_label", "predicted", "suggested_label", "final_label")
KINDS = ("labels", "issues")


def labels_table(folder: RunFolder, suspects: pd.DataFrame, outcome: pd.DataFrame, reviewer: str) -> pd.DataFrame:
    """(N rows) corrected labels: index, file where the data came as files, the labels by name, decision, scores.

    `final_label` is empty for a dropped example. `imae datasets labels` reads the table where none was dropped.
    """
    data = _dataset_or_none(folder)
    table = (
        pd.concat([suspects, outcome.drop(columns="index")], axis=1)
        .sort_values("index", kind="stable")
        .reset_index(drop=True)
    )
    names = None if data is None else data.class_names
    for column in LABEL_COLUMNS:
        if column in table:
            table[column] = in_words(table[column], names)
    table["reviewer"] = np.where(table["decided_by"] == "reviewer", reviewer, "")
    first = ["index", "given_label", "suggested_label", "decision", "decided_by", "reviewer", "final_label"]
    files = None if data is None else row_names(folder.home, data.name)
    if files is not None:
        table.insert(1, "file", [files[row] for row in table["index"]])
        first.insert(1, "file")
    return table[[*first, *(column for column in table if column not in first)]]


def issues_table(folder: RunFolder, suspects: pd.DataFrame, outcome: pd.DataFrame, num_suspects: int) -> pd.DataFrame:
    """(N rows) the columns that cleanlab's `Datalab.get_issues("label")` has, and `index`.

    Returns:
        is_label_issue: relabelled or dropped; of the examples that nobody decided, those ranked 1 to `num_suspects`.
        label_score: in [0, 1], lower is more likely to be wrong: the probability of the given label under the final
            net, or its mean over the epochs where no probabilities were kept.
        given_label, predicted_label: class names.
    """
    data = _dataset_or_none(folder)
    names = None if data is None else data.class_names
    decided = outcome["decision"].isin(["keep", "relabel", "drop"])
    changed = outcome["decision"].isin(["relabel", "drop"])
    table = pd.DataFrame(
        {
            "index": suspects["index"],
            "is_label_issue": np.where(decided, changed, suspects["rank"] <= num_suspects),
            "label_score": label_score(folder, suspects),
            "given_label": in_words(suspects["given_label"], names),
            "predicted_label": in_words(suspects["predicted"], names),
        }
    )
    return table.sort_values("index", kind="stable").reset_index(drop=True)


def label_score(folder: RunFolder, suspects: pd.DataFrame) -> pd.Series:
    """(N,) self-confidence of Northcutt et al. 2021, arXiv 1911.00068: higher is more likely to be right."""
    examples = folder.examples()
    probs = folder.array("pred_probs")
    if probs is not None:
        scores = np.asarray(probs[np.arange(len(examples)), examples["given_label"].to_numpy()], dtype=np.float64)
    else:
        scores = folder.trajectory()["mean_p_label"].to_numpy(dtype=np.float64)
    by_index = pd.Series(scores, index=examples["index"])
    return pd.Series(by_index.loc[suspects["index"]].to_numpy(), index=suspects.index)


def in_words(labels: pd.Series, names: Sequence[str] | None) -> pd.Series:
    """(N,) class names, or numbers where the names are gone; missing where the label is missing or below 0."""
    codes = labels.astype("Float64").fillna(-1).to_numpy(dtype=np.int64)
    words = pd.array([None, *(names or map(str, range(int(codes.max(initial=0)) + 1)))], dtype="string")
    return pd.Series(words.take(codes.clip(-1) + 1), index=labels.index)


def write_table(table: pd.DataFrame, target: Path) -> None:
    """As .csv or .parquet; BadInputError for another ending, a file that is there, or a folder that is not."""
    ending = target.suffix.lower()
    if ending not in (".csv", ".parquet"):
        raise BadInputError(f"cannot write {target.name!r}; the name must end in .csv or .parquet")
    if target.exists():
        raise BadInputError(f"{target} is there already; choose another name")
    if not target.parent.is_dir():
        raise BadInputError(f"the folder {target.parent} does not exist")
    with replacing(target) as temporary:
        if ending == ".csv":
            table.to_csv(temporary, index=False)
        else:
            table.to_parquet(temporary, index=False)


def original_format(home: Path, data: Dataset) -> str:
    """The ending that a data set came with, of those that it can be exported to; the usual one for built-in data.

    A repaired data set came as that from which it was made.
    """
    formats = export_formats(data)
    report = import_report(home, data.name) or {}
    while "provenance" in report:
        report = import_report(home, report["provenance"]["dataset"]) or {}
    ending = Path(str(report.get("source", ""))).suffix.lower()
    return ending if ending in formats else formats[0]


def _dataset_or_none(folder: RunFolder) -> Dataset | None:
    try:
        return run_dataset(folder)
    except DatasetError:
        return None
