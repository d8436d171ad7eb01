"""What it gains that workers keep freed memory: steps of ResNet20 on the CPU, in processes with and without, in turn.

    python -m benchmarks.allocator [--rounds 5] [--model resnet20] [--threads 2]

Each process makes one net and one batch and takes 14 steps of cross entropy, eager, channels last; the median step counts.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping

from benchmarks.measure import environment_line, median_and_spread
from imae_core.hardware import KEEP_MEMORY

STEPS = 14


def step_seconds(model: str, threads: int) -> float:
    """The median step of this process, less the first two."""
    import torch

    from imae_core.models import build_model
    from imae_core.training.optimizer import SGD

    torch.set_num_threads(threads)
    net = build_model(model, (3, 32, 32), 10, seed=0).to(memory_format=torch.channels_last).train()
    inputs = torch.randn(128, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (128,))
    optimizer = SGD([{"params": list(net.parameters())}], lr=0.01, momentum=0.9)
    found = []
    for _ in range(STEPS):
        started = time.perf_counter()
        optimizer.zero_grad()
        torch.autograd.backward(torch.nn.functional.cross_entropy(net(inputs), labels))
        optimizer.step()
        found.append(time.perf_counter() - started)
    return statistics.median(found[2:])


def in_own_process(model: str, threads: int, variables: Mapping[str, str]) -> float:
    command = [sys.executable, "-m", "benchmarks.allocator", "--one", "--model", model, "--threads", str(threads)]
    environment = os.environ | {"GLIBC_TUNABLES": ""} | variables
    return float(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default="resnet20")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(step_seconds(given.model, given.threads))
        return
    print(f"{environment_line()}, {given.model}, batch 128, {given.threads} threads\n")
    pairs = [
        tuple(in_own_process(given.model, given.threads, variables) for variables in ({}, KEEP_MEMORY))
        for _ in range(given.rounds)
    ]
    usual, kept = ([1000 * pair[place] for pair in pairs] for place in (0, 1))
    ratios = [a / b for a, b in zip(usual, kept, strict=True)]
    print("| usual (ms a step) | memory kept (ms a step) | times faster |\n| --- | --- | --- |")
    print(f"| {median_and_spread(usual, 0)} | {median_and_spread(kept, 0)} | {median_and_spread(ratios)} |")


if __name__ == "__main__":
    main()
