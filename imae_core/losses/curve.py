"""The engine: a weighting curve w(p) is a loss.

With s = z_y - logsumexp of the other logits, p = sigmoid(s) and 1-p = sigmoid(-s). A loss of p alone is a function
of s with dL/ds = -w/2, and ds/dz gives the rest (IMAE, arXiv 1903.12141, and DM, arXiv 1905.11233): dL/dz_y = -w/2, and the
other classes share w/2 in the ratio of their probabilities.
"""

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from imae_core.curves import uniform_p
from imae_core.errors import BadInputError
from imae_core.losses.criterion import Criterion, GivenGradient, full_precision

Tensor = torch.Tensor
Curve = Callable[[Any, Any], Any]
Value = Callable[[Tensor, Tensor, Tensor], Tensor]

# where the integrand of a relative value can bend; beyond the last one p underflows to 0 or 1 even in float64
PANELS = (0.0, 2.0, 6.0, 14.0, 50.0, 800.0)
NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(24)


def label_logit_margin(logits: Tensor, labels: Tensor) -> Tensor:
    """s = z_y - logsumexp_{j != y} z_j, shape (N,), in float32 or better; the label's log odds."""
    with torch.autocast(device_type=logits.device.type, enabled=False):
        logits = full_precision(logits)
        column = labels[:, None]
        others = logits.scatter(1, column, float("-inf")).logsumexp(dim=1)
        return logits.gather(1, column)[:, 0] - others


def margin_and_others(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """s = z_y - logsumexp_{j != y} z_j (N,) and its gradient's other half, ds/dz_j = -q_j: the softmax q (N, K) among the other
    classes, 0 at the label. Of logits without a graph."""
    column = labels[:, None]
    others = logits.scatter(1, column, float("-inf"))
    largest = others.amax(dim=1, keepdim=True).clamp_min(torch.finfo(logits.dtype).min)  # all may be -inf
    powers = others.sub_(largest).exp_()
    total = powers.sum(dim=1, keepdim=True)
    margins = logits.gather(1, column) - largest - total.log()
    return margins[:, 0], powers.div_(total.clamp_min(1))


def relative_value(curve: Curve, margins: Tensor) -> Tensor:
    """L(s) = -1/2 integral_0^s w(sigmoid(t)) dt, shape (N,): zero at p = 1/2, finite for every finite s.

    Gauss-Legendre on panels; where a loss has no value of finite form (IMAE, DM) this one is *relative*.
    """
    nodes, node_weights, edges = _quadrature(margins.dtype, margins.device)
    distance = margins.abs()
    starts = torch.minimum(edges, distance[:, None])
    ends = torch.cat([starts[:, 1:], distance[:, None]], dim=1)
    widths = ends - starts
    points = (starts[..., None] + widths[..., None] * nodes) * margins.sign()[:, None, None]
    weights = curve(torch.sigmoid(points), torch.sigmoid(-points))
    integral: Tensor = ((weights * node_weights).sum(dim=2) * widths).sum(dim=1)
    return -0.5 * margins.sign() * integral


@lru_cache(maxsize=8)
def _quadrature(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Nodes and weights on [0, 1] and the panels' edges, copied to the device once: a copy in each step would wait for it."""
    nodes, node_weights = (
        torch.as_tensor(values, dtype=dtype, device=device) for values in ((NODES + 1) / 2, NODE_WEIGHTS / 2)
    )
    return nodes, node_weights, torch.tensor(PANELS, dtype=dtype, device=device)


class CurveLoss(Criterion):
    """The loss of any weighting curve w >= 0 of p = p(given label | x).

    Args:
        curve: `curve(p)` or `curve(p, not_p)` with not_p = 1-p, for tensors of any shape; finite and >= 0.
        reduction: see `Criterion`.
        value: L(s, p, not_p) where it has a closed form; otherwise the relative value is used.

    Raises:
        BadInputError: the curve fails on tensors, changes their shape, or is negative or not finite on [0, 1].
    """

    def __init__(self, curve: Callable[..., Any], reduction: str = "mean", value: Value | None = None) -> None:
        super().__init__(reduction)
        self._given_curve = curve
        self._takes_complement = _num_required(curve) >= 2
        self._given_value = value
        self._check_curve()

    def weight(self, p: Any, not_p: Any) -> Any:
        """w(p) with the complement given separately, for tensors or arrays of any shape."""
        return self._given_curve(p, not_p) if self._takes_complement else self._given_curve(p)

    def value(self, margins: Tensor, p: Tensor, not_p: Tensor) -> Tensor:
        """L(s), (N,)."""
        if self._given_value is not None:
            return self._given_value(margins, p, not_p)
        return relative_value(self.weight, margins)

    def curve(self, p: Any) -> Any:
        """w(p) for a float, an array or a tensor of p in [0, 1]."""
        if isinstance(p, torch.Tensor):
            return self.weight(p, 1 - p)
        array = torch.as_tensor(np.asarray(p, dtype=np.float64))
        result = self.weight(array, 1 - array).numpy()
        return float(result) if np.ndim(p) == 0 else result

    def largest_weight(self, num_classes: int) -> float:  # noqa: ARG002
        return float(np.max(self.curve(uniform_p(4001))))

    def values_and_weights(
        self,
        logits: Tensor,
        labels: Tensor,
        rows: Tensor | None = None,  # noqa: ARG002
    ) -> tuple[Tensor, Tensor]:
        logits = full_precision(logits)
        with torch.no_grad(), torch.autocast(device_type=logits.device.type, enabled=False):
            margins, others = margin_and_others(logits, labels)
            p, not_p = torch.sigmoid(margins), torch.sigmoid(-margins)
            weights = self._weights_at(margins, p, not_p)
            values = self.value(margins, p, not_p)
            half = 0.5 * weights[:, None]
            gradient = others.mul_(half).scatter_(1, labels[:, None], -half)
        return GivenGradient.apply(logits, values, gradient), weights

    def example_weights(self, logits: Tensor, labels: Tensor, rows: Tensor | None) -> Tensor:  # noqa: ARG002
        with torch.no_grad(), torch.autocast(device_type=logits.device.type, enabled=False):
            margins, _ = margin_and_others(full_precision(logits), labels)
            return self._weights_at(margins, torch.sigmoid(margins), torch.sigmoid(-margins))

    def _weights_at(self, margins: Tensor, p: Tensor, not_p: Tensor) -> Tensor:
        weights: Tensor = self.weight(p, not_p)
        if self.max_log_odds is None:
            return weights
        return torch.where(margins < self.max_log_odds, weights, 0.0)

    def _check_curve(self) -> None:
        p = torch.linspace(0, 1, 1001, dtype=torch.float64)
        try:
            weights = self.weight(p, 1 - p)
        except Exception as error:
            raise BadInputError(f"the curve fails on a tensor of p: {type(error).__name__}: {error}") from error
        if not isinstance(weights, torch.Tensor) or weights.shape != p.shape:
            raise BadInputError("the curve must return a tensor with the shape of p")
        bad = ~torch.isfinite(weights) | (weights < 0)
        if bool(bad.any()):
            place = int(bad.nonzero()[0])
            raise BadInputError(
                f"a weighting curve must be finite and at least 0 on [0, 1]; it is {float(weights[place]):g} "
                f"at p = {float(p[place]):g}"
            )


def _num_required(curve: Callable[..., Any]) -> int:
    """How many positional arguments a callable insists on; 1 where that cannot be told."""
    try:
        parameters = inspect.signature(curve).parameters.values()
    except (TypeError, ValueError):
        return 1
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is p.empty for p in parameters)
