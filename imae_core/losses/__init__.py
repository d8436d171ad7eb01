"""Losses as example weighting: criteria that are drop-in for `torch.nn.CrossEntropyLoss` and know their weights."""

from typing import Any

from imae_core.catalog import lookup
from imae_core.losses.criterion import Criterion
from imae_core.losses.curve import CurveLoss
from imae_core.losses.custom import DrawnLoss, FormulaLoss
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

_CLASSES: dict[str, type[NamedCurveLoss]] = {
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
        FormulaLoss,
        DrawnLoss,
    )
}
LOSSES: tuple[str, ...] = tuple(_CLASSES)


def build_loss(name: str, *, reduction: str = "mean", **params: Any) -> Criterion:
    """The criterion of that name, `build_loss("imae", T=8.0)`; BadInputError for an unknown name or parameter."""
    cls: type[NamedCurveLoss] = lookup(_CLASSES, name, "loss")
    return cls(reduction=reduction, **params)


__all__ = [
    "LOSSES",
    "AELLoss",
    "AGCELoss",
    "AULLoss",
    "CCELoss",
    "Criterion",
    "CurveLoss",
    "DMLoss",
    "DrawnLoss",
    "FocalLoss",
    "FormulaLoss",
    "GCELoss",
    "IMAELoss",
    "JSLoss",
    "MAELoss",
    "MSELoss",
    "RCELoss",
    "SCELoss",
    "TaylorCELoss",
    "TruncatedGCELoss",
    "build_loss",
]
