"""Out-of-sample outputs: one net a fold, trained on the other folds' rows, judges the rows that it never saw."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imae_core.analysis.trajectories import TrajectoryStats
from imae_core.config import RunConfig
from imae_core.errors import BadInputError
from imae_core.training.evaluation import DivergedError, Evaluation, evaluate_training_set
from imae_core.training.metrics import training_accuracies
from imae_core.training.observer import EpochRecord, Observer, Progress, StopAskedError
from imae_core.training.rows import Rows, TrainingRows
from imae_core.training.trainer import NAN, SharedData, Trainer

OF_OTHER_ROWS = ("train_accuracy_given", "train_accuracy_true", "noisy_subset_accuracy", "clean_subset_accuracy")


def fold_rows(given_labels: NDArray[np.int64], num_folds: int, seed: int) -> list[Rows]:
    """The held-out rows of each fold, rising; every row is held out once, every class in its share (scikit-learn).

    Raises BadInputError where no class has as many examples as there are folds.
    """
    from sklearn.model_selection import StratifiedKFold  # a second and a half, which no other run needs

    most = int(np.bincount(given_labels).max())
    if most < num_folds:
        raise BadInputError(f"{num_folds} folds need a class of at least {num_folds} examples, the largest has {most}")
    splitter = StratifiedKFold(num_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")  # a rare class is missing from some folds
        return [held_out for _, held_out in splitter.split(given_labels, given_labels)]


class FoldTrainer:
    """Trains the nets of all folds in turn; to its observer it looks like one `Trainer` over all their epochs.

    Epochs and steps count through the folds. The last epoch alone carries an evaluation, that of all N rows while they
    were held out; its test accuracy is the mean over the folds' nets. Nothing is recorded as seen in training: no net
    sees all rows.

    Args: as `Trainer`, with `config.num_folds` set.
    """

    def __init__(self, config: RunConfig, rows: TrainingRows, device: torch.device) -> None:
        assert config.num_folds is not None
        self.config = config
        self.rows = rows
        self.labels = labels = rows.labels
        self.device = device
        self.test_labels = np.asarray(rows.dataset.test_labels)
        self.folds = fold_rows(labels.given, config.num_folds, config.seed)
        steps_and_epochs = [self._length(len(labels.given) - len(held_out)) for held_out in self.folds]
        self.steps_of = [steps for steps, _ in steps_and_epochs]
        self.epochs_of = [epochs for _, epochs in steps_and_epochs]
        self.fold = 0
        self.trainer: Trainer | None = self._trainer(0)
        self.num_parameters = self.trainer.num_parameters
        self.weight_limit = self.trainer.weight_limit
        self.together = 1
        self.history: list[dict[str, Any]] = []
        self.held_out: dict[str, NDArray[Any]] = {}
        self.trajectories = TrajectoryStats(len(labels.given))

    @property
    def total_steps(self) -> int:
        return sum(self.steps_of)

    @property
    def epochs(self) -> int:
        return sum(self.epochs_of)

    @property
    def step(self) -> int:
        return sum(self.steps_of[: self.fold]) + (self.trainer.step if self.trainer else 0)

    @property
    def epoch(self) -> int:
        """Counted from 1 through all folds; the last one is not over before the last rows are judged."""
        return self.epochs + 1 if self.is_finished else min(len(self.history) + 1, self.epochs)

    @property
    def is_finished(self) -> bool:
        return self.fold == len(self.folds)

    def run(self, observer: Observer) -> Evaluation | None:
        """Trains to the end and returns the held-out evaluation, or None if the observer asked to stop.

        Raises DivergedError with the fold, once a loss is not finite.
        """
        evaluation = None
        try:
            while not self.is_finished:
                self.trainer = self.trainer or self._trainer(self.fold)
                self.trainer.run(_FoldObserver(self, observer))
                if not self.trainer.is_finished:
                    return None
                self._judge_held_out_rows(self.trainer, observer)
                self.fold, self.trainer = self.fold + 1, None
                if self.is_finished:
                    evaluation = self._finish(observer)
        except StopAskedError:
            return None
        except DivergedError as error:
            raise DivergedError(f"fold {self.fold + 1} of {len(self.folds)}: {error}") from None
        return evaluation

    def _length(self, num_train: int) -> tuple[int, int]:
        """Steps and epochs of a net that trains on so many rows."""
        config = self._config_of_a_fold()
        steps = config.total_steps(num_train)
        return steps, -(-steps // config.steps_per_epoch(num_train))

    def _config_of_a_fold(self) -> RunConfig:
        length = self.config.epochs or self.config.iterations
        return self.config.model_copy(update={"num_folds": None, "eval_every": length})

    def _trainer(self, fold: int) -> Trainer:
        rows = np.setdiff1d(np.arange(len(self.labels.given)), self.folds[fold])
        return Trainer(self._config_of_a_fold(), self.rows.take(rows), self.device)

    def note_epoch(self, record: EpochRecord, observer: Observer) -> None:
        """Passes on a fold's epoch under its number among all; its training rows are not what this run evaluates."""
        row = {**record.metrics, **dict.fromkeys(OF_OTHER_ROWS, NAN)}
        row |= {"epoch": len(self.history) + 1, "step": self.step, "fold": self.fold + 1}
        self.history.append(row)
        if len(self.history) < self.epochs:
            observer.on_epoch(EpochRecord(row["epoch"], row, None, None, None))

    def progress(self, progress: Progress) -> Progress:
        """A fold's progress as a part of the whole."""
        return replace(
            progress,
            epoch=min(sum(self.epochs_of[: self.fold]) + progress.epoch, self.epochs),
            epochs=self.epochs,
            step=self.step,
            total_steps=self.total_steps,
        )

    def _judge_held_out_rows(self, trainer: Trainer, observer: Observer) -> None:
        rows = self.folds[self.fold]
        held_out = self.rows.take(rows)
        trainer.criterion.progress = 1.0  # set by the training step, so a resumed fold would not know it
        data = trainer.device_data(held_out.dataset, "train")

        def tick(done: int, total: int) -> None:
            here = Progress(
                "evaluating", trainer.epochs, trainer.epochs, trainer.step, trainer.total_steps, done, total
            )
            if observer.on_progress(self.progress(here)):
                raise StopAskedError

        labels = held_out.labels
        given = torch.from_numpy(labels.given).to(self.device)
        true = None if labels.true is None else torch.from_numpy(labels.true).to(self.device)
        judged = evaluate_training_set(
            trainer.model, trainer.criterion, data, given, true, tick, keep_outputs=True, trained_on=False
        )
        for name, values in {
            **judged.columns,
            "pred_probs": judged.pred_probs,
            "embeddings": judged.embeddings,
        }.items():
            assert values is not None
            if name not in self.held_out:
                self.held_out[name] = np.zeros((len(self.labels.given), *values.shape[1:]), dtype=values.dtype)
            self.held_out[name][rows] = values

    def _finish(self, observer: Observer) -> Evaluation:
        columns = {name: values for name, values in self.held_out.items() if name not in ("pred_probs", "embeddings")}
        evaluation = Evaluation(columns, self.held_out["pred_probs"], self.held_out["embeddings"])
        self._note_trajectory()
        labels = self.labels
        found = training_accuracies(columns["predicted"], labels.given, labels.true, labels.is_corrupted)
        tested = [row["test_accuracy"] for row in self.history if np.isfinite(row["test_accuracy"])]
        row = self.history[-1]
        row |= {name: NAN if value is None else value for name, value in found.items()}
        row["test_accuracy"] = float(np.mean(tested)) if tested else NAN
        row |= {f"validation_accuracy_{kind}": row[f"train_accuracy_{kind}"] for kind in ("given", "true")}
        observer.on_epoch(EpochRecord(self.epochs, row, None, evaluation, self.trajectories.table()))
        return evaluation

    def _note_trajectory(self) -> None:
        held_out = self.held_out
        is_correct = held_out["predicted"] == self.labels.given
        self.trajectories.update(held_out["p_label"], held_out["margin"], is_correct)

    # -- saving --------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything needed to go on bit for bit, between any two steps."""
        return {
            "fold": self.fold,
            "trainer": self.trainer.state() if self.trainer else None,
            "history": self.history,
            "held_out": {name: torch.from_numpy(_storable(values)) for name, values in self.held_out.items()},
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Puts the nets where `state` was taken."""
        self.fold = state["fold"]
        self.trainer = None
        self.history = list(state["history"])
        self.held_out = {name: values.cpu().numpy().copy() for name, values in state["held_out"].items()}
        if "predicted" in self.held_out:
            self.held_out["predicted"] = self.held_out["predicted"].astype(np.uint16)
        if state["trainer"] is not None:
            self.trainer = self._trainer(self.fold)
            self.trainer.load(state["trainer"])
        if self.is_finished:
            self._note_trajectory()


class _FoldObserver:
    """Hands what one fold reports to the whole."""

    def __init__(self, whole: FoldTrainer, observer: Observer) -> None:
        self.whole = whole
        self.observer = observer

    def on_progress(self, progress: Progress) -> bool:
        return self.observer.on_progress(self.whole.progress(progress))

    def on_epoch(self, record: EpochRecord) -> None:
        self.whole.note_epoch(record, self.observer)


Training = Trainer | FoldTrainer


def training_of(
    config: RunConfig,
    rows: TrainingRows,
    validation: TrainingRows | None,
    device: torch.device,
    shared: SharedData | None = None,
) -> Training:
    """What carries out a config: one net, or one a fold. `shared` as `Trainer`."""
    return FoldTrainer(config, rows, device) if config.num_folds else Trainer(config, rows, device, validation, shared)


def _storable(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(np.int32) if values.dtype == np.uint16 else values
