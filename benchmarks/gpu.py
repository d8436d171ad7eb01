"""Everything that is to be fast on a GPU, in one command: step, recording, grids, full-length runs, several at once, fast recipe.

    python -m benchmarks.gpu [--short]

`--short` is for trying the script itself, on a CPU too: a few steps of each, and no number worth keeping. Made-up pictures of
CIFAR's size stand in for CIFAR-10: how long a step takes does not depend on what it shows.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_check import synthetic
from benchmarks.measure import environment_line, median_and_spread
from imae_core.data.store import save_dataset
from imae_core.recipes import make_config
from imae_core.runs.store import Store
from imae_core.runs.submit import run_folder, submit

SHAPE = (3, 32, 32)
HE = {"recipe": "he", "model": "resnet20", "eval_every": 40}


def module(name: str, *words: str) -> None:
    print(f"\n### `python -m benchmarks.{' '.join([name, *words])}`\n", flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *words], check=True)


def train(home: Path, *words: str) -> dict[str, Any]:
    """A run in the foreground; its result, and `wall`: seconds from the command to its end."""
    command = [
        sys.executable,
        "-m",
        "imae_core",
        "train",
        "--home",
        str(home),
        "--dataset",
        "patterns",
        "--json",
        *words,
    ]
    started = time.perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return json.loads(done.stdout.splitlines()[-1]) | {"wall": time.perf_counter() - started}


def full_length(home: Path, device: str, steps: int, rounds: int) -> None:
    print(
        f"\n### ResNet20, {steps:,} steps of batch 128, recorded\n\n| seconds of training | seconds from the command to its end |\n| --- | --- |"
    )
    words = [
        "--recipe",
        "he",
        "--model",
        "resnet20",
        "--iterations",
        str(steps),
        "--eval-every",
        "40",
        "--loss",
        "imae",
        "--noise-rate",
        "0.4",
    ]
    found = [train(home, *words, "--device", device) for _ in range(rounds)]
    print(
        f"| {median_and_spread([one['seconds'] for one in found])} | {median_and_spread([one['wall'] for one in found])} |",
        flush=True,
    )


def nine_at_once(home: Path, device: str, steps: int, shares: Sequence[int]) -> None:
    """The ResNet20 half of Table 6, with different numbers of processes on the GPU."""
    print(
        f"\n### Nine runs of {steps:,} steps (three losses, three rates)\n\n| runs at a time | seconds |\n| --- | --- |"
    )
    wanted = [
        make_config(
            "patterns", SHAPE, 50_000, loss={"name": loss}, noise={"rate": rate}, iterations=steps, device=device, **HE
        )
        for loss in ("cce", "mae", "imae")
        for rate in (0.0, 0.4, 0.8)
    ]
    for share in shares:
        os.environ |= {"IMAE_RUNNER": "external", "IMAE_RUNS_PER_GPU": str(share)}
        started = time.perf_counter()
        run_ids = submit(home, wanted)
        runner = subprocess.Popen(
            [sys.executable, "-m", "imae_core", "runner", "--home", str(home)], stderr=subprocess.DEVNULL
        )
        store = Store(home)
        try:
            while any(not store.get(run_id).has_ended for run_id in run_ids):
                time.sleep(0.2)
            print(f"| {share} | {time.perf_counter() - started:.1f} |", flush=True)
        finally:
            runner.terminate()
            runner.wait()
        failed = [run_id for run_id in run_ids if store.get(run_id).state != "done"]
        for run_id in failed:
            print(f"failed: {run_id}: {store.get(run_id).message}\n{run_folder(home, run_id).log_tail(2000)}")


def fast_recipe(home: Path, device: str, recipe: str, rounds: int, *more: str) -> None:
    print(
        f"\n### Recipe `{recipe}`, recorded\n\n| seconds of training | seconds from the command to its end |\n| --- | --- |"
    )
    found = [train(home, "--recipe", recipe, "--noise-rate", "0.4", "--device", device, *more) for _ in range(rounds)]
    print(
        f"| {median_and_spread([one['seconds'] for one in found])} | {median_and_spread([one['wall'] for one in found])} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    short = parser.parse_args().short
    has_gpu = torch.cuda.is_available()
    if not has_gpu and not short:
        sys.exit("There is no GPU that PyTorch can use on this machine; --short tries the script on the CPU.")
    device, rounds = ("cuda:0" if has_gpu else "cpu"), (1 if short else 5)
    print(f"{environment_line('torch', 'torchvision')}, {device}")
    module("step", "--rounds", str(rounds), "--steps", "2" if short else "200", "--device", device)
    module("recording", "--rounds", str(rounds), "--device", device, *(["--skip-resnet"] if short else []))
    module("grid", "--rounds", str(rounds), "--epochs", "2" if short else "100", "--device", device)
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        save_dataset(home, synthetic(500 if short else 50_000, 100 if short else 10_000))
        full_length(home, device, 4 if short else 64_000, rounds)
        nine_at_once(home, device, 2 if short else 64_000, (1,) if short else (1, 3, 9))
        fast_recipe(home, device, "fast", rounds, *(["--epochs", "1", "--num-train", "200"] if short else []))


if __name__ == "__main__":
    main()
