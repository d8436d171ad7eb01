"""Examples per second of our training loop, of the usual one, and of the least that there can be, side by side in one run.

    python -m benchmarks.step [--model resnet20] [--device cpu] [--rounds 5] [--steps 12] [--threads 2]

- plain: torchvision's transforms and a DataLoader (0 and 2 workers; the faster counts), eager, cross entropy, SGD.
- synthetic: one made-up batch over and over, nothing loaded, augmented or recorded; eager and compiled, channels last.
- ours: a run as a worker carries it out, with augmentation, IMAE, recording and its folder; eager, compiled, in bfloat16.

All have the same net, batch of 128, optimiser and threads. A round measures each of them once.
"""

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from benchmarks.gpu_check import synthetic
from benchmarks.measure import environment_line, median_and_spread
from imae_core.config import RunConfig
from imae_core.models import build_model
from imae_core.recipes import make_config
from imae_core.runs.folder import RunFolder
from imae_core.runs.observer import FolderObserver
from imae_core.training.observer import Progress
from imae_core.training.rows import run_rows
from imae_core.training.trainer import Trainer

BATCH = 128
SHAPE = (3, 32, 32)
Seconds = Callable[[int], float]  # of so many steps


class Pictures(Dataset[tuple[torch.Tensor, int]]):
    """As torchvision's CIFAR-10: a picture at a time, through its transforms."""

    def __init__(self, inputs: np.ndarray, labels: np.ndarray) -> None:
        from PIL import Image
        from torchvision import transforms

        self.pictures = [Image.fromarray(picture.transpose(1, 2, 0)) for picture in inputs]
        self.labels = labels.tolist()
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize((0.5,) * 3, (0.25,) * 3),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        return self.transform(self.pictures[row]), self.labels[row]


def net_and_optimizer(model: str, device: torch.device) -> tuple[nn.Module, torch.optim.Optimizer]:
    net = build_model(model, SHAPE, 10, seed=0).to(device).train()
    return net, torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)


def synchronized(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def plain(model: str, device: torch.device, workers: int, pictures: Pictures) -> Seconds:
    net, optimizer = net_and_optimizer(model, device)
    loader = DataLoader(
        pictures,
        BATCH,
        shuffle=True,
        num_workers=workers,
        drop_last=True,
        persistent_workers=workers > 0,
        pin_memory=device.type == "cuda",
    )
    batches: Iterator[tuple[torch.Tensor, torch.Tensor]] = iter(loader)

    def seconds(steps: int) -> float:
        nonlocal batches
        started = synchronized(device)
        for _ in range(steps):
            batch = next(batches, None)
            if batch is None:
                batches = iter(loader)
                batch = next(batches)
            inputs, labels = (part.to(device, non_blocking=True) for part in batch)
            loss = nn.functional.cross_entropy(net(inputs), labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        return synchronized(device) - started

    return seconds


def bare(model: str, device: torch.device, compiled: bool) -> Seconds:
    net, optimizer = net_and_optimizer(model, device)
    net.to(memory_format=torch.channels_last)
    mode = "reduce-overhead" if device.type == "cuda" else None
    forward = torch.compile(net, dynamic=False, mode=mode) if compiled else net
    inputs = torch.randn(BATCH, *SHAPE, device=device).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (BATCH,), device=device)

    def seconds(steps: int) -> float:
        started = synchronized(device)
        for _ in range(steps):
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                logits = forward(inputs)
            loss = nn.functional.cross_entropy(logits.float(), labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        return synchronized(device) - started

    return seconds


class Pacer(FolderObserver):
    """A worker's observer that stops after some steps."""

    stop_at = 0

    def on_progress(self, progress: Progress) -> bool:
        return super().on_progress(progress) or (progress.phase == "training" and progress.step >= self.stop_at)


def ours(config: RunConfig, device: torch.device, home: Path) -> Seconds:
    folder = RunFolder(home / "runs" / f"run-{config.compile}-{config.precision}")
    folder.create(config)
    trainer = Trainer(config, run_rows(config, synthetic(50_000))[0], device)
    observer = Pacer(folder, trainer, "")

    def seconds(steps: int) -> float:
        observer.stop_at = trainer.step + steps
        started = synchronized(device)
        trainer.run(observer)
        return synchronized(device) - started

    return seconds


def loops(model: str, device: torch.device, threads: int, home: Path) -> dict[str, Seconds]:
    config = make_config(
        "patterns", SHAPE, 50_000, recipe="he", model=model, loss={"name": "imae"}, noise={"rate": 0.4},
        threads=threads, device=str(device), compile="never",
    )  # fmt: skip
    data = synthetic(50_000)
    pictures = Pictures(data.train_inputs, data.train_labels)
    return {
        "plain, 0 workers": plain(model, device, 0, pictures),
        "plain, 2 workers": plain(model, device, 2, pictures),
        "synthetic, eager": bare(model, device, False),
        "synthetic, compiled": bare(model, device, True),
        "ours, eager": ours(config, device, home),
        "ours, compiled": ours(config.model_copy(update={"compile": "always"}), device, home),
        "ours, eager, mixed": ours(config.model_copy(update={"precision": "mixed"}), device, home),
        "ours, compiled, mixed": ours(
            config.model_copy(update={"compile": "always", "precision": "mixed"}), device, home
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="resnet20")
    parser.add_argument("--device", default="cuda:0" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    before = environment_line("torch", "torchvision")
    with tempfile.TemporaryDirectory() as home:
        found = loops(given.model, torch.device(given.device), given.threads, Path(home))
        rates: dict[str, list[float]] = {name: [] for name in found}
        for seconds in found.values():
            seconds(3)  # compiles, starts workers, fills caches
        for _, (name, seconds) in itertools.product(range(given.rounds), found.items()):
            rates[name].append(given.steps * BATCH / seconds(given.steps))
    fastest_plain = max(("plain, 0 workers", "plain, 2 workers"), key=lambda name: np.median(rates[name]))
    print(f"{before}, {given.threads} threads, {given.model}, batch {BATCH}, {given.device}\n")
    print("| loop | examples/s | ÷ plain | ÷ synthetic, compiled |\n| --- | --- | --- | --- |")
    for name, values in rates.items():
        ratios = (
            median_and_spread([a / b for a, b in zip(values, rates[other], strict=True)])
            for other in (fastest_plain, "synthetic, compiled")
        )
        print(f"| {name} | {median_and_spread(values, 0)} | {' | '.join(ratios)} |")


if __name__ == "__main__":
    main()
