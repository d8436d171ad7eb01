"""Parameters that several losses share, each with its default by data set."""

from imae_core.catalog.entry import Parameter
from imae_core.curves import RCE_CLIP_LOG

ZHOU = "Zhou et al. 2021, arXiv 2106.03110"
MA = "Ma et al. 2020, arXiv 2006.13554"
ALFS = "read in the authors' code, hitcszx/ALFs"
APL = "read in the authors' code, HanxunH/Active-Passive-Losses"


def agce_a(default: float, **by_dataset: float) -> Parameter:
    return Parameter(
        "a", default, 0.0, 20.0, 0.1, "Shift of p in AGCE; larger values flatten its curve towards MAE.",
        f"{ZHOU}; {ALFS}", open_low=True, by_dataset=by_dataset,
    )  # fmt: skip


def agce_q(default: float, **by_dataset: float) -> Parameter:
    return Parameter(
        "q", default, 0.0, 10.0, 0.1, "Exponent of a + p in AGCE; 1 is half of MAE.", f"{ZHOU}; {ALFS}", open_low=True,
        by_dataset=by_dataset,
    )  # fmt: skip


def aul_a(default: float, **by_dataset: float) -> Parameter:
    return Parameter(
        "a", default, 1.0, 50.0, 0.1, "Shift in AUL; close to 1 leans strongly to small p.", f"{ZHOU}; {ALFS}",
        open_low=True, by_dataset=by_dataset,
    )  # fmt: skip


def aul_q(default: float, **by_dataset: float) -> Parameter:
    return Parameter(
        "q", default, 0.0, 10.0, 0.1, "Exponent of a - p in AUL; 1 is half of MAE.", f"{ZHOU}; {ALFS}", open_low=True,
        by_dataset=by_dataset,
    )  # fmt: skip


def ael_a(default: float, **by_dataset: float) -> Parameter:
    return Parameter(
        "a", default, 0.0, 50.0, 0.1, "Scale of p in AEL; small values lean to small p.", f"{ZHOU}; {ALFS}",
        open_low=True, by_dataset=by_dataset,
    )  # fmt: skip


def js_pi1(default: float, published: str, **by_dataset: float) -> Parameter:
    return Parameter(
        "pi1", default, 0.0, 1.0, 0.05, f"π₁, the label's share: near 0 is cross entropy, near 1 is MAE ({published}).",
        "Englesson & Azizpour 2021, arXiv 2105.04522; read in the authors' code, ErikEnglesson/GJS", open_low=True,
        open_high=True, by_dataset=by_dataset,
    )  # fmt: skip


def rce_log() -> Parameter:
    return Parameter(
        "A", RCE_CLIP_LOG, -100.0, 0.0, 1.0, "What log 0 is taken for. The SCE paper says -4; its code, and APL's, clip at "
        "1e-4, which is -9.21.", "log 1e-4, as in the code of arXiv 1908.06112 and 2006.13554", open_high=True,
    )  # fmt: skip


def focal_gamma() -> Parameter:
    return Parameter(
        "gamma", 0.5, 0.0, 10.0, 0.1, "γ: 0 is cross entropy; larger values ignore fitted examples more.",
        f"Lin et al. 2017, arXiv 1708.02002; 0.5 in the comparisons of {MA}",
    )  # fmt: skip


def focal_detach() -> Parameter:
    return detach(
        "1 takes the factor (1 - p)^γ as a constant, as much public code does (APL, ALFs); of the focal loss alone the "
        "weight is then 2(1 - p)^(γ+1). 0 is the gradient of the published formula."
    )


def detach(help_text: str) -> Parameter:
    return Parameter("detach", 0, 0, 1, 1, help_text, "the published formula", integer=True)


def share(name: str, default: float, of: str, source: str, **by_dataset: float) -> Parameter:
    """alpha or beta of a sum of two losses."""
    letter = {"alpha": "α", "beta": "β"}[name]
    return Parameter(
        name, default, 0.0, 1000.0, 0.1, f"{letter}: share of {of}.", source, by_dataset=by_dataset
    )  # fmt: skip
