"""Small run folders without training: what a run writes, filled with made-up numbers."""

import numpy as np

from imae_core.analysis.weights import populations
from imae_core.recipes import make_config
from imae_core.runs.folder import DYNAMICS_TYPES
from imae_core.runs.histograms import HistogramBook, weight_limit
from imae_core.runs.store import Store
from imae_core.runs.submit import create_run

ENVIRONMENT = {
    "imae_core": "0.1.0", "hostname": "node7", "device": "cpu", "python": "3.11.9", "threads": 1, "gpu": None,
    "packages": {"torch": "2.15.0"}, "platform": "Linux", "commit": None, "data_fingerprint": "",
}  # fmt: skip


def made_up_run(home, *, epochs=3, rows=60, known=True, group="", seed=0, done=True, dataset="digits", loss="imae"):
    """A run of `epochs` epochs on `rows` examples; every third label is wrong. Returns (StoredRun, RunFolder)."""
    random = np.random.default_rng(seed)
    config = make_config(
        dataset, (1, 8, 8), 1297, noise={"rate": 0.4}, loss={"name": loss}, epochs=epochs, num_train=rows, seed=seed
    )
    folder = create_run(home, config)
    true = random.integers(0, 10, rows).astype(np.int32)
    is_corrupted = np.arange(rows) % 3 == 0
    given = np.where(is_corrupted, (true + 1) % 10, true).astype(np.int32)
    folder.write_examples(
        {
            "index": np.arange(rows, dtype=np.int64) + 5,
            "given_label": given,
            "true_label": true if known else None,
            "is_corrupted": is_corrupted if known else None,
            "split": np.full(rows, "train"),
        }
    )
    folder.write_environment(ENVIRONMENT)
    book = HistogramBook(folder, weight_limit(folder, config), populations(is_corrupted if known else None, rows), 1)
    metrics, mean = [], np.zeros(rows)
    for epoch in range(1, epochs + 1):
        p = np.clip(0.5 + epoch / 20 - 0.3 * is_corrupted + random.normal(0, 0.05, rows), 0, 1)
        columns = {name: np.zeros(rows) for name in DYNAMICS_TYPES} | {"p_label": p, "weight": np.exp(8 * p * (1 - p))}
        for source in ("seen", "eval"):
            folder.write_dynamics(source, epoch, columns)
            book.add(epoch, source, columns)
        mean += p / epochs
        metrics.append(metrics_row(epoch, known))
    book.write()
    folder.write_metrics(metrics)
    counts = {name: np.full(rows, epochs, dtype=np.int32) for name in ("num_correct", "forgetting", "num_epochs")}
    scores = {name: mean.astype(np.float32) for name in ("mean_p_label", "variance_p_label", "aum")}
    folder.write_trajectory(scores | counts)
    folder.write_array("pred_probs", np.full((rows, 10), 0.1, dtype=np.float32))
    folder.checkpoint_path.write_bytes(b"no real net")
    folder.log_path.write_text("trained\n")
    store = Store(home)
    store.add(folder.run_id, config, group=group, executor="local", state="done" if done else "stopped")
    if done:
        folder.write_result(result(folder.run_id, config, rows, known))
    return store.get(folder.run_id), folder


def metrics_row(epoch, known):
    fractions = ("test_accuracy", "train_accuracy_given", "train_accuracy_true", "noisy_subset_accuracy",
                 "clean_subset_accuracy")  # fmt: skip
    hidden = set() if known else set(fractions[2:])
    numbers = {"step": 10 * epoch, "lr": 0.1, "train_loss": 1 / epoch, "mean_weight": 1.0, "seconds": 0.5,
               "eval_seconds": 0.1, "examples_per_second": 100.0, "seen_accuracy_given": 0.5}  # fmt: skip
    return {"epoch": epoch, **numbers} | {n: float("nan") if n in hidden else 0.5 + epoch / 100 for n in fractions}


def result(run_id, config, rows, known):
    return {
        "run_id": run_id, "best_test_accuracy": 0.92, "best_epoch": 2, "final_test_accuracy": 0.91,
        "train_accuracy_given": 0.6, "train_accuracy_true": 0.9 if known else None,
        "noisy_subset_accuracy": 0.1 if known else None, "clean_subset_accuracy": 0.95 if known else None,
        "hybrid_accuracy": 0.9 if known else None, "realized_noise_rate": 1 / 3 if known else None,
        "detection_auc": 0.99 if known else None, "seconds": 2.0, "examples_per_second": 100.0, "num_parameters": 1000,
        "num_train": rows, "num_test": 500, "epochs": config.epochs, "steps": 30, "warning": None, "device": "cpu",
        "config": config.model_dump(),
    }  # fmt: skip
