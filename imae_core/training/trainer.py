"""The training loop: one object whose whole state can be saved between any two steps."""

import time
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from imae_core.analysis.trajectories import TrajectoryStats
from imae_core.config import RunConfig
from imae_core.data.batches import DeviceData
from imae_core.data.dataset import Dataset
from imae_core.data.normalization import normalization
from imae_core.data.sampling import BalancedOrder, epoch_order
from imae_core.errors import BadInputError
from imae_core.models import build_model
from imae_core.training.criterion import criterion_of
from imae_core.training.evaluation import DivergedError, Evaluation, Tick, evaluate_training_set, predict
from imae_core.training.fitting import fit_to_inputs
from imae_core.training.metrics import accuracy, training_accuracies, validation_accuracies
from imae_core.training.observer import EpochRecord, Observer, Progress
from imae_core.training.optimizer import build_optimizer, set_lr
from imae_core.training.recorder import DynamicsRecorder
from imae_core.training.rows import TrainingRows
from imae_core.training.schedule import lr_at

CHECK_EVERY = 50  # steps between looks at the device's divergence flag, each of which waits for the device
NAN = float("nan")


def independent_seeds(seed: int) -> tuple[int, int, int]:
    """Seeds of three streams that share nothing: initial weights, order of the examples, augmentation."""
    first, second, third = np.random.SeedSequence(seed).generate_state(3, np.uint64)
    return int(first) >> 1, int(second) >> 1, int(third) >> 1


class _StopError(Exception):
    """Leaves an evaluation that was asked to stop."""


class Trainer:
    """Trains one net on one data set with one loss.

    Args:
        config: validated choices.
        rows: what to train on and to test by, with given and true labels; see `run_rows`.
        device: where to compute.
        validation: training rows that are judged at every evaluation and not trained on.
    """

    def __init__(
        self, config: RunConfig, rows: TrainingRows, device: torch.device, validation: TrainingRows | None = None
    ) -> None:
        self.config = config
        dataset, labels = rows.dataset, rows.labels
        self.labels = labels
        self.device = device
        self.normalization = normalization(dataset, config.normalize)
        self.train_data = self.device_data(dataset, "train")
        self.test_data = self.device_data(dataset, "test")
        self.validation = (
            None if validation is None else (self.device_data(validation.dataset, "train"), validation.labels)
        )
        self.given = torch.from_numpy(labels.given.copy()).to(device)
        self.true = None if labels.true is None else torch.from_numpy(labels.true.copy()).to(device)
        self.test_labels = np.asarray(dataset.test_labels)
        self.balanced = None
        if config.classes_per_batch is not None:
            self.balanced = BalancedOrder(labels.given, config.classes_per_batch, config.batch_size)
        init_seed, order_seed, augment_seed = independent_seeds(config.seed)
        self.model = build_model(
            config.model.name, dataset.input_shape, dataset.num_classes, seed=init_seed, **config.model.params
        ).to(device)
        fit_to_inputs(self.model, self.train_data)
        self.criterion = criterion_of(config, labels, dataset.num_classes).to(device)
        self.weight_limit = self.criterion.largest_weight(dataset.num_classes)
        self._check_smallest_batch()
        self.optimizer = build_optimizer(config, self.model)
        self.order_generator = torch.Generator().manual_seed(order_seed)
        self.augment_generator = torch.Generator(device).manual_seed(augment_seed)
        self.recorder = DynamicsRecorder(len(self.given), device, may_repeat=self.balanced is not None)
        self.trajectories = TrajectoryStats(len(self.given))
        self.batches = config.steps_per_epoch(len(self.given))
        self.total_steps = config.total_steps(len(self.given))
        self.epochs = -(-self.total_steps // self.batches)
        self.step = 0
        self.epoch = 1
        self.batch = 0
        self.order = torch.empty(0, dtype=torch.int64)
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=device)
        self.diverged_at = torch.full((), -1, dtype=torch.int64, device=device)
        self.epoch_seconds = 0.0
        self.history: list[dict[str, Any]] = []

    def device_data(self, dataset: Dataset, split: Literal["train", "test"]) -> DeviceData:
        """A split as this net takes it: normalised by the rows that it trains on."""
        return DeviceData.from_split(dataset, split, self.device, self.normalization, self.config.augment)

    @property
    def num_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.model.parameters())

    @property
    def is_finished(self) -> bool:
        return self.epoch > self.epochs

    def run(self, observer: Observer) -> Evaluation | None:
        """Trains to the end and returns the last evaluation, or None if the observer asked to stop.

        Raises DivergedError (a RunError) with the epoch, the step and what to try, once the loss is not finite.
        """
        last: Evaluation | None = None
        try:
            while not self.is_finished:
                if self.batch == self._batches_of_this_epoch():
                    last = self._end_epoch(observer)
                    continue
                self._train_step()
                if observer.on_progress(self._progress("training")):
                    return None
        except _StopError:
            return None
        except DivergedError as error:
            raise DivergedError(self._advice(int(self.diverged_at), str(error))) from None
        return last

    # -- one step ------------------------------------------------------------------------------------------------

    def _batches_of_this_epoch(self) -> int:
        """Fewer in the last epoch where `iterations` ends in the middle of one."""
        return min(self.batches, self.total_steps - (self.epoch - 1) * self.batches)

    def _train_step(self) -> None:
        started = time.perf_counter()
        if self.batch == 0:
            self.order = self._new_order()
            self.recorder.reset()
            self.loss_sum.zero_()
            self.epoch_seconds = 0.0
            self.model.train()
            self.criterion.train()
        size = self.config.batch_size
        rows = self.order[self.batch * size : (self.batch + 1) * size].to(self.device)
        views = [
            self.train_data.inputs(rows, augment=True, generator=self.augment_generator)
            for _ in range(self.criterion.num_views)
        ]
        labels = self.given[rows]
        self.criterion.progress = self.step / self.total_steps
        set_lr(self.optimizer, lr_at(self.config, self.step, self.total_steps))

        logits = self._logits(views)
        values, weights = self.criterion.values_and_weights(logits, labels, rows)
        loss = self.criterion.reduce(values, weights)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.config.grad_clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.grad_clip)
        self.optimizer.step()

        seen = logits.detach() if len(views) == 1 else logits[0].detach()
        self.recorder.record(rows, seen, labels, None if self.true is None else self.true[rows], weights)
        self.loss_sum += values.detach().double().sum()
        first_bad = (self.diverged_at < 0) & ~torch.isfinite(loss.detach())
        self.diverged_at = torch.where(first_bad, self.step, self.diverged_at)
        self.step += 1
        self.batch += 1
        self.epoch_seconds += time.perf_counter() - started
        if self.step % CHECK_EVERY == 0 or self.device.type == "cpu":
            self._check_divergence()

    def _logits(self, views: list[torch.Tensor]) -> torch.Tensor:
        """(B, K), or (views, B, K) from one pass over all views."""
        if len(views) == 1:
            return self.model(views[0])  # type: ignore[no-any-return]
        return self.model(torch.cat(views)).unflatten(0, (len(views), -1))  # type: ignore[no-any-return]

    def _check_smallest_batch(self) -> None:
        """BadInputError where a net with batch norm over single values would meet a batch of one example."""
        num_train, size = len(self.given), self.config.batch_size
        smallest = size if self.balanced is not None else num_train % size or size
        smallest *= self.criterion.num_views
        if smallest < getattr(self.model, "smallest_batch", 1):
            raise BadInputError(
                f"{self.config.model.name} cannot train on a batch of {smallest} example, which {num_train} examples in batches of "
                f"{size} end with; choose another batch size"
            )

    def _new_order(self) -> torch.Tensor:
        if self.balanced is not None:
            return self.balanced.epoch(self.batches, self.order_generator)
        return epoch_order(len(self.given), self.order_generator)

    def _check_divergence(self) -> None:
        if int(self.diverged_at) >= 0:
            raise DivergedError("the loss is not finite")

    def _advice(self, step: int, what: str) -> str:
        step = step if step >= 0 else self.step - 1
        epoch = step // self.batches + 1
        return (
            f"training diverged: {what} at epoch {epoch}, step {step + 1} of {self.total_steps} "
            f"(learning rate {lr_at(self.config, step, self.total_steps):g}). "
            f"Try a learning rate of {self.config.lr / 10:g}"
            + (", or reduction weight_sum" if self.config.loss.reduction == "mean" else ", or reduction mean")
        )

    # -- the end of an epoch -------------------------------------------------------------------------------------

    def _end_epoch(self, observer: Observer) -> Evaluation | None:
        """Evaluates where it is due, reports, and moves on; nothing has changed if the observer stops it midway."""
        self._check_divergence()
        is_last = self.epoch == self.epochs
        evaluation = None
        row = self._seen_metrics()
        started = time.perf_counter()
        if is_last or self.epoch % self.config.eval_every == 0:
            tick = self._ticker(observer)
            evaluation = evaluate_training_set(
                self.model, self.criterion, self.train_data, self.given, self.true, tick, keep_outputs=is_last
            )
            test_predicted = predict(self.model, self.test_data, tick)
            columns = evaluation.columns
            is_correct = columns["predicted"] == self.labels.given
            self.trajectories.update(columns["p_label"], columns["margin"], is_correct)
            row["test_accuracy"] = accuracy(test_predicted, self.test_labels)
            row |= self.validation_accuracies(tick)
            row |= training_accuracies(
                columns["predicted"], self.labels.given, self.labels.true, self.labels.is_corrupted
            )
        row["eval_seconds"] = time.perf_counter() - started
        row = {name: NAN if value is None else value for name, value in row.items()}
        self.history.append(row)
        record = EpochRecord(
            self.epoch, row, self.recorder.columns(), evaluation, self.trajectories.table() if evaluation else None
        )
        self.epoch += 1
        self.batch = 0
        observer.on_epoch(record)
        return evaluation

    def validation_accuracies(self, tick: Tick) -> dict[str, float | None]:
        """As `metrics.validation_accuracies`, None without validation rows."""
        if self.validation is None:
            return dict.fromkeys(("validation_accuracy_given", "validation_accuracy_true"))
        data, labels = self.validation
        return validation_accuracies(predict(self.model, data, tick), labels)

    def _seen_metrics(self) -> dict[str, Any]:
        columns = self.recorder.columns()
        seen = np.isfinite(columns["weight"])
        num_drawn = min(self.batch * self.config.batch_size, len(self.order))
        return {
            "epoch": self.epoch,
            "step": self.step,
            "lr": lr_at(self.config, self.step - 1, self.total_steps),
            "train_loss": float(self.loss_sum) / num_drawn,
            "mean_weight": float(columns["weight"][seen].mean()),
            "seen_accuracy_given": float((columns["predicted"] == self.labels.given)[seen].mean()),
            "seconds": self.epoch_seconds,
            "examples_per_second": num_drawn / max(self.epoch_seconds, 1e-9),
            "test_accuracy": NAN,
            "train_accuracy_given": NAN,
            "train_accuracy_true": NAN,
            "noisy_subset_accuracy": NAN,
            "clean_subset_accuracy": NAN,
            "validation_accuracy_given": NAN,
            "validation_accuracy_true": NAN,
        }

    def _ticker(self, observer: Observer) -> Any:
        def tick(done: int, total: int) -> None:
            if observer.on_progress(self._progress("evaluating", done, total)):
                raise _StopError

        return tick

    def _progress(self, phase: str, batch: int | None = None, batches: int | None = None) -> Progress:
        seen = self.batch * self.config.batch_size
        return Progress(
            phase,
            self.epoch,
            self.epochs,
            self.step,
            self.total_steps,
            self.batch if batch is None else batch,
            self._batches_of_this_epoch() if batches is None else batches,
            seen / self.epoch_seconds if self.epoch_seconds > 0 else None,
        )

    # -- saving --------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything needed to go on bit for bit, between any two steps."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "criterion": self.criterion.state_dict(),
            "order_generator": self.order_generator.get_state(),
            "augment_generator": self.augment_generator.get_state(),
            "recorder": self.recorder.state(),
            "trajectories": {
                name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
                for name, value in self.trajectories.state().items()
            },
            "place": {"step": self.step, "epoch": self.epoch, "batch": self.batch, "seconds": self.epoch_seconds},
            "order": self.order,
            "loss_sum": self.loss_sum,
            "history": self.history,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Puts the trainer where `state` was taken."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.criterion.load_state_dict(state["criterion"])
        self.order_generator.set_state(state["order_generator"].cpu())
        self.augment_generator.set_state(state["augment_generator"].cpu())
        self.recorder.load(state["recorder"])
        self.trajectories.load(
            {
                name: value.cpu().numpy().copy() if isinstance(value, torch.Tensor) else value
                for name, value in state["trajectories"].items()
            }
        )
        place = state["place"]
        self.step, self.epoch, self.batch = place["step"], place["epoch"], place["batch"]
        self.epoch_seconds = place["seconds"]
        self.order = state["order"].cpu()
        self.loss_sum.copy_(state["loss_sum"])
        self.history = list(state["history"])
        self.criterion.progress = (
            max(self.step - 1, 0) / self.total_steps
        )  # an evaluation may come before the next step
        self.model.train()
        self.criterion.train()
