"""What every loss offers: a drop-in for `torch.nn.CrossEntropyLoss` that also knows its weights."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from imae_core.catalog.entry import setting_text
from imae_core.errors import BadInputError, unknown_name

REDUCTIONS = ("mean", "sum", "none", "weight_sum")


class Criterion(nn.Module, ABC):
    """A loss of logits (N, K) and labels (N,).

    `train()` and `eval()` say whether what it remembers of single examples may change: it does in training mode, in
    passes with a gradient, and never otherwise.

    Args:
        reduction: `mean` over the batch (the paper's formulas), `sum`, `none` (N,), or `weight_sum`: the sum divided
            by the sum of the batch's weights (the authors' code).

    Attributes:
        num_views: how many augmented inputs of each example training should show it, as logits (num_views, N, K).
        params: its parameters by the catalog's names.
        progress: share of training done, in [0, 1]; the training loop sets it for losses that change over time.
        max_log_odds: an example whose log odds of its label exceed this gets weight 0; None (the default): none does.
            A loss with weight at p = 1, such as IMAE, pushes fitted examples without end, and a net that can scale
            its outputs follows until it breaks; runs therefore set it (`LossConfig.max_log_odds`).
    """

    num_views = 1
    params: Mapping[str, Any] = MappingProxyType({})
    progress: float
    max_log_odds: float | None

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise unknown_name("reduction", reduction, REDUCTIONS)
        self.reduction = reduction
        self.progress = 0.0
        self.max_log_odds = None

    def bind(self, num_examples: int, num_classes: int, transition_matrix: Any = None) -> None:
        """Tells the loss, once and before training, what it will train on; most losses need none of it.

        Args:
            num_examples: N; `rows` of later calls are in [0, N).
            num_classes: K.
            transition_matrix: (K, K) the noise model's probabilities, [true, given]; None where nobody knows them.

        Raises:
            BadInputError: what the loss cannot do without is missing or does not fit.
        """

    @abstractmethod
    def values_and_weights(
        self, logits: torch.Tensor, labels: torch.Tensor, rows: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Values (N,) with a gradient and weights (N,) without one, in one pass; arguments are trusted.

        `rows` (N,) says which examples these are, for losses that remember them.
        """

    def example_weights(self, logits: torch.Tensor, labels: torch.Tensor, rows: torch.Tensor | None) -> torch.Tensor:
        """The weights of `values_and_weights` (N,) alone, which may be cheaper."""
        with torch.no_grad():
            return self.values_and_weights(logits, labels, rows)[1]

    @abstractmethod
    def largest_weight(self, num_classes: int) -> float:
        """About the largest weight that an example of K classes can have: the right end of a weight axis."""

    def forward(self, logits: torch.Tensor, labels: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        """The reduced loss of logits (N, K) and integer labels (N,); BadInputError names what does not fit."""
        return self.reduce(*self.values_and_weights(logits, check_batch(logits, labels, self.num_views), rows))

    def weights(self, logits: torch.Tensor, labels: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        """(N,) the L1 norm of dL_i/dz_i for each example, before any reduction; over the logits of all its views."""
        return self.example_weights(logits.detach(), check_batch(logits, labels, self.num_views), rows)

    def reduce(self, values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Values (N,) to what `reduction` says; weights (N,) only matter for `weight_sum`. Of several batches (R, N), each for itself."""
        if self.reduction == "none":
            return values
        if self.reduction == "sum":
            return values.sum(dim=-1)
        if self.reduction == "mean":
            return values.mean(dim=-1)
        total = weights.sum(dim=-1)
        return values.sum(dim=-1) / total.clamp_min(torch.finfo(total.dtype).tiny)

    def extra_repr(self) -> str:
        settings = [setting_text(name, value) for name, value in self.params.items()]
        return ", ".join([*settings, f"reduction={self.reduction!r}"])


class GivenGradient(torch.autograd.Function):
    """Values (N,) whose gradient with respect to the logits is already known."""

    @staticmethod
    def forward(ctx: Any, _logits: torch.Tensor, values: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(gradient)
        return values.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradients[0][:, None] * gradient, None, None


def full_precision(logits: torch.Tensor) -> torch.Tensor:
    """The logits in float32 or better."""
    return logits if logits.dtype in (torch.float32, torch.float64) else logits.float()


def check_batch(logits: torch.Tensor, labels: torch.Tensor, num_views: int = 1) -> torch.Tensor:
    """The labels as int64; BadInputError if logits are no (N, K) floats (for losses of several views also (V, N, K)) or
    labels no (N,) class numbers."""
    if not isinstance(logits, torch.Tensor) or not logits.is_floating_point():
        given = logits.dtype if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise BadInputError(f"logits must be a tensor of floats, got {given}")
    shape = tuple(logits.shape)
    if num_views > 1 and len(shape) == 3 and shape[0] == num_views:
        shape = shape[1:]
    if len(shape) != 2 or shape[0] < 1 or shape[1] < 2:
        or_views = f" or ({num_views}, N, K)" if num_views > 1 else ""
        raise BadInputError(
            f"logits must have shape (N, K){or_views} with N >= 1 and K >= 2, got {tuple(logits.shape)}"
        )
    whole = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
    if not isinstance(labels, torch.Tensor) or labels.dtype not in whole:
        given = labels.dtype if isinstance(labels, torch.Tensor) else type(labels).__name__
        raise BadInputError(f"labels must be a tensor of integers, got {given}")
    if tuple(labels.shape) != shape[:1]:
        raise BadInputError(f"labels must have shape ({shape[0]},) like the logits, got {tuple(labels.shape)}")
    if labels.device != logits.device:
        raise BadInputError(f"labels are on {labels.device}, but logits on {logits.device}")
    labels = labels.long()
    outside = (labels < 0) | (labels >= shape[1])
    if bool(outside.any()):
        place = int(outside.nonzero()[0])
        raise BadInputError(f"label {int(labels[place])} at position {place} is outside of 0 to {shape[1] - 1}")
    return labels
