"""Nets, built by name. `choice` needs no torch."""

from typing import TYPE_CHECKING, Any

from imae_core.catalog import MODELS, lookup

if TYPE_CHECKING:
    from torch import nn

__all__ = ["build_model"]


def build_model(name: str, input_shape: tuple[int, ...], num_classes: int, *, seed: int, **params: Any) -> "nn.Module":
    """A net on the CPU with weights drawn from the seed; the global generator is left as it was.

    Every net has `features(x) -> (N, D)` and a linear `head`, and forward is head(features(x)). One that has `fit_inputs(inputs)`
    sets a part of itself from training inputs, before its first step.

    Raises BadInputError for an unknown name or parameter, or a shape that the net cannot take.
    """
    import torch

    from imae_core.models.cnn8 import CNN8
    from imae_core.models.fast_cnn import FastCNN
    from imae_core.models.mlp import MLP
    from imae_core.models.resnet import CifarResNet
    from imae_core.models.resnet34 import ResNet34
    from imae_core.models.small_cnn import SmallCNN

    values = lookup(MODELS, name, "model").validate(params)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name == "mlp":
            return MLP(input_shape, num_classes, hidden=int(values["hidden"]))
        if name in ("small_cnn", "fast_cnn"):
            net = SmallCNN if name == "small_cnn" else FastCNN
            return net(input_shape, num_classes, width=int(values["width"]))
        if name in ("cnn8", "resnet34"):
            return (CNN8 if name == "cnn8" else ResNet34)(input_shape, num_classes)
        depth = int(name.removeprefix("resnet"))
        return CifarResNet(input_shape, num_classes, depth=depth, projection=bool(values["projection"]))
