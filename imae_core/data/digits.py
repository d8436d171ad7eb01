"""The data set that needs no download."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from imae_core.catalog import DATASETS
from imae_core.data.dataset import Dataset

# those of sklearn.datasets.load_digits (UCI, Alpaydin and Kaynak 1998, CC BY 4.0), as train_test_split divides them; kept
# here because scikit-learn takes the app a second to load, and a hundred megabytes
_FILE = Path(__file__).parent / "digits.npz"


@lru_cache(maxsize=1)
def load_digits() -> Dataset:
    """8x8 digits (N, 1, 8, 8) with values 0 to 16; 500 of 1,797 held out for test (seed 0, stratified)."""
    with np.load(_FILE, allow_pickle=False) as arrays:
        stored = dict(arrays)
    return Dataset(
        name="digits",
        title=DATASETS["digits"].title,
        train_inputs=stored["train_inputs"],
        train_labels=stored["train_labels"].astype(np.int64),
        test_inputs=stored["test_inputs"],
        test_labels=stored["test_labels"].astype(np.int64),
        class_names=tuple(str(digit) for digit in range(10)),
        scale=1 / 16,
    )
