"""Closed-form values L of the losses of p alone, from s, p = sigmoid(s) and not_p = sigmoid(-s); stable for large |s|.

IMAE and DM have no entry: their value has no elementary form. Sources as in the catalog.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch.nn import functional as F

from imae_core.drawn import drawn_curve

Tensor = torch.Tensor


def cce(s: Tensor, p: Tensor, not_p: Tensor) -> Tensor:
    return -F.logsigmoid(s)


def mae(s: Tensor, p: Tensor, not_p: Tensor, *, scale: float) -> Tensor:
    return scale * not_p


def mse(s: Tensor, p: Tensor, not_p: Tensor) -> Tensor:
    return not_p**2


def gce(s: Tensor, p: Tensor, not_p: Tensor, *, q: float) -> Tensor:
    return -torch.expm1(q * F.logsigmoid(s)) / q


def truncated_gce(s: Tensor, p: Tensor, not_p: Tensor, *, q: float, k: float, start: float, progress: float) -> Tensor:
    value = gce(s, p, not_p, q=q)
    return value if progress < start else torch.where(p > k, value, torch.full_like(value, (1 - k**q) / q))


def rce(s: Tensor, p: Tensor, not_p: Tensor, *, A: float) -> Tensor:
    return -A * not_p


def sce(s: Tensor, p: Tensor, not_p: Tensor, *, alpha: float, beta: float, A: float) -> Tensor:
    return alpha * cce(s, p, not_p) + beta * rce(s, p, not_p, A=A)


def focal(s: Tensor, p: Tensor, not_p: Tensor, *, gamma: float, detach: int) -> Tensor:
    return -(not_p**gamma) * F.logsigmoid(s)


def taylor_ce(s: Tensor, p: Tensor, not_p: Tensor, *, t: int) -> Tensor:
    value = not_p
    for power in range(2, int(t) + 1):
        value = value + not_p**power / power
    return value


def agce(s: Tensor, p: Tensor, not_p: Tensor, *, a: float, q: float) -> Tensor:
    value: Tensor = ((a + 1) ** q - (a + p) ** q) / q
    return value


def aul(s: Tensor, p: Tensor, not_p: Tensor, *, a: float, q: float) -> Tensor:
    value: Tensor = ((a - 1 + not_p) ** q - (a - 1) ** q) / q
    return value


def ael(s: Tensor, p: Tensor, not_p: Tensor, *, a: float) -> Tensor:
    return torch.exp(-p / a)


def js(s: Tensor, p: Tensor, not_p: Tensor, *, pi1: float) -> Tensor:
    """[pi1 KL(e||m) + pi2 KL(p||m)] / Z with m = pi1 e + pi2 p and Z = -pi2 log pi2."""
    pi2 = 1 - pi1
    log_mixture = torch.log(pi1 + pi2 * p)
    label_term = p * (F.logsigmoid(s).clamp_min(torch.finfo(s.dtype).min) - log_mixture)
    other_terms = -not_p * math.log(pi2)
    return (-pi1 * log_mixture + pi2 * (label_term + other_terms)) / (-pi2 * math.log(pi2))


def drawn(s: Tensor, p: Tensor, not_p: Tensor, *, points: Sequence[Sequence[float]], smooth: float) -> Tensor:
    """Relative, zero at p = 1/2, exact where the panels of `relative_value` would cut across a knot."""
    s64 = s.double()
    integral = drawn_curve(points, smooth).integral(torch.sigmoid(s64), F.logsigmoid(s64), F.logsigmoid(-s64), torch)
    value: Tensor = -0.5 * integral
    return value.to(s.dtype)


VALUES: dict[str, Callable[..., Tensor]] = {
    function.__name__: function
    for function in (cce, mae, mse, gce, truncated_gce, rce, sce, focal, taylor_ce, agce, aul, ael, js, drawn)
}
