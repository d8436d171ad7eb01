"""Recording what each example was to the training step, without waiting for the device."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imae_core.data.sampling import last_occurrences

FLOAT16_MAX = 65504.0
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
        self.rows = torch.empty(room, dtype=torch.int64, device=device)
        self.logits = torch.empty(room, num_classes, device=device)
        self.weights = torch.empty(room, device=device)
        self.num_waiting = 0

    def reset(self) -> None:
        self.floats.fill_(float("nan"))
        self.predicted.zero_()
        self.num_waiting = 0

    @torch.no_grad()
    def record(self, rows: torch.Tensor, logits: torch.Tensor, weights: torch.Tensor) -> None:
        """Stores a batch: rows (B,), logits (B, K), weights (B,)."""
        start, end = self.num_waiting, self.num_waiting + len(rows)
        if end > len(self.rows):
            self.work_up()
            start, end = 0, len(rows)
        self.rows[start:end] = rows
        self.logits[start:end] = logits
        self.weights[start:end] = weights
        self.num_waiting = end

    @torch.no_grad()
    def work_up(self) -> None:
        """Turns what waits into columns; does nothing where nothing waits."""
        rows, logits, weights = (kept[: self.num_waiting] for kept in (self.rows, self.logits, self.weights))
        self.num_waiting = 0
        if self.may_repeat:
            last = last_occurrences(rows)
            logits, weights = logits[last], weights[last]
        column = self.given[rows][:, None]
        probs = logits.softmax(dim=1)
        others = logits.scatter(1, column, float("-inf")).amax(dim=1)
        self.floats[0, rows] = probs.gather(1, column)[:, 0]
        self.floats[1, rows] = weights
        self.floats[2, rows] = logits.gather(1, column)[:, 0] - others
        if self.true is not None:
            true = self.true[rows]
            p_true = probs.gather(1, true.clamp(min=0)[:, None])[:, 0]
            self.floats[3, rows] = torch.where(true >= 0, p_true, float("nan"))
        self.predicted[rows] = logits.argmax(dim=1).int()

    def columns(self) -> dict[str, NDArray[Any]]:
        """The epoch as NumPy arrays (N,), ready for the run folder."""
        self.work_up()
        p_label, weight, margin, p_true = self.floats.cpu().numpy().copy()
        return {
            "p_label": p_label,
            "predicted": self.predicted.cpu().numpy().astype(np.uint16),
            "weight": weight,
            "margin": np.clip(margin, -FLOAT16_MAX, FLOAT16_MAX).astype(np.float16),
            "p_true": p_true.astype(np.float16),
        }

    def state(self) -> dict[str, torch.Tensor]:
        self.work_up()
        return {"floats": self.floats, "predicted": self.predicted}

    def load(self, state: dict[str, torch.Tensor]) -> None:
        self.floats.copy_(state["floats"])
        self.predicted.copy_(state["predicted"])
        self.num_waiting = 0
