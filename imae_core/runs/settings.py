"""How many runs may share a machine: kept in the home, read by the runner on each round."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from imae_core.errors import BadInputError
from imae_core.files import read_json, write_json
from imae_core.hardware import cpu_cores

MOST_RUNS_PER_GPU = 64


@dataclass(frozen=True)
class RunnerSettings:
    """`runs_per_gpu` runs share a GPU; CPU runs start while their threads fit into `cpu_cores`."""

    runs_per_gpu: int
    cpu_cores: int


def runner_settings(home: Path) -> RunnerSettings:
    """`IMAE_RUNS_PER_GPU` and `IMAE_CPU_CORES`, else what was set in the home, else 1 and all cores."""
    stored = read_json(home / "settings.json", {})
    per_gpu = os.environ.get("IMAE_RUNS_PER_GPU") or stored.get("runs_per_gpu") or 1
    cores = os.environ.get("IMAE_CPU_CORES") or stored.get("cpu_cores") or cpu_cores()
    return RunnerSettings(max(1, int(per_gpu)), max(1, int(cores)))


def save_settings(home: Path, settings: RunnerSettings) -> None:
    """Takes effect within a second; runs that train already are not touched."""
    if not 1 <= settings.runs_per_gpu <= MOST_RUNS_PER_GPU:
        raise BadInputError(f"runs per GPU must be in [1, {MOST_RUNS_PER_GPU}], got {settings.runs_per_gpu}")
    if settings.cpu_cores < 1:
        raise BadInputError(f"CPU cores must be at least 1, got {settings.cpu_cores}")
    write_json(home / "settings.json", asdict(settings))
