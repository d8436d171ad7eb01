"""Forward and backward correction by a transition matrix (Patrini et al. 2017, arXiv 1609.03683)."""

from typing import Any

import numpy as np
import torch

from imae_core.errors import BadInputError
from imae_core.losses.vector import NamedVectorLoss, Tensor
from imae_core.noise.matrices import Matrix, build_transition_matrix

WORST_CONDITION = 1e6


class CorrectedLoss(NamedVectorLoss):
    """A loss with a transition matrix T[true, given], from its parameter `matrix` or, where that is None, from `bind`."""

    table: Tensor | None

    def __init__(self, *, reduction: str = "mean", **params: Any) -> None:
        super().__init__(reduction=reduction, **params)
        self.register_buffer("table", None, persistent=False)
        if self.params["matrix"] is not None:
            self._take(self.params["matrix"])

    def bind(self, num_examples: int, num_classes: int, transition_matrix: Any = None) -> None:  # noqa: ARG002
        if self.params["matrix"] is None:
            if transition_matrix is None:
                raise BadInputError(
                    f"{self.name} needs a transition matrix, and this run knows none: its labels are used as they are, "
                    "and nobody knows which are wrong. Give the loss its parameter `matrix` (K rows, T[true, given])"
                )
            self._take(transition_matrix)
        size = len(self._bound())
        if size != num_classes:
            raise BadInputError(f"{self.name}: the matrix is {size} x {size}, but there are {num_classes} classes")

    def _take(self, matrix: Any) -> None:
        rows = np.asarray(matrix, dtype=np.float64)
        checked = build_transition_matrix("transition_matrix", len(rows), 0.0, matrix=rows)
        self.table = torch.from_numpy(self._table(checked))

    def _table(self, matrix: Matrix) -> Matrix:
        """What the formula needs of the matrix, (K, K); BadInputError if it has none."""
        raise NotImplementedError

    def _bound(self) -> Tensor:
        if self.table is None:
            raise BadInputError(
                f"{self.name} needs a transition matrix: build it with matrix=T (K rows, T[true, given]), or call bind(...)"
            )
        return self.table

    def _rows_of(self, labels: Tensor, logits: Tensor) -> Tensor:
        """(N, K) the table's row of each label."""
        table = self._bound()
        if len(table) != logits.shape[1]:
            raise BadInputError(
                f"{self.name}: the matrix is {len(table)} x {len(table)}, but the logits have {logits.shape[1]} classes"
            )
        return table.to(logits)[labels]


class ForwardLoss(CorrectedLoss):
    """L = -log sum_j T[j, y] p_j: the prediction goes through the noise before it is compared with the label."""

    name = "forward"

    def _table(self, matrix: Matrix) -> Matrix:
        unreachable = np.flatnonzero(matrix.max(axis=0) == 0)
        if len(unreachable):
            raise BadInputError(
                f"forward: column {unreachable[0]} of the matrix is all 0, so that no example could have that label"
            )
        with np.errstate(divide="ignore"):
            return np.ascontiguousarray(np.log(matrix.T))

    def value(self, logits: Tensor, labels: Tensor) -> Tensor:
        return -(logits.log_softmax(dim=1) + self._rows_of(labels, logits)).logsumexp(dim=1)


class BackwardLoss(CorrectedLoss):
    """L = -sum_j T^-1[y, j] log p_j: on average over the noise, the cross entropy with the true label; not bounded below."""

    name = "backward"

    def _table(self, matrix: Matrix) -> Matrix:
        if np.linalg.cond(matrix) > WORST_CONDITION:
            raise BadInputError(
                "backward needs a transition matrix that can be inverted, and this one cannot: its given labels say too "
                "little about the true ones. Take the loss `forward`, or a smaller noise rate"
            )
        return np.ascontiguousarray(np.linalg.inv(matrix))

    def value(self, logits: Tensor, labels: Tensor) -> Tensor:
        return -(self._rows_of(labels, logits) * logits.log_softmax(dim=1)).sum(dim=1)
