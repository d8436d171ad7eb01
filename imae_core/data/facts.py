"""What is known of a data set without loading it."""

from dataclasses import dataclass
from pathlib import Path

from imae_core.catalog import DATASETS
from imae_core.data.store import open_dataset


@dataclass(frozen=True)
class DatasetFacts:
    """Sizes and shape of a data set; `mapping` is its classes' look-alikes for asymmetric noise, where known."""

    name: str
    title: str
    input_shape: tuple[int, ...]
    num_classes: int
    num_train: int
    num_test: int
    mapping: tuple[int, ...] | None


def dataset_facts(home: Path, name: str) -> DatasetFacts:
    """From the catalog for a built-in data set, from its folder otherwise; DatasetError if there is none."""
    entry = DATASETS.get(name)
    if entry is not None:
        return DatasetFacts(
            name, entry.title, entry.shape, entry.num_classes, entry.num_train, entry.num_test, entry.mapping
        )
    data = open_dataset(home, name)
    return DatasetFacts(
        name, data.title, data.input_shape, data.num_classes, data.num_train, data.num_test, data.mapping
    )
