"""The published losses whose weight is a function of p alone, as drop-in criteria.

Every class takes keyword arguments only: `reduction` (see `Criterion`) and the parameters of its catalog entry, whose
ranges, defaults and sources hold; an unknown or impossible one raises BadInputError. Formulas: `imae_core.curves`.
"""

from typing import Any

import torch

from imae_core.catalog import LOSSES
from imae_core.curves import CURVES
from imae_core.losses.curve import CurveLoss, relative_value
from imae_core.losses.values import VALUES


class NamedCurveLoss(CurveLoss):
    """A loss of the catalog; `params` holds all its parameters."""

    name: str

    def __init__(self, *, reduction: str = "mean", **params: Any) -> None:
        self.params = LOSSES[self.name].validate(params)
        super().__init__(CURVES[self.name], reduction)

    def weight(self, p: Any, not_p: Any) -> Any:
        return CURVES[self.name](p, not_p, **self.params)

    def value(self, margins: torch.Tensor, p: torch.Tensor, not_p: torch.Tensor) -> torch.Tensor:
        if self.name in VALUES:
            return VALUES[self.name](margins, p, not_p, **self.params)
        return relative_value(self.weight, margins)


class CCELoss(NamedCurveLoss):
    """Categorical cross entropy, L = -log p, w = 2(1-p)."""

    name = "cce"


class MAELoss(NamedCurveLoss):
    """Mean absolute error, L = 2(1-p), w = 4p(1-p) (Ghosh et al. 2017)."""

    name = "mae"


class MSELoss(NamedCurveLoss):
    """Squared error of p, L = (1-p)^2, w = 4p(1-p)^2 (DM, arXiv 1905.11233); not the Brier score."""

    name = "mse"


class IMAELoss(NamedCurveLoss):
    """IMAE, w = exp(T p(1-p)), T = 8 (arXiv 1903.12141). Its value is relative: zero at p = 1/2, negative beyond."""

    name = "imae"


class DMLoss(NamedCurveLoss):
    """Derivative manipulation, w = exp(beta p^lam (1-p)), lam = 0.5, beta = 8 (arXiv 1905.11233); relative value."""

    name = "dm"


class GCELoss(NamedCurveLoss):
    """Generalised cross entropy, L = (1-p^q)/q, w = 2p^q(1-p), q = 0.7 (Zhang & Sabuncu 2018)."""

    name = "gce"


class TruncatedGCELoss(NamedCurveLoss):
    """Truncated GCE, q = 0.7, k = 0.5: weight 0 for p <= k once `progress` >= `start` (Zhang & Sabuncu 2018)."""

    name = "truncated_gce"

    def weight(self, p: Any, not_p: Any) -> Any:
        return CURVES[self.name](p, not_p, **self.params, progress=self.progress)

    def value(self, margins: torch.Tensor, p: torch.Tensor, not_p: torch.Tensor) -> torch.Tensor:
        return VALUES[self.name](margins, p, not_p, **self.params, progress=self.progress)


class RCELoss(NamedCurveLoss):
    """Reverse cross entropy, L = 9.21(1-p), w = 18.42p(1-p) (Wang et al. 2019, clip 1e-4 as in its code)."""

    name = "rce"


class SCELoss(NamedCurveLoss):
    """Symmetric cross entropy, alpha CE + beta RCE, alpha = 0.1, beta = 1 (Wang et al. 2019)."""

    name = "sce"


class FocalLoss(NamedCurveLoss):
    """Focal loss, L = -(1-p)^gamma log p, gamma = 0.5 (Lin et al. 2017); p is not detached."""

    name = "focal"


class TaylorCELoss(NamedCurveLoss):
    """Taylor cross entropy, L = sum_{i<=t} (1-p)^i / i, t = 2 (Feng et al. 2020)."""

    name = "taylor_ce"


class AGCELoss(NamedCurveLoss):
    """Asymmetric GCE, L = ((a+1)^q-(a+p)^q)/q, a = 0.6, q = 0.6 (Zhou et al. 2021)."""

    name = "agce"


class AULLoss(NamedCurveLoss):
    """Asymmetric unhinged loss, L = ((a-p)^q-(a-1)^q)/q, a = 5.5, q = 3 (Zhou et al. 2021)."""

    name = "aul"


class AELLoss(NamedCurveLoss):
    """Asymmetric exponential loss, L = exp(-p/a), a = 2.5 (Zhou et al. 2021)."""

    name = "ael"


class JSLoss(NamedCurveLoss):
    """Jensen-Shannon divergence, pi1 = 0.7 (Englesson & Azizpour 2021)."""

    name = "js"
