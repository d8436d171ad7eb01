"""What this machine has, found without torch."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import psutil

CONTROL_GROUP = Path("/sys/fs/cgroup")
# for the environment of a process that trains: glibc keeps what a step frees for the next one, in large pages, which saves a sixth of a
# ResNet's step on a CPU; other C libraries do not read it
KEEP_MEMORY = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=1073741824"
}


@dataclass(frozen=True)
class Gpu:
    """A GPU as the driver numbers it."""

    index: int
    name: str


def cpu_cores() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else (os.cpu_count() or 1)


def gpus() -> tuple[Gpu, ...]:
    """NVIDIA GPUs. `IMAE_GPUS` (such as "0,1", or empty for none) says which to use instead of all."""
    wanted = os.environ.get("IMAE_GPUS")
    if wanted is not None:
        return tuple(Gpu(int(part), "as set by IMAE_GPUS") for part in wanted.split(",") if part.strip())
    return _driver_gpus()


@lru_cache(maxsize=1)
def _driver_gpus() -> tuple[Gpu, ...]:
    if not shutil.which("nvidia-smi"):
        return ()
    query = ["nvidia-smi", "--query-gpu=index,name", "--format=csv,noheader"]
    try:
        lines = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(Gpu(int(index), name.strip()) for index, _, name in (line.partition(",") for line in lines))


def free_disk_bytes(folder: Path) -> int:
    """Free space where `folder` is or would be created."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def memory_bytes() -> int:
    return int(psutil.virtual_memory().total)


def available_memory_bytes() -> int:
    """What processes can still take without swapping, within the limit of this container where it has one."""
    available = int(psutil.virtual_memory().available)
    try:
        limit = (CONTROL_GROUP / "memory.max").read_text().strip()
        used = dict(line.split() for line in (CONTROL_GROUP / "memory.stat").read_text().splitlines())
    except OSError:
        return available
    return available if limit == "max" else max(0, min(available, int(limit) - int(used.get("anon", 0))))


def process_is(pid: int | None, created: float | None) -> bool:
    """Whether the process `pid` lives and is the one that was created at `created` (seconds since the epoch)."""
    if not pid or created is None:
        return False
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - created) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def create_time(pid: int) -> float | None:
    """When a process was created, or None if it is gone."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None
