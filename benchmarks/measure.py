"""What every benchmark says beside its numbers: where and on what they were measured, their medians and their spread."""

import datetime
import os
import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

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
