"""Bi-tempered logistic loss: a bounded logarithm against outliers, a heavy-tailed softmax against wrong labels."""

import torch
from torch.nn import functional as F

from imae_core.losses.vector import NamedVectorLoss, Tensor, at_label

NEWTON_STEPS = 8  # the last digit of float64 for t2 up to 5 and K up to 300


class BiTemperedLoss(NamedVectorLoss):
    """Bi-tempered logistic loss, t1 = 0.8, t2 = 1.2 (Amid et al. 2019, arXiv 1906.03361).

    L = -log_t1(p_y) - (1 - sum_k p_k^(2-t1)) / (2-t1), where p is the tempered softmax exp_t2(z - lambda), log_t(x) =
    (x^(1-t) - 1)/(1-t) and exp_t its inverse. lambda is solved to the last digit; the authors' code makes five fixed-point steps.
    """

    name = "bi_tempered"

    def value(self, logits: Tensor, labels: Tensor) -> Tensor:
        return self.value_and_gradient(logits, labels, None)[0]

    @torch.no_grad()
    def value_and_gradient(self, logits: Tensor, labels: Tensor, _rows: Tensor | None) -> tuple[Tensor, Tensor]:
        t1, t2 = self.params["t1"], self.params["t2"]
        log_p = tempered_log_softmax(logits, t2)
        p_power = (log_p * (2 - t1)).exp()
        values = -tempered_log(at_label(log_p, labels), t1) - (1 - p_power.sum(dim=1)) / (2 - t1)
        # with the escorts p^t2 / sum_k p_k^t2, dp_k/dz_j = p_k^t2 (1[k = j] - escort_j)
        p = log_p.exp()
        is_label = F.one_hot(labels, logits.shape[1]).bool()
        others = p.masked_fill(is_label, 0.0)
        distance = torch.where(is_label, -others.sum(dim=1, keepdim=True), others)
        pull = distance * ((t2 - t1) * log_p).exp()
        return values, pull - (t2 * log_p).softmax(dim=1) * pull.sum(dim=1, keepdim=True)


def tempered_log(log_p: Tensor, t: float) -> Tensor:
    """log_t(p) from log p, for t <= 1."""
    return log_p if t == 1 else torch.expm1((1 - t) * log_p) / (1 - t)


def tempered_log_softmax(logits: Tensor, t: float) -> Tensor:
    """(N, K) log exp_t(z - lambda) for t >= 1, with lambda such that the probabilities sum to 1.

    With S = sum_k exp_t(z_k - lambda), S^(1-t) is concave and increasing in lambda, linear where one class or K equal ones
    count: Newton's steps from below never overshoot.
    """
    if t == 1:
        return logits.log_softmax(dim=1)
    c = t - 1
    shifted = logits - logits.amax(dim=1, keepdim=True)
    normalizer = torch.zeros_like(shifted[:, :1])
    for _ in range(NEWTON_STEPS):
        log_terms = -torch.log1p(c * (normalizer - shifted)) / c
        log_sum = log_terms.logsumexp(dim=1, keepdim=True)
        height = (-c * log_sum).exp()
        log_slope = (t * log_terms).logsumexp(dim=1, keepdim=True) - log_sum
        normalizer = normalizer + (1 - height) / (c * height * log_slope.exp())
    return -torch.log1p(c * (normalizer - shifted)) / c
