"""Normalised losses, and active passive losses built from them (Ma et al. 2020, arXiv 2006.13554).

A normalised loss divides by its sum over all labels, which makes any loss symmetric. An active passive loss adds to it
one of p alone that pushes the other classes down: alpha * normalised + beta * passive.
"""

from typing import Any

import torch

from imae_core.losses.curve import label_logit_margin
from imae_core.losses.values import VALUES
from imae_core.losses.vector import NamedVectorLoss, Tensor, at_label


def normalized_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """(N,) log p_y / sum_j log p_j, in [0, 1]."""
    log_p = logits.log_softmax(dim=1)
    return at_label(log_p, labels) / log_p.sum(dim=1)


def normalized_focal(logits: Tensor, labels: Tensor, gamma: float, detach: int) -> Tensor:
    """(N,) F_y / sum_j F_j with F_j = -(1-p_j)^gamma log p_j; `detach` takes the factors (1-p_j)^gamma as constants."""
    log_p = logits.log_softmax(dim=1)
    not_p = complements(log_p.exp())
    factors = (not_p.detach() if detach else not_p) ** gamma
    focal = -factors * log_p
    return at_label(focal, labels) / focal.sum(dim=1)


def complements(p: Tensor) -> Tensor:
    """1-p (N, K), never below the smallest normal number; for the largest p as the sum of the others, without cancellation."""
    largest = torch.zeros_like(p, dtype=torch.bool).scatter(1, p.argmax(dim=1, keepdim=True), True)
    others = p.masked_fill(largest, 0.0).sum(dim=1, keepdim=True)
    # a power below 1 has an infinite slope at 0
    return torch.where(largest, others, 1 - p).clamp_min(torch.finfo(p.dtype).tiny)


class NCELoss(NamedVectorLoss):
    """Normalised cross entropy, L = log p_y / sum_j log p_j (Ma et al. 2020)."""

    name = "nce"

    def value(self, logits: Tensor, labels: Tensor) -> Tensor:
        return normalized_cross_entropy(logits, labels)


class NFLLoss(NamedVectorLoss):
    """Normalised focal loss, L = F_y / sum_j F_j, F_j = -(1-p_j)^gamma log p_j, gamma = 0.5 (Ma et al. 2020)."""

    name = "nfl"

    def value(self, logits: Tensor, labels: Tensor) -> Tensor:
        return normalized_focal(logits, labels, **self.params)


class ActivePassiveLoss(NamedVectorLoss):
    """alpha NCE + beta * a loss of p alone; subclasses name it and its parameters."""

    passive: str
    passive_params: tuple[str, ...] = ()

    def active(self, logits: Tensor, labels: Tensor) -> Tensor:
        return normalized_cross_entropy(logits, labels)

    def passive_settings(self) -> dict[str, Any]:
        return {name: self.params[name] for name in self.passive_params}

    def value(self, logits: Tensor, labels: Tensor) -> Tensor:
        s = label_logit_margin(logits, labels)
        passive = VALUES[self.passive](s, torch.sigmoid(s), torch.sigmoid(-s), **self.passive_settings())
        value: Tensor = self.params["alpha"] * self.active(logits, labels) + self.params["beta"] * passive
        return value


class NCEMAELoss(ActivePassiveLoss):
    """alpha NCE + beta (1-p): what the authors call MAE has no factor 2 (Ma et al. 2020)."""

    name = "nce_mae"
    passive = "mae"

    def passive_settings(self) -> dict[str, Any]:
        return {"scale": 1.0}


class NCERCELoss(ActivePassiveLoss):
    """alpha NCE + beta RCE, RCE = -A(1-p), A = log 1e-4 (Ma et al. 2020)."""

    name = "nce_rce"
    passive = "rce"
    passive_params = ("A",)


class NFLRCELoss(ActivePassiveLoss):
    """alpha NFL + beta RCE, gamma = 0.5 (Ma et al. 2020)."""

    name = "nfl_rce"
    passive = "rce"
    passive_params = ("A",)

    def active(self, logits: Tensor, labels: Tensor) -> Tensor:
        return normalized_focal(logits, labels, self.params["gamma"], self.params["detach"])


class NCEAGCELoss(ActivePassiveLoss):
    """alpha NCE + beta AGCE (Zhou et al. 2021, arXiv 2106.03110)."""

    name = "nce_agce"
    passive = "agce"
    passive_params = ("a", "q")


class NCEAULLoss(ActivePassiveLoss):
    """alpha NCE + beta AUL (Zhou et al. 2021, arXiv 2106.03110)."""

    name = "nce_aul"
    passive = "aul"
    passive_params = ("a", "q")


class NCEAELLoss(ActivePassiveLoss):
    """alpha NCE + beta AEL (Zhou et al. 2021, arXiv 2106.03110)."""

    name = "nce_ael"
    passive = "ael"
    passive_params = ("a",)
