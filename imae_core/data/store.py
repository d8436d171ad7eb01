"""Prepared data sets on disk: `<home>/datasets/<name>/` with dataset.json and memory-mapped arrays."""

import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imae_core.catalog import DATASETS
from imae_core.data.dataset import Dataset
from imae_core.data.digits import load_digits
from imae_core.errors import DatasetError, FormatVersionError
from imae_core.files import read_json, write_json

FORMAT_VERSION = 1
ARRAYS = ("train_inputs", "train_labels", "test_inputs", "test_labels", "train_true_labels")
FACTS = ("name", "title", "class_names", "scale", "mean", "std", "mapping", "flip")


@dataclass(frozen=True)
class DatasetRecord:
    """A line of the list; `ready` means that it can be trained on without fetching anything."""

    name: str
    title: str
    builtin: bool
    ready: bool
    num_train: int
    num_test: int
    num_classes: int
    shape: tuple[int, ...]


def dataset_path(home: Path, name: str) -> Path:
    """Where a data set lies; DatasetError for a name that is no plain file name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name):
        raise DatasetError(f"a data set's name is made of letters, digits, '_', '-' and '.', got {name!r}")
    return home / "datasets" / name


def is_ready(home: Path, name: str) -> bool:
    """Whether `load_dataset` will find it."""
    return name == "digits" or (dataset_path(home, name) / "dataset.json").exists()


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
        facts = {name: getattr(dataset, name) for name in FACTS}
        sizes = {"num_train": dataset.num_train, "num_test": dataset.num_test, "shape": dataset.input_shape}
        write_json(temporary / "dataset.json", {"format_version": FORMAT_VERSION, **facts, **sizes})
        temporary.chmod(0o755)
        os.rename(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def open_dataset(home: Path, name: str) -> Dataset:
    """A prepared data set, its arrays mapped from disk."""
    folder = dataset_path(home, name)
    facts = read_json(folder / "dataset.json")
    if facts is None:
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
    values: dict[str, Any] = {key: tuple(facts[key]) if isinstance(facts[key], list) else facts[key] for key in FACTS}
    return Dataset(**values, **arrays)


def load_dataset(home: Path, name: str) -> Dataset:
    """The embedded digits, or a prepared data set; DatasetError says what to do if it is not there."""
    return load_digits() if name == "digits" else open_dataset(home, name)


def list_datasets(home: Path) -> list[DatasetRecord]:
    """Built-in data sets first, then those of this home."""
    records = [
        DatasetRecord(e.name, e.title, True, is_ready(home, e.name), e.num_train, e.num_test, e.num_classes, e.shape)
        for e in DATASETS.values()
    ]
    for path in sorted((home / "datasets").glob("*/dataset.json")):
        facts = read_json(path)
        if facts["name"] not in DATASETS:
            records.append(
                DatasetRecord(
                    facts["name"], facts["title"], False, True, facts["num_train"], facts["num_test"],
                    len(facts["class_names"]), tuple(facts["shape"]),
                )
            )  # fmt: skip
    return records


def remove_dataset(home: Path, name: str) -> None:
    """Removes the prepared files; DatasetError if there are none."""
    if name == "digits":
        raise DatasetError("digits is built in and takes no space; it cannot be removed")
    folder = dataset_path(home, name)
    if not folder.exists():
        raise DatasetError(f"there is no data set {name!r} in {home}")
    shutil.rmtree(folder)
