"""Workers as processes of this machine: a slot a GPU, and as many CPU runs as there are cores for their threads."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from imae_core.hardware import KEEP_MEMORY, create_time, gpus, process_is
from imae_core.runs.executors.base import Reference, Slot
from imae_core.runs.folder import RunFolder
from imae_core.runs.settings import runner_settings
from imae_core.runs.store import StoredRun


class LocalExecutor:
    """`IMAE_GPUS` restricts (or pretends) GPUs; slots are as `settings.py` says."""

    name = "local"

    def __init__(self, home: Path) -> None:
        self.home = home
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def capacity(self) -> dict[str, Any]:
        return {"gpus": [gpu.index for gpu in gpus()], "runs_per_gpu": self._runs_per_gpu, "cpu_cores": self._cores}

    @property
    def _runs_per_gpu(self) -> int:
        return runner_settings(self.home).runs_per_gpu

    @property
    def _cores(self) -> int:
        return runner_settings(self.home).cpu_cores

    def place(self, run: StoredRun, busy: list[Slot]) -> Slot | None:
        wanted = self._gpus_for(run)
        if wanted is None:
            threads = min(run.config.threads, self._cores)
            used = sum(slot.get("cores", 0) for slot in busy)
            return {"cores": threads} if used + threads <= self._cores else None
        loads = {gpu: sum(slot.get("gpu") == gpu for slot in busy) for gpu in wanted}
        gpu = min(loads, key=lambda index: (loads[index], index), default=None)
        return {"gpu": gpu} if gpu is not None and loads[gpu] < self._runs_per_gpu else None

    def _gpus_for(self, run: StoredRun) -> list[int] | None:
        """The GPUs that the run may use, or None if it computes on the CPU."""
        indices = [gpu.index for gpu in gpus()]
        device = run.config.device
        if device == "cpu" or (device == "auto" and not indices):
            return None
        if ":" in device:
            # a GPU that is not here still gets a slot: its worker then fails with a message that says so
            return [int(device.partition(":")[2])]
        return indices or [0]

    def why_waiting(self, run: StoredRun, busy: list[Slot]) -> str:
        wanted = self._gpus_for(run)
        if wanted is None:
            used = sum(slot.get("cores", 0) for slot in busy)
            return f"waits for {run.config.threads} of {self._cores} CPU cores; {used} are in use"
        return f"waits for GPU {' or '.join(map(str, wanted))}, {self._runs_per_gpu} run(s) at a time"

    def start(self, run: StoredRun, folders: Sequence[RunFolder], token: str, slot: Slot) -> Reference:
        threads = str(run.config.threads)
        environment = KEEP_MEMORY | os.environ
        environment |= {"IMAE_TOKEN": token, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        if "gpu" in slot:
            environment |= {"CUDA_VISIBLE_DEVICES": str(slot["gpu"])}
            if run.config.device != "auto":
                environment |= {"IMAE_DEVICE": "cuda:0"}
        else:
            environment |= {"CUDA_VISIBLE_DEVICES": "", "IMAE_DEVICE": "cpu"}
        with folders[0].log_path.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "imae_core", "worker", *(str(folder.path) for folder in folders)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,  # a worker outlives the runner
            )
        self._children[process.pid] = process
        return {"pid": process.pid, "created": create_time(process.pid)}

    def find(self, folder: RunFolder, token: str) -> Reference | None:
        worker = folder.worker()
        if worker.get("token") != token or not process_is(worker.get("pid"), worker.get("created")):
            return None
        return {"pid": worker["pid"], "created": worker["created"]}

    def is_alive(self, reference: Reference) -> bool:
        child = self._children.get(reference.get("pid", -1))
        if child is not None and child.poll() is not None:
            del self._children[child.pid]
            return False
        return process_is(reference.get("pid"), reference.get("created"))

    def is_pending(self, reference: Reference) -> bool:
        return False

    def kill(self, reference: Reference) -> None:
        if not self.is_alive(reference):
            return
        pid = int(reference["pid"])
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        child = self._children.pop(pid, None)
        if child is not None:
            child.wait()
            return
        with suppress(psutil.Error):
            psutil.Process(pid).wait(timeout=30)
