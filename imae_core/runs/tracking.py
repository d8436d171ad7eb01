"""Runs in MLflow, where `MLFLOW_TRACKING_URI` is set: parameters, the metrics of each epoch, and the result.

A thread follows the run's folder and talks to the server, so that a slow server never slows the training and a missing one
never fails it: there is a line in the log, and another try later. A run that is resumed goes on under its MLflow run.
`MLFLOW_EXPERIMENT_NAME` names the experiment, "imae" by default.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np

from imae_core.config import RunConfig
from imae_core.runs.folder import RunFolder
from imae_core.runs.logs import logging_to

LOOK_SECONDS = 2.0
MOST_PATIENCE_SECONDS = 60.0
FINISH_SECONDS = 20.0
RUN_ID_TAG = "imae.run_id"
MOST_METRICS = 1_000  # that MLflow takes at once
MOST_PARAM_LETTERS = 500
ENDED_AS = {"done": "FINISHED", "stopped": "KILLED", "paused": "KILLED"}
QUIET = {  # a worker must end soon though a server does not answer, and sends nothing to anybody else
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
log = logging.getLogger("imae.tracking")
P = ParamSpec("P")
Outcome = TypeVar("Outcome", bound=str)
Execute = Callable[Concatenate[RunFolder, P], Outcome]


def tracked(lost: type[Exception]) -> Callable[[Execute[P, Outcome]], Execute[P, Outcome]]:
    """Decorates what carries out the run of a folder and returns how it ended; `lost` says that the run is another's now."""

    def decorate(execute: Execute[P, Outcome]) -> Execute[P, Outcome]:
        @wraps(execute)
        def execute_tracked(folder: RunFolder, /, *args: P.args, **kwargs: P.kwargs) -> Outcome:
            with tracking(folder, lost) as told:
                outcome = execute(folder, *args, **kwargs)
                told(outcome)
                return outcome

        return execute_tracked

    return decorate


@contextmanager
def tracking(
    folder: RunFolder, lost: type[Exception], sending: "list[Tracker] | None" = None
) -> Iterator[Callable[[str], None]]:
    """Follows a run within; what it yields is told how the run ended. Does nothing without `MLFLOW_TRACKING_URI`.

    At the end it waits until all is sent, or leaves that to `wait_for` where there is a list, `sending`, to put the tracker into.
    """
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        yield lambda _outcome: None
        return
    tracker = Tracker(folder)
    tracker.start()
    status = "FAILED"

    def told(outcome: str) -> None:
        nonlocal status
        status = ENDED_AS.get(outcome, "FINISHED")

    try:
        yield told
    except lost:
        status = ""
        raise
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        tracker.finish(status)
        if sending is None:
            wait_for([tracker])
        else:
            sending.append(tracker)


class Tracker(threading.Thread):
    """Sends what is new in a run folder every two seconds, more rarely while the server fails."""

    def __init__(self, folder: RunFolder) -> None:
        super().__init__(name="tracking", daemon=True)
        self.folder = folder
        self.ended = threading.Event()
        self.status = ""
        self.client: Any = None
        self.mlflow_run_id = ""
        self.sent_epoch = 0
        self.patience = LOOK_SECONDS
        self.failed = False

    def finish(self, status: str) -> None:
        """Has the rest sent and MLflow's word for how the run ended; "" leaves the run as it is, for another worker."""
        self.status = status
        self.ended.set()

    def run(self) -> None:
        ended = False
        while not ended:
            ended = self.ended.wait(self.patience)
            try:
                self.send()
                self.patience = LOOK_SECONDS
            except Exception as error:
                self._tell(error)
                self.patience = min(2 * self.patience, MOST_PATIENCE_SECONDS)

    def _tell(self, error: Exception) -> None:
        """Once: a server that is down would fill the log."""
        if not self.failed:
            self.failed = True
            reason = str(error).partition("\n")[0] or type(error).__name__
            log.warning("not logged to MLflow (%s): %s", os.environ.get("MLFLOW_TRACKING_URI"), reason)

    def send(self) -> None:
        """Whatever is not there yet; raises whatever the client raises."""
        if self.client is None:
            self._open()
        metrics = self.folder.metrics()
        rows = metrics[metrics["epoch"] > self.sent_epoch].to_dict("records") if len(metrics) else []
        for row in rows:
            self._log(row, int(row["epoch"]))
            self.sent_epoch = int(row["epoch"])
        if self.status:
            result = self.folder.result() if self.status == "FINISHED" else None
            self._log({f"result/{name}": value for name, value in (result or {}).items()}, self.sent_epoch)
            self.client.set_terminated(self.mlflow_run_id, self.status)

    def _log(self, values: Mapping[Any, Any], epoch: int) -> None:
        """All finite numbers, at a step that is the epoch."""
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        numbers = {
            str(k): float(v) for k, v in values.items() if isinstance(v, int | float) and not isinstance(v, bool)
        }
        found = [Metric(name, value, now, epoch) for name, value in numbers.items() if np.isfinite(value)]
        for start in range(0, len(found), MOST_METRICS):
            self.client.log_batch(self.mlflow_run_id, metrics=found[start : start + MOST_METRICS])

    def _open(self) -> None:
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        try:
            from mlflow.tracking import MlflowClient
        except ImportError:
            raise ImportError("the package is missing: pip install mlflow-skinny") from None
        client = MlflowClient()
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "imae"
        experiment = client.get_experiment_by_name(name)
        experiment_id = experiment.experiment_id if experiment else client.create_experiment(name)
        run_id = self.folder.run_id
        known = client.search_runs([experiment_id], f"tags.`{RUN_ID_TAG}` = '{run_id}'", max_results=1)
        if known:
            self.mlflow_run_id = known[0].info.run_id
            self.sent_epoch = int(known[0].data.metrics.get("epoch", 0))
            client.update_run(self.mlflow_run_id, status="RUNNING")
        else:
            self.mlflow_run_id = self._create(client, experiment_id)
        self.client = client

    def _create(self, client: Any, experiment_id: str) -> str:
        from mlflow.entities import Param

        config = self.folder.config()
        run = client.create_run(experiment_id, tags={RUN_ID_TAG: self.folder.run_id}, run_name=config.title)
        params = [Param(name, value) for name, value in params_of(config).items()]
        client.log_batch(run.info.run_id, params=params)
        return str(run.info.run_id)


def wait_for(trackers: Sequence[Tracker]) -> None:
    """Until all that have finished have sent the rest; for so long together as for one alone."""
    deadline = time.monotonic() + FINISH_SECONDS
    for tracker in trackers:
        tracker.join(max(0.0, deadline - time.monotonic()))
        if tracker.is_alive() and tracker.folder.path.exists():  # its run may be deleted by now
            with logging_to(tracker.folder.log_path):
                log.warning("MLflow did not answer within %.0f s; the run is not complete there", FINISH_SECONDS)


def params_of(config: RunConfig) -> dict[str, str]:
    """Flat names such as `loss.params.T`, and values as texts that MLflow takes."""
    return {name: str(value)[:MOST_PARAM_LETTERS] for name, value in _flat(config.model_dump(mode="json"), "")}


def _flat(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
