"""Losses that compare the prediction with something other than the one-hot label: squared, smoothed, partly its own."""

import math

import torch
from torch.nn import functional as F

from imae_core.losses.curve import label_logit_margin
from imae_core.losses.vector import NamedVectorLoss, Tensor, at_label, entropy


class BrierLoss(NamedVectorLoss):
    """Brier score, L = sum_k (p_k - e_k)^2, e the one-hot label (Brier 1950)."""

    name = "brier"

    def value(self, logits: Tensor, labels: Tensor) -> Tensor:
        not_p = torch.sigmoid(-label_logit_margin(logits, labels))
        p = logits.softmax(dim=1)
        others = (p**2).sum(dim=1) - at_label(p, labels) ** 2
        return not_p**2 + others


class LabelSmoothingLoss(NamedVectorLoss):
    """Cross entropy with (1-eps) e + eps/K, eps = 0.1; as torch's `label_smoothing` (Szegedy et al. 2016)."""

    name = "label_smoothing"

    def value(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels, reduction="none", label_smoothing=self.params["eps"])


class BootstrapHardLoss(NamedVectorLoss):
    """L = -beta log p_y - (1-beta) log max_k p_k, beta = 0.8 (Reed et al. 2015, arXiv 1412.6596)."""

    name = "bootstrap_hard"

    def value(self, logits: Tensor, labels: Tensor) -> Tensor:
        log_p = logits.log_softmax(dim=1)
        beta = self.params["beta"]
        value: Tensor = -beta * at_label(log_p, labels) - (1 - beta) * at_label(log_p, log_p.argmax(dim=1))
        return value


class BootstrapSoftLoss(NamedVectorLoss):
    """L = -sum_k (beta e_k + (1-beta) p_k) log p_k, beta = 0.95 (Reed et al. 2015, arXiv 1412.6596)."""

    name = "bootstrap_soft"

    def value(self, logits: Tensor, labels: Tensor) -> Tensor:
        return mixed_target_cross_entropy(logits, labels, 1 - self.params["beta"], self.params["detach"])


class ProSelfLCLoss(NamedVectorLoss):
    """Cross entropy with (1-eps_i) e + eps_i p (Wang et al. 2021, arXiv 2005.03788).

    eps_i = sigmoid(B (progress - start)) (1 - H(p)/log K): trust in the prediction grows with the time trained and with
    the prediction's confidence. No gradient flows through eps_i.
    """

    name = "proselflc"

    def value(self, logits: Tensor, labels: Tensor) -> Tensor:
        confidence = 1 - entropy(logits.detach().log_softmax(dim=1)) / math.log(logits.shape[1])
        trust = 1 / (1 + math.exp(-self.params["B"] * (self.progress - self.params["start"])))
        return mixed_target_cross_entropy(logits, labels, trust * confidence, self.params["detach"])


def mixed_target_cross_entropy(logits: Tensor, labels: Tensor, share: float | Tensor, detach: int) -> Tensor:
    """(N,) -sum_k ((1-share) e_k + share p_k) log p_k; `detach` takes the target as a constant."""
    log_p = logits.log_softmax(dim=1)
    target = log_p.detach().exp() if detach else log_p.exp()
    return -(1 - share) * at_label(log_p, labels) - share * (target * log_p).sum(dim=1)
