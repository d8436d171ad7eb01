"""Recording what each example was to the training step, without waiting for the device."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imae_core.data.sampling import last_occurrences

FLOAT16_MAX = 65504.0
FEW_CLASSES = 16  # fewer than a CPU's vector holds, torch's softmax takes them one by one: four times as long
MOST_SLOTS = 1024  # batches whose places in the buffers are made once
BUFFER_VALUES = 2**22  # logits that are kept before they are worked up: 16 MiB


class DynamicsRecorder:
    """The dynamics of one epoch, NaN (predicted: 0) where an example was not seen.

    A step only copies its outputs into preallocated device tensors; what they say of each example is worked up by whole
    epochs, or whenever the tensors are full.

    Columns, all (N,): `p_label` probability of the given label, `predicted` class, `weight` L1 norm of the
    gradient w.r.t. the logits, `margin` z_y - max_{k != y} z_k, `p_true` probability of the true label, NaN where there
    is none (a label of -1). Of an example that comes again the last occurrence counts.

    Args:
        given, true: (N,) labels on the device; `true` is None where nobody knows them.
        num_classes: K.
        batch_size: of the largest batch.
        may_repeat: whether an example may come twice in an epoch.
    """

    def __init__(
        self,
        given: torch.Tensor,
        true: torch.Tensor | None,
        num_classes: int,
        batch_size: int,
        may_repeat: bool = False,
    ) -> None:
        self.given = given
        self.true = true
        self.may_repeat = may_repeat
        num_examples, device = len(given), given.device
        self.floats = torch.full((4, num_examples), float("nan"), device=device)
        self.predicted = torch.zeros(num_examples, dtype=torch.int32, device=device)
        room = max(min(num_examples, BUFFER_VALUES // num_classes), batch_size)
        self.keep_in(
            torch.empty(room, dtype=torch.int64, device=device),
            torch.empty(room, num_classes, device=device),
            torch.empty(room, device=device),
        )

    def keep_in(self, rows: torch.Tensor, logits: torch.Tensor, weights: torch.Tensor) -> None:
        """Where steps are kept from now on: (M,), (M, K) and (M,) for an M that holds a batch."""
        self.rows, self.logits, self.weights = rows, logits, weights
        self.slots: dict[tuple[int, int], tuple[torch.Tensor, ...]] = {}
        self.num_waiting = 0

    def reset(self) -> None:
        self.floats.fill_(float("nan"))
        self.predicted.zero_()
        self.num_waiting = 0

    def record(self, rows: torch.Tensor, logits: torch.Tensor, weights: torch.Tensor) -> None:
        """Stores a batch: rows (B,), logits (B, K), weights (B,), without gradients."""
        start, end = self.num_waiting, self.num_waiting + len(rows)
        if end > len(self.rows):
            self.work_up()
            start, end = 0, len(rows)
        slots = self.slots.get((start, end))
        if slots is None:
            slots = tuple(kept[start:end] for kept in (self.rows, self.logits, self.weights))
            if len(self.slots) < MOST_SLOTS:
                self.slots[start, end] = slots
        for slot, values in zip(slots, (rows, logits, weights), strict=True):
            slot.copy_(values)
        self.num_waiting = end

    @torch.no_grad()
    def work_up(self) -> None:
        """Turns what waits into columns; does nothing where nothing waits."""
        if not self.num_waiting:
            return
        rows, logits, weights = (kept[: self.num_waiting] for kept in (self.rows, self.logits, self.weights))
        self.num_waiting = 0
        if self.may_repeat:
            last = last_occurrences(rows)
            logits, weights = logits[last], weights[last]
        true = None if self.true is None else self.true[rows]
        self.take(rows, *dynamics_of(logits, weights, self.given[rows], true))

    def take(self, rows: torch.Tensor, floats: torch.Tensor, predicted: torch.Tensor) -> None:
        """Puts what `dynamics_of` said of rows (n,) in their places; nothing waits any more."""
        self.floats.index_copy_(1, rows, floats)
        self.predicted[rows] = predicted
        self.num_waiting = 0

    def columns(self) -> dict[str, NDArray[Any]]:
        """The epoch as NumPy arrays (N,), ready for the run folder."""
        self.work_up()
        return stored_columns(self.floats.cpu().numpy().copy(), self.predicted.cpu().numpy())

    def state(self) -> dict[str, torch.Tensor]:
        self.work_up()
        return {"floats": self.floats, "predicted": self.predicted}

    def load(self, state: dict[str, torch.Tensor]) -> None:
        self.floats.copy_(state["floats"])
        self.predicted.copy_(state["predicted"])
        self.num_waiting = 0


def dynamics_of(
    logits: torch.Tensor, weights: torch.Tensor, given: torch.Tensor, true: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """p_label, weight, margin and p_true as (4, ..., n), and the predicted classes (..., n), of logits (..., n, K) and weights,
    given and true labels (..., n)."""
    column = given[..., None]
    probs = probabilities(logits)
    others = logits.scatter(-1, column, float("-inf")).amax(dim=-1)
    margin = logits.gather(-1, column)[..., 0] - others
    p_true = torch.full_like(weights, float("nan"))
    if true is not None:
        p = probs.gather(-1, true.clamp(min=0)[..., None])[..., 0]
        p_true = torch.where(true >= 0, p, float("nan"))
    return torch.stack([probs.gather(-1, column)[..., 0], weights, margin, p_true]), logits.argmax(dim=-1).int()


def probabilities(logits: torch.Tensor) -> torch.Tensor:
    """The softmax (..., n, K), the same bits however rows are cut into batches."""
    if logits.shape[-1] >= FEW_CLASSES:
        return logits.softmax(dim=-1)
    powers = (logits - logits.amax(dim=-1, keepdim=True)).exp_()
    return powers.div_(powers.sum(dim=-1, keepdim=True))


def stored_columns(floats: NDArray[np.float32], predicted: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
    """A run folder's columns (N,) of `dynamics_of`: floats (4, N) and predicted (N,)."""
    p_label, weight, margin, p_true = floats
    return {
        "p_label": p_label,
        "predicted": predicted.astype(np.uint16),
        "weight": weight,
        "margin": margin.clip(-FLOAT16_MAX, FLOAT16_MAX).astype(np.float16),
        "p_true": p_true.astype(np.float16),
    }
