"""The optimiser of a run, and its learning rate."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.sgd import sgd

from imae_core.config import RunConfig


class SGD:
    """Stochastic gradient descent with momentum, as `torch.optim.SGD` and by its function, on the same states.

    That class itself loads TorchDynamo with its first group, which makes each start of a run a second longer, and the bookkeeping
    around its steps takes a twentieth of one of a small net's.

    Args:
        groups: `params` and, if need be, `lr_factor` (1) and `weight_decay` (0) of each.
    """

    def __init__(self, groups: Sequence[Mapping[str, Any]], lr: float, momentum: float, nesterov: bool = False) -> None:
        self.param_groups = [{"lr_factor": 1.0, "weight_decay": 0.0, "lr": lr, **group} for group in groups]
        self.momentum = momentum
        self.nesterov = nesterov
        self.momenta: dict[
            torch.Tensor, torch.Tensor
        ] = {}  # made by the first step, since a net's layout may still change

    @property
    def parameters(self) -> list[torch.Tensor]:
        return [parameter for group in self.param_groups for parameter in group["params"]]

    def zero_grad(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Moves every parameter that has a gradient."""
        for group in self.param_groups:
            moved = [parameter for parameter in group["params"] if parameter.grad is not None]
            sgd(
                moved,
                [parameter.grad for parameter in moved],
                [self.momentum_of(parameter) for parameter in moved] if self.momentum else [],
                fused=True,
                weight_decay=group["weight_decay"],
                momentum=self.momentum,
                lr=group["lr"],
                dampening=0.0,
                nesterov=self.nesterov,
                maximize=False,
            )

    def momentum_of(self, parameter: torch.Tensor) -> torch.Tensor:
        """Of the parameter's shape and layout; zeros before its first step."""
        if parameter not in self.momenta:
            if parameter.grad is not None and parameter.grad.stride() != parameter.stride():
                raise ValueError("a gradient must be laid out like its parameter: the fused step goes by their memory")
            self.momenta[parameter] = torch.zeros_like(parameter)
        return self.momenta[parameter]

    def state_dict(self) -> dict[str, Any]:
        """As `torch.optim.SGD`: parameters by their places."""
        place_of = {parameter: place for place, parameter in enumerate(self.parameters)}
        return {
            "state": {place_of[parameter]: {"momentum_buffer": kept} for parameter, kept in self.momenta.items()},
            "param_groups": [
                {**group, "params": [place_of[parameter] for parameter in group["params"]]}
                for group in self.param_groups
            ],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes the momentum alone: all else follows from the run's choices."""
        parameters = self.parameters
        for place, kept in state["state"].items():
            if kept.get("momentum_buffer") is not None:
                self.momentum_of(parameters[int(place)]).copy_(kept["momentum_buffer"])


def build_optimizer(config: RunConfig, model: nn.Module) -> SGD:
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
    return SGD([group for group in groups if group["params"]], config.lr, config.momentum, config.nesterov)


def norm_biases(model: nn.Module) -> list[nn.Parameter]:
    """The biases of all batch norm layers, in the net's order."""
    layers = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    return [layer.bias for layer in layers if layer.bias is not None and layer.bias.requires_grad]


def set_lr(optimizer: SGD, lr: float) -> None:
    """Gives every group its factor times `lr`."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_factor"]
