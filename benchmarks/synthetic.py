"""Run folders of any size, for load tests: `python -m benchmarks.synthetic HOME --examples 50000 --epochs 200 --runs 300`.

Corrupted examples are learned later than clean ones and by a margin that spreads; nothing is trained. Beyond two runs the
files that hold every example are the first two's own (hard links), so that a sweep of any size fits on the disk.
"""

import argparse
import itertools
import os
import re
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
from imae_core.runs.submit import create_run, run_folder

CLASSES = 10
LOSSES = ("cce", "mae", "mse", "imae", "dm", "gce", "sce", "focal", "agce", "js")
RATES = (0.0, 0.2, 0.3, 0.4, 0.6, 0.8)
SHARED = re.compile(r"examples\.arrow|histograms\.arrow|trajectory\.arrow|.*\.npy|dynamics/.*")


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
    config = _config(make_dataset(home, num_examples), num_examples, num_epochs, eval_every, loss=loss)
    folder = create_run(home, config)
    _fill(folder, config, num_examples, num_epochs, eval_every)
    _finish(folder, config, num_epochs, 0.9)
    return folder.run_id


def make_sweep(home: Path, num_examples: int, num_epochs: int, num_runs: int, eval_every: int = 10) -> list[str]:
    """`num_runs` finished runs of `LOSSES` x `RATES` x seeds, the last of them CCE and IMAE with files of their own."""
    bases = [make_run(home, num_examples, num_epochs, eval_every, loss) for loss in ("cce", "imae")]
    ids = []
    for place, (seed, rate, loss) in enumerate(itertools.product(range(num_runs), RATES, LOSSES)):
        if len(ids) + len(bases) >= num_runs:
            break
        base = run_folder(home, bases[place % 2])
        config = _config(
            base.config().dataset, num_examples, num_epochs, eval_every, loss=loss, rate=rate, seed=seed + 1
        )
        folder = create_run(home, config)
        for file in base.lasting_files():
            if SHARED.fullmatch(file.relative_to(base.path).as_posix()):
                os.link(file, folder.path / file.relative_to(base.path))
        quality = 0.95 - 0.5 * rate + 0.01 * (place % 7)
        folder.write_metrics(_metrics(num_epochs, eval_every, quality))
        _finish(folder, config, num_epochs, quality)
        ids.append(folder.run_id)
    return ids + bases


def _config(
    name: str, num_examples: int, num_epochs: int, eval_every: int, *, loss: str, rate: float = 0.4, seed: int = 0
) -> RunConfig:
    choice = {"loss": {"name": loss}, "noise": {"rate": rate}, "seed": seed}
    return make_config(name, (1, 8, 8), num_examples, **choice, epochs=num_epochs, eval_every=eval_every)


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
    stats = TrajectoryStats(num_examples)
    talent = generator.normal(size=num_examples).astype(np.float32)
    for epoch in range(1, num_epochs + 1):
        columns = _epoch(generator, config, talent, corrupted, true, given, epoch / num_epochs)
        folder.write_dynamics("seen", epoch, columns)
        book.add(epoch, "seen", columns)
        if epoch % eval_every == 0 or epoch == num_epochs:
            folder.write_dynamics("eval", epoch, columns)
            book.add(epoch, "eval", columns)
            stats.update(columns["p_label"], columns["margin"], columns["predicted"] == given)
    book.write()
    folder.write_metrics(_metrics(num_epochs, eval_every, 0.9))
    folder.write_trajectory(stats.table())
    generator = np.random.default_rng(2)
    folder.write_array("pred_probs", generator.dirichlet(np.ones(CLASSES), num_examples).astype(np.float16))
    folder.write_array("embeddings", generator.normal(size=(num_examples, 64)).astype(np.float16))


def _metrics(num_epochs: int, eval_every: int, quality: float) -> list[dict[str, object]]:
    rows = []
    for epoch in range(1, num_epochs + 1):
        done, evaluated = epoch / num_epochs, epoch % eval_every == 0 or epoch == num_epochs
        accuracies = {"test_accuracy": quality * (0.5 + 0.5 * done), "noisy_subset_accuracy": 0.1 + 0.6 * done * (1 - quality),
                      "clean_subset_accuracy": 0.4 + 0.5 * done}  # fmt: skip
        row = {"epoch": epoch, "step": epoch * 10, "seconds": 1.0, "eval_seconds": 0.1}
        rows.append(row | {name: value if evaluated else None for name, value in accuracies.items()})
    return rows


def _epoch(generator, config, talent, corrupted, true, given, done):
    noise = generator.normal(size=len(talent)).astype(np.float32)
    margin = np.where(corrupted, -6 + 7 * done, -2 + 9 * done) + 1.5 * talent + noise
    p = 1 / (1 + np.exp(-margin))
    weight = curve_on(config.loss.name, p.astype(np.float64), **config.loss.params).astype(np.float32)
    predicted = np.where(margin > 0, given, true)
    return {
        "p_label": p,
        "predicted": predicted,
        "weight": weight,
        "margin": margin,
        "p_true": np.where(corrupted, 1 - p, p),
    }


def _finish(folder: RunFolder, config: RunConfig, num_epochs: int, quality: float) -> None:
    """Its end: in its folder, and in the queue."""
    folder.write_heartbeat({"phase": "done", "epoch": num_epochs, "epochs": num_epochs, "time": time.time()})
    folder.write_result({
        "run_id": folder.run_id, "final_test_accuracy": quality, "best_test_accuracy": quality + 0.01,
        "noisy_subset_accuracy": 0.1 + 0.6 * (1 - quality), "clean_subset_accuracy": 0.9, "hybrid_accuracy": quality,
        "epochs": num_epochs, "seconds": 1.1 * num_epochs, "steps": 10 * num_epochs, "config": config.model_dump(),
    })  # fmt: skip
    store = Store(folder.home)
    store.add(folder.run_id, config, executor="local")
    store.transition(folder.run_id, ("queued",), "done", started=time.time(), finished=time.time())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--examples", type=int, default=50_000)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--runs", type=int, default=2)
    options = parser.parse_args()
    home = resolve_home(options.home)
    home.mkdir(parents=True, exist_ok=True)
    print("\n".join(make_sweep(home, options.examples, options.epochs, options.runs)))
