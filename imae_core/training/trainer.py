"""The training loop: one object whose whole state can be saved between any two steps."""

import time
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from imae_core.analysis.trajectories import TrajectoryStats
from imae_core.config import RunConfig
from imae_core.data.batches import DeviceData
from imae_core.data.dataset import Dataset
from imae_core.data.normalization import normalization
from imae_core.data.sampling import BalancedOrder, epoch_order
from imae_core.errors import BadInputError
from imae_core.models import build_model
from imae_core.training.checkpoint import put_back, state_of
from imae_core.training.course import Course
from imae_core.training.criterion import criterion_of
from imae_core.training.evaluation import DivergedError, Evaluation, Tick, predict
from imae_core.training.fitting import fit_to_inputs
from imae_core.training.forward import Forward, memory_format
from imae_core.training.judging import Judgement, judge
from imae_core.training.metrics import accuracy, training_accuracies, validation_accuracies
from imae_core.training.observer import EpochRecord, Observer, Progress, StopAskedError, telling
from imae_core.training.optimizer import build_optimizer, set_lr
from imae_core.training.recorder import DynamicsRecorder
from imae_core.training.rows import TrainingRows
from imae_core.training.schedule import lr_at

CHECK_EVERY = 50  # steps between looks at the device's divergence flag, each of which waits for the device
NAN = float("nan")
# by identity of the inputs, which are kept so that no others can get it
SharedData = dict[tuple[Any, ...], tuple[Any, DeviceData]]


def independent_seeds(seed: int) -> tuple[int, int, int]:
    """Seeds of three streams that share nothing: initial weights, order of the examples, augmentation."""
    first, second, third = np.random.SeedSequence(seed).generate_state(3, np.uint64)
    return int(first) >> 1, int(second) >> 1, int(third) >> 1


class Trainer(Course):
    """Trains one net on one data set with one loss.

    Args:
        config: validated choices.
        rows: what to train on and to test by, with given and true labels; see `run_rows`.
        device: where to compute.
        validation: training rows that are judged at every evaluation and not trained on.
        shared: inputs that other runs of the same process have on the device already; this one's are added.
    """

    def __init__(
        self,
        config: RunConfig,
        rows: TrainingRows,
        device: torch.device,
        validation: TrainingRows | None = None,
        shared: SharedData | None = None,
    ) -> None:
        super().__init__(config, len(rows.labels.given))
        dataset, labels = rows.dataset, rows.labels
        self.labels = labels
        self.device = device
        self.shared: SharedData = {} if shared is None else shared
        init_seed, order_seed, augment_seed = independent_seeds(config.seed)
        self.model = build_model(
            config.model.name, dataset.input_shape, dataset.num_classes, seed=init_seed, **config.model.params
        ).to(device)
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
        fit_to_inputs(self.model, self.train_data)
        self.criterion = criterion_of(config, labels, dataset.num_classes).to(device)
        self.weight_limit = self.criterion.largest_weight(dataset.num_classes)
        self._check_smallest_batch()
        self.optimizer = build_optimizer(config, self.model)
        self.order_generator = torch.Generator().manual_seed(order_seed)
        self.augment_generator = torch.Generator(device).manual_seed(augment_seed)
        self.trajectories = TrajectoryStats(len(self.given))
        self.forward = Forward(
            self.model, config, device, config.batch_size * self.criterion.num_views, self.total_steps
        )
        largest_batch = min(config.batch_size, len(self.given)) if self.balanced is None else config.batch_size
        self.recorder = DynamicsRecorder(
            self.given, self.true, dataset.num_classes, largest_batch, may_repeat=self.balanced is not None
        )
        self.order = torch.empty(0, dtype=torch.int64)
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=device)
        self.diverged_at = torch.full((), -1, dtype=torch.int64, device=device)
        self.epoch_seconds = 0.0
        self.together = 1
        self.history: list[dict[str, Any]] = []

    def device_data(self, dataset: Dataset, split: Literal["train", "test"]) -> DeviceData:
        """A split as this net takes it: normalised by the rows that it trains on."""
        inputs = dataset.train_inputs if split == "train" else dataset.test_inputs
        layout = memory_format(self.model)
        key = (id(inputs), self.normalization.key, self.config.augment, layout)
        if key not in self.shared:
            data = DeviceData.from_split(dataset, split, self.device, self.normalization, self.config.augment, layout)
            self.shared[key] = (inputs, data)
        return self.shared[key][1]

    @property
    def num_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.model.parameters())

    def run(self, observer: Observer) -> Evaluation | None:
        """Trains to the end and returns the last evaluation, or None if the observer asked to stop.

        Raises DivergedError (a RunError) with the epoch, the step and what to try, once the loss is not finite.
        """
        last: Evaluation | None = None
        if self.batch:
            self.train_data.announce(self.order.cpu(), self.config.batch_size, self.batch)
        try:
            self._compile(observer)
            while not self.is_finished:
                if self.is_at_end_of_epoch:
                    last = self.end_epoch(observer)
                    continue
                self._train_step()
                if observer.on_progress(self.progress("training")):
                    return None
        except StopAskedError:
            return None
        except DivergedError as error:
            raise self.explained(error) from None
        finally:
            self.train_data.close()
        return last

    def _compile(self, observer: Observer) -> None:
        """Takes up to minutes, in which a thread says that the run lives; a wish to stop waits for the end of it."""
        has_full_batch = self.balanced is not None or len(self.given) >= self.config.batch_size
        if self.is_finished or not has_full_batch or not self.forward.must_warm_up:
            return
        with telling(lambda: observer.on_progress(self.progress("compiling"))):
            rows = torch.arange(self.config.batch_size, device=self.device) % len(self.given)
            inputs = self.train_data.inputs(rows, augment=False)
            self.forward.warm_up(torch.cat([inputs] * self.criterion.num_views))
        if observer.on_progress(self.progress("compiling")):
            raise StopAskedError

    # -- one step ------------------------------------------------------------------------------------------------

    def begin_epoch(self) -> None:
        """Draws the order of its examples; before its first step."""
        order = self._new_order()
        if self.together == 1:
            self.train_data.announce(order, self.config.batch_size)
        self.order = order.to(self.device)
        self.recorder.reset()
        self.loss_sum.zero_()
        self.epoch_seconds = 0.0
        self.model.train()
        self.criterion.train()

    def begin_step(self) -> torch.Tensor:
        """Sets what depends on the step, and returns the rows (B,) of its batch."""
        if self.batch == 0:
            self.begin_epoch()
        self.criterion.progress = self.share_done
        set_lr(self.optimizer, self.lr)
        return self.order[self.batch_slice]

    def end_step(self, seconds: float) -> None:
        """Counts a step that took so long."""
        self.step += 1
        self.batch += 1
        self.epoch_seconds += seconds

    def _train_step(self) -> None:
        started = time.perf_counter()
        rows = self.begin_step()
        views = [
            self.train_data.inputs(rows, augment=True, generator=self.augment_generator)
            for _ in range(self.criterion.num_views)
        ]
        logits = self._logits(views)
        values, weights = self.criterion.values_and_weights(logits, self.given[rows], rows)
        loss = self.criterion.reduce(values, weights)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self.config.grad_clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.grad_clip)
        self.optimizer.step()

        self.recorder.record(rows, logits.detach() if len(views) == 1 else logits[0].detach(), weights)
        self.loss_sum += values.detach().sum(dtype=torch.float64)
        first_bad = (self.diverged_at < 0) & ~torch.isfinite(loss.detach())
        self.diverged_at = torch.where(first_bad, self.step, self.diverged_at)
        if self.must_check:
            self.check_divergence()
        self.end_step(time.perf_counter() - started)

    def _logits(self, views: list[torch.Tensor]) -> torch.Tensor:
        """(B, K), or (views, B, K) from one pass over all views."""
        if len(views) == 1:
            return self.forward(views[0])
        logits = self.forward(torch.cat(views))
        return logits.view(len(views), -1, logits.shape[1])

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

    @property
    def must_check(self) -> bool:
        """Whether to look at the device after this step, which on a GPU waits for it."""
        return self.device.type == "cpu" or (self.step + 1) % CHECK_EVERY == 0

    def check_divergence(self) -> None:
        if int(self.diverged_at) >= 0:
            raise DivergedError("the loss is not finite")

    def explained(self, error: DivergedError) -> DivergedError:
        """The same with the epoch, the step and what to try."""
        step = int(self.diverged_at) if int(self.diverged_at) >= 0 else self.step - 1
        epoch = step // self.batches + 1
        return DivergedError(
            f"training diverged: {error} at epoch {epoch}, step {step + 1} of {self.total_steps} "
            f"(learning rate {lr_at(self.config, step, self.total_steps):g}). "
            f"Try a learning rate of {self.config.lr / 10:g}"
            + (", or reduction weight_sum" if self.config.loss.reduction == "mean" else ", or reduction mean")
        )

    # -- the end of an epoch -------------------------------------------------------------------------------------

    def end_epoch(self, observer: Observer, judgement: Judgement | None = None) -> Evaluation | None:
        """Evaluates where it must, unless it is given the judgement, reports, and moves on; nothing has changed if the observer stops it midway."""
        started = time.perf_counter()
        self.check_divergence()  # waits for the device, which may be steps behind
        self.epoch_seconds += time.perf_counter() - started
        evaluation = None
        seen = self.recorder.columns()
        row = self._seen_metrics(seen)
        row["eval_seconds"] = 0.0
        if self.must_evaluate:
            tick = self._ticker(observer)
            judgement = judgement or judge(self, tick, keep_outputs=self.is_last_epoch)
            evaluation, columns = judgement.evaluation, judgement.evaluation.columns
            row["test_accuracy"] = accuracy(judgement.test_predicted, self.test_labels)
            started = time.perf_counter()
            row |= self.validation_accuracies(tick)
            row["eval_seconds"] = judgement.seconds + time.perf_counter() - started
            is_correct = columns["predicted"] == self.labels.given
            self.trajectories.update(columns["p_label"], columns["margin"], is_correct)
            row |= training_accuracies(
                columns["predicted"], self.labels.given, self.labels.true, self.labels.is_corrupted
            )
        row = {name: NAN if value is None else value for name, value in row.items()}
        self.history.append(row)
        record = EpochRecord(self.epoch, row, seen, evaluation, self.trajectories.table() if evaluation else None)
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

    def _seen_metrics(self, columns: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
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
            if observer.on_progress(self.progress("evaluating", done, total)):
                raise StopAskedError

        return tick

    def progress(self, phase: str, batch: int | None = None, batches: int | None = None) -> Progress:
        seen = self.batch * self.config.batch_size
        return Progress(
            phase,
            self.epoch,
            self.epochs,
            self.step,
            self.total_steps,
            self.batch if batch is None else batch,
            self.batches_of_this_epoch if batches is None else batches,
            seen / self.epoch_seconds if self.epoch_seconds > 0 else None,
            self.together,
        )

    # -- saving --------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """See `checkpoint.state_of`."""
        return state_of(self)

    def load(self, state: Mapping[str, Any]) -> None:
        """See `checkpoint.put_back`."""
        put_back(self, state)
