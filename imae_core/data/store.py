"""Prepared data sets on disk: `<home>/datasets/<name>/` with dataset.json and memory-mapped arrays."""

import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from imae_core.catalog import DATASETS
from imae_core.data.dataset import Dataset
from imae_core.data.digits import load_digits
from imae_core.errors import DatasetError, FormatVersionError
from imae_core.files import read_json, write_json

FORMAT_VERSION = 1
ARRAYS = ("train_inputs", "train_labels", "test_inputs", "test_labels", "train_true_labels")
FACTS = (
    "name", "title", "class_names", "scale", "shift", "spread", "mapping", "flip", "labels_are_true", "feature_names",
    "fingerprint",
)  # fmt: skip


@dataclass(frozen=True)
class DatasetRecord:
    """A line of the list; `ready` means that it can be trained on without fetching anything.

    `labels` says what is known of them: "true", "true and given", or "as uploaded".
    """

    name: str
    title: str
    builtin: bool
    ready: bool
    num_train: int
    num_test: int
    num_classes: int
    shape: tuple[int, ...]
    labels: str = "true"


def dataset_path(home: Path, name: str) -> Path:
    """Where a data set lies; DatasetError for a name that is no plain file name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name):
        raise DatasetError(
            f"a data set's name is made of letters, digits, '_', '-' and '.', at most 100 and not a path, got {name!r}"
        )
    return home / "datasets" / name


def is_ready(home: Path, name: str) -> bool:
    """Whether `load_dataset` will find it."""
    return name == "digits" or (dataset_path(home, name) / "dataset.json").exists()


def check_free_name(home: Path, name: str) -> None:
    """DatasetError unless a data set of a person's own may be called so."""
    if name in DATASETS:
        raise DatasetError(f"{name!r} is the name of a built-in data set; choose another")
    if dataset_path(home, name).exists():
        raise DatasetError(f"there is a data set {name!r} already; remove it first or choose another name")
    owner = _renamed_from(home, name)
    if owner is not None:
        raise DatasetError(f"{name!r} is the former name of {owner!r}, under which its runs know it; choose another")


def save_dataset(home: Path, dataset: Dataset) -> None:
    """Writes all of it or nothing; DatasetError if the name is taken."""
    target = dataset_path(home, dataset.name)
    if target.exists():
        raise DatasetError(f"there is a data set {dataset.name!r} already; remove it first or choose another name")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{dataset.name}.", dir=target.parent))
    try:
        for name in ARRAYS:
            values = getattr(dataset, name)
            if values is not None:
                np.save(temporary / f"{name}.npy", values, allow_pickle=False)
        write_json(temporary / "dataset.json", dataset_facts_of(dataset))
        temporary.chmod(0o755)
        os.rename(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def dataset_facts_of(dataset: Dataset) -> dict[str, Any]:
    """What dataset.json holds."""
    facts = {name: getattr(dataset, name) for name in FACTS}
    sizes = {"num_train": dataset.num_train, "num_test": dataset.num_test, "shape": dataset.input_shape}
    return {"format_version": FORMAT_VERSION, **facts, **sizes}


def open_dataset(home: Path, name: str) -> Dataset:
    """A prepared data set, its arrays mapped from disk; found under a former name too."""
    folder = dataset_path(home, name)
    facts = read_json(folder / "dataset.json")
    if facts is None:
        owner = _renamed_from(home, name)
        if owner is not None:
            return open_dataset(home, owner)
        if name in DATASETS:
            raise DatasetError(f"{name} is not in {home} yet; fetch it with `imae datasets add {name}`")
        known = ", ".join(record.name for record in list_datasets(home))
        raise DatasetError(f"there is no data set {name!r} in {home}; there are: {known}")
    if facts["format_version"] > FORMAT_VERSION:
        raise FormatVersionError(
            f"data set {name} has format version {facts['format_version']}, but this program reads up to "
            f"{FORMAT_VERSION}; update the program"
        )
    arrays: dict[str, Any] = {
        array: np.load(folder / f"{array}.npy", mmap_mode="r", allow_pickle=False)
        for array in ARRAYS
        if (folder / f"{array}.npy").exists()
    }
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in facts.items() if key in FACTS
    }
    return Dataset(**values, **arrays)


def load_dataset(home: Path, name: str) -> Dataset:
    """The embedded digits, or a prepared data set; DatasetError says what to do if it is not there."""
    return load_digits() if name == "digits" else open_dataset(home, name)


def import_report(home: Path, name: str) -> dict[str, Any] | None:
    """What an import found (see `data.imports.report`); None for built-in data sets."""
    return read_json(dataset_path(home, name) / "report.json")  # type: ignore[no-any-return]


def row_names(home: Path, name: str, split: str = "train") -> list[str] | None:
    """File names of the rows, in row order; None where the data did not come as files."""
    path = dataset_path(home, name) / f"{split}_names.arrow"
    if not path.exists():
        return None
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all().column("name").to_pylist()  # type: ignore[no-any-return]


def list_datasets(home: Path) -> list[DatasetRecord]:
    """Built-in data sets first, then those of this home."""
    records = [
        DatasetRecord(e.name, e.title, True, is_ready(home, e.name), e.num_train, e.num_test, e.num_classes, e.shape)
        for e in DATASETS.values()
    ]
    for path in sorted((home / "datasets").glob("[!.]*/dataset.json")):
        facts = read_json(path)
        if facts is not None and facts["name"] not in DATASETS:
            labels = "true" if facts["labels_are_true"] else "as uploaded"
            if (path.parent / "train_true_labels.npy").exists():
                labels = "true and given"
            records.append(
                DatasetRecord(
                    facts["name"], facts["title"], False, True, facts["num_train"], facts["num_test"],
                    len(facts["class_names"]), tuple(facts["shape"]), labels,
                )
            )  # fmt: skip
    return records


def rename_dataset(home: Path, name: str, new_name: str) -> None:
    """Gives a data set of one's own another name; runs find it under the former one too."""
    if name in DATASETS:
        raise DatasetError(f"{name} is built in and keeps its name")
    folder = dataset_path(home, name)
    facts = read_json(folder / "dataset.json")
    if facts is None:
        raise DatasetError(f"there is no data set {name!r} in {home}")
    former = [*facts.get("former_names", []), name]
    if new_name not in former:
        check_free_name(home, new_name)
    target = dataset_path(home, new_name)
    os.rename(folder, target)
    former = [other for other in dict.fromkeys(former) if other != new_name]
    write_json(target / "dataset.json", {**facts, "name": new_name, "title": new_name, "former_names": former})


def remove_dataset(home: Path, name: str) -> None:
    """Removes the prepared files; DatasetError if there are none."""
    if name == "digits":
        raise DatasetError("digits is built in and takes no space; it cannot be removed")
    folder = dataset_path(home, name)
    if not folder.exists():
        raise DatasetError(f"there is no data set {name!r} in {home}")
    shutil.rmtree(folder)


def _renamed_from(home: Path, name: str) -> str | None:
    """The data set that was once called so."""
    for path in (home / "datasets").glob("[!.]*/dataset.json"):
        facts = read_json(path, {})
        if name in facts.get("former_names", []):
            return str(facts["name"])
    return None
