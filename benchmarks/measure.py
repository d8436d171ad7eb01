"""What every benchmark says beside its numbers: where and on what they were measured, their medians and their spread."""

import datetime
import os
import platform
import statistics
import threading
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import psutil

from imae_core.hardware import cpu_cores, gpus, memory_bytes


def environment_line(*packages: str) -> str:
    """Date, machine, cores, memory, GPUs where there are any, versions (of torch, where no package is named) and the load
    at this moment: one line that stands above a table."""
    found = [
        f"{datetime.date.today()}",
        processor(),
        f"{cpu_cores()} cores",
        f"{memory_bytes() / 1e9:.0f} GB",
        *(gpu.name for gpu in gpus()),
        f"Python {platform.python_version()}",
        *(f"{package} {version(package)}" for package in packages or ("torch",)),
        f"niceness {os.nice(0)}",
        f"load average {os.getloadavg()[0]:.1f}",
    ]
    return ", ".join(found)


def median_and_spread(values: Sequence[float], decimals: int = 2) -> str:
    """`median (least to greatest)`, such as "1.32 (1.28 to 1.41)"."""
    middle, least, most = (f"{value:.{decimals}f}" for value in (statistics.median(values), min(values), max(values)))
    return f"{middle} ({least} to {most})"


def processor() -> str:
    """The processor's name, as the kernel tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


class PeakMemory:
    """The most that this process held while the context lasted, looked at every few milliseconds.

    Attributes:
        resident_bytes: all that was in memory, mapped files included.
        own_bytes: without the pages of files, which the system takes back when others need memory.
    """

    def __init__(self) -> None:
        self.resident_bytes = self.own_bytes = 0
        self._process = psutil.Process()
        self._is_over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._look()
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._watcher.join()
        self._look()

    def _watch(self) -> None:
        while not self._is_over.wait(0.003):
            self._look()

    def _look(self) -> None:
        memory = self._process.memory_info()
        self.resident_bytes = max(self.resident_bytes, memory.rss)
        self.own_bytes = max(self.own_bytes, memory.rss - getattr(memory, "shared", 0))
