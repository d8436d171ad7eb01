"""Run folders of any size, for load tests: `python -m benchmarks.synthetic HOME --examples 50000 --epochs 200`.

Corrupted examples are learned later than clean ones and by a margin that spreads; nothing is trained.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from imae_core.analysis.trajectories import TrajectoryStats
from imae_core.analysis.weights import populations
from imae_core.config import RunConfig
from imae_core.curves import curve_on
from imae_core.data.imports import ImportOptions, import_dataset
from imae_core.data.store import is_ready
from imae_core.home import resolve_home
from imae_core.recipes import make_config
from imae_core.runs.folder import RunFolder
from imae_core.runs.histograms import HistogramBook, weight_limit
from imae_core.runs.store import Store
from imae_core.runs.submit import create_run

CLASSES = 10


def make_dataset(home: Path, num_examples: int) -> str:
    """Grey 8 x 8 pictures of nothing, imported as an NPZ would be; returns the data set's name."""
    name = f"synthetic-{num_examples}"
    if not is_ready(home, name):
        generator = np.random.default_rng(0)
        path = home / f"{name}.npz"
        labels = np.arange(num_examples) % CLASSES
        images = generator.integers(0, 256, (num_examples, 8, 8), dtype=np.uint8)
        np.savez(
            path, images=images, labels=labels, true_labels=labels, test_images=images[:100], test_labels=labels[:100]
        )
        import_dataset(home, path, ImportOptions(name=name), lambda *_: None)
        path.unlink()
    return name


def make_run(home: Path, num_examples: int, num_epochs: int, eval_every: int = 10, loss: str = "imae") -> str:
    """A finished run with all its files; returns its id."""
    name = make_dataset(home, num_examples)
    config = make_config(
        name,
        (1, 8, 8),
        num_examples,
        loss={"name": loss},
        noise={"rate": 0.4},
        epochs=num_epochs,
        eval_every=eval_every,
    )
    folder = create_run(home, config)
    _fill(folder, config, num_examples, num_epochs, eval_every)
    store = Store(home)
    store.add(folder.run_id, config, executor="local")
    store.transition(folder.run_id, ("queued",), "done", started=time.time(), finished=time.time())
    return folder.run_id


def _fill(folder: RunFolder, config: RunConfig, num_examples: int, num_epochs: int, eval_every: int) -> None:
    generator = np.random.default_rng(1)
    true = (np.arange(num_examples) % CLASSES).astype(np.int32)
    corrupted = generator.random(num_examples) < 0.36
    given = np.where(corrupted, (true + generator.integers(1, CLASSES, num_examples)) % CLASSES, true).astype(np.int32)
    folder.write_examples({
        "index": np.arange(num_examples, dtype=np.int64), "given_label": given, "true_label": true,
        "is_corrupted": corrupted, "split": np.full(num_examples, "train"),
    })  # fmt: skip
    book = HistogramBook(folder, weight_limit(folder, config), populations(corrupted, num_examples), 1)
    stats, metrics = TrajectoryStats(num_examples), []
    talent = generator.normal(size=num_examples).astype(np.float32)
    for epoch in range(1, num_epochs + 1):
        columns = _epoch(generator, talent, corrupted, true, given, epoch / num_epochs)
        folder.write_dynamics("seen", epoch, columns)
        book.add(epoch, "seen", columns)
        row = {"epoch": epoch, "step": epoch * 10, "seconds": 1.0, "eval_seconds": 0.1, "test_accuracy": None}
        if epoch % eval_every == 0 or epoch == num_epochs:
            folder.write_dynamics("eval", epoch, columns)
            book.add(epoch, "eval", columns)
            stats.update(columns["p_label"], columns["margin"], columns["predicted"] == given)
            row["test_accuracy"] = 0.5 + 0.4 * epoch / num_epochs
        metrics.append(row)
    book.write()
    folder.write_metrics(metrics)
    folder.write_trajectory(stats.table())
    _finish(folder, config, num_examples, num_epochs)


def _epoch(generator, talent, corrupted, true, given, done):
    noise = generator.normal(size=len(talent)).astype(np.float32)
    margin = np.where(corrupted, -6 + 7 * done, -2 + 9 * done) + 1.5 * talent + noise
    p = 1 / (1 + np.exp(-margin))
    weight = curve_on("imae", p.astype(np.float64)).astype(np.float32)
    predicted = np.where(margin > 0, given, true)
    return {
        "p_label": p,
        "predicted": predicted,
        "weight": weight,
        "margin": margin,
        "p_true": np.where(corrupted, 1 - p, p),
    }


def _finish(folder: RunFolder, config: RunConfig, num_examples: int, num_epochs: int) -> None:
    generator = np.random.default_rng(2)
    folder.write_array("pred_probs", generator.dirichlet(np.ones(CLASSES), num_examples).astype(np.float16))
    folder.write_array("embeddings", generator.normal(size=(num_examples, 64)).astype(np.float16))
    folder.write_heartbeat({"phase": "done", "epoch": num_epochs, "epochs": num_epochs, "time": time.time()})
    folder.write_result({"run_id": folder.run_id, "final_test_accuracy": 0.9, "best_test_accuracy": 0.91, "epochs": num_epochs,
                         "seconds": 1.1 * num_epochs, "steps": 10 * num_epochs, "config": config.model_dump()})  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--examples", type=int, default=50_000)
    parser.add_argument("--epochs", type=int, default=200)
    options = parser.parse_args()
    home = resolve_home(options.home)
    home.mkdir(parents=True, exist_ok=True)
    print(make_run(home, options.examples, options.epochs))
