"""Losses as example weighting: criteria that are drop-in for `torch.nn.CrossEntropyLoss` and know their weights."""

from typing import Any

from imae_core.catalog import lookup
from imae_core.losses.bi_tempered import BiTemperedLoss
from imae_core.losses.corrected import BackwardLoss, ForwardLoss
from imae_core.losses.criterion import Criterion
from imae_core.losses.curve import CurveLoss
from imae_core.losses.custom import DrawnLoss, FormulaLoss
from imae_core.losses.elr import ELRLoss
from imae_core.losses.gjs import GJSLoss
from imae_core.losses.named import (
    AELLoss,
    AGCELoss,
    AULLoss,
    CCELoss,
    DMLoss,
    FocalLoss,
    GCELoss,
    IMAELoss,
    JSLoss,
    MAELoss,
    MSELoss,
    NamedCurveLoss,
    RCELoss,
    SCELoss,
    TaylorCELoss,
    TruncatedGCELoss,
)
from imae_core.losses.normalized import (
    NCEAELLoss,
    NCEAGCELoss,
    NCEAULLoss,
    NCELoss,
    NCEMAELoss,
    NCERCELoss,
    NFLLoss,
    NFLRCELoss,
)
from imae_core.losses.targets import (
    BootstrapHardLoss,
    BootstrapSoftLoss,
    BrierLoss,
    LabelSmoothingLoss,
    ProSelfLCLoss,
)
from imae_core.losses.vector import NamedVectorLoss, VectorLoss

_CLASSES: dict[str, type[NamedCurveLoss] | type[NamedVectorLoss]] = {
    cls.name: cls
    for cls in (
        CCELoss,
        MAELoss,
        MSELoss,
        IMAELoss,
        DMLoss,
        GCELoss,
        TruncatedGCELoss,
        RCELoss,
        SCELoss,
        FocalLoss,
        TaylorCELoss,
        AGCELoss,
        AULLoss,
        AELLoss,
        JSLoss,
        BrierLoss,
        LabelSmoothingLoss,
        BootstrapHardLoss,
        BootstrapSoftLoss,
        ForwardLoss,
        BackwardLoss,
        NCELoss,
        NFLLoss,
        NCEMAELoss,
        NCERCELoss,
        NFLRCELoss,
        NCEAGCELoss,
        NCEAULLoss,
        NCEAELLoss,
        GJSLoss,
        BiTemperedLoss,
        ELRLoss,
        ProSelfLCLoss,
        FormulaLoss,
        DrawnLoss,
    )
}
LOSSES: tuple[str, ...] = tuple(_CLASSES)


def build_loss(name: str, *, reduction: str = "mean", **params: Any) -> Criterion:
    """The criterion of that name, `build_loss("imae", T=8.0)`; BadInputError for an unknown name or parameter."""
    criterion: Criterion = lookup(_CLASSES, name, "loss")(reduction=reduction, **params)
    return criterion


__all__ = [
    "LOSSES",
    "AELLoss",
    "AGCELoss",
    "AULLoss",
    "BackwardLoss",
    "BiTemperedLoss",
    "BootstrapHardLoss",
    "BootstrapSoftLoss",
    "BrierLoss",
    "CCELoss",
    "Criterion",
    "CurveLoss",
    "DMLoss",
    "DrawnLoss",
    "ELRLoss",
    "FocalLoss",
    "FormulaLoss",
    "ForwardLoss",
    "GCELoss",
    "GJSLoss",
    "IMAELoss",
    "JSLoss",
    "LabelSmoothingLoss",
    "MAELoss",
    "MSELoss",
    "NCEAELLoss",
    "NCEAGCELoss",
    "NCEAULLoss",
    "NCELoss",
    "NCEMAELoss",
    "NCERCELoss",
    "NFLLoss",
    "NFLRCELoss",
    "ProSelfLCLoss",
    "RCELoss",
    "SCELoss",
    "TaylorCELoss",
    "TruncatedGCELoss",
    "VectorLoss",
    "build_loss",
]
