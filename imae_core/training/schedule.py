"""The learning rate at each step."""

import math

from imae_core.config import RunConfig


def lr_at(config: RunConfig, step: int, total_steps: int) -> float:
    """Learning rate of step `step` (from 0) of `total_steps`: drops at milestones, or half a cosine to 0."""
    if config.schedule == "cosine":
        return 0.5 * config.lr * (1 + math.cos(math.pi * step / total_steps))
    drops = sum(step >= round(share * total_steps) for share in config.milestones)
    return config.lr * config.lr_drop**drops
