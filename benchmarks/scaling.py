"""What a recorded run costs against the number of examples, of classes and of epochs, and what reading its data from the
disk costs against keeping them in memory.

    python -m benchmarks.scaling [--part examples|classes|epochs|streaming] [--small]

Each line is a process of its own that carries out a whole run as a worker does, on synthetic rows. Seconds are those of an
epoch, medians of the last five. Training is forward, backward and step; recording what is kept of each example's dynamics
in the steps and worked up at their end; evaluation both passes over training and test rows; the rest is what is waited for of
writing, histograms and checkpoints. CPU is what all threads of the process spent in the epoch: on a busy machine it says
more.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from benchmarks.measure import PeakMemory, environment_line, median_and_spread
from imae_core.data.dataset import Dataset
from imae_core.data.store import save_dataset
from imae_core.data.stored import VARIABLE
from imae_core.recipes import make_config
from imae_core.runs.execute import execute
from imae_core.runs.folder import RunFolder
from imae_core.training.recorder import DynamicsRecorder

MEASURED = 5
PARTS = ("examples", "classes", "epochs", "streaming")
PARTS_OF_AN_EPOCH = ("training", "recording", "evaluation", "rest")
COLUMNS = ("whole", *PARTS_OF_AN_EPOCH, "CPU")


@dataclass(frozen=True)
class Size:
    """One line; pictures of the size of digits for the MLP, or of CIFAR for a convolutional net."""

    num_examples: int
    num_classes: int = 10
    epochs: int = MEASURED + 1
    model: str = "mlp"

    @property
    def shape(self) -> tuple[int, int, int]:
        return (1, 8, 8) if self.model == "mlp" else (3, 32, 32)

    @property
    def text(self) -> str:
        return f"{self.num_examples:,} | {self.num_classes:,} | {self.epochs:,}"


def sizes(part: str, is_small: bool) -> list[Size]:
    """The lines of a part."""
    if is_small:
        return [Size(200 if part == "streaming" else 600, 20 if part == "classes" else 10)]
    return {
        "examples": [Size(number) for number in (1000, 3000, 10_000, 30_000, 100_000)],
        "classes": [Size(10_000, number) for number in (10, 30, 100, 300, 1000)],
        "epochs": [Size(3000, epochs=number) for number in (6, 30, 150, 600)],
        "streaming": [Size(20_000), Size(1500, model="small_cnn")],
    }[part]


def synthetic(size: Size) -> Dataset:
    """Noisy copies of one pattern a class; test rows are a tenth, at least one a class."""
    generator, shape = np.random.default_rng(0), size.shape
    num_test = max(size.num_examples // 10, size.num_classes)
    patterns = generator.integers(0, 256, (size.num_classes, *shape))
    labels = np.arange(size.num_examples + num_test) % size.num_classes
    pictures = np.empty((len(labels), *shape), dtype=np.uint8)
    for rows in np.array_split(np.arange(len(labels)), max(1, len(labels) // 1000)):
        noisy = patterns[labels[rows]] + generator.normal(0, 60, (len(rows), *shape))
        pictures[rows] = np.clip(noisy, 0, 255).astype(np.uint8)
    return Dataset(
        name="patterns", title="Synthetic patterns", train_inputs=pictures[num_test:], train_labels=labels[num_test:],
        test_inputs=pictures[:num_test], test_labels=labels[:num_test],
        class_names=tuple(str(label) for label in range(size.num_classes)), scale=1 / 255, flip=True,
    )  # fmt: skip


class Clock:
    """Takes the time of each epoch of a run, which begins where its recorder is reset, and of what its recorder does for the
    training: in its steps (`record`), and at its end (`columns`)."""

    def __init__(self) -> None:
        self.starts: list[float] = []
        self.cpu_starts: list[float] = []
        self.recording: Counter[tuple[str, int]] = Counter()

    def start_epoch(self) -> None:
        self.starts.append(time.perf_counter())
        self.cpu_starts.append(time.process_time())

    def timed(self, name: str) -> Callable[..., Any]:
        """A method of the recorder that is also timed."""
        method = getattr(DynamicsRecorder, name)

        def timed(*arguments: Any) -> Any:
            is_training = torch.is_grad_enabled()  # evaluation records too
            if name == "reset":
                self.start_epoch()
            started = time.perf_counter()
            found = method(*arguments)
            if is_training:
                self.recording[name, len(self.starts) - 1] += time.perf_counter() - started
            return found

        return timed


def run_once(home: Path, size: Size) -> tuple[list[dict[str, float]], RunFolder]:
    """Carries out a run; the seconds of its last epochs, one dict an epoch, and its folder."""
    config = make_config(
        "patterns", size.shape, size.num_examples, recipe="small", model=size.model, noise={"rate": 0.4}, epochs=size.epochs,
        loss={"name": "imae"}, augment="none" if size.model == "mlp" else "pad_crop", num_train=size.num_examples,
        lr=0.01, threads=1, device="cpu",
    )  # fmt: skip
    folder = RunFolder(home / "runs" / f"run-{time.time_ns()}")
    folder.create(config)
    clock = Clock()
    with patch.multiple(DynamicsRecorder, **{name: clock.timed(name) for name in ("reset", "record", "columns")}):
        execute(folder)
    clock.start_epoch()
    found = []
    for place, row in enumerate(folder.metrics().to_dict("records")):
        whole = clock.starts[place + 1] - clock.starts[place]
        in_steps, at_end = (clock.recording[name, place] for name in ("record", "columns"))
        found.append({
            "whole": whole, "training": row["seconds"] - in_steps, "recording": in_steps + at_end,
            "evaluation": row["eval_seconds"], "rest": whole - row["seconds"] - row["eval_seconds"] - at_end,
            "CPU": clock.cpu_starts[place + 1] - clock.cpu_starts[place],
        })  # fmt: skip
    return found[-MEASURED:], folder


def measure(size: Size) -> dict[str, Any]:
    """One run in this process: seconds by epoch, memory, and bytes of its folder."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        save_dataset(home, synthetic(size))
        with PeakMemory() as peak:
            epochs, folder = run_once(home, size)
        num_bytes = sum(path.stat().st_size for path in folder.path.rglob("*") if path.is_file())
        return {"epochs": epochs, "own": peak.own_bytes, "resident": peak.resident_bytes, "folder": num_bytes}


def compare(size: Size) -> dict[str, Any]:
    """Resident and streamed runs in turn, in this process; seconds of an epoch's training and evaluation."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        save_dataset(home, synthetic(size))
        short = Size(size.num_examples, size.num_classes, 2, size.model)
        found: dict[str, list[dict[str, float]]] = {"resident": [], "streamed": []}
        for _ in range(MEASURED):
            for kind, epochs in found.items():
                with patch.dict(os.environ, {VARIABLE: "0" if kind == "streamed" else "1000"}):
                    epochs.append(run_once(home, short)[0][-1])
        return found


def in_own_process(size: Size, is_comparison: bool) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.scaling", "--one", json.dumps(asdict(size))]
    command += ["--compare"] if is_comparison else []
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


def print_costs(part: str, is_small: bool) -> None:
    names = " | ".join(f"{name} (s)" for name in COLUMNS)
    print(
        f"\n### Against {part}\n\n| N | K | epochs | {names} | own memory (MB) | with mapped files (MB) | run folder (MB) |"
    )
    print("| --- " * (len(COLUMNS) + 6) + "|")
    for size in sizes(part, is_small):
        found = in_own_process(size, is_comparison=False)
        seconds = " | ".join(median_and_spread([epoch[name] for epoch in found["epochs"]], 3) for name in COLUMNS)
        memory = " | ".join(f"{found[name] / 1e6:,.1f}" for name in ("own", "resident", "folder"))
        print(f"| {size.text} | {seconds} | {memory} |", flush=True)


def print_streaming(is_small: bool) -> None:
    print("\n### Read from the disk against kept in memory\n")
    titles = {"training": ("training", "recording"), "evaluation": ("evaluation",), "CPU of both": ("CPU",)}
    print("| net | N | " + " | ".join(f"{title}, resident (s) | streamed (s) | ratio" for title in titles) + " |")
    print("| --- " * 11 + "|")
    for size in sizes("streaming", is_small):
        found = in_own_process(size, is_comparison=True)
        cells = []
        for names in titles.values():
            resident, streamed = (
                [sum(epoch[name] for name in names) for epoch in found[kind]] for kind in ("resident", "streamed")
            )
            ratios = [there / here for here, there in zip(resident, streamed, strict=True)]
            cells += [median_and_spread(resident, 3), median_and_spread(streamed, 3), median_and_spread(ratios)]
        print(f"| {size.model} | {size.num_examples:,} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, action="append", help="only this one; may be given again")
    parser.add_argument(
        "--small", action="store_true", help="one tiny line a part: shows that it works, measures nothing"
    )
    parser.add_argument("--one", metavar="SIZE", help=argparse.SUPPRESS)
    parser.add_argument("--compare", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        size = Size(**json.loads(options.one))
        print(json.dumps(compare(size) if options.compare else measure(size)))
        return
    print(f"`{' '.join(['python -m benchmarks.scaling', *sys.argv[1:]])}`, {environment_line()}, one thread a run")
    for part in options.part or PARTS:
        if part == "streaming":
            print_streaming(options.small)
        else:
            print_costs(part, options.small)
    print(f"\nAfterwards: {environment_line()}")


if __name__ == "__main__":
    main()
