"""What a worker does with the reports of a training loop: signs of life, the wish to stop, checkpoints, files."""

import os
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch

from imae_core.analysis.weights import populations
from imae_core.files import replacing
from imae_core.runs.disk import disk_is_low
from imae_core.runs.folder import RunFolder
from imae_core.runs.histograms import HistogramBook
from imae_core.runs.writer import EpochWriter
from imae_core.training.folds import Training
from imae_core.training.observer import EpochRecord, Progress

HEARTBEAT_SECONDS = 0.5
CONTROL_SECONDS = 0.2
DISK_SECONDS = 5.0
Report = Callable[[Progress], None]


class StaleTokenError(Exception):
    """Another worker was started for this run: this one must write nothing more."""


def checkpoint_seconds() -> float:
    """Seconds between checkpoints; `IMAE_CHECKPOINT_SECONDS`, 30 by default."""
    return float(os.environ.get("IMAE_CHECKPOINT_SECONDS", "30"))


class FolderObserver:
    """Writes what the trainer reports into the run folder, and passes on the wish to stop.

    Large epochs are written by a thread; leaving the `with` block waits for it. Nothing is written after another worker has
    taken over.
    """

    def __init__(self, folder: RunFolder, trainer: Training, token: str, report: Report | None = None) -> None:
        self.folder = folder
        self.trainer = trainer
        self.token = token
        self.report = report
        labels = trainer.labels
        masks = populations(labels.is_corrupted, len(labels.given))
        histograms = HistogramBook(folder, trainer.weight_limit, masks, trainer.epoch)
        self.writer = EpochWriter(folder, histograms, self.check_token)
        self.control_seen = -1
        self.stop = False
        self.paused = False
        self.next_heartbeat = self.next_control = self.next_disk = 0.0
        self.next_checkpoint = time.monotonic() + checkpoint_seconds()

    def __enter__(self) -> "FolderObserver":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.writer.close(drop=kind is not None and issubclass(kind, StaleTokenError), quiet=kind is not None)

    def on_progress(self, progress: Progress) -> bool:
        now = time.monotonic()
        if now >= self.next_control:
            self.next_control = now + CONTROL_SECONDS
            self._read_control()
        if now >= self.next_heartbeat:
            self.next_heartbeat = now + HEARTBEAT_SECONDS
            beat(self.folder, self.token, **asdict(progress))
        if now >= self.next_disk:
            self.next_disk = now + DISK_SECONDS
            self.paused = disk_is_low(self.folder.home)
        if now >= self.next_checkpoint and progress.phase != "compiling":
            self.save_checkpoint()
        if self.report is not None:
            self.report(progress)
        return self.stop or self.paused

    def save_checkpoint(self) -> None:
        """The files of all epochs before it are there when it is: a resumed run counts on them."""
        self.writer.flush()
        self.check_token()
        with replacing(self.folder.checkpoint_path) as temporary:
            torch.save(_compact(self.trainer.state()), temporary)
        self.next_checkpoint = time.monotonic() + checkpoint_seconds()

    def on_epoch(self, record: EpochRecord) -> None:
        self.writer.add(record, self.trainer.history)

    def _read_control(self) -> None:
        changed = self.folder.control_changed_at()
        if changed == self.control_seen:
            return
        self.stop = bool(self.check_token().get("stop", False))
        self.control_seen = changed

    def check_token(self) -> dict[str, Any]:
        """The control file; StaleTokenError if it names another worker. Asked before anything is published: where an old
        worker cannot be killed, this keeps it from writing."""
        control = self.folder.control()
        if control.get("token", self.token) != self.token:
            raise StaleTokenError
        return control


def beat(folder: RunFolder, token: str, **values: Any) -> None:
    """Writes a sign of life; `phase` says what is going on, or how the run ended."""
    folder.write_heartbeat({"token": token, "time": time.time(), "pid": os.getpid(), **values})


def _compact(state: Any) -> Any:
    """Copies of what is part of a larger tensor, all of which would be saved otherwise."""
    if isinstance(state, dict):
        return {key: _compact(value) for key, value in state.items()}
    if isinstance(state, torch.Tensor) and state.untyped_storage().nbytes() > state.nbytes:
        return state.clone()
    return state
