"""Mean and standard deviation per channel, over any number of pictures."""

import numpy as np
from numpy.typing import NDArray


class ChannelStatistics:
    """Sums over uint8 pictures (n, C, H, W), in float64, of values scaled to [0, 1]."""

    def __init__(self, channels: int) -> None:
        self.total = np.zeros(channels)
        self.squares = np.zeros(channels)
        self.count = 0

    def add(self, pictures: NDArray[np.uint8]) -> None:
        values = pictures.astype(np.float32) / 255
        self.total += values.sum(axis=(0, 2, 3), dtype=np.float64)
        self.squares += np.square(values).sum(axis=(0, 2, 3), dtype=np.float64)
        self.count += len(pictures) * pictures.shape[2] * pictures.shape[3]

    def mean_and_std(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Both (C,); a constant channel gets a tiny deviation instead of none, so that it can be divided by."""
        mean = self.total / self.count
        std = np.sqrt(np.maximum(self.squares / self.count - mean**2, 1e-12))
        return tuple(map(float, mean)), tuple(map(float, std))
