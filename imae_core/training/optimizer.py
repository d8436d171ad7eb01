"""The optimiser of a run, and its learning rate."""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from imae_core.config import RunConfig


def build_optimizer(config: RunConfig, model: nn.Module) -> torch.optim.Optimizer:
    """SGD over what the net learns.

    Where `norm_bias_lr_factor` is not 1, batch norm's biases are a group of their own: that factor times the learning rate, and the
    weight decay divided by it, so that they decay as all others do.

    References: the factor from Jordan 2024, arXiv 2404.00498, Section 3.4.
    """
    factor = config.norm_bias_lr_factor
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [{"params": learned, "lr_factor": 1.0, "weight_decay": config.weight_decay}]
    if factor != 1:
        biases = norm_biases(model)
        chosen = {id(bias) for bias in biases}
        groups[0]["params"] = [parameter for parameter in learned if id(parameter) not in chosen]
        groups.append({"params": biases, "lr_factor": factor, "weight_decay": config.weight_decay / factor})
    return torch.optim.SGD(
        [group for group in groups if group["params"]],
        lr=config.lr,
        momentum=config.momentum,
        nesterov=config.nesterov,
    )


def norm_biases(model: nn.Module) -> list[nn.Parameter]:
    """The biases of all batch norm layers, in the net's order."""
    layers = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    return [layer.bias for layer in layers if layer.bias is not None and layer.bias.requires_grad]


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Gives every group its factor times `lr`."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("lr_factor", 1.0)  # checkpoints from before there were factors have none
