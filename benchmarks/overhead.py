"""What heartbeats, checkpoints and per-example recording cost, as a ratio to the bare training loop.

    python -m benchmarks.overhead [--cifar HOME]    HOME: one that has cifar10 (see benchmarks.cifar_jpeg)

Both loops do the same steps on the same data, one after the other, several times over; the ratio of the medians is printed.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from imae_core.config import RunConfig
from imae_core.data.batches import DeviceData
from imae_core.data.dataset import Dataset
from imae_core.data.normalization import normalization
from imae_core.data.sampling import epoch_order
from imae_core.data.store import load_dataset
from imae_core.losses import build_loss
from imae_core.models import build_model
from imae_core.recipes import make_config
from imae_core.runs.observer import FolderObserver
from imae_core.runs.folder import RunFolder
from imae_core.training.labels import training_labels
from imae_core.training.rows import run_rows
from imae_core.training.trainer import Trainer

CPU = torch.device("cpu")


def bare(config: RunConfig, dataset: Dataset) -> float:
    """Seconds of forward, backward and step alone."""
    model = build_model(config.model.name, dataset.input_shape, dataset.num_classes, seed=0, **config.model.params)
    criterion = build_loss(config.loss.name, **config.loss.params)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay
    )
    data = DeviceData.from_split(dataset, "train", CPU, normalization(dataset, config.normalize), config.augment)
    labels = torch.from_numpy(training_labels(config, dataset).given)
    generator = torch.Generator().manual_seed(0)
    model.train()
    steps, total = 0, config.total_steps(len(labels))
    started = time.perf_counter()
    while steps < total:
        order = epoch_order(len(labels), generator)
        for start in range(0, len(labels), config.batch_size):
            rows = order[start : start + config.batch_size]
            loss = criterion(model(data.inputs(rows, augment=True, generator=generator)), labels[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            steps += 1
            if steps == total:
                break
    return time.perf_counter() - started


def recorded(config: RunConfig, dataset: Dataset) -> float:
    """Seconds of the same steps as a run makes them, less the evaluation passes."""
    with tempfile.TemporaryDirectory() as home:
        folder = RunFolder(Path(home) / "runs" / "run")
        folder.create(config)
        trainer = Trainer(config, run_rows(config, dataset)[0], CPU)
        started = time.perf_counter()
        with FolderObserver(folder, trainer, "") as observer:
            trainer.run(observer)
            observer.save_checkpoint()
        return time.perf_counter() - started - sum(row["eval_seconds"] for row in trainer.history)


def compare(name: str, config: RunConfig, dataset: Dataset, rounds: int) -> None:
    torch.set_num_threads(config.threads)
    pairs = [(bare(config, dataset), recorded(config, dataset)) for _ in range(rounds)]
    plain, full = (float(np.median(column)) for column in zip(*pairs, strict=True))
    steps = config.total_steps(dataset.num_train)
    print(
        f"{name}: {steps} steps, bare {plain:.2f} s, recorded {full:.2f} s, ratio {full / plain:.2f} (median of {rounds})"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cifar", type=Path)
    arguments = parser.parse_args()
    noise = {"rate": 0.4}
    digits = load_dataset(Path(), "digits")
    compare(
        "digits, MLP",
        make_config("digits", (1, 8, 8), 1297, noise=noise, epochs=60, eval_every=10, device="cpu"),
        digits,
        5,
    )
    if arguments.cifar:
        cifar, _ = load_dataset(arguments.cifar, "cifar10").subset(2000, 0)
        config = make_config(
            "cifar10",
            (3, 32, 32),
            2000,
            recipe="he",
            model="resnet20",
            noise=noise,
            iterations=32,
            eval_every=10,
            device="cpu",
        )
        compare("ResNet20, 2,000 CIFAR-10 pictures (JPEG q75)", config, cifar, 3)


if __name__ == "__main__":
    main()
