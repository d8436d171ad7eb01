"""A pass in evaluation mode, without augmentation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from imae_core.data.batches import DeviceData
from imae_core.errors import RunError
from imae_core.losses import Criterion
from imae_core.training.recorder import DynamicsRecorder

BATCH_SIZE = 500
Tick = Callable[[int, int], None]


@dataclass(frozen=True)
class Evaluation:
    """`columns` as of the run folder's dynamics (N,); `pred_probs` (N, K) and `embeddings` (N, D) if asked for."""

    columns: dict[str, NDArray[Any]]
    pred_probs: NDArray[Any] | None = None
    embeddings: NDArray[Any] | None = None


class DivergedError(RunError):
    """The loss or the logits became NaN or infinite."""


@torch.no_grad()
def evaluate_training_set(
    model: nn.Module,
    criterion: Criterion,
    data: DeviceData,
    given: torch.Tensor,
    true: torch.Tensor | None,
    tick: Tick,
    keep_outputs: bool,
    trained_on: bool = True,
) -> Evaluation:
    """Dynamics of all rows; `tick(done, total)` is called between batches and may raise to stop.

    `trained_on`: whether these are the rows that the criterion was bound to, in their order, and may remember.
    """
    model.eval()
    criterion.eval()
    recorder: DynamicsRecorder | None = None
    probs: list[torch.Tensor] = []
    features: list[torch.Tensor] = []
    for rows in torch.arange(len(given), device=data.device).split(BATCH_SIZE):  # type: ignore[no-untyped-call]
        embedding = model.features(data.inputs(rows, augment=False))  # type: ignore[operator]
        logits = model.head(embedding)  # type: ignore[operator]
        _check_finite(logits)
        labels = given[rows]
        weights = criterion.example_weights(logits, labels, rows if trained_on else None)
        recorder = recorder or DynamicsRecorder(given, true, logits.shape[1], BATCH_SIZE)
        recorder.record(rows, logits, weights)
        if keep_outputs:
            probs.append(logits.float().softmax(dim=1).cpu())
            features.append(embedding.half().cpu())
        tick(int(rows[-1]) + 1, len(given))
    assert recorder is not None
    return Evaluation(
        recorder.columns(),
        torch.cat(probs).numpy() if keep_outputs else None,
        torch.cat(features).numpy() if keep_outputs else None,
    )


@torch.no_grad()
def predict(model: nn.Module, data: DeviceData, tick: Tick) -> NDArray[Any]:
    """(N,) predicted classes of all rows."""
    model.eval()
    predicted = []
    for rows in torch.arange(len(data), device=data.device).split(BATCH_SIZE):  # type: ignore[no-untyped-call]
        logits = model(data.inputs(rows, augment=False))
        _check_finite(logits)
        predicted.append(logits.argmax(dim=1))
        tick(int(rows[-1]) + 1, len(data))
    return torch.cat(predicted).cpu().numpy()


def _check_finite(logits: torch.Tensor) -> None:
    if not bool(torch.isfinite(logits).all()):
        raise DivergedError("the net's outputs are no longer finite")
