"""What is known of a data set without loading it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imae_core.catalog import DATASETS, NOISES, superclasses_of
from imae_core.data.store import open_dataset


@dataclass(frozen=True)
class DatasetFacts:
    """Sizes and shape of a data set; `mapping` is its classes' look-alikes for asymmetric noise, `superclasses` a number for
    each class, where they are known."""

    name: str
    title: str
    input_shape: tuple[int, ...]
    num_classes: int
    num_train: int
    num_test: int
    mapping: tuple[int, ...] | None
    superclasses: tuple[int, ...] | None = None

    @property
    def is_image(self) -> bool:
        return len(self.input_shape) == 3


def dataset_facts(home: Path, name: str) -> DatasetFacts:
    """From the catalog for a built-in data set, from its folder otherwise; DatasetError if there is none."""
    entry = DATASETS.get(name)
    if entry is not None:
        return DatasetFacts(
            name,
            entry.title,
            entry.shape,
            entry.num_classes,
            entry.num_train,
            entry.num_test,
            entry.mapping,
            entry.superclasses,
        )
    data = open_dataset(home, name)
    return DatasetFacts(
        name,
        data.title,
        data.input_shape,
        data.num_classes,
        data.num_train,
        data.num_test,
        data.mapping,
        superclasses_of(data.mapping),
    )


def known_params(noise: str, facts: DatasetFacts) -> dict[str, Any]:
    """Parameters of a noise model that the data set itself decides: its look-alike classes, its superclasses."""
    known = {"asymmetric": ("mapping", facts.mapping), "superclass_swap": ("superclasses", facts.superclasses)}
    name, value = known.get(noise, ("", None))
    return {} if value is None else {name: list(value)}


def complete_components(parts: Sequence[Mapping[str, Any]], facts: DatasetFacts) -> list[dict[str, Any]]:
    """A mixture's parts with the parameters that the data set decides, where they were not given."""
    return [
        {**part, "params": known_params(str(part.get("kind")), facts) | dict(part.get("params") or {})}
        for part in parts
    ]


def offered_noises(facts: DatasetFacts) -> list[str]:
    """The noise models that make sense for a data set."""
    without = {
        "superclass_swap": facts.superclasses is None,
        "legacy_block5": facts.num_classes % 5 != 0,
        "open_set": not facts.is_image,
    }
    return [name for name in NOISES if not without.get(name, False)]
