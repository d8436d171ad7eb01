"""Recording what each example was to the training step, without waiting for the device."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imae_core.data.sampling import last_occurrences

FLOAT16_MAX = 65504.0


class DynamicsRecorder:
    """Preallocated device tensors for one epoch, NaN (predicted: 0) where an example was not seen.

    Columns, all (N,): `p_label` probability of the given label, `predicted` class, `weight` L1 norm of the
    gradient w.r.t. the logits, `margin` z_y - max_{k != y} z_k, `p_true` probability of the true label, NaN where there
    is none (a label of -1). Of an example that comes again the last occurrence counts; `may_repeat` says that one may come
    twice in a batch.
    """

    def __init__(self, num_examples: int, device: torch.device, may_repeat: bool = False) -> None:
        self.may_repeat = may_repeat
        self.floats = torch.full((4, num_examples), float("nan"), device=device)
        self.predicted = torch.zeros(num_examples, dtype=torch.int32, device=device)

    def reset(self) -> None:
        self.floats.fill_(float("nan"))
        self.predicted.zero_()

    @torch.no_grad()
    def record(
        self,
        rows: torch.Tensor,
        logits: torch.Tensor,
        given: torch.Tensor,
        true: torch.Tensor | None,
        weights: torch.Tensor,
    ) -> None:
        """Stores a batch: rows (B,), logits (B, K), given and true labels (B,), weights (B,)."""
        if self.may_repeat:
            last = last_occurrences(rows)
            logits, weights = logits[last], weights[last]
        logits = logits.float()
        probs = logits.softmax(dim=1)
        label_logit = logits.gather(1, given[:, None])
        others = logits.scatter(1, given[:, None], float("-inf")).amax(dim=1)
        self.floats[0, rows] = probs.gather(1, given[:, None])[:, 0]
        self.floats[1, rows] = weights.float()
        self.floats[2, rows] = label_logit[:, 0] - others
        if true is not None:
            p_true = probs.gather(1, true.clamp(min=0)[:, None])[:, 0]
            self.floats[3, rows] = torch.where(true >= 0, p_true, float("nan"))
        self.predicted[rows] = logits.argmax(dim=1).int()

    def columns(self) -> dict[str, NDArray[Any]]:
        """The epoch as NumPy arrays (N,), ready for the run folder."""
        p_label, weight, margin, p_true = self.floats.cpu().numpy().copy()
        return {
            "p_label": p_label,
            "predicted": self.predicted.cpu().numpy().astype(np.uint16),
            "weight": weight,
            "margin": np.clip(margin, -FLOAT16_MAX, FLOAT16_MAX).astype(np.float16),
            "p_true": p_true.astype(np.float16),
        }

    def state(self) -> dict[str, torch.Tensor]:
        return {"floats": self.floats, "predicted": self.predicted}

    def load(self, state: dict[str, torch.Tensor]) -> None:
        self.floats.copy_(state["floats"])
        self.predicted.copy_(state["predicted"])
