"""Labels of an import: classes, their order, and the split."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imae_core.errors import DatasetError
from imae_core.limits import Limits

TEST_SHARE = 0.2
SPLIT_SEED = 0


class ClassCoder:
    """Class names to numbers while streaming; the final order is known at the end."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.codes: dict[str, int] = {}

    def code(self, name: str) -> int:
        """A preliminary number; DatasetError beyond the limit of classes."""
        code = self.codes.setdefault(name, len(self.codes))
        if code >= self.limits.classes:
            examples = ", ".join(repr(name) for name in list(self.codes)[:3])
            raise DatasetError(
                f"there are more than {self.limits.classes:,} classes ({examples}, ...); is the label column the right one? "
                "(IMAE_LIMIT_CLASSES)"
            )
        return code

    def ordered(self) -> tuple[tuple[str, ...], NDArray[np.int64]]:
        """Class names in order (by number where all are whole numbers), and preliminary -> final numbers (K,)."""
        names = sorted(self.codes, key=int) if all(map(_is_whole, self.codes)) else sorted(self.codes)
        final = np.empty(len(names), dtype=np.int64)
        for place, name in enumerate(names):
            final[self.codes[name]] = place
        return tuple(names), final


def _is_whole(text: str) -> bool:
    return text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()


def check_classes(class_names: Sequence[str], train: NDArray[np.int64], test: NDArray[np.int64] | None) -> None:
    """DatasetError unless there are two classes with enough examples each to train and to test."""
    K = len(class_names)
    if K == 0:
        raise DatasetError("there are no examples in it")
    if K == 1:
        raise DatasetError(f"there is only one class, {class_names[0]!r}; at least two are needed")
    counts = np.bincount(train, minlength=K)
    if test is None:
        few = np.flatnonzero(counts < 2)
        reason = "a class needs two: one to train on and one to test on"
    else:
        few = np.flatnonzero(counts < 1)
        reason = "every class of the test split must be in the training split too"
    if len(few):
        named = ", ".join(f"{class_names[place]!r} ({counts[place]})" for place in few[:5])
        more = f" and {len(few) - 5:,} more" if len(few) > 5 else ""
        raise DatasetError(f"{len(few):,} of {K:,} classes have too few training examples: {named}{more}; {reason}")
    if test is not None and not len(test):
        raise DatasetError("the test split is empty; leave it out and 20 % are held out")


def stratified_test_rows(labels: NDArray[np.int64], num_classes: int) -> NDArray[np.bool_]:
    """Which rows (N,) are held out: 20 % of each class, at least one, never all; seed 0."""
    generator = np.random.default_rng(SPLIT_SEED)
    held_out = np.zeros(len(labels), dtype=bool)
    order = np.argsort(labels, kind="stable")
    edges = np.searchsorted(labels[order], np.arange(num_classes + 1))
    for start, end in pairwise(edges):
        rows = order[start:end]
        if len(rows) > 1:
            count = min(max(1, round(TEST_SHARE * len(rows))), len(rows) - 1)
            held_out[generator.permutation(rows)[:count]] = True
    return held_out
