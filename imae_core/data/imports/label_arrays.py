"""Human labels as arrays by name, such as CIFAR-10N's and CIFAR-100N's (Wei et al. 2022, arXiv 2110.12088)."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from imae_core.data.dataset import Dataset
from imae_core.errors import DatasetError

ARRAY_ENDINGS = (".pt", ".npy")
Labels = NDArray[np.int64]


def given_columns(names: Sequence[str]) -> list[str]:
    """The arrays that can be given labels: all but the clean ones."""
    return [name for name in names if not name.startswith("clean")]


def labels_of_arrays(arrays: Mapping[str, Labels], base: Dataset, column: str, file_name: str) -> Labels:
    """Given labels (N,) of the training set.

    Args:
        arrays: (N,) by name, in the order of the training set; `clean_label` proves it.
        column: which of them; "" where there is only one.

    Raises DatasetError: no such column, another length, labels out of range, or clean labels that are not the data set's.
    """
    choices = given_columns(list(arrays))
    if not column and len(choices) == 1:
        column = choices[0]
    if column not in choices:
        asked = f"has no labels {column!r}" if column else "has several kinds of labels"
        raise DatasetError(f"{file_name} {asked}; choose a column of: {', '.join(choices) or 'none'}")
    clean = arrays.get("clean_coarse_label" if "coarse" in column else "clean_label")
    if clean is None:
        raise DatasetError(f"{file_name} has no clean_label, so that nothing shows whether its order is the data set's")
    given = arrays[column]
    for name, labels in ((column, given), ("clean_label", clean)):
        if len(labels) != base.num_train:
            raise DatasetError(
                f"{name} has {len(labels):,} labels, but {base.name} has {base.num_train:,} training examples"
            )
    different = int((clean != np.asarray(base.reference_labels)).sum())
    if different:
        raise DatasetError(
            f"{different:,} of the {base.num_train:,} clean labels in {file_name} are not those of {base.name}: the file belongs to "
            "other data or is in another order. CIFAR-N's *_ordered.npy files are in TensorFlow's order; take the .pt file"
        )
    outside = np.flatnonzero((given < 0) | (given >= base.num_classes))
    if len(outside):
        row = int(outside[0])
        raise DatasetError(
            f"{column} of example {row} is {given[row]}, but {base.name} has the classes 0 to {base.num_classes - 1}"
        )
    return given
