"""27 digits runs (3 losses x 3 noise rates x 3 seeds): as one batched program, and one by one.

    python -m benchmarks.grid [--rounds 5] [--epochs 100]

- training: in one process and one thread, the 27 trainers one after another against one grid of them; nothing is written.
- end to end: through the queue with two workers, each run with a process of its own (IMAE_RUNS_TOGETHER=1) against what the
  runner does by itself; from the submission to the last result, start-up of runner and workers included.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.measure import environment_line, median_and_spread
from imae_core.config import RunConfig
from imae_core.data.store import load_dataset
from imae_core.recipes import make_config
from imae_core.runs.store import Store
from imae_core.runs.submit import run_folder, submit
from imae_core.training.device import resolve_device
from imae_core.training.grid import Grid, Member
from imae_core.training.rows import run_rows
from imae_core.training.trainer import SharedData, Trainer

LOSSES = ("cce", "mae", "imae")
RATES = (0.2, 0.4, 0.6)
SEEDS = (0, 1, 2)


class Nobody:
    """An observer that wants nothing and keeps nothing."""

    def on_progress(self, _progress: object) -> bool:
        return False

    def on_epoch(self, _record: object) -> None: ...


def configs(epochs: int, device: str) -> list[RunConfig]:
    return [
        make_config(
            "digits",
            (1, 8, 8),
            1297,
            loss={"name": loss},
            noise={"rate": rate},
            seed=seed,
            epochs=epochs,
            device=device,
        )
        for loss in LOSSES
        for rate in RATES
        for seed in SEEDS
    ]


def trainers(wanted: list[RunConfig]) -> list[Trainer]:
    digits = load_dataset(Path(), "digits")
    shared: SharedData = {}
    found = []
    for config in wanted:
        rows, validation = run_rows(config, digits)
        found.append(Trainer(config, rows, resolve_device(config.device), validation, shared))
    return found


def one_by_one(own: list[Trainer]) -> None:
    for trainer in own:
        trainer.run(Nobody())


def as_one(own: list[Trainer]) -> None:
    list(Grid([Member(trainer, Nobody()) for trainer in own]).run())


def trained(how: Callable[[list[Trainer]], None], wanted: list[RunConfig]) -> dict[str, Any]:
    """Wall-clock and processor seconds, of which training steps, and the final test accuracies."""
    own = trainers(wanted)
    started, cpu = time.perf_counter(), time.process_time()
    how(own)
    return {
        "wall": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "steps": sum(row["seconds"] for trainer in own for row in trainer.history),
        "accuracies": np.array([trainer.history[-1]["test_accuracy"] for trainer in own]),
    }


def queued(wanted: list[RunConfig], together: int) -> dict[str, Any]:
    """From the submission to the last result, in a home of its own."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        os.environ |= {"IMAE_RUNNER": "external", "IMAE_RUNS_TOGETHER": str(together)}
        started = time.perf_counter()
        run_ids = submit(home, wanted)
        runner = subprocess.Popen(
            [sys.executable, "-m", "imae_core", "runner", "--home", place], stderr=subprocess.DEVNULL
        )
        store = Store(home)
        try:
            while any(not run.has_ended for run in store.runs()):
                time.sleep(0.1)
            wall = time.perf_counter() - started
        finally:
            runner.terminate()
            runner.wait()
        results = [run_folder(home, run_id).result() or {} for run_id in run_ids]
        return {
            "wall": wall,
            "accuracies": np.array([result["final_test_accuracy"] for result in results]),
        }


def table(name: str, slow: list[dict[str, Any]], fast: list[dict[str, Any]], measures: tuple[str, ...]) -> None:
    for measure in measures:
        pairs = [(a[measure], b[measure]) for a, b in zip(slow, fast, strict=True)]
        cells = (
            median_and_spread([a for a, _ in pairs]),
            median_and_spread([b for _, b in pairs]),
            median_and_spread([a / b for a, b in pairs]),
        )
        print(f"| {name}, {measure} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--device", default="cuda:0" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--skip-queue", action="store_true")
    given = parser.parse_args()
    wanted = configs(given.epochs, given.device)
    torch.set_num_threads(1)
    print(f"{environment_line()}, {given.device}, {len(wanted)} runs of {given.epochs} epochs\n")
    print("| | one by one (s) | together (s) | times faster |\n| --- | --- | --- | --- |")
    rounds = [(trained(one_by_one, wanted), trained(as_one, wanted)) for _ in range(given.rounds)]
    slow, fast = map(list, zip(*rounds, strict=True))
    table("training, one thread", slow, fast, ("steps", "wall", "cpu"))
    differences = np.abs(slow[0]["accuracies"] - fast[0]["accuracies"])
    print(
        f"\nFinal test accuracies, alone and together, differ by {differences.mean():.4f} on average, {differences.max():.4f} at most.\n"
    )
    if given.skip_queue:
        return
    print("| | one by one (s) | together (s) | times faster |\n| --- | --- | --- | --- |")
    rounds = [(queued(wanted, 1), queued(wanted, 32)) for _ in range(given.rounds)]
    slow, fast = map(list, zip(*rounds, strict=True))
    table("end to end through the queue", slow, fast, ("wall",))


if __name__ == "__main__":
    main()
