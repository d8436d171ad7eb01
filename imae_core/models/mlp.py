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

    Values and gradients have memory of their own for good: as fresh memory in each step they took a fifth of its time.

    Attributes:
        stacks: in the order of a net's parameters, each with its `grad`: weights (R, out, in), biases (R, out).
    """

    def __init__(self, nets: Sequence[MLP]) -> None:
        self.stacks = [
            torch.stack([parameter.detach() for parameter in same])
            for same in zip(*(net.parameters() for net in nets), strict=True)
        ]
        for stack in self.stacks:
            stack.grad = torch.zeros_like(stack)
        for place, net in enumerate(nets):
            for parameter, stack in zip(net.parameters(), self.stacks, strict=True):
                parameter.data = stack[place]
        self.layers = list(zip(self.stacks[::2], self.stacks[1::2], strict=True))
        self.inputs: list[torch.Tensor] = []
        self.buffers: dict[tuple[str, int], torch.Tensor] = {}

    @torch.no_grad()
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits (R, B, K) of inputs (R, B, ...)."""
        values, self.inputs = inputs.flatten(2), []
        for place, (weight, bias) in enumerate(self.layers):
            self.inputs.append(values if place == 0 else values.relu_())
            outputs = self._buffer("values", place, values.shape[1], weight.shape[1])
            values = torch.baddbmm(bias[:, None], self.inputs[-1], weight.mT, out=outputs)
        return values

    @torch.no_grad()
    def backward(self, gradient: torch.Tensor) -> None:
        """Puts into `grad` what follows from the gradient w.r.t. the logits (R, B, K) of the last `forward`."""
        for place, (weight, bias) in reversed(list(enumerate(self.layers))):
            values = self.inputs[place]
            assert weight.grad is not None
            assert bias.grad is not None
            torch.bmm(gradient.mT, values, out=weight.grad)
            torch.sum(gradient, dim=1, out=bias.grad)
            if place > 0:
                below = self._buffer("gradients", place, values.shape[1], weight.shape[2])
                gradient = torch.bmm(gradient, weight, out=below)
                torch.ops.aten.threshold_backward.grad_input(gradient, values, 0, grad_input=gradient)

    def _buffer(self, name: str, place: int, batch: int, size: int) -> torch.Tensor:
        """(R, B, size), a part of one that the largest batch so far fits into."""
        kept = self.buffers.get((name, place))
        if kept is None or kept.shape[1] < batch:
            kept = self.buffers[name, place] = self.stacks[0].new_empty(len(self.stacks[0]), batch, size)
        return kept[:, :batch]
