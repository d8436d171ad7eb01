"""A multi-layer perceptron."""

from collections.abc import Sequence
from math import prod

import torch
from torch import nn


class MLP(nn.Module):
    """D-hidden-hidden-K with ReLU; pictures are flattened."""

    def __init__(self, input_shape: tuple[int, ...], num_classes: int, hidden: int = 256) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Flatten(), nn.Linear(prod(input_shape), hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()
        )
        self.head = nn.Linear(hidden, num_classes)

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        """(N, hidden)."""
        return self.body(inputs)  # type: ignore[no-any-return]

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(inputs))  # type: ignore[no-any-return]


class StackedMLP:
    """R MLPs of one shape that compute as one: their parameters become parts of the stacks that this one works with.

    Attributes:
        stacks: in the order of a net's parameters, with a gradient: weights (R, in, out), biases (R, out).
    """

    def __init__(self, nets: Sequence[MLP]) -> None:
        self.stacks = [
            torch.stack([parameter.detach().mT for parameter in same]).contiguous().requires_grad_()
            if same[0].dim() == 2
            else torch.stack([parameter.detach() for parameter in same]).requires_grad_()
            for same in zip(*(net.parameters() for net in nets), strict=True)
        ]
        for place, net in enumerate(nets):
            for parameter, stack in zip(net.parameters(), self.stacks, strict=True):
                parameter.data = self.part(stack.detach(), place)

    @staticmethod
    def part(stack: torch.Tensor, place: int) -> torch.Tensor:
        """What a net has of a stack, in the net's own shape; a view."""
        return stack[place].mT if stack.dim() == 3 else stack[place]

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits (R, B, K) of inputs (R, B, ...)."""
        values = inputs.flatten(2)
        *hidden, last = zip(self.stacks[::2], self.stacks[1::2], strict=True)
        for weight, bias in hidden:
            values = torch.baddbmm(bias[:, None], values, weight).relu()
        weight, bias = last
        return torch.baddbmm(bias[:, None], values, weight)
