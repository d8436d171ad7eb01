"""Evaluating a stored checkpoint again."""

from typing import Any

import torch

from imae_core.data.store import load_dataset
from imae_core.errors import BadInputError
from imae_core.runs.data import noise_source
from imae_core.runs.folder import RunFolder
from imae_core.training.device import resolve_device
from imae_core.training.evaluation import evaluate_training_set, predict
from imae_core.training.metrics import accuracy, hybrid_accuracy, num_with_truth, training_accuracies
from imae_core.training.rows import run_rows
from imae_core.training.trainer import Trainer


def evaluate_checkpoint(folder: RunFolder) -> dict[str, Any]:
    """Accuracies (fractions; None where undefined) of the last checkpoint, with the step it was saved at.

    Raises BadInputError if the run has no checkpoint yet, or is one in folds.
    """
    if not folder.checkpoint_path.exists():
        raise BadInputError(f"run {folder.run_id} has no checkpoint yet")
    config = folder.config()
    if config.num_folds:
        raise BadInputError(f"run {folder.run_id} has {config.num_folds} nets, one a fold, and none of the whole run")
    torch.set_num_threads(config.threads)
    rows, validation = run_rows(config, load_dataset(folder.home, config.dataset), noise_source(folder.home, config))
    labels = rows.labels
    trainer = Trainer(config, rows, resolve_device(config.device), validation)
    trainer.load(torch.load(folder.checkpoint_path, map_location="cpu", weights_only=True))

    def ignore(_done: int, _total: int) -> None: ...

    evaluation = evaluate_training_set(
        trainer.model, trainer.criterion, trainer.train_data, trainer.given, trainer.true, ignore, keep_outputs=False
    )
    predicted = evaluation.columns["predicted"]
    accuracies = training_accuracies(predicted, labels.given, labels.true, labels.is_corrupted)
    test = accuracy(predict(trainer.model, trainer.test_data, ignore), trainer.test_labels)
    return {
        "run_id": folder.run_id,
        "step": trainer.step,
        "test_accuracy": test,
        **accuracies,
        **trainer.validation_accuracies(ignore),
        "hybrid_accuracy": hybrid_accuracy(
            test, len(trainer.test_labels), accuracies["train_accuracy_true"], num_with_truth(labels.true)
        ),
    }
