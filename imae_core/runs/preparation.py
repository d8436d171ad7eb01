"""What comes before and after the training of a run: data -> noise -> model and loss, and the result in its folder."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from imae_core.catalog import DATASETS
from imae_core.data.dataset import Dataset
from imae_core.data.store import is_ready, load_dataset
from imae_core.runs.data import fingerprints
from imae_core.runs.disk import disk_message
from imae_core.runs.environment import environment
from imae_core.runs.folder import RunFolder
from imae_core.runs.observer import FolderObserver, beat
from imae_core.training.device import resolve_device
from imae_core.training.folds import Training, training_of
from imae_core.training.result import collapse_warning, summarize
from imae_core.training.rows import TrainingRows, run_rows
from imae_core.training.trainer import SharedData

log = logging.getLogger("imae.run")
Outcome = Literal["done", "stopped", "paused"]


class Inventory:
    """Data sets that this process has loaded, and the inputs that are on the device: runs that train together share them."""

    def __init__(self) -> None:
        self.datasets: dict[tuple[Path, str], Dataset] = {}
        self.inputs: SharedData = {}

    def dataset(self, home: Path, name: str, tell: Callable[[dict[str, Any]], None]) -> Dataset:
        if (home, name) not in self.datasets:
            self.datasets[home, name] = load_or_prepare(home, name, tell)
        return self.datasets[home, name]


def prepare(folder: RunFolder, token: str, inventory: Inventory, waiting: Sequence[RunFolder] = ()) -> Training:
    """The trainer of a run's folder, at its checkpoint where it has one; writes its environment and examples.

    `waiting` are other runs of this worker, which live while data are fetched for this one.

    Raises ImaeError where the run cannot be carried out (unknown data, no such device).
    """
    config = folder.config()

    def tell(message: dict[str, Any]) -> None:
        for one in (folder, *waiting):
            beat(one, token, **message)

    tell({"phase": "preparing", "message": "loading the data"})
    torch.set_num_threads(config.threads)
    device = resolve_device(config.device)
    dataset = inventory.dataset(folder.home, config.dataset, tell)
    source = None if config.noise.source is None else inventory.dataset(folder.home, config.noise.source, tell)
    folder.write_environment({**environment(device, config.threads), **fingerprints(dataset, source)})
    rows, validation = run_rows(config, dataset, source)
    write_examples(folder, rows)
    trainer = training_of(config, rows, validation, device, inventory.inputs)
    if folder.checkpoint_path.exists():
        trainer.load(torch.load(folder.checkpoint_path, map_location="cpu", weights_only=True))
        log.info("going on from epoch %d, step %d", trainer.epoch, trainer.step)
    rate = rows.labels.realized_noise_rate
    log.info(
        "%s: %s on %s, %d examples, %s of them corrupted, %d parameters, %d steps",
        folder.run_id, config.title, device, len(rows.index),
        "an unknown share" if rate is None else f"{rate:.1%}", trainer.num_parameters, trainer.total_steps,
    )  # fmt: skip
    return trainer


def conclude(
    folder: RunFolder, trainer: Training, token: str, observer: FolderObserver, predicted: NDArray[Any] | None
) -> Outcome:
    """Writes how a run ended; its checkpoint and epochs are in the folder already. `predicted` (N,) by its last evaluation."""
    if observer.paused and not trainer.is_finished:
        log.warning("paused at epoch %d, step %d: the disk is nearly full", trainer.epoch, trainer.step)
        beat(folder, token, phase="paused", message=disk_message(folder.home))
        return "paused"
    if not trainer.is_finished:
        log.info("stopped at epoch %d, step %d", trainer.epoch, trainer.step)
        beat(folder, token, phase="stopped", message=f"stopped at epoch {trainer.epoch}, step {trainer.step}")
        return "stopped"
    result: dict[str, Any] = summarize(trainer, sum(row["seconds"] + row["eval_seconds"] for row in trainer.history))
    if predicted is not None:
        result["warning"] = collapse_warning(predicted, trainer.labels.given) or None
    folder.write_result(
        {"run_id": folder.run_id, **result, "device": str(trainer.device), "config": folder.config().model_dump()}
    )
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
