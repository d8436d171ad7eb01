"""Trains an epoch on more pictures than the memory that it may take: 64 x 64, read from the disk ahead of use.

    python -m benchmarks.larger_than_memory [--examples N] [--limit MEGABYTES]

The limit is the operating system's, on what the process holds beside mapped files; whatever asks for more ends with an
error. The pictures' file has holes where the pictures are: it takes no space, and its pages are mapped like any other's.
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.measure import PeakMemory, environment_line
from imae_core.data.dataset import Dataset
from imae_core.data.stored import VARIABLE, fits
from imae_core.recipes import make_config
from imae_core.training.observer import EpochRecord, Progress
from imae_core.training.rows import run_rows
from imae_core.training.trainer import Trainer

SHAPE = (3, 64, 64)
CLASSES = 100


class Silent:
    """An observer that wants nothing."""

    def on_progress(self, _progress: Progress) -> bool:
        return False

    def on_epoch(self, _record: EpochRecord) -> None: ...


def blank(folder: Path, num_examples: int) -> Dataset:
    path = folder / "pictures.npy"
    np.lib.format.open_memmap(path, "w+", np.uint8, (num_examples, *SHAPE))
    pictures = np.load(path, mmap_mode="r")
    labels = np.arange(num_examples) % CLASSES
    return Dataset(
        name="blank", title="Blank pictures", train_inputs=pictures, train_labels=labels, test_inputs=pictures[:1000],
        test_labels=labels[:1000], class_names=tuple(str(label) for label in range(CLASSES)), scale=1 / 255, flip=True,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=1_280_000)
    parser.add_argument("--limit", type=int, default=4000, metavar="MEGABYTES")
    parser.add_argument(
        "--memory", type=int, metavar="MEGABYTES", help=f"{VARIABLE} for this run; 0 by default", default=0
    )
    options = parser.parse_args()
    os.environ[VARIABLE] = str(options.memory)
    resource.setrlimit(resource.RLIMIT_DATA, (options.limit * 10**6, resource.RLIM_INFINITY))
    torch.set_num_threads(1)
    config = make_config(
        "blank", SHAPE, options.examples, recipe="small", model={"name": "mlp", "params": {"hidden": 16}}, epochs=1,
        batch_size=256, augment="none", noise={"rate": 0.4}, lr=1e-3, device="cpu",
    )  # fmt: skip
    print(environment_line())
    with tempfile.TemporaryDirectory() as folder, PeakMemory() as peak:
        data = blank(Path(folder), options.examples)
        print(
            f"{options.examples:,} pictures of 64 x 64: {fits(data.train_inputs.nbytes, torch.device('cpu'))[1]}",
            flush=True,
        )
        started = time.perf_counter()
        Trainer(config, run_rows(config, data)[0], torch.device("cpu")).run(Silent())
        seconds = time.perf_counter() - started
    print(
        f"An epoch with its evaluation: {seconds:.0f} s; own memory {peak.own_bytes / 1e6:,.0f} MB at most, limit {options.limit:,} MB"
    )


if __name__ == "__main__":
    main()
