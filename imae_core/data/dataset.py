"""A data set in memory, or mapped from disk."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imae_core.data.inputs import RowInputs
from imae_core.errors import BadInputError


@dataclass(frozen=True)
class Dataset:
    """Training and test rows with their labels.

    Attributes:
        train_inputs, test_inputs: pictures uint8 (N, C, H, W), or tables float32 (N, D); those of a subset, or with noise
            on them, are made when they are indexed.
        train_labels, test_labels: (N,) int64 in [0, K).
        class_names: K names.
        train_true_labels: (N,) where the data set brings known noise; None: train_labels are the reference.
        scale: factor that brings pictures to [0, 1].
        shift, spread: what is taken from scaled inputs, then what they are divided by; of the training rows: mean and
            standard deviation per channel of colour pictures (C,), least value and range per feature of tables (D,).
        labels_are_true: False for uploaded labels that nobody has vouched for: which of them are wrong is not known.
        feature_names: of tables, (D,).
        fingerprint: tells two data sets of one name apart; "" for built-in ones.
        mapping: K look-alike classes for asymmetric noise, where known.
        flip: whether a mirrored picture is still one of its class.
    """

    name: str
    title: str
    train_inputs: NDArray[Any] | RowInputs
    train_labels: NDArray[np.int64]
    test_inputs: NDArray[Any]
    test_labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    scale: float = 1.0
    shift: tuple[float, ...] | None = None
    spread: tuple[float, ...] | None = None
    train_true_labels: NDArray[np.int64] | None = None
    mapping: tuple[int, ...] | None = None
    flip: bool = False
    labels_are_true: bool = True
    feature_names: tuple[str, ...] | None = None
    fingerprint: str = ""

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def num_train(self) -> int:
        return len(self.train_labels)

    @property
    def num_test(self) -> int:
        return len(self.test_labels)

    @property
    def input_shape(self) -> tuple[int, ...]:
        return tuple(self.train_inputs.shape[1:])

    @property
    def reference_labels(self) -> NDArray[np.int64]:
        """(N,) what noise is injected into and measured against: the true labels where known, else those that came with it."""
        return self.train_labels if self.train_true_labels is None else self.train_true_labels

    @property
    def has_own_noise(self) -> bool:
        """Whether it brings given labels beside known true ones."""
        return self.train_true_labels is not None

    @property
    def is_image(self) -> bool:
        return self.train_inputs.ndim == 4

    def subset(self, num_train: int, seed: int) -> tuple["Dataset", NDArray[np.int64]]:
        """A stratified choice of training rows, and which rows (num_train,), in import order.

        Raises BadInputError if there are fewer rows, or fewer asked for than classes.
        """
        if not self.num_classes <= num_train <= self.num_train:
            raise BadInputError(
                f"a subset of {self.name} must have {self.num_classes} (one a class) to {self.num_train} examples, "
                f"got {num_train}"
            )
        rows = stratified_rows(np.asarray(self.train_labels), self.num_classes, num_train, seed)
        true = self.train_true_labels
        smaller = replace(
            self,
            train_inputs=RowInputs(self.train_inputs, rows),
            train_labels=self.train_labels[rows],
            train_true_labels=None if true is None else true[rows],
        )
        return smaller, rows


def stratified_rows(labels: NDArray[np.int64], K: int, size: int, seed: int | tuple[int, ...]) -> NDArray[np.int64]:
    """Rising rows with every class in its share, by largest remainder, at least one of each class that is there."""
    generator = np.random.default_rng(seed)
    counts = np.bincount(labels, minlength=K)
    exact = size * counts / counts.sum()
    take = np.where(counts > 0, np.maximum(np.floor(exact), 1), 0).astype(int)
    while take.sum() != size:
        room = (exact - take) if take.sum() < size else (take - exact)
        movable = take < counts if take.sum() < size else take > 1
        take[np.argmax(np.where(movable, room, -np.inf))] += 1 if take.sum() < size else -1
    chosen = [generator.permutation(np.flatnonzero(labels == label))[: take[label]] for label in range(K)]
    return np.sort(np.concatenate(chosen)).astype(np.int64)
