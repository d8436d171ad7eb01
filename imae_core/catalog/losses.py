"""The losses whose weight is a function of p alone, and all losses together."""

from imae_core.catalog.entry import LossEntry, Parameter, by_name
from imae_core.catalog.loss_parameters import (
    ZHOU,
    ael_a,
    agce_a,
    agce_q,
    aul_a,
    aul_q,
    focal_detach,
    focal_gamma,
    js_pi1,
    rce_log,
)
from imae_core.catalog.own_losses import OWN_LOSSES
from imae_core.catalog.vector_losses import VECTOR_LOSSES


def _gce_q(default: float = 0.7) -> Parameter:
    return Parameter(
        "q", default, 0.0, 1.0, 0.05, "0 is cross entropy, 1 is half of MAE; between them the loss trades fit "
        "for robustness.", "Zhang & Sabuncu 2018, arXiv 1805.07836", open_low=True,
    )  # fmt: skip


CURVE_LOSSES = (
    LossEntry("cce", "CCE (cross entropy)", "The standard loss. It listens most to examples far from their label, "
          "where wrong labels live.", (), "-log p", "standard"),
    LossEntry("mae", "MAE (mean absolute error)", "Listens to uncertain examples, p near 0.5, but with so little "
          "contrast that it underfits.",
          (Parameter("scale", 2.0, 0.0, 100.0, 1.0, "Factor of 1 - p. 2 is the sum of |e - p| over the classes, as the paper has "
                     "it; much public code (APL, ALFs, GJS) takes 1, which halves every step.",
                     "Ghosh et al. 2017, arXiv 1712.09482", open_low=True),),
          "2(1 - p)", "Ghosh et al. 2017, arXiv 1712.09482", is_symmetric=True, is_bounded=True),
    LossEntry("mse", "MSE (squared error of p)", "Squared error of the given label's probability alone; not the "
          "Brier score.", (), "(1 - p)²", "DM paper, arXiv 1905.11233", is_bounded=True),
    LossEntry("imae", "IMAE", "MAE's emphasis on uncertain examples, with a contrast that T controls.",
          (Parameter("T", 8.0, 0.0, 64.0, 0.5, "Contrast: how much more an uncertain example (p = 0.5) weighs than "
                     "a certain one, exp(T/4) times. 0 gives every example weight 1.", "arXiv 1903.12141, T = 8"),),
          "relative value", "arXiv 1903.12141"),
    LossEntry("dm", "DM (derivative manipulation)", "IMAE with a movable peak: most weight at p = λ/(λ+1).",
          (Parameter("lam", 0.5, 0.0, 10.0, 0.1, "λ: where the peak is, at p = λ/(λ+1); 1 is IMAE.",
                     "arXiv 1905.11233", aliases=("lambda", "lambda_"), open_low=True),
           Parameter("beta", 8.0, 0.0, 64.0, 0.5, "β: the contrast, as T of IMAE.", "arXiv 1905.11233")),
          "relative value", "arXiv 1905.11233"),
    LossEntry("gce", "GCE (generalised cross entropy)", "Between cross entropy (q → 0) and MAE (q = 1).",
          (_gce_q(),), "(1 - p^q)/q", "Zhang & Sabuncu 2018, arXiv 1805.07836", is_bounded=True),
    LossEntry("truncated_gce", "Truncated GCE", "GCE that, after a warm-up, ignores examples with p ≤ k.",
          (_gce_q(),
           Parameter("k", 0.5, 0.0, 1.0, 0.05, "Examples with p ≤ k get no weight.", "arXiv 1805.07836",
                     open_high=True),
           Parameter("start", 1 / 3, 0.0, 1.0, 0.05, "Share of training with plain GCE before truncation starts: at "
                     "the beginning every p is below k.", "public code: epoch 40 of 120")),
          "GCE, constant for p ≤ k", "Zhang & Sabuncu 2018, arXiv 1805.07836", is_bounded=True),
    LossEntry("rce", "RCE (reverse cross entropy)", "Proportional to MAE: A (p - 1), with A for log 0.",
          (rce_log(),), "-A (1 - p)", "Wang et al. 2019, arXiv 1908.06112", is_symmetric=True, is_bounded=True),
    LossEntry("sce", "SCE (symmetric cross entropy)", "A little cross entropy for fit, reverse cross entropy for robustness.",
          (Parameter("alpha", 0.1, 0.0, 100.0, 0.1, "α: share of cross entropy (CIFAR-10 0.1, CIFAR-100 6).",
                     "arXiv 1908.06112", by_dataset={"cifar100": 6.0}),
           Parameter("beta", 1.0, 0.0, 100.0, 0.1, "β: share of reverse cross entropy (CIFAR-10 1, CIFAR-100 0.1).",
                     "arXiv 1908.06112", by_dataset={"cifar100": 0.1}),
           rce_log()),
          "α CE + β RCE", "Wang et al. 2019, arXiv 1908.06112"),
    LossEntry("focal", "Focal loss", "Listens even more than cross entropy to examples far from their label.",
          (focal_gamma(), focal_detach()), "-(1 - p)^γ log p", "Lin et al. 2017, arXiv 1708.02002"),
    LossEntry("taylor_ce", "Taylor cross entropy", "The first t terms of cross entropy's Taylor series; t = 1 is half of MAE.",
          (Parameter("t", 2, 1, 50, 1, "Number of terms; more terms come closer to cross entropy.",
                     "Feng et al. 2020 (IJCAI); the default is from memory", integer=True),),
          "Σ (1 - p)^i / i, i ≤ t", "Feng et al. 2020 (IJCAI)", is_bounded=True),
    LossEntry("agce", "AGCE (asymmetric GCE)", "An asymmetric loss between GCE and the unhinged loss.",
          (agce_a(0.6, mnist=4.0), agce_q(0.6, mnist=0.2)), "((a+1)^q - (a+p)^q)/q", ZHOU, is_bounded=True),
    LossEntry("aul", "AUL (asymmetric unhinged)", "An asymmetric loss that leans to small p.",
          (aul_a(5.5, mnist=3.0), aul_q(3.0, mnist=0.1)), "((a-p)^q - (a-1)^q)/q", ZHOU, is_bounded=True),
    LossEntry("ael", "AEL (asymmetric exponential)", "An asymmetric loss, exp(-p/a).",
          (ael_a(2.5, mnist=3.5),), "exp(-p/a)", ZHOU, is_bounded=True),
    LossEntry("js", "JS (Jensen-Shannon)", "Jensen-Shannon divergence between label and prediction.",
          (js_pi1(0.7, "CIFAR-10 at 20/40/60/80 % noise: .7/.7/.9/.9; CIFAR-100: .1/.3/.5/.3", cifar100=0.3),),
          "[π₁ KL(e‖m) + π₂ KL(p‖m)]/Z", "Englesson & Azizpour 2021, arXiv 2105.04522", is_bounded=True),
)  # fmt: skip

LOSSES: dict[str, LossEntry] = by_name(*CURVE_LOSSES, *VECTOR_LOSSES, *OWN_LOSSES)
