"""The losses."""

from imae_core.catalog.entry import Entry, Parameter, by_name
from imae_core.catalog.own_losses import OWN_LOSSES


def _gce_q(default: float = 0.7) -> Parameter:
    return Parameter(
        "q", default, 0.0, 1.0, 0.05, "0 is cross entropy, 1 is half of MAE; between them the loss trades fit "
        "for robustness.", "Zhang & Sabuncu 2018, arXiv 1805.07836", open_low=True,
    )  # fmt: skip


_ZHOU = "Zhou et al. 2021, arXiv 2106.03110"

LOSSES: dict[str, Entry] = by_name(
    Entry("cce", "CCE (cross entropy)", "The standard loss. It listens most to examples far from their label, "
          "where wrong labels live.", (), "-log p", "standard"),
    Entry("mae", "MAE (mean absolute error)", "Listens to uncertain examples, p near 0.5, but with so little "
          "contrast that it underfits.", (), "2(1 - p)", "Ghosh et al. 2017, arXiv 1712.09482"),
    Entry("mse", "MSE (squared error of p)", "Squared error of the given label's probability alone; not the "
          "Brier score.", (), "(1 - p)²", "DM paper, arXiv 1905.11233"),
    Entry("imae", "IMAE", "MAE's emphasis on uncertain examples, with a contrast that T controls.",
          (Parameter("T", 8.0, 0.0, 64.0, 0.5, "Contrast: how much more an uncertain example (p = 0.5) weighs than "
                     "a certain one, exp(T/4) times. 0 gives every example weight 1.", "arXiv 1903.12141, T = 8"),),
          "relative value", "arXiv 1903.12141"),
    Entry("dm", "DM (derivative manipulation)", "IMAE with a movable peak: most weight at p = λ/(λ+1).",
          (Parameter("lam", 0.5, 0.0, 10.0, 0.1, "λ: where the peak is, at p = λ/(λ+1); 1 is IMAE.",
                     "arXiv 1905.11233", aliases=("lambda", "lambda_"), open_low=True),
           Parameter("beta", 8.0, 0.0, 64.0, 0.5, "β: the contrast, as T of IMAE.", "arXiv 1905.11233")),
          "relative value", "arXiv 1905.11233"),
    Entry("gce", "GCE (generalised cross entropy)", "Between cross entropy (q → 0) and MAE (q = 1).",
          (_gce_q(),), "(1 - p^q)/q", "Zhang & Sabuncu 2018, arXiv 1805.07836"),
    Entry("truncated_gce", "Truncated GCE", "GCE that, after a warm-up, ignores examples with p ≤ k.",
          (_gce_q(),
           Parameter("k", 0.5, 0.0, 1.0, 0.05, "Examples with p ≤ k get no weight.", "arXiv 1805.07836",
                     open_high=True),
           Parameter("start", 1 / 3, 0.0, 1.0, 0.05, "Share of training with plain GCE before truncation starts: at "
                     "the beginning every p is below k.", "public code: epoch 40 of 120")),
          "GCE, constant for p ≤ k", "Zhang & Sabuncu 2018, arXiv 1805.07836"),
    Entry("rce", "RCE (reverse cross entropy)", "Proportional to MAE: 9.21 (1 - p), from log 0 clipped to log 1e-4.",
          (), "9.21 (1 - p)", "Wang et al. 2019, arXiv 1908.06112; clip as in its code"),
    Entry("sce", "SCE (symmetric cross entropy)", "A little cross entropy for fit, reverse cross entropy for robustness.",
          (Parameter("alpha", 0.1, 0.0, 100.0, 0.1, "α: share of cross entropy (CIFAR-10 0.1, CIFAR-100 6).",
                     "arXiv 1908.06112"),
           Parameter("beta", 1.0, 0.0, 100.0, 0.1, "β: share of reverse cross entropy (CIFAR-10 1, CIFAR-100 0.1).",
                     "arXiv 1908.06112")),
          "α CE + β RCE", "Wang et al. 2019, arXiv 1908.06112"),
    Entry("focal", "Focal loss", "Listens even more than cross entropy to examples far from their label.",
          (Parameter("gamma", 0.5, 0.0, 10.0, 0.1, "γ: 0 is cross entropy; larger values ignore fitted examples more.",
                     "Lin et al. 2017, arXiv 1708.02002; 0.5 in APL's comparisons"),),
          "-(1 - p)^γ log p", "Lin et al. 2017, arXiv 1708.02002"),
    Entry("taylor_ce", "Taylor cross entropy", "The first t terms of cross entropy's Taylor series; t = 1 is half of MAE.",
          (Parameter("t", 2, 1, 50, 1, "Number of terms; more terms come closer to cross entropy.",
                     "Feng et al. 2020 (IJCAI); the default is from memory", integer=True),),
          "Σ (1 - p)^i / i, i ≤ t", "Feng et al. 2020 (IJCAI)"),
    Entry("agce", "AGCE (asymmetric GCE)", "An asymmetric loss between GCE and the unhinged loss.",
          (Parameter("a", 0.6, 0.0, 20.0, 0.1, "Shift of p; larger values flatten the curve towards MAE.", _ZHOU,
                     open_low=True),
           Parameter("q", 0.6, 0.0, 10.0, 0.1, "Exponent of a + p; 1 is half of MAE.", _ZHOU, open_low=True)),
          "((a+1)^q - (a+p)^q)/q", _ZHOU),
    Entry("aul", "AUL (asymmetric unhinged)", "An asymmetric loss that leans to small p.",
          (Parameter("a", 5.5, 1.0, 50.0, 0.1, "Shift; close to 1 leans strongly to small p.", _ZHOU, open_low=True),
           Parameter("q", 3.0, 0.0, 10.0, 0.1, "Exponent of a - p; 1 is half of MAE.", _ZHOU, open_low=True)),
          "((a-p)^q - (a-1)^q)/q", _ZHOU),
    Entry("ael", "AEL (asymmetric exponential)", "An asymmetric loss, exp(-p/a).",
          (Parameter("a", 2.5, 0.0, 50.0, 0.1, "Scale of p; small values lean to small p.", _ZHOU, open_low=True),),
          "exp(-p/a)", _ZHOU),
    Entry("js", "JS (Jensen-Shannon)", "Jensen-Shannon divergence between label and prediction.",
          (Parameter("pi1", 0.7, 0.0, 1.0, 0.05, "π₁: near 0 is cross entropy, near 1 is MAE (CIFAR-10 at 20/40/60/80 % "
                     "noise: .7/.7/.9/.9).", "Englesson & Azizpour 2021, arXiv 2105.04522", open_low=True,
                     open_high=True),),
          "[π₁ KL(e‖m) + π₂ KL(p‖m)]/Z", "Englesson & Azizpour 2021, arXiv 2105.04522"),
    *OWN_LOSSES,
)  # fmt: skip
