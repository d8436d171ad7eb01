"""The learning rate at each step."""

import math

from imae_core.config import RunConfig

START, END = 0.2, 0.07  # of the peak, where a triangle starts and ends: airbench94 of Jordan 2024, arXiv 2404.00498


def lr_at(config: RunConfig, step: int, total_steps: int) -> float:
    """Learning rate of step `step` (from 0) of `total_steps`: drops at milestones, half a cosine to 0, or a triangle: linear from
    0.2 times `lr` to `lr`, at the share `warmup` of training, and to 0.07 times `lr`."""
    if config.schedule == "cosine":
        return 0.5 * config.lr * (1 + math.cos(math.pi * step / total_steps))
    if config.schedule == "triangle":
        peak = config.warmup * total_steps
        if step < peak:
            return config.lr * (START + (1 - START) * step / peak)
        return config.lr * (1 - (1 - END) * (step - peak) / (total_steps - peak))
    drops = sum(step >= round(share * total_steps) for share in config.milestones)
    return config.lr * config.lr_drop**drops
