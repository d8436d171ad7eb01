"""The engine of losses that need the whole probability vector: value and gradient in one pass, the weight measured."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch

from imae_core.catalog import LOSSES
from imae_core.losses.criterion import Criterion, GivenGradient, full_precision
from imae_core.losses.curve import label_logit_margin

Tensor = torch.Tensor

# the logits among which the largest weight is looked for: their scales, how many of each, the label's log odds
SAMPLE_SCALES = (0.03, 0.3, 1.0, 2.0, 4.0, 8.0, 30.0)
SAMPLE_SIZE = 200
SAMPLE_LOG_ODDS = 12.0


class VectorLoss(Criterion):
    """A loss of logits (N, K) and labels (N,) by its value alone; its gradient is taken, and its weight measured, once.

    A subclass writes `value`, in a form whose gradient is right for logits of +-1e4 (log-softmax, never log of softmax).
    """

    @abstractmethod
    def value(self, logits: Tensor, labels: Tensor) -> Tensor:
        """L_i (N,), differentiable in logits (N, K) of float32 or float64; (num_views, N, K) where there are views."""

    def value_and_gradient(self, logits: Tensor, labels: Tensor, _rows: Tensor | None) -> tuple[Tensor, Tensor]:
        """L_i (N,) and dL_i/dz_i with the shape of the logits, which have no graph."""
        return differentiated(self.value, logits, labels)

    def values_and_weights(self, logits: Tensor, labels: Tensor, rows: Tensor | None = None) -> tuple[Tensor, Tensor]:
        with torch.autocast(device_type=logits.device.type, enabled=False):
            logits = full_precision(logits)
            values, gradient = self.value_and_gradient(logits.detach(), labels, rows)
            with torch.no_grad():
                if self.max_log_odds is not None:
                    fitted = _log_odds(logits, labels) >= self.max_log_odds
                    gradient = gradient.masked_fill(fitted[:, None], 0.0)
                weights = gradient.abs().sum(dim=-1)
            return GivenGradient.apply(logits, values, gradient), weights if weights.dim() == 1 else weights.sum(0)

    def largest_weight(self, num_classes: int) -> float:
        """Measured at made-up logits: the label has any log odds, the other classes are alike, or one of them stands out."""
        generator = torch.Generator().manual_seed(0)
        scales = torch.tensor(SAMPLE_SCALES).repeat_interleave(SAMPLE_SIZE)
        logits = scales[:, None] * torch.randn(len(scales), num_classes, generator=generator)
        labels = torch.arange(len(scales)) % num_classes
        log_odds = torch.linspace(-SAMPLE_LOG_ODDS, SAMPLE_LOG_ODDS, SAMPLE_SIZE).repeat(len(SAMPLE_SCALES))
        logits[torch.arange(len(scales)), labels] += log_odds - label_logit_margin(logits, labels)
        return float(self._sampled_weights(logits, labels).max())

    def _sampled_weights(self, logits: Tensor, labels: Tensor) -> Tensor:
        """(N,) weights at made-up logits on the CPU, at the end of training."""
        progress, self.progress = self.progress, 1.0
        weights = [self.weights(logits, labels)]
        if self.num_views > 1:
            views = [logits.roll(view, dims=0) for view in range(self.num_views)]
            weights.append(self.weights(torch.stack(views), labels))
        self.progress = progress
        return torch.cat(weights)


class NamedVectorLoss(VectorLoss):
    """A loss of the catalog; `params` holds all its parameters. Keyword arguments only, as `NamedCurveLoss`."""

    name: str

    def __init__(self, *, reduction: str = "mean", **params: Any) -> None:
        super().__init__(reduction)
        self.params = LOSSES[self.name].validate(params)


def differentiated(value: Callable[..., Tensor], logits: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor]:
    """value(logits, *rest) (N,) and the gradient of each with respect to its logits."""
    with torch.enable_grad():
        leaf = logits.detach().requires_grad_()
        values = value(leaf, *rest)
        (gradient,) = torch.autograd.grad(values.sum(), leaf)
    return values.detach(), gradient


def at_label(values: Tensor, labels: Tensor) -> Tensor:
    """(N,) the label's entry of each row of (N, K)."""
    return values.gather(1, labels[:, None])[:, 0]


def entropy(log_p: Tensor) -> Tensor:
    """(N,) from log probabilities (N, K)."""
    return -(log_p.exp() * log_p).sum(dim=1)


def _log_odds(logits: Tensor, labels: Tensor) -> Tensor:
    """(N,) of the label; the least of those of all views."""
    if logits.dim() == 2:
        return label_logit_margin(logits, labels)
    return torch.stack([label_logit_margin(view, labels) for view in logits]).amin(dim=0)
