"""Carrying out one run: data -> noise -> model and loss -> training, recorded in its folder."""

import logging
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from imae_core import __version__
from imae_core.catalog import DATASETS
from imae_core.data.dataset import Dataset
from imae_core.data.store import is_ready, load_dataset
from imae_core.runs.data import fingerprints
from imae_core.runs.disk import disk_message
from imae_core.runs.folder import RunFolder
from imae_core.runs.observer import FolderObserver, Report, StaleTokenError, beat
from imae_core.runs.tracking import tracked
from imae_core.training.device import resolve_device
from imae_core.training.folds import training_of
from imae_core.training.result import collapse_warning, summarize
from imae_core.training.rows import TrainingRows, run_rows

log = logging.getLogger("imae.run")
Outcome = Literal["done", "stopped", "paused"]


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
    with FolderObserver(folder, trainer, token, report) as observer:
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
