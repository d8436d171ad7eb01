"""Who finds wrong labels: detector x loss x epoch, cleanlab on the same probabilities, and what repairing them gains.

    python -m benchmarks.detection                  # digits: a few minutes on two cores
    python -m benchmarks.detection --cifar HOME     # and a subset of the CIFAR-10 that HOME has: an hour more
    python -m benchmarks.detection --only-cifar HOME --cifar-dataset cifar10-jpeg

Prints Markdown; docs/detection.md keeps one run of it. Trains in this process, with the trainer that runs use.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from cleanlab.rank import get_label_quality_scores

from imae_core.analysis.detectors import DETECTORS, DetectorInputs, available, mean_rank, score, suggested_labels
from imae_core.analysis.noise_estimate import NoiseEstimate, estimate_noise, mixture_noise_rate
from imae_core.analysis.scorecard import scorecard
from imae_core.config import RunConfig
from imae_core.data.dataset import Dataset
from imae_core.data.store import load_dataset
from imae_core.recipes import make_config
from imae_core.training.evaluation import evaluate_training_set
from imae_core.training.folds import Training, training_of
from imae_core.training.rows import run_rows

LOSSES = ("cce", "mae", "imae", "gce")
NOISE = {"kind": "symmetric", "rate": 0.4}
TOGETHER = ("confidence", "aum", "knn")
FOLDS = 5
CIFAR = {"recipe": "cpu_quick", "epochs": 30, "eval_every": 5, "num_train": None, "augment": False, "threads": 1}
CPU = torch.device("cpu")
Scores = Mapping[str, np.ndarray]


@dataclass
class Recording:
    """An observer that keeps what detectors need at some epochs."""

    training: Training
    epochs: Sequence[int]
    inputs: dict[int, DetectorInputs] = field(default_factory=dict)

    def on_progress(self, _progress) -> bool:
        return False

    def on_epoch(self, record) -> None:
        if record.epoch not in self.epochs:
            return
        evaluation, training = record.evaluation, self.training
        if evaluation.pred_probs is None:
            evaluation = evaluate_training_set(
                training.model, training.criterion, training.train_data, training.given, training.true,
                lambda *_: None, keep_outputs=True,
            )  # fmt: skip
        self.inputs[record.epoch] = DetectorInputs(
            training.labels.given, evaluation.columns["p_label"], evaluation.columns["margin"],
            evaluation.pred_probs.shape[1], pd.DataFrame(record.trajectory), evaluation.pred_probs, evaluation.embeddings,
        )  # fmt: skip


def train(config: RunConfig, data: Dataset, epochs: Sequence[int] = ()) -> Recording:
    """Carries out a config; inputs are kept of `epochs`, else of the last one."""
    torch.set_num_threads(config.threads)
    training = training_of(config, *run_rows(config, data), CPU)
    recording = Recording(training, epochs or [training.epochs])
    training.run(recording)
    return recording


def all_scores(inputs: DetectorInputs) -> Scores:
    """Every detector, several by their mean rank, and what else cleanlab says of the same probabilities."""
    scores = {name: score(name, inputs) for name in available(inputs)}
    scores[f"mean rank of {', '.join(TOGETHER)}"] = mean_rank(TOGETHER, inputs)
    probs = np.asarray(inputs.pred_probs, dtype=np.float64)
    for method, adjusted in (("self_confidence", True), ("normalized_margin", False), ("normalized_margin", True),
                             ("confidence_weighted_entropy", False)):  # fmt: skip
        quality = get_label_quality_scores(inputs.given_labels, probs, method=method, adjust_pred_probs=adjusted)
        scores[f"cleanlab: {method}{', adjusted' if adjusted else ''}"] = -quality
    return scores


def measures(recording: Recording, epoch: int) -> list[dict[str, object]]:
    truth = recording.training.labels.is_corrupted
    rows = []
    for name, values in all_scores(recording.inputs[epoch]).items():
        card = scorecard(values, truth)
        rows.append({"detector": name, "auc": card.auc, "average_precision": card.average_precision})
    return rows


def noise_row(recording: Recording, epoch: int) -> dict[str, float]:
    inputs = recording.inputs[epoch]
    found = estimate_noise(inputs.given_labels, inputs.pred_probs)
    return {
        "realized": recording.training.labels.realized_noise_rate,
        "confident joint": found.noise_rate, "low": found.low, "high": found.high,
        "mixture of mean confidence": mixture_noise_rate(score("confidence", inputs)),
    }  # fmt: skip


def markdown(table: pd.DataFrame, digits: int = 3) -> str:
    """A table of numbers; the index is its first column."""
    lines = [
        f"| {table.index.name} | {' | '.join(map(str, table.columns))} |",
        "| --- " * (len(table.columns) + 1) + "|",
    ]
    for name, row in table.iterrows():
        cells = ["" if pd.isna(v) else v if isinstance(v, str) else f"{v:.{digits}f}" for v in row]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def detection(data: Dataset, common: Mapping, epochs: Sequence[int], losses: Sequence[str], seeds: Sequence[int],
              fold_loss: str | None) -> None:  # fmt: skip
    """Prints the tables of AUC, average precision and noise estimates, means over the seeds."""
    rows, noise = [], []
    for seed in seeds:
        for loss in losses:
            config = make_config(data.name, data.input_shape, data.num_train, loss={"name": loss}, seed=seed, **common)
            recording = train(config, data, epochs)
            for epoch in epochs:
                rows += [row | {"run": f"{loss} @ {epoch}"} for row in measures(recording, epoch)]
            noise.append({"run": f"{loss}, the labels it trained on", **noise_row(recording, epochs[-1])})
        if fold_loss:
            config = make_config(data.name, data.input_shape, data.num_train, loss={"name": fold_loss}, seed=seed,
                                 num_folds=FOLDS, **common)  # fmt: skip
            recording = train(config, data)
            (last,) = recording.inputs
            rows += [row | {"run": f"{fold_loss}, {FOLDS}-fold"} for row in measures(recording, last)]
            noise.append({"run": f"{fold_loss}, {FOLDS}-fold (held out)", **noise_row(recording, last)})
    table = pd.DataFrame(rows)
    order = [*DETECTORS, *(name for name in table["detector"].unique() if name not in DETECTORS)]
    for measure, title in (("auc", "ROC-AUC"), ("average_precision", "Average precision")):
        wide = table.pivot_table(index="detector", columns="run", values=measure, sort=False).loc[order]
        print(f"\n**{title}**, mean over {len(seeds)} seed(s); columns are loss @ epoch\n\n{markdown(wide)}")
    spread = table.groupby(["run", "detector"])["auc"].std().max() if len(seeds) > 1 else float("nan")
    if len(seeds) > 1:
        print(f"\nThe largest standard deviation over seeds in the table of ROC-AUC is {spread:.3f}.")
    mean = pd.DataFrame(noise).groupby("run", sort=False).mean()
    print(f"\n**Noise rate**, estimated at the end of the run; low and high: 95 % interval\n\n{markdown(mean)}")


@dataclass(frozen=True)
class Repair:
    """A ranking and how many of its first are taken for wrong."""

    suspicion: np.ndarray
    estimate: NoiseEstimate
    suggested: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        return np.argsort(-self.suspicion, kind="stable")[: self.estimate.num_wrong]


def repair_of(recording: Recording) -> Repair:
    (inputs,) = recording.inputs.values()
    return Repair(
        score("confidence", inputs), estimate_noise(inputs.given_labels, inputs.pred_probs), suggested_labels(inputs)
    )


def repaired(data: Dataset, given: np.ndarray, repair: Repair, how: str) -> Dataset:
    labels, keep = given.copy(), np.ones(len(given), dtype=bool)
    if how == "drop":
        keep[repair.rows] = False
    else:
        labels[repair.rows] = repair.suggested[repair.rows]
    return replace(
        data,
        train_inputs=np.asarray(data.train_inputs)[keep],
        train_labels=labels[keep],
        train_true_labels=np.asarray(data.train_labels)[keep],
    )


def test_accuracy(recording: Recording) -> float:
    return recording.training.history[-1]["test_accuracy"]


def repair_pays(data: Dataset, seeds: Sequence[int]) -> None:
    """CCE on the labels as given, against CCE on labels that a ranking repaired."""
    accuracies: list[dict[str, float]] = []
    details: list[dict[str, float]] = []
    for seed in seeds:

        def config(loss: str, noise=NOISE, seed: int = seed, **more):
            return make_config(
                data.name, data.input_shape, data.num_train, loss={"name": loss}, noise=noise, seed=seed, **more
            )

        plain = train(config("cce"), data)
        labels = plain.training.labels
        row = {"CCE, noisy labels": test_accuracy(plain)}
        robust = train(config("imae"), data)
        folds = train(config("cce", num_folds=FOLDS), data)
        for name, found in (("IMAE run", repair_of(robust)), (f"CCE in {FOLDS} folds", repair_of(folds))):
            wrong = labels.is_corrupted[found.rows]
            details.append({
                "ranking": name, "estimated rate": found.estimate.noise_rate, "realized rate": labels.realized_noise_rate,
                "precision": wrong.mean(), "recall": wrong.sum() / labels.is_corrupted.sum(),
            })  # fmt: skip
            for how in ("drop", "relabel"):
                better = repaired(data, labels.given, found, how)
                details[-1][f"noise rate left: {how}"] = float((better.train_labels != better.train_true_labels).mean())
                row[f"{how} by {name}, CCE"] = test_accuracy(train(config("cce", {"rate": 0.0}), better))
        row["IMAE, noisy labels (no repair)"] = test_accuracy(robust)
        row["CCE, true labels (the ceiling)"] = test_accuracy(train(config("cce", {"rate": 0.0}), data))
        accuracies.append(row)
    table = 100 * pd.DataFrame(accuracies, index=[f"seed {seed}" for seed in seeds]).T
    gains = table - table.loc["CCE, noisy labels"]
    table["mean"] = table.mean(axis=1)
    table["gain"] = [
        f"{gain:+.1f} ± {spread:.1f}" for gain, spread in zip(gains.mean(axis=1), gains.std(axis=1), strict=True)
    ]
    table.loc["CCE, noisy labels", "gain"] = ""
    table.index.name = "test accuracy, %"
    print(markdown(table, 1))
    mean = pd.DataFrame(details).groupby("ranking", sort=False).mean()
    print(f"\nThe repairs, means over the seeds:\n\n{markdown(mean)}")


def environment() -> str:
    """When, by which command, and with what."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "scikit-learn", "cleanlab", "numpy"))
    command = " ".join(["python -m benchmarks.detection", *sys.argv[1:]])
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, `{command}`: Python {platform.python_version()}, {packages}, "
        f"{os.cpu_count()} CPU cores, no GPU."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="for the tables of digits")
    parser.add_argument("--repair-seeds", type=int, default=5)
    parser.add_argument("--cifar", type=Path, metavar="HOME", help="a home that has cifar10")
    parser.add_argument("--only-cifar", type=Path, metavar="HOME", help="the same, without digits")
    parser.add_argument("--cifar-dataset", default="cifar10", help="what it is called there")
    parser.add_argument("--cifar-seeds", type=int, default=2)
    options = parser.parse_args()
    started = time.perf_counter()
    print(f"{environment()}")
    if options.only_cifar is None:
        digits = load_dataset(None, "digits")
        print("\n## Digits, 40 % symmetric\n\n1,297 examples, MLP, 100 epochs, the `small` recipe.")
        detection(digits, {"noise": NOISE}, (10, 50, 100), LOSSES, range(options.seeds), "cce")
        print("\n## Repair pays: digits, 40 % symmetric\n")
        repair_pays(digits, range(options.repair_seeds))
    home = options.cifar or options.only_cifar
    if home:
        cifar, _ = load_dataset(home, options.cifar_dataset).subset(5000, 0)
        cifar = replace(cifar, test_inputs=cifar.test_inputs[:500], test_labels=cifar.test_labels[:500])
        print(f"\n## {options.cifar_dataset}, 5,000 examples, 40 % symmetric\n\nsmall_cnn, 30 epochs, the `cpu_quick` recipe "
              "without augmentation.")  # fmt: skip
        detection(cifar, {"noise": NOISE, **CIFAR}, (5, 15, 30), LOSSES, range(options.cifar_seeds), "cce")
    print(f"\n{time.perf_counter() - started:.0f} s in all.")


if __name__ == "__main__":
    main()
