"""What a net makes of the rows that it trains on and of the test rows, in evaluation mode: for one run, or for all of a grid at once."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray
from torch import nn

from imae_core.data.batches import DeviceData
from imae_core.losses import Criterion
from imae_core.training.evaluation import BATCH_SIZE, DivergedError, Evaluation, Tick, evaluate_training_set, predict
from imae_core.training.recorder import BUFFER_VALUES, dynamics_of, stored_columns

if TYPE_CHECKING:
    from imae_core.training.trainer import Trainer

Parts = Sequence[tuple[Criterion, slice]]


@dataclass(frozen=True)
class Judgement:
    """Of the training rows everything, of the test rows the predicted classes (M,); and the run's share of the time it took."""

    evaluation: Evaluation
    test_predicted: NDArray[Any]
    seconds: float


def judge(trainer: "Trainer", tick: Tick, keep_outputs: bool) -> Judgement:
    """Of one run; DivergedError where its outputs are no longer finite."""
    started = time.perf_counter()
    evaluation = evaluate_training_set(
        trainer.model, trainer.criterion, trainer.train_data, trainer.given, trainer.true, tick, keep_outputs
    )
    test_predicted = predict(trainer.model, trainer.test_data, tick)
    return Judgement(evaluation, test_predicted, time.perf_counter() - started)


def can_judge_together(trainers: Sequence["Trainer"]) -> bool:
    """Whether all outputs of all runs fit into little memory; where they do not, each run has enough to do by itself."""
    num_rows = len(trainers[0].train_data) + len(trainers[0].test_data)
    return len(trainers) * num_rows * trainers[0].recorder.logits.shape[-1] <= BUFFER_VALUES


@torch.no_grad()
def judge_together(
    trainers: Sequence["Trainer"], parts: Parts, tick: Callable[[], None]
) -> list[Judgement | DivergedError]:
    """Of each run of a grid; `parts` are the runs that share a criterion, `tick` is called between batches."""
    started = time.perf_counter()
    models = [trainer.model.eval() for trainer in trainers]
    logits = _outputs(models, [trainer.train_data for trainer in trainers], tick)
    test_logits = _outputs(models, [trainer.test_data for trainer in trainers], tick)
    finite = (torch.isfinite(logits).all(dim=2).all(dim=1) & torch.isfinite(test_logits).all(dim=2).all(dim=1)).tolist()
    given, true = stacked_labels(trainers)
    rows = torch.arange(given.shape[1], device=given.device)
    weights = []
    for criterion, runs in parts:
        criterion.eval()
        seen, labels = logits[runs].flatten(0, 1), given[runs].flatten()
        found = criterion.example_weights(seen, labels, rows.repeat(len(seen) // len(rows)))
        weights.append(found.view(-1, len(rows)))
    floats, predicted = (values.cpu().numpy() for values in dynamics_of(logits, torch.cat(weights), given, true))
    test_predicted = test_logits.argmax(dim=2).cpu().numpy()
    seconds = (time.perf_counter() - started) / len(trainers)
    return [
        Judgement(Evaluation(stored_columns(floats[:, place], predicted[place])), test_predicted[place], seconds)
        if finite[place]
        else DivergedError("the net's outputs are no longer finite")
        for place in range(len(trainers))
    ]


def stacked_labels(trainers: Sequence["Trainer"]) -> tuple[torch.Tensor, torch.Tensor]:
    """Given and true labels (R, N); true ones are -1 where nobody knows them."""
    unknown = torch.full_like(trainers[0].given, -1)
    return (
        torch.stack([trainer.given for trainer in trainers]),
        torch.stack([unknown if trainer.true is None else trainer.true for trainer in trainers]),
    )


def _outputs(models: Iterable[nn.Module], data: Iterable[DeviceData], tick: Callable[[], None]) -> torch.Tensor:
    """Logits (R, N, K) of all rows, net by net, which is faster than stacked: batches are large, and a net stays in the cache."""
    found = []
    for model, own in zip(models, data, strict=True):
        outputs = []
        for _, inputs in own.batches(BATCH_SIZE):
            outputs.append(model(inputs))
            tick()
        found.append(torch.cat(outputs))
    return torch.stack(found)
