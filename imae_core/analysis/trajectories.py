"""Running statistics of each example over the evaluated epochs."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


class TrajectoryStats:
    """Mean and variance of p_label (Welford), AUM, correctness and forgetting, updated an epoch at a time.

    AUM is the mean over epochs of z_y - max_{k != y} z_k (Pleiss et al. 2020, arXiv 2001.10528); forgetting
    counts transitions from correct to wrong (Toneva et al. 2019, arXiv 1812.05159); confidence and variability
    are the mean and the standard deviation of p_label (Swayamdipta et al. 2020, arXiv 2009.10795). All (N,).
    """

    def __init__(self, num_examples: int) -> None:
        self.num_epochs = 0
        self.mean_p_label = np.zeros(num_examples)
        self.sum_squares = np.zeros(num_examples)
        self.aum = np.zeros(num_examples)
        self.num_correct = np.zeros(num_examples, dtype=np.int32)
        self.forgetting = np.zeros(num_examples, dtype=np.int32)
        self.was_correct = np.zeros(num_examples, dtype=bool)

    def update(self, p_label: ArrayLike, margin: ArrayLike, is_correct: ArrayLike) -> None:
        """Adds one epoch: p_label (N,), margin (N,) and whether the prediction equals the given label (N,)."""
        p = np.asarray(p_label, dtype=np.float64)
        correct = np.asarray(is_correct, dtype=bool)
        self.num_epochs += 1
        difference = p - self.mean_p_label
        self.mean_p_label += difference / self.num_epochs
        self.sum_squares += difference * (p - self.mean_p_label)
        self.aum += (np.asarray(margin, dtype=np.float64) - self.aum) / self.num_epochs
        self.forgetting += self.was_correct & ~correct
        self.num_correct += correct
        self.was_correct = correct

    @property
    def variance(self) -> NDArray[np.float64]:
        """(N,) population variance of p_label over epochs."""
        return self.sum_squares / max(self.num_epochs, 1)

    def table(self) -> dict[str, NDArray[Any]]:
        """The columns of `trajectory.arrow`. Never-learned examples have `num_correct` 0."""
        return {
            "mean_p_label": self.mean_p_label.astype(np.float32),
            "variance_p_label": self.variance.astype(np.float32),
            "aum": self.aum.astype(np.float32),
            "num_correct": self.num_correct.copy(),
            "forgetting": self.forgetting.copy(),
            "num_epochs": np.full(len(self.aum), self.num_epochs, dtype=np.int32),
        }

    def state(self) -> dict[str, Any]:
        """Everything needed to go on later."""
        return dict(vars(self))

    def load(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
