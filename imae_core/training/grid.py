"""Several runs of one shape as one batched program: their nets are stacked, and take each step together."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray

from imae_core.losses import Criterion
from imae_core.models.mlp import MLP, StackedMLP
from imae_core.training.evaluation import DivergedError
from imae_core.training.judging import Judgement, can_judge_together, judge_together, stacked_labels
from imae_core.training.observer import EpochRecord, Observer, Progress, StopAskedError
from imae_core.training.optimizer import SGD, set_lr
from imae_core.training.recorder import dynamics_of
from imae_core.training.trainer import Trainer

log = logging.getLogger("imae.run")
LOOK_SECONDS = 0.1  # between questions to the observers


@dataclass(eq=False)
class Member:
    """A run of the grid. How it left: `predicted`, (N,) by its last evaluation, if it came to its end, `error` if something of its own went wrong, neither if its observer asked it to stop."""

    trainer: Trainer
    observer: Observer
    predicted: NDArray[Any] | None = None
    error: Exception | None = None


class Grid:
    """Trains runs that differ in seeds, noise and loss alone, and are at the same step.

    Each keeps its own `Trainer`, whose net, momentum and recording are parts of the grid's tensors: initial weights, order of
    the examples, evaluation and checkpoints are those of the run alone, and a run can go on alone where the grid left it.
    Sums are made in another order than in a run alone, so bits differ.

    One that stops or fails leaves; the others go on.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.given_order = list(members)
        self.members = sorted(members, key=lambda member: member.trainer.config.loss.model_dump_json())
        self.leaving: list[Member] = []
        self.next_look = 0.0
        self._stack()

    def run(self) -> Iterator[Member]:
        """Trains until every member has left, and yields each when it does."""
        while self.members:
            if self.members[0].trainer.is_finished:
                yield from (member for member in self.given_order if member in self.members)
                return
            if self.members[0].trainer.is_at_end_of_epoch:
                self._end_epoch()
            else:
                self._step()
                self.look_after_others()
            yield from self._let_go()

    # -- the stacks ----------------------------------------------------------------------------------------------

    @property
    def trainers(self) -> list[Trainer]:
        return [member.trainer for member in self.members]

    @torch.no_grad()
    def _stack(self) -> None:
        trainers = self.trainers
        first = trainers[0]
        assert len({(len(t.given), t.step, t.batch, t.epochs, t.total_steps) for t in trainers}) == 1
        self.nets = StackedMLP([_mlp(trainer) for trainer in trainers])
        self.optimizer = self._stacked_optimizer()
        self.given, self.true = stacked_labels(trainers)
        self.loss_sum = torch.stack([trainer.loss_sum for trainer in trainers])
        self.diverged_at = torch.stack([trainer.diverged_at for trainer in trainers])
        recorders = [trainer.recorder for trainer in trainers]
        for recorder in recorders:
            recorder.work_up()
        self.rows = torch.stack([recorder.rows for recorder in recorders])
        self.logits = torch.stack([recorder.logits for recorder in recorders])
        self.weights = torch.stack([recorder.weights for recorder in recorders])
        for place, trainer in enumerate(trainers):
            trainer.together = len(trainers)
            trainer.loss_sum, trainer.diverged_at = self.loss_sum[place], self.diverged_at[place]
            trainer.recorder.keep_in(self.rows[place], self.logits[place], self.weights[place])
        self.order = torch.stack([trainer.order for trainer in trainers])
        self.shares_data = all(trainer.train_data is first.train_data for trainer in trainers)
        self.parts = _alike(trainers)

    def _stacked_optimizer(self) -> SGD:
        """As the members' own, with their momentum, which becomes a part of its own."""
        trainers = self.trainers
        own = [list(trainer.model.parameters()) for trainer in trainers]
        stack_of = dict(zip(own[0], self.nets.stacks, strict=True))
        first = trainers[0].optimizer
        groups = [
            {**group, "params": [stack_of[parameter] for parameter in group["params"]]} for group in first.param_groups
        ]
        optimizer = SGD(groups, first.param_groups[0]["lr"], first.momentum, first.nesterov)
        for place, stack in enumerate(self.nets.stacks):
            momentum = optimizer.momentum_of(stack)
            for run, trainer in enumerate(trainers):
                parameter = own[run][place]
                momentum[run] = trainer.optimizer.momentum_of(parameter)
                trainer.optimizer.momenta[parameter] = momentum[run]
        return optimizer

    # -- one step ------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        started = time.perf_counter()
        trainers = self.trainers
        rows = self._begin_step()
        labels = self.given.gather(1, rows)
        logits = self.nets.forward(self._inputs(rows)).requires_grad_()
        values, weights, losses = self._losses(logits, labels, rows)
        (gradient,) = torch.autograd.grad(losses.sum(), logits)
        self.nets.backward(gradient)
        self.optimizer.step()

        self._record(rows, logits.detach(), weights)
        self.loss_sum += values.detach().sum(dim=1, dtype=torch.float64)
        first_bad = (self.diverged_at < 0) & ~torch.isfinite(losses.detach())
        self.diverged_at.masked_fill_(first_bad, trainers[0].step)
        if trainers[0].must_check:
            self._check_divergence()
        seconds = (time.perf_counter() - started) / len(trainers)
        for trainer in trainers:
            trainer.end_step(seconds)

    def _begin_step(self) -> torch.Tensor:
        """As each trainer would: the rows (R, B) of their batches."""
        trainers = self.trainers
        first = trainers[0]
        if first.batch == 0:
            for trainer in trainers:
                trainer.begin_epoch()
            self.order = torch.stack([trainer.order for trainer in trainers])
        for criterion, _ in self.parts:
            criterion.progress = first.share_done
        set_lr(self.optimizer, first.lr)
        return self.order[:, first.batch_slice]

    def _inputs(self, rows: torch.Tensor) -> torch.Tensor:
        """(R, B, ...) of rows (R, B)."""
        if self.shares_data:
            inputs = self.trainers[0].train_data.inputs(rows.flatten())
            return inputs.view(*rows.shape, *inputs.shape[1:])
        return torch.stack([t.train_data.inputs(own) for t, own in zip(self.trainers, rows, strict=True)])

    def _losses(
        self, logits: torch.Tensor, labels: torch.Tensor, rows: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Values and weights (R, B), and the reduced losses (R,)."""
        values, weights, losses = [], [], []
        for criterion, runs in self.parts:
            seen, given = logits[runs].flatten(0, 1), labels[runs].flatten()
            if criterion.num_views > 1:  # nothing is augmented here: all views are the same
                seen = seen.expand(criterion.num_views, -1, -1)
            found = criterion.values_and_weights(seen, given, rows[runs].flatten())
            own_values, own_weights = (each.view(-1, rows.shape[1]) for each in found)
            values.append(own_values)
            weights.append(own_weights)
            losses.append(criterion.reduce(own_values, own_weights))
        return torch.cat(values), torch.cat(weights), torch.cat(losses)

    @torch.no_grad()
    def _record(self, rows: torch.Tensor, logits: torch.Tensor, weights: torch.Tensor) -> None:
        """As each member's recorder would."""
        recorders = [trainer.recorder for trainer in self.trainers]
        start = recorders[0].num_waiting
        end = start + rows.shape[1]
        if end > self.rows.shape[1] or any(recorder.num_waiting != start for recorder in recorders):
            self._work_up()
            start, end = 0, rows.shape[1]
        self.rows[:, start:end] = rows
        self.logits[:, start:end] = logits
        self.weights[:, start:end] = weights
        for recorder in recorders:
            recorder.num_waiting = end

    @torch.no_grad()
    def _work_up(self) -> None:
        """What waits in the members' recorders, all at once where they wait for the same."""
        recorders = [trainer.recorder for trainer in self.trainers]
        waiting = recorders[0].num_waiting
        if any(recorder.may_repeat or recorder.num_waiting != waiting for recorder in recorders):
            for recorder in recorders:
                recorder.work_up()
            return
        rows = self.rows[:, :waiting]
        floats, predicted = dynamics_of(
            self.logits[:, :waiting], self.weights[:, :waiting], self.given.gather(1, rows), self.true.gather(1, rows)
        )
        for place, recorder in enumerate(recorders):
            recorder.take(rows[place], floats[:, place], predicted[place])

    # -- coming and going ----------------------------------------------------------------------------------------

    def _check_divergence(self) -> None:
        if int(self.diverged_at.max()) < 0:
            return
        for member in self.members:
            try:
                member.trainer.check_divergence()
            except DivergedError as error:
                self._leave(member, member.trainer.explained(error))

    def _end_epoch(self) -> None:
        self._work_up()
        for trainer in self.trainers:
            trainer.criterion.progress = trainer.share_done_before
        judgements = self._judgements()
        for place, member in enumerate(self.members):
            if member in self.leaving:
                continue
            try:
                judgement = judgements[place]
                member.trainer.check_divergence()
                if isinstance(judgement, DivergedError):
                    raise judgement
                evaluation = member.trainer.end_epoch(_MemberObserver(self, member), judgement)
                member.predicted = None if evaluation is None else evaluation.columns["predicted"]
            except StopAskedError:
                self._leave(member)
            except DivergedError as error:
                self._leave(member, member.trainer.explained(error))
            except Exception as error:
                self._leave(member, error)

    def _judgements(self) -> Sequence[Judgement | DivergedError | None]:
        """None where the run evaluates by itself: at its end, when all outputs are kept, where there is much to evaluate, and where
        one run's failure would be everybody's."""
        trainers = self.trainers
        if trainers[0].must_evaluate and not trainers[0].is_last_epoch and can_judge_together(trainers):
            try:
                return judge_together(trainers, self.parts, self.look_after_others)
            except Exception:
                log.warning("runs that train together are evaluated one by one", exc_info=True)
        return [None] * len(trainers)

    def look_after_others(self, busy: Member | None = None) -> None:
        """Asks the observers whether to go on, but that of a member in the middle of its evaluation."""
        if time.monotonic() < self.next_look:
            return
        for member in self.members:
            if member is busy or member in self.leaving:
                continue
            try:
                if member.observer.on_progress(member.trainer.progress("training")):
                    self._leave(member)
            except Exception as error:
                self._leave(member, error)
        self.next_look = time.monotonic() + LOOK_SECONDS

    def _leave(self, member: Member, error: Exception | None = None) -> None:
        member.predicted, member.error = None, error
        self.leaving.append(member)

    def _let_go(self) -> list[Member]:
        """Those that leave, once the others are stacked anew."""
        left, self.leaving = self.leaving, []
        if left:
            self.members = [member for member in self.members if member not in left]
            for member in left:
                member.trainer.together = 1
            if self.members:
                self._stack()
        return left


class _MemberObserver:
    """A member's own observer while it is evaluated; the others are looked after in between."""

    def __init__(self, grid: Grid, member: Member) -> None:
        self.grid = grid
        self.member = member

    def on_progress(self, progress: Progress) -> bool:
        self.grid.look_after_others(busy=self.member)
        return self.member.observer.on_progress(progress)

    def on_epoch(self, record: EpochRecord) -> None:
        self.member.observer.on_epoch(record)


def _mlp(trainer: Trainer) -> MLP:
    assert isinstance(trainer.model, MLP)
    return trainer.model


def _alike(trainers: Sequence[Trainer]) -> list[tuple[Criterion, slice]]:
    """Runs that can share a criterion: neighbours with the same loss, where it knows nothing of its examples."""
    parts: list[tuple[Criterion, slice]] = []
    for place, trainer in enumerate(trainers):
        criterion = trainer.criterion
        is_stateless = type(criterion).bind is Criterion.bind and criterion.num_views == 1
        if parts and is_stateless and trainer.config.loss == trainers[place - 1].config.loss:
            parts[-1] = (parts[-1][0], slice(parts[-1][1].start, place + 1))
        else:
            parts.append((criterion, slice(place, place + 1)))
    return parts
