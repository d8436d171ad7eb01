"""Early-learning regularisation: a memory of what the net predicted for each example."""

from typing import Any

import torch

from imae_core.data.sampling import last_occurrences
from imae_core.errors import BadInputError
from imae_core.losses.vector import NamedVectorLoss, Tensor, at_label, differentiated


class ELRLoss(NamedVectorLoss):
    """L = -log p_y + lam log(1 - <t_i, p>), lam = 3 (Liu et al. 2020, arXiv 2007.00151).

    t_i is example i's running prediction, t_i <- beta t_i + (1-beta) p before each use, beta = 0.7, from 0 (of an example that is twice in a batch the last one counts). As in the authors'
    code p is clipped to [clip, 1-clip] in the second term and in the memory. The memory (N, K) is a buffer, so it is saved
    with the criterion. In evaluation mode it does not change, and without rows it is 0, as for examples never trained on.
    """

    name = "elr"
    memory: Tensor | None

    def __init__(self, *, reduction: str = "mean", **params: Any) -> None:
        super().__init__(reduction=reduction, **params)
        self.register_buffer("memory", None)

    def bind(self, num_examples: int, num_classes: int, transition_matrix: Any = None) -> None:  # noqa: ARG002
        self.memory = torch.zeros(num_examples, num_classes)

    def values_and_weights(self, logits: Tensor, labels: Tensor, rows: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if rows is not None or self.training:
            memory = self._memory_for(rows, logits)
            if self.training and torch.is_grad_enabled():
                self._remember(memory, rows, logits)
        return super().values_and_weights(logits, labels, rows)

    def value_and_gradient(self, logits: Tensor, labels: Tensor, rows: Tensor | None) -> tuple[Tensor, Tensor]:
        remembered = torch.zeros_like(logits) if self.memory is None or rows is None else self.memory[rows].to(logits)
        return differentiated(self.value, logits, labels, remembered)

    def value(self, logits: Tensor, labels: Tensor, remembered: Tensor | None = None) -> Tensor:
        """L_i (N,) given t_i (N, K), without one as if it were 0."""
        log_p = logits.log_softmax(dim=1)
        if remembered is None:
            return -at_label(log_p, labels)
        agreement = (remembered * self._clipped(log_p)).sum(dim=1)
        eps = torch.finfo(logits.dtype).eps
        value: Tensor = -at_label(log_p, labels) + self.params["lam"] * torch.log((1 - agreement).clamp_min(eps))
        return value

    def _clipped(self, log_p: Tensor) -> Tensor:
        clip = self.params["clip"]
        return log_p.exp().clamp(clip, 1 - clip)

    @torch.no_grad()
    def _remember(self, memory: Tensor, rows: Tensor | None, logits: Tensor) -> None:
        assert rows is not None
        p = self._clipped(logits.detach().to(memory.dtype).log_softmax(dim=1))[last_occurrences(rows)]
        beta = self.params["beta"]
        memory[rows] = beta * memory[rows] + (1 - beta) * p / p.sum(dim=1, keepdim=True)

    def _memory_for(self, rows: Tensor | None, logits: Tensor) -> Tensor:
        """The memory, if it and the rows are what is needed."""
        if self.memory is None:
            raise BadInputError(
                "elr remembers its predictions for each example: call bind(num_examples, num_classes) once before training, "
                "and pass rows= with each batch"
            )
        if rows is None:
            raise BadInputError(
                "elr must know which examples these are: pass rows=, their numbers (N,) in 0 to "
                f"{len(self.memory) - 1}, as in criterion(logits, labels, rows)"
            )
        if self.memory.shape[1] != logits.shape[1] or rows.shape != logits.shape[:1]:
            raise BadInputError(
                f"elr remembers {self.memory.shape[1]} classes and needs a row for each example; got logits of shape "
                f"{tuple(logits.shape)} and rows of shape {tuple(rows.shape)}"
            )
        return self.memory

    def _sampled_weights(self, logits: Tensor, labels: Tensor) -> Tensor:
        likeliest = logits.argmax(dim=1, keepdim=True)
        remembered = torch.zeros_like(logits).scatter(1, likeliest, 1 - self.params["clip"])
        return differentiated(self.value, logits, labels, remembered)[1].abs().sum(dim=1)
