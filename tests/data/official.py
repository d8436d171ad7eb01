"""Small data sets in the publishers' own formats, for the pickers, without a download."""

import gzip
import hashlib
import pickle
import struct
from pathlib import Path

import numpy as np
from scipy.io import savemat
from torchvision import datasets

CIFAR10_NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def _flat(images):
    """(N, H, W, 3) to the batches' (N, 3072)."""
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1)


def write_cifar10(root: Path, train, train_labels, test, test_labels, monkeypatch) -> None:
    """Official pickled batches of images (N, 32, 32, 3) uint8; torchvision's md5 sums become those of these files."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    parts = np.array_split(np.arange(len(train)), 5)
    entries = [(f"data_batch_{i + 1}", train[rows], train_labels[rows]) for i, rows in enumerate(parts)]
    sums = []
    for name, images, labels in [*entries, ("test_batch", test, test_labels)]:
        with (folder / name).open("wb") as file:
            pickle.dump({"data": _flat(images), "labels": [int(x) for x in labels]}, file)
        sums.append([name, _md5(folder / name)])
    with (folder / "batches.meta").open("wb") as file:
        pickle.dump({"label_names": CIFAR10_NAMES}, file)
    meta = {"filename": "batches.meta", "key": "label_names", "md5": _md5(folder / "batches.meta")}
    monkeypatch.setattr(datasets.CIFAR10, "train_list", sums[:5])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", sums[5:])
    monkeypatch.setattr(datasets.CIFAR10, "meta", meta)


def write_cifar100(root: Path, train, train_labels, test, test_labels, monkeypatch) -> None:
    """Official pickled files of CIFAR-100, as `write_cifar10`."""
    folder = root / "cifar-100-python"
    folder.mkdir(parents=True)
    sums = []
    for name, images, labels in (("train", train, train_labels), ("test", test, test_labels)):
        with (folder / name).open("wb") as file:
            pickle.dump({"data": _flat(images), "fine_labels": [int(x) for x in labels]}, file)
        sums.append([name, _md5(folder / name)])
    with (folder / "meta").open("wb") as file:
        pickle.dump({"fine_label_names": [f"fine {i}" for i in range(100)]}, file)
    meta = {"filename": "meta", "key": "fine_label_names", "md5": _md5(folder / "meta")}
    monkeypatch.setattr(datasets.CIFAR100, "train_list", sums[:1])
    monkeypatch.setattr(datasets.CIFAR100, "test_list", sums[1:])
    monkeypatch.setattr(datasets.CIFAR100, "meta", meta)


def write_mnist(root: Path, folder: str, images, labels, test_images, test_labels) -> None:
    """Gzipped and unpacked idx files, (N, 28, 28) uint8."""
    raw = root / folder / "raw"
    raw.mkdir(parents=True)
    for prefix, pictures, classes in (("train", images, labels), ("t10k", test_images, test_labels)):
        for name, array, magic in (("images-idx3", pictures, 2051), ("labels-idx1", classes, 2049)):
            header = struct.pack(f">{1 + array.ndim}i", magic, *array.shape)
            content = header + array.astype(np.uint8).tobytes()
            (raw / f"{prefix}-{name}-ubyte").write_bytes(content)
            with gzip.open(raw / f"{prefix}-{name}-ubyte.gz", "wb") as file:
                file.write(content)


def write_svhn(root: Path, train, train_labels, test, test_labels, monkeypatch) -> None:
    """MATLAB files with images (32, 32, 3, N) and labels 1 to 10, where 10 is the digit 0."""
    root.mkdir(parents=True, exist_ok=True)
    lists = {}
    for split, images, labels in (("train", train, train_labels), ("test", test, test_labels)):
        path = root / f"{split}_32x32.mat"
        written = np.where(labels == 0, 10, labels)[:, None]
        savemat(path, {"X": images.transpose(1, 2, 3, 0), "y": written})
        lists[split] = ["", path.name, _md5(path)]
    monkeypatch.setattr(datasets.SVHN, "split_list", lists)
