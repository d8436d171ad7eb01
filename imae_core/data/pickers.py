"""torchvision's data sets, converted once into the prepared form that every process can map."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
from numpy.typing import NDArray

from imae_core.catalog import DATASETS, BuiltinDataset, lookup
from imae_core.data.channels import ChannelStatistics
from imae_core.data.dataset import Dataset
from imae_core.data.store import is_ready, save_dataset
from imae_core.errors import DatasetError

Report = Callable[[int, int, str, str], None]
POLL_SECONDS = 0.3
Split = tuple[NDArray[np.uint8], NDArray[np.int64]]
DIGIT_NAMES = tuple(str(digit) for digit in range(10))


def prepare_builtin(home: Path, name: str, report: Report) -> None:
    """Converts a built-in data set; downloads it first if its files are not under `<home>/datasets` yet.

    `report(done, total, message, "bytes")` is called a few times a second and may raise to cancel; what a
    cancelled or failed download left half-written is removed.

    Raises DatasetError: no connection (with the files to put there by hand), or damaged files.
    """
    entry: BuiltinDataset = lookup(DATASETS, name, "built-in data set")
    if is_ready(home, name):
        return
    root = home / "datasets"
    root.mkdir(parents=True, exist_ok=True)
    report(0, entry.download_bytes, f"looking for {entry.title} in {root}", "bytes")
    try:
        train, test, class_names = _load(name, root, download=False)
    except RuntimeError:
        _download(entry, root, report)
        train, test, class_names = _load(name, root, download=False)
    report(entry.download_bytes, entry.download_bytes, "converting", "bytes")
    save_dataset(home, _dataset(entry, train, test, class_names))


def _dataset(entry: BuiltinDataset, train: Split, test: Split, class_names: tuple[str, ...]) -> Dataset:
    mean = std = None
    if entry.shape[0] == 3:
        statistics = ChannelStatistics(3)
        for start in range(0, len(train[0]), 5000):
            statistics.add(train[0][start : start + 5000])
        mean, std = statistics.mean_and_std()
    return Dataset(
        name=entry.name,
        title=entry.title,
        train_inputs=train[0],
        train_labels=train[1],
        test_inputs=test[0],
        test_labels=test[1],
        class_names=class_names,
        scale=1 / 255,
        shift=mean,
        spread=std,
        mapping=entry.mapping,
        flip=entry.name in ("cifar10", "cifar100", "fashion_mnist"),
    )


def _load(name: str, root: Path, *, download: bool) -> tuple[Split, Split, tuple[str, ...]]:
    """Both splits as (N, C, H, W) uint8 and (N,) int64; RuntimeError where torchvision does not find its files."""
    from torchvision import datasets

    if name == "svhn":
        parts = [datasets.SVHN(str(root), split=split, download=download) for split in ("train", "test")]
        splits = [(part.data, part.labels.astype(np.int64)) for part in parts]
        return splits[0], splits[1], DIGIT_NAMES
    kinds: dict[str, Any] = {
        "cifar10": datasets.CIFAR10,
        "cifar100": datasets.CIFAR100,
        "mnist": datasets.MNIST,
        "fashion_mnist": datasets.FashionMNIST,
    }
    parts = [kinds[name](str(root), train=train, download=download) for train in (True, False)]
    class_names = DIGIT_NAMES if name == "mnist" else tuple(parts[0].classes)
    splits = [(_channels_first(part.data), np.asarray(part.targets, dtype=np.int64)) for part in parts]
    return splits[0], splits[1], class_names


def _channels_first(images: Any) -> NDArray[np.uint8]:
    array = np.asarray(images)
    return np.ascontiguousarray(array[:, None] if array.ndim == 3 else array.transpose(0, 3, 1, 2))


def _download(entry: BuiltinDataset, root: Path, report: Report) -> None:
    """Lets torchvision download in a thread, while the growing files tell the progress."""
    before = set(root.rglob("*"))
    problems: list[BaseException] = []

    def fetch() -> None:
        try:
            _load(entry.name, root, download=True)
        except BaseException as error:
            problems.append(error)

    thread = threading.Thread(target=fetch, daemon=True, name=f"download {entry.name}")
    thread.start()
    try:
        while thread.is_alive():
            thread.join(POLL_SECONDS)
            done = sum(path.stat().st_size for path in set(root.rglob("*")) - before if path.is_file())
            report(min(done, entry.download_bytes), entry.download_bytes, f"downloading {entry.title}", "bytes")
        if problems:
            raise _explained(entry, root, problems[0])
    except BaseException:
        _remove_new(root, before)
        raise


def _explained(entry: BuiltinDataset, root: Path, error: BaseException) -> DatasetError:
    by_hand = f"put {entry.files} into {root} and try again"
    if isinstance(error, URLError | TimeoutError | ConnectionError) or "Error downloading" in str(error):
        return DatasetError(f"cannot download {entry.title}: no connection. Where there is no network, {by_hand}")
    if isinstance(error, OSError):
        return DatasetError(f"cannot store {entry.title} in {root}: {error.strerror or error}")
    return DatasetError(f"cannot read the files of {entry.title} ({type(error).__name__}: {error}); {by_hand}")


def _remove_new(root: Path, before: set[Path]) -> None:
    for path in sorted(set(root.rglob("*")) - before, reverse=True):
        if path.is_file():
            path.unlink(missing_ok=True)
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
