"""The data set that needs no download."""

from functools import lru_cache

import numpy as np

from imae_core.catalog import DATASETS
from imae_core.data.dataset import Dataset


@lru_cache(maxsize=1)
def load_digits() -> Dataset:
    """8x8 digits (N, 1, 8, 8) with values 0 to 16; 500 of 1,797 held out for test (seed 0, stratified)."""
    from sklearn.datasets import load_digits as load
    from sklearn.model_selection import train_test_split

    pixels, labels = load(return_X_y=True)
    images = pixels.reshape(-1, 1, 8, 8).astype(np.uint8)
    train, test = train_test_split(np.arange(len(labels)), test_size=500, random_state=0, stratify=labels)
    return Dataset(
        name="digits",
        title=DATASETS["digits"].title,
        train_inputs=images[train],
        train_labels=labels[train].astype(np.int64),
        test_inputs=images[test],
        test_labels=labels[test].astype(np.int64),
        class_names=tuple(str(digit) for digit in range(10)),
        scale=1 / 16,
    )
