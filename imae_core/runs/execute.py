"""Carrying out one run: data -> noise -> model and loss -> training, recorded in its folder."""

import logging
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from imae_core import __version__
from imae_core.analysis.weights import populations
from imae_core.catalog import DATASETS
from imae_core.data.dataset import Dataset
from imae_core.data.store import is_ready, load_dataset
from imae_core.files import replacing
from imae_core.runs.data import fingerprints
from imae_core.runs.disk import disk_is_low, disk_message
from imae_core.runs.folder import RunFolder
from imae_core.runs.histograms import HistogramBook
from imae_core.runs.tracking import tracked
from imae_core.training.device import resolve_device
from imae_core.training.folds import Training, training_of
from imae_core.training.observer import EpochRecord, Progress
from imae_core.training.result import collapse_warning, summarize
from imae_core.training.rows import TrainingRows, run_rows

HEARTBEAT_SECONDS = 0.5
CONTROL_SECONDS = 0.2
DISK_SECONDS = 5.0
log = logging.getLogger("imae.run")
Outcome = Literal["done", "stopped", "paused"]
Report = Callable[[Progress], None]


class StaleTokenError(Exception):
    """Another worker was started for this run: this one must write nothing more."""


def checkpoint_seconds() -> float:
    """Seconds between checkpoints; `IMAE_CHECKPOINT_SECONDS`, 30 by default."""
    return float(os.environ.get("IMAE_CHECKPOINT_SECONDS", "30"))


class FolderObserver:
    """Writes what the trainer reports into the run folder, and passes on the wish to stop."""

    def __init__(self, folder: RunFolder, trainer: Training, token: str, report: Report | None) -> None:
        self.folder = folder
        self.trainer = trainer
        self.token = token
        self.report = report
        labels = trainer.labels
        masks = populations(labels.is_corrupted, len(labels.given))
        self.histograms = HistogramBook(folder, trainer.weight_limit, masks, trainer.epoch)
        self.control_seen = -1
        self.stop = False
        self.paused = False
        self.next_heartbeat = self.next_control = self.next_disk = 0.0
        self.next_checkpoint = time.monotonic() + checkpoint_seconds()

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
        if now >= self.next_checkpoint:
            self.save_checkpoint()
        if self.report is not None:
            self.report(progress)
        return self.stop or self.paused

    def save_checkpoint(self) -> None:
        self.check_token()
        save_checkpoint(self.folder, self.trainer)
        self.next_checkpoint = time.monotonic() + checkpoint_seconds()

    def on_epoch(self, record: EpochRecord) -> None:
        folder = self.folder
        self.check_token()
        if record.seen is not None:
            folder.write_dynamics("seen", record.epoch, record.seen)
            self.histograms.add(record.epoch, "seen", record.seen)
        if record.evaluation is not None and record.trajectory is not None:
            folder.write_dynamics("eval", record.epoch, record.evaluation.columns)
            self.histograms.add(record.epoch, "eval", record.evaluation.columns)
            folder.write_trajectory(record.trajectory)
            if record.evaluation.pred_probs is not None and record.evaluation.embeddings is not None:
                folder.write_array("pred_probs", record.evaluation.pred_probs)
                folder.write_array("embeddings", record.evaluation.embeddings)
        self.histograms.write()
        folder.write_metrics(self.trainer.history)

    def _read_control(self) -> None:
        changed = self.folder.control_changed_at()
        if changed == self.control_seen:
            return
        self.control_seen = changed
        control = self.folder.control()
        if control.get("token", self.token) != self.token:
            raise StaleTokenError
        self.stop = bool(control.get("stop", False))

    def check_token(self) -> None:
        """Asked before anything is published: where an old worker cannot be killed, this keeps it from writing."""
        self.control_seen = -1
        self._read_control()


def beat(folder: RunFolder, token: str, **values: Any) -> None:
    """Writes a sign of life; `phase` says what is going on, or how the run ended."""
    folder.write_heartbeat({"token": token, "time": time.time(), "pid": os.getpid(), **values})


@tracked(lost=StaleTokenError)
def execute(folder: RunFolder, *, token: str = "", report: Report | None = None) -> Outcome:
    """Trains the run of a folder to its end, or until its control file asks to stop; goes on from a checkpoint.

    Raises ImaeError where the run cannot be carried out (unknown data, no such device, a diverged loss), and
    StaleTokenError if another worker owns the run by now.
    """
    config = folder.config()
    beat(folder, token, phase="preparing", message="loading the data")
    torch.set_num_threads(config.threads)
    device = resolve_device(config.device)
    dataset = load_or_prepare(folder.home, config.dataset, lambda message: beat(folder, token, **message))
    source = None
    if config.noise.source is not None:
        source = load_or_prepare(folder.home, config.noise.source, lambda message: beat(folder, token, **message))
    folder.write_environment({**environment(device, config.threads), **fingerprints(dataset, source)})
    rows, validation = run_rows(config, dataset, source)
    labels = rows.labels
    write_examples(folder, rows)
    trainer = training_of(config, rows, validation, device)
    if folder.checkpoint_path.exists():
        trainer.load(torch.load(folder.checkpoint_path, map_location="cpu", weights_only=True))
        log.info("going on from epoch %d, step %d", trainer.epoch, trainer.step)
    log.info(
        "%s: %s on %s, %d examples, %s of them corrupted, %d parameters, %d steps",
        folder.run_id, config.title, device, len(rows.index),
        "an unknown share" if labels.realized_noise_rate is None else f"{labels.realized_noise_rate:.1%}",
        trainer.num_parameters, trainer.total_steps,
    )  # fmt: skip
    observer = FolderObserver(folder, trainer, token, report)
    evaluation = trainer.run(observer)
    observer.save_checkpoint()
    if observer.paused and not trainer.is_finished:
        log.warning("paused at epoch %d, step %d: the disk is nearly full", trainer.epoch, trainer.step)
        beat(folder, token, phase="paused", message=disk_message(folder.home))
        return "paused"
    if not trainer.is_finished:
        log.info("stopped at epoch %d, step %d", trainer.epoch, trainer.step)
        beat(folder, token, phase="stopped", message=f"stopped at epoch {trainer.epoch}, step {trainer.step}")
        return "stopped"
    result = summarize(trainer, sum(row["seconds"] + row["eval_seconds"] for row in trainer.history))
    if evaluation is not None:
        result["warning"] = collapse_warning(evaluation.columns["predicted"], labels.given) or None
    folder.write_result({"run_id": folder.run_id, **result, "device": str(device), "config": config.model_dump()})
    beat(folder, token, phase="done", epoch=trainer.epochs, epochs=trainer.epochs, step=trainer.step,
         total_steps=trainer.total_steps)  # fmt: skip
    log.info("done: final test accuracy %.4f", result["final_test_accuracy"] or float("nan"))
    return "done"


def load_or_prepare(home: Path, name: str, beat_with: Callable[[dict[str, Any]], None]) -> Dataset:
    """The data set, fetched and converted first where it is a built-in one that is not there yet."""
    if name in DATASETS and name != "digits" and not is_ready(home, name):
        from imae_core.data.pickers import prepare_builtin

        def report(_done: int, _total: int, message: str, _unit: str) -> None:
            beat_with({"phase": "preparing", "message": message})

        prepare_builtin(home, name, report)
    return load_dataset(home, name)


def save_checkpoint(folder: RunFolder, trainer: Training) -> None:
    """Saves the trainer's whole state, moved into place."""
    with replacing(folder.checkpoint_path) as temporary:
        torch.save(trainer.state(), temporary)


def write_examples(folder: RunFolder, rows: TrainingRows) -> None:
    """The examples that are trained on; those held out for validation are not among a run's examples."""
    labels = rows.labels
    folder.write_examples(
        {
            "index": rows.index.astype(np.int64),
            "given_label": labels.given.astype(np.int32),
            "true_label": None if labels.true is None else labels.true.astype(np.int32),
            "is_corrupted": labels.is_corrupted,
            "split": np.full(len(rows.index), "train"),
        }
    )


def environment(device: torch.device, threads: int) -> Mapping[str, Any]:
    """Versions, commit, device: what a number may depend on beside its config."""
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
