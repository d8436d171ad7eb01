"""In which order an epoch draws its rows; always on the CPU, so that it is the same for every device."""

import numpy as np
import torch
from numpy.typing import NDArray

from imae_core.errors import BadInputError


def epoch_order(num_examples: int, generator: torch.Generator) -> torch.Tensor:
    """A random permutation of the rows (N,)."""
    return torch.randperm(num_examples, generator=generator)


class BalancedOrder:
    """Batches of as many examples of each of a few classes, by given label.

    Each batch draws `classes_per_batch` of the classes that have examples, without replacement. A class hands out its rows
    in random order, `batch_size / classes_per_batch` at a time and never one twice in a batch; when too few are left
    it starts again in a new order. A class with fewer rows than that repeats them within a batch. So an epoch may miss
    examples and repeat others.

    Args:
        labels: (N,) given labels.
        classes_per_batch: at least 1, a divisor of the batch size.
        batch_size: of every batch; none is smaller.

    Raises:
        BadInputError: if fewer classes than `classes_per_batch` have examples.

    References: the authors' code of Derivative Manipulation, arXiv 1905.11233 (32 classes x 8 pictures on CIFAR-100).
    """

    def __init__(self, labels: NDArray[np.int64], classes_per_batch: int, batch_size: int) -> None:
        self.rows_of = [torch.from_numpy(np.flatnonzero(labels == label)) for label in np.unique(labels)]
        if len(self.rows_of) < classes_per_batch:
            raise BadInputError(
                f"classes_per_batch is {classes_per_batch}, but the given labels have {len(self.rows_of)} classes; choose "
                f"1 to {len(self.rows_of)}, or the sampler shuffle"
            )
        self.classes_per_batch = classes_per_batch
        self.num_each = batch_size // classes_per_batch

    def epoch(self, num_batches: int, generator: torch.Generator) -> torch.Tensor:
        """(num_batches * batch_size,) rows, batch after batch."""
        draws = torch.rand(num_batches, len(self.rows_of), generator=generator)
        classes = draws.argsort(dim=1)[:, : self.classes_per_batch].flatten()
        order = torch.empty(len(classes), self.num_each, dtype=torch.int64)
        for label, rows in enumerate(self.rows_of):
            slots = torch.nonzero(classes == label).flatten()
            order[slots] = self._handed_out(rows, len(slots), generator)
        return order.flatten()

    def _handed_out(self, rows: torch.Tensor, num_slots: int, generator: torch.Generator) -> torch.Tensor:
        """(num_slots, num_each) rows of one class."""
        per_round = max(len(rows) // self.num_each, 1)
        rounds = -(-num_slots // per_round)
        shuffled = rows[torch.rand(rounds, len(rows), generator=generator).argsort(dim=1)]
        shuffled = shuffled.repeat(1, -(-self.num_each // len(rows)))
        return shuffled[:, : per_round * self.num_each].reshape(-1, self.num_each)[:num_slots]


def last_occurrences(rows: torch.Tensor) -> torch.Tensor:
    """(B,) for each place the last one with the same row: writes to one row then agree, in whatever order a device makes them."""
    sorted_rows, places = rows.sort(stable=True)
    return places[torch.searchsorted(sorted_rows, rows, right=True) - 1]
