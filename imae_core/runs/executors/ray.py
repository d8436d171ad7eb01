"""Workers as jobs of a Ray cluster: one job a run, its resources reserved by the job itself.

Ray never retries (a job's entrypoint runs once), so that the runner stays the one owner of retries. Run folders must
lie on storage that every node shares. A job is a process of a node, not of the runner: it outlives the runner, and the
runner finds it again by its id, which holds the token.
"""

import os
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imae_core.errors import BadInputError
from imae_core.hardware import KEEP_MEMORY
from imae_core.runs.executors.base import ExecutorUnreachableError, Reference, Slot
from imae_core.runs.folder import RunFolder
from imae_core.runs.settings import runner_settings
from imae_core.runs.store import StoredRun

ADDRESS = "http://127.0.0.1:8265"
CAPACITY_SECONDS = 5.0
KILL_SECONDS = 30.0
PASSED_ON = (
    "IMAE_CHECKPOINT_SECONDS", "IMAE_MIN_FREE_MEGABYTES", "PYTHONPATH", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME",
    "GLIBC_TUNABLES",
)  # fmt: skip


class _JobUnknownError(Exception):
    pass


class RayExecutor:
    """`RAY_ADDRESS` is the head's dashboard (http://HOST:8265); `IMAE_RAY_PYTHON` the interpreter on the nodes."""

    name = "ray"

    def __init__(self, home: Path) -> None:
        self.home = home
        self.address = os.environ.get("RAY_ADDRESS", ADDRESS)
        if not self.address.startswith("http"):
            raise BadInputError(f"RAY_ADDRESS must be the dashboard's address, such as {ADDRESS}, got {self.address!r}")
        self._client: Any = None
        self._totals: dict[str, float] = {}
        self._totals_until = 0.0

    def _call(self, method: str, *arguments: Any, **options: Any) -> Any:
        """A request to the head; ExecutorUnreachableError if it does not answer."""
        try:
            if self._client is None:
                os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
                from ray.job_submission import JobSubmissionClient

                self._client = JobSubmissionClient(self.address)
            return getattr(self._client, method)(*arguments, **options)
        except (ConnectionError, OSError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "does not exist" in str(error):
                raise _JobUnknownError from None
            self._client = None
            raise ExecutorUnreachableError(
                f"the Ray cluster at {self.address} does not answer ({type(error).__name__})"
            ) from None

    def capacity(self) -> dict[str, Any]:
        """Total CPU and GPU of the nodes that live, asked for every few seconds."""
        if time.monotonic() >= self._totals_until:
            answer = self._call("_do_request", "GET", "/api/cluster_status").json()
            usage = answer["data"]["clusterStatus"]["loadMetricsReport"]["usage"]
            self._totals = {name: float(total) for name, (_, total) in usage.items() if name in ("CPU", "GPU")}
            self._totals_until = time.monotonic() + CAPACITY_SECONDS
        return dict(self._totals)

    def place(self, run: StoredRun, busy: list[Slot]) -> Slot | None:
        slot = self._slot(run)
        totals = self.capacity()
        for name, key in (("CPU", "cores"), ("GPU", "gpus")):
            used = sum(other.get(key, 0) for other in busy)
            if used + slot.get(key, 0) > totals.get(name, 0) + 1e-9:
                return None
        return slot

    def _slot(self, run: StoredRun) -> Slot:
        """A share of a GPU where there is one and the run may use it, else cores for its threads."""
        if run.config.device != "cpu" and (self.capacity().get("GPU", 0) or run.config.device.startswith("cuda")):
            return {"gpus": 1 / runner_settings(self.home).runs_per_gpu}
        return {"cores": run.config.threads}

    def why_waiting(self, run: StoredRun, busy: list[Slot]) -> str:
        totals = self.capacity()
        slot = self._slot(run)
        key, unit = ("gpus", "GPU") if "gpus" in slot else ("cores", "CPU")
        used = sum(other.get(key, 0) for other in busy)
        return f"waits for {slot[key]:g} {unit} of the cluster; {used:g} of {totals.get(unit, 0):g} are in use"

    def start(self, run: StoredRun, folders: Sequence[RunFolder], token: str, slot: Slot) -> Reference:
        python = os.environ.get("IMAE_RAY_PYTHON", sys.executable)
        paths = shlex.join(str(folder.path) for folder in folders)
        log = shlex.quote(str(folders[0].log_path))
        threads = str(run.config.threads)
        variables = KEEP_MEMORY | {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        variables |= {"IMAE_TOKEN": token, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        if "gpus" not in slot:
            variables |= {"IMAE_DEVICE": "cpu"}
        elif run.config.device != "auto":
            variables |= {"IMAE_DEVICE": "cuda:0"}
        job = self._job(token)
        self._call(
            "submit_job",
            entrypoint=f"exec {shlex.quote(python)} -m imae_core worker {paths} >> {log} 2>&1",
            submission_id=job,
            runtime_env={"env_vars": variables},
            entrypoint_num_cpus=slot.get("cores", 0),
            entrypoint_num_gpus=slot.get("gpus", 0),
        )
        return {"job": job}

    @staticmethod
    def _job(token: str) -> str:
        return f"imae-{token}"

    def find(self, folder: RunFolder, token: str) -> Reference | None:  # noqa: ARG002
        reference = {"job": self._job(token)}
        return reference if self.is_alive(reference) else None

    def is_alive(self, reference: Reference) -> bool:
        try:
            return not self._call("get_job_status", reference["job"]).is_terminal()
        except _JobUnknownError:
            return False  # a head that was restarted has forgotten its jobs

    def is_pending(self, reference: Reference) -> bool:
        try:
            return str(self._call("get_job_status", reference["job"])) == "PENDING"
        except _JobUnknownError:
            return False

    def kill(self, reference: Reference) -> None:
        """Asks Ray to end the job and waits; where a node cannot be reached, the token keeps the worker from writing."""
        try:
            self._call("stop_job", reference["job"])
        except _JobUnknownError:
            return
        deadline = time.monotonic() + KILL_SECONDS
        while self.is_alive(reference) and time.monotonic() < deadline:
            time.sleep(0.5)
