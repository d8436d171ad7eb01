"""What a number may depend on beside its config: versions, commit, device."""

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from imae_core import __version__


def environment(device: torch.device, threads: int) -> Mapping[str, Any]:
    """For `environment.json`."""
    packages = ("torch", "torchvision", "numpy", "pandas", "pyarrow", "scikit-learn")
    return {
        "imae_core": __version__,
        "commit": _commit(),
        "python": sys.version.split()[0],
        "packages": {name: version(name) for name in packages},
        "platform": platform.platform(),
        "hostname": platform.node(),
        "device": str(device),
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "cuda_visible_devices": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "threads": threads,
    }


def _commit() -> str | None:
    """The commit of the program, where it runs from a checkout."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
