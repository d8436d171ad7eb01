"""What recording every example costs, as a share of the training time: the same run with and without, in turn.

    python -m benchmarks.recording [--rounds 7] [--device cpu] [--skip-resnet]

Both are runs as a worker carries them out, less the evaluations (those are a choice of their own): with recording each step
keeps its outputs, each epoch works them up, and a thread writes them; without, none of it happens.
"""

import argparse
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.gpu_check import synthetic
from benchmarks.measure import environment_line, median_and_spread
from imae_core.config import RunConfig
from imae_core.data.dataset import Dataset
from imae_core.data.store import load_dataset
from imae_core.recipes import make_config
from imae_core.runs.folder import RunFolder
from imae_core.runs.observer import FolderObserver
from imae_core.training.observer import EpochRecord
from imae_core.training.recorder import DynamicsRecorder
from imae_core.training.rows import run_rows
from imae_core.training.trainer import Trainer


class Deaf(DynamicsRecorder):
    """Records nothing."""

    def record(self, *_: Any) -> None: ...

    def work_up(self) -> None: ...

    def columns(self) -> dict[str, Any]:
        return {name: np.ones(1) for name in ("weight", "predicted")}


class Unrecorded(FolderObserver):
    """Writes everything but what was recorded of single examples."""

    def on_epoch(self, record: EpochRecord) -> None:
        super().on_epoch(replace(record, seen=None))


class UnrecordedTrainer(Trainer):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.recorder.__class__ = Deaf

    def _seen_metrics(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        labels = self.labels
        self.labels = replace(labels, given=labels.given[:1])
        try:
            return super()._seen_metrics(columns)
        finally:
            self.labels = labels


def seconds(config: RunConfig, dataset: Dataset, device: torch.device, records: bool) -> tuple[float, float]:
    """Wall-clock and processor time from the first step to the last file, less the evaluation at the end."""
    with tempfile.TemporaryDirectory() as home:
        folder = RunFolder(Path(home) / "runs" / "run")
        folder.create(config)
        trainer = (Trainer if records else UnrecordedTrainer)(config, run_rows(config, dataset)[0], device)
        started, cpu = time.perf_counter(), time.process_time()
        with (FolderObserver if records else Unrecorded)(folder, trainer, "") as observer:
            trainer.run(observer)
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
        evaluated = sum(row["eval_seconds"] for row in trainer.history)
        return wall - evaluated, cpu - evaluated * (1 if config.threads == 1 else min(config.threads, cpu / wall))


def compare(name: str, config: RunConfig, dataset: Dataset, device: torch.device, rounds: int) -> None:
    torch.set_num_threads(config.threads)
    for records in (True, False):
        seconds(config, dataset, device, records)
    found = [
        [seconds(config, dataset, device, records) for records in order]
        for order in [(True, False), (False, True)] * ((rounds + 1) // 2)
    ][:rounds]
    pairs = [pair if place % 2 == 0 else pair[::-1] for place, pair in enumerate(found)]
    cells = []
    for clock in (0, 1):
        with_, without = ([pair[which][clock] for pair in pairs] for which in (0, 1))
        shares = [100 * (a / b - 1) for a, b in zip(with_, without, strict=True)]
        cells += [median_and_spread(with_), median_and_spread(without), median_and_spread(shares, 1)]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cuda:0" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--skip-resnet", action="store_true")
    given = parser.parse_args()
    device = torch.device(given.device)
    print(f"{environment_line()}, {given.device}\n")
    print("| run | with (s) | without (s) | cost (%) | with (s of CPU) | without (s of CPU) | cost (% of CPU) |")
    print("| --- " * 7 + "|")
    choices = {"noise": {"rate": 0.4}, "device": given.device, "eval_every": 1000}
    digits = make_config("digits", (1, 8, 8), 1297, epochs=100, **choices)
    compare("digits, MLP, 100 epochs, 1 thread", digits, load_dataset(Path(), "digits"), device, given.rounds)
    if not given.skip_resnet:
        resnet = make_config(
            "patterns", (3, 32, 32), 1280, recipe="he", model="resnet20", iterations=40, compile="never", **choices
        )
        compare(
            f"ResNet20, 4 epochs of 1,280 pictures, {resnet.threads} threads",
            resnet,
            synthetic(1280, 100),
            device,
            given.rounds,
        )


if __name__ == "__main__":
    main()
