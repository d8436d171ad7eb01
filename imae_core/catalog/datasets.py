"""The data sets that need no upload."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class BuiltinDataset:
    """A data set that needs no upload. `shape` is (channels, height, width); `mapping` is for asymmetric noise,
    `superclasses` (a number for each class) for noise inside them."""

    name: str
    title: str
    summary: str
    shape: tuple[int, int, int]
    num_classes: int
    num_train: int
    num_test: int
    download_bytes: int
    files: str
    source: str
    mapping: tuple[int, ...] | None = None
    superclasses: tuple[int, ...] | None = None


def _mapping(num_classes: int, moves: Mapping[int, int]) -> tuple[int, ...]:
    return tuple(moves.get(label, label) for label in range(num_classes))


# fine class -> superclass, in torchvision's (alphabetical) order of the fine classes
_CIFAR100_SUPERCLASS = (
    4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11, 6, 11, 5, 10, 7, 6, 13, 15, 3, 15, 0, 11, 1, 10,
    12, 14, 16, 9, 11, 5, 5, 19, 8, 8, 15, 13, 14, 17, 18, 10, 16, 4, 17, 4, 2, 0, 17, 4, 18, 17, 10, 3, 2, 12, 12, 16,
    12, 1, 9, 19, 2, 10, 0, 1, 16, 12, 9, 13, 15, 13, 16, 19, 2, 4, 6, 19, 5, 5, 8, 19, 18, 1, 2, 15, 6, 0, 17, 8, 14,
    13,
)  # fmt: skip


def _next_in_superclass() -> tuple[int, ...]:
    members: dict[int, list[int]] = {}
    for fine, superclass in enumerate(_CIFAR100_SUPERCLASS):
        members.setdefault(superclass, []).append(fine)
    following = {
        fine: group[(place + 1) % len(group)] for group in members.values() for place, fine in enumerate(group)
    }
    return _mapping(100, following)


DATASETS: dict[str, BuiltinDataset] = {
    entry.name: entry
    for entry in (
        BuiltinDataset("digits", "Digits", "1,797 handwritten digits of 8×8 pixels, built in: no download, seconds a run.",
                       (1, 8, 8), 10, 1297, 500, 0, "", "UCI optical digits, as in scikit-learn"),
        BuiltinDataset("cifar10", "CIFAR-10", "60,000 colour pictures of 32×32 pixels in 10 classes.", (3, 32, 32), 10,
                       50_000, 10_000, 170_498_071, "cifar-10-python.tar.gz", "Krizhevsky 2009",
                       _mapping(10, {9: 1, 2: 0, 4: 7, 3: 5, 5: 3})),
        BuiltinDataset("cifar100", "CIFAR-100", "60,000 colour pictures of 32×32 pixels in 100 classes.", (3, 32, 32),
                       100, 50_000, 10_000, 169_001_437, "cifar-100-python.tar.gz", "Krizhevsky 2009",
                       _next_in_superclass(), _CIFAR100_SUPERCLASS),
        BuiltinDataset("mnist", "MNIST", "70,000 handwritten digits of 28×28 pixels.", (1, 28, 28), 10, 60_000, 10_000,
                       11_594_722, "MNIST/raw/*-ubyte.gz", "LeCun et al. 1998"),
        BuiltinDataset("fashion_mnist", "Fashion-MNIST", "70,000 pictures of clothes of 28×28 pixels in 10 classes.",
                       (1, 28, 28), 10, 60_000, 10_000, 30_878_645, "FashionMNIST/raw/*-ubyte.gz", "Xiao et al. 2017"),
        BuiltinDataset("svhn", "SVHN", "99,289 house-number digits of 32×32 pixels.", (3, 32, 32), 10, 73_257, 26_032,
                       246_345_270, "train_32x32.mat, test_32x32.mat", "Netzer et al. 2011"),
    )
}  # fmt: skip


def superclasses_of(mapping: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """The superclass of each class of a data set made from a built-in one, which is known by its mapping; None: not known."""
    known = (entry for entry in DATASETS.values() if entry.superclasses and entry.mapping == mapping)
    return next((entry.superclasses for entry in known), None)
