"""The losses whose weight needs the whole probability vector."""

from imae_core.catalog.entry import LossEntry, Parameter, TableParameter
from imae_core.catalog.loss_parameters import (
    ALFS,
    APL,
    MA,
    ZHOU,
    ael_a,
    agce_a,
    agce_q,
    aul_a,
    aul_q,
    detach,
    focal_detach,
    focal_gamma,
    js_pi1,
    rce_log,
    share,
)  # fmt: skip

_PATRINI = "Patrini et al. 2017, arXiv 1609.03683"
_REED = "Reed et al. 2015, arXiv 1412.6596"
_WANG = "Wang et al. 2021, arXiv 2005.03788"
_AMID = "Amid et al. 2019, arXiv 1906.03361"
_LIU = "Liu et al. 2020, arXiv 2007.00151"
_ENGLESSON = "Englesson & Azizpour 2021, arXiv 2105.04522"


def _matrix() -> TableParameter:
    return TableParameter(
        "matrix", None, "Transition matrix T[true, given], K rows that each sum to 1. Left open, the run's own noise model gives "
        "its matrix: the loss then knows what nobody knows of real data.", "the run's noise model", aliases=("T",),
    )  # fmt: skip


def _sum(name: str, title: str, summary: str, parameters: tuple[Parameter, ...], formula: str, source: str,
         is_symmetric: bool) -> LossEntry:  # fmt: skip
    return LossEntry(name, title, summary, parameters, formula, source, has_curve=False, is_symmetric=is_symmetric,
                     is_bounded=True)  # fmt: skip


VECTOR_LOSSES = (
    LossEntry("brier", "Brier score", "Squared distance of the prediction from the one-hot label.", (), "Σ (p_k - e_k)²",
              "Brier 1950", has_curve=False, is_bounded=True),
    LossEntry("label_smoothing", "Label smoothing", "Cross entropy with a label that leaves ε to all classes alike.",
              (Parameter("eps", 0.1, 0.0, 1.0, 0.05, "ε: share of the label that is spread over all K classes, the given one "
                         "included, as torch does it; 0 is cross entropy.",
                         "Szegedy et al. 2016, arXiv 1512.00567", open_high=True),),
              "CE with (1-ε) e + ε/K", "Szegedy et al. 2016, arXiv 1512.00567", has_curve=False),
    LossEntry("bootstrap_hard", "Bootstrapping, hard", "Trusts the label by β and the net's own most likely class by 1 - β.",
              (Parameter("beta", 0.8, 0.0, 1.0, 0.05, "β: trust in the given label; 1 is cross entropy.",
                         f"{_REED}; the default is from memory, and that of several public codes"),),
              "-β log p_y - (1-β) log max p", _REED, has_curve=False),
    LossEntry("bootstrap_soft", "Bootstrapping, soft", "Trusts the label by β and the net's own prediction by 1 - β.",
              (Parameter("beta", 0.95, 0.0, 1.0, 0.05, "β: trust in the given label; 1 is cross entropy.",
                         f"{_REED}; the default is from memory, and that of several public codes"),
               detach("1 takes the net's own prediction in the target as a constant (a pseudo-label), as some public code does "
                      "(`as_pseudo_label`); 0 is the gradient of the published formula.")),
              "-Σ (β e_k + (1-β) p_k) log p_k", _REED, has_curve=False),
    LossEntry("forward", "Forward correction", "Sends the prediction through the noise before comparing it with the given label.",
              (_matrix(),), "-log Σ T[j, y] p_j", _PATRINI, has_curve=False,
              needs="a transition matrix: the run's own noise model's, unless you give one"),
    LossEntry("backward", "Backward correction", "On average over the noise, the cross entropy with the true label. Single values "
              "may be negative without bound.", (_matrix(),), "-Σ T⁻¹[y, j] log p_j", _PATRINI, has_curve=False,
              needs="a transition matrix that can be inverted: the run's own noise model's, unless you give one"),
    LossEntry("nce", "NCE (normalised cross entropy)", "Cross entropy divided by its sum over all labels: robust, but slow to fit.",
              (), "log p_y / Σ log p_j", MA, has_curve=False, is_symmetric=True, is_bounded=True),
    LossEntry("nfl", "NFL (normalised focal loss)", "Focal loss divided by its sum over all labels.",
              (focal_gamma(), focal_detach()), "F_y / Σ F_j, F_j = -(1-p_j)^γ log p_j", MA, has_curve=False,
              is_symmetric=True, is_bounded=True),
    _sum("nce_mae", "NCE + MAE", "Active passive loss: NCE fits the label, MAE (without its factor 2) pushes the others down.",
         (share("alpha", 1.0, "NCE", f"{MA}; {APL}", cifar100=10.0),
          share("beta", 1.0, "1 - p", f"{MA}; {APL}; MNIST: {ALFS}", mnist=100.0)),
         "α NCE + β (1 - p)", MA, True),
    _sum("nce_rce", "NCE + RCE", "Active passive loss: NCE fits the label, RCE pushes the others down.",
         (share("alpha", 1.0, "NCE (CIFAR-100: 10)", f"{MA}; {APL}", cifar100=10.0),
          share("beta", 1.0, "RCE (CIFAR-100: 0.1 in APL's configurations, 1 in ALFs')", f"{MA}; {APL}; MNIST: {ALFS}",
                cifar100=0.1, mnist=100.0),
          rce_log()),
         "α NCE + β RCE", MA, True),
    _sum("nfl_rce", "NFL + RCE", "Active passive loss: NFL fits the label, RCE pushes the others down.",
         (share("alpha", 1.0, "NFL (CIFAR-100: 10)", f"{MA}; {APL}", cifar100=10.0),
          share("beta", 1.0, "RCE (CIFAR-100: 0.1 in APL's configurations, 1 in ALFs')", f"{MA}; {APL}; MNIST: {ALFS}",
                cifar100=0.1, mnist=100.0),
          focal_gamma(), focal_detach(), rce_log()),
         "α NFL + β RCE", MA, True),
    _sum("nce_agce", "NCE + AGCE", "NCE fits the label, the asymmetric AGCE pushes the others down.",
         (share("alpha", 1.0, "NCE", f"{ZHOU}; {ALFS}", cifar100=10.0, mnist=0.0),
          share("beta", 4.0, "AGCE", f"{ZHOU}; {ALFS}", cifar100=0.1, mnist=1.0),
          agce_a(6.0, cifar100=1.8, mnist=4.0), agce_q(1.5, cifar100=3.0, mnist=0.2)),
         "α NCE + β AGCE", ZHOU, False),
    _sum("nce_aul", "NCE + AUL", "NCE fits the label, the asymmetric AUL pushes the others down.",
         (share("alpha", 1.0, "NCE", f"{ZHOU}; {ALFS}", cifar100=10.0, mnist=0.0),
          share("beta", 4.0, "AUL", f"{ZHOU}; {ALFS}", cifar100=0.015, mnist=1.0),
          aul_a(6.3, cifar100=6.0, mnist=3.0), aul_q(1.5, cifar100=3.0, mnist=0.1)),
         "α NCE + β AUL", ZHOU, False),
    _sum("nce_ael", "NCE + AEL", "NCE fits the label, the asymmetric AEL pushes the others down.",
         (share("alpha", 1.0, "NCE", f"{ZHOU}; {ALFS}", cifar100=10.0, mnist=0.0),
          share("beta", 4.0, "AEL", f"{ZHOU}; {ALFS}", cifar100=0.1, mnist=1.0),
          ael_a(5.0, cifar100=1.5, mnist=3.5)),
         "α NCE + β AEL", ZHOU, False),
    LossEntry("gjs", "GJS (generalised Jensen-Shannon)", "JS of the label and the predictions for two augmented views of the "
              "example: also asks for the same answer to both. A step costs two. Without augmentation it is JS.",
              (js_pi1(0.5, "at 20/40/60/80 % noise CIFAR-10: .3/.9/.1/.1, CIFAR-100: .3/.5/.9/.1", cifar10=0.9, cifar100=0.5),),
              "[π₁ KL(e‖m) + Σ π_v KL(p_v‖m)]/Z", _ENGLESSON, has_curve=False, is_bounded=True,
              needs="two augmented views of each example"),
    LossEntry("bi_tempered", "Bi-tempered logistic loss", "A bounded logarithm (t₁ < 1) against outliers, a softmax with heavy tails "
              "(t₂ > 1) against wrong labels near the boundary.",
              (Parameter("t1", 0.8, 0.0, 1.0, 0.05, "t₁: below 1 the loss is bounded.", f"{_AMID}; the default is from memory"),
               Parameter("t2", 1.2, 1.0, 5.0, 0.05, "t₂: above 1 the softmax has heavy tails. t₁ = t₂ = 1 is cross entropy.",
                         f"{_AMID}; the default is from memory")),
              "-log_t₁ p_y - (1 - Σ p_k^(2-t₁))/(2-t₁)", _AMID, has_curve=False, is_bounded=True),
    LossEntry("elr", "ELR (early-learning regularisation)", "Cross entropy that holds a net to what it predicted early, before it "
              "memorises. Remembers a running prediction for each example, which is saved with the run.",
              (Parameter("lam", 3.0, 0.0, 100.0, 0.5, "λ: strength; 0 is cross entropy (CIFAR-10 3, with asymmetric noise 1; "
                         "CIFAR-100 7).", f"{_LIU}; read in the authors' code, shengliu66/ELR", by_dataset={"cifar100": 7.0},
                         aliases=("lambda", "lambda_")),
               Parameter("beta", 0.7, 0.0, 1.0, 0.05, "β: how slowly the memory follows the prediction (CIFAR-10 0.7, with "
                         "asymmetric noise 0.9; CIFAR-100 0.9).", f"{_LIU}; read in the authors' code, shengliu66/ELR",
                         open_high=True, by_dataset={"cifar100": 0.9}),
               Parameter("clip", 1e-4, 0.0, 0.01, 1e-4, "The authors' code clips probabilities to [clip, 1 - clip] in the second "
                         "term and in the memory; 0 is the paper's formula.", "read in the authors' code, shengliu66/ELR")),
              "CE + λ log(1 - ⟨t, p⟩)", _LIU, has_curve=False, needs="a memory of each example's predictions"),
    LossEntry("proselflc", "ProSelfLC (progressive self label correction)", "Cross entropy whose target moves from the label to "
              "the net's own prediction, the more the longer it has trained and the surer it is.",
              (Parameter("B", 10.0, 0.0, 100.0, 1.0, "How suddenly trust in the net comes, about the time `start`.",
                         f"{_WANG}; the authors' code searches 4 to 14, the default is ours"),
               Parameter("start", 0.5, 0.0, 1.0, 0.05, "Share of training after which the net is trusted by one half.",
                         f"{_WANG}; the authors' code also searches 0.2 to 0.7"),
               detach("1 takes the net's own prediction in the target as a constant; 0 lets the gradient through it, as the "
                      "authors' code does.")),
              "CE with (1-ε) e + ε p", _WANG, has_curve=False),
)  # fmt: skip
