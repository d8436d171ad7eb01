"""Generalised Jensen-Shannon divergence of the label and the predictions for several views of an example."""

import math

import torch

from imae_core.losses.vector import NamedVectorLoss, Tensor, at_label


class GJSLoss(NamedVectorLoss):
    """GJS of the one-hot label and two predictions (Englesson & Azizpour 2021, arXiv 2105.04522).

    L = [pi1 KL(e||m) + sum_v (1-pi1)/2 KL(p_v||m)] / Z, m = pi1 e + sum_v (1-pi1)/2 p_v, Z = -(1-pi1) log(1-pi1). Logits are
    (2, N, K), one block for each augmented view; (N, K) means two equal views, for which it is `js`.
    """

    name = "gjs"
    num_views = 2

    def value(self, logits: Tensor, labels: Tensor) -> Tensor:
        views = logits if logits.dim() == 3 else logits.expand(self.num_views, *logits.shape)
        pi1 = self.params["pi1"]
        each = (1 - pi1) / self.num_views
        log_p = views.log_softmax(dim=2)
        log_mixed = log_p.logsumexp(dim=0) + math.log(each)
        log_m_label = torch.logaddexp(at_label(log_mixed, labels), torch.full_like(log_mixed[:, 0], math.log(pi1)))
        log_m = log_mixed.scatter(1, labels[:, None], log_m_label[:, None])
        divergence = each * (log_p.exp() * (log_p - log_m)).sum(dim=(0, 2)) - pi1 * log_m_label
        value: Tensor = divergence / (-(1 - pi1) * math.log(1 - pi1))
        return value
