"""A pass in evaluation mode, without augmentation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from imae_core.data.batches import DeviceData
from imae_core.errors import RunError
from imae_core.losses import Criterion
from imae_core.training.recorder import DynamicsRecorder, probabilities

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
    outputs = _Outputs(len(given))
    for rows, inputs in data.batches(BATCH_SIZE):
        embedding = model.features(inputs)  # type: ignore[operator]
        logits = model.head(embedding)  # type: ignore[operator]
        _check_finite(logits)
        labels = given[rows]
        weights = criterion.example_weights(logits, labels, rows if trained_on else None)
        recorder = recorder or DynamicsRecorder(given, true, logits.shape[1], BATCH_SIZE)
        recorder.record(rows, logits, weights)
        if keep_outputs:
            outputs.add(probabilities(logits.float()), embedding.half())
        tick(int(rows[-1]) + 1, len(given))
    assert recorder is not None
    return Evaluation(recorder.columns(), outputs.pred_probs, outputs.embeddings)


@torch.no_grad()
def predict(model: nn.Module, data: DeviceData, tick: Tick) -> NDArray[Any]:
    """(N,) predicted classes of all rows."""
    model.eval()
    predicted = torch.empty(len(data), dtype=torch.int64, device=data.device)
    for rows, inputs in data.batches(BATCH_SIZE):
        logits = model(inputs)
        _check_finite(logits)
        predicted[rows] = logits.argmax(dim=1)
        tick(int(rows[-1]) + 1, len(data))
    return predicted.cpu().numpy()


class _Outputs:
    """Outputs of N rows, filled batch by batch; lists of small tensors would keep the allocator from using the memory of
    batches again."""

    def __init__(self, num_examples: int) -> None:
        self.num_examples = num_examples
        self.num_done = 0
        self.pred_probs: NDArray[Any] | None = None
        self.embeddings: NDArray[Any] | None = None

    def add(self, probs: torch.Tensor, embeddings: torch.Tensor) -> None:
        """The next rows: (B, K) and (B, D)."""
        if self.pred_probs is None or self.embeddings is None:
            self.pred_probs = np.empty((self.num_examples, probs.shape[1]), dtype=np.float32)
            self.embeddings = np.empty((self.num_examples, embeddings.shape[1]), dtype=np.float16)
        place = slice(self.num_done, self.num_done + len(probs))
        self.pred_probs[place], self.embeddings[place] = probs.cpu().numpy(), embeddings.cpu().numpy()
        self.num_done = place.stop


def _check_finite(logits: torch.Tensor) -> None:
    if not bool(torch.isfinite(logits).all()):
        raise DivergedError("the net's outputs are no longer finite")
