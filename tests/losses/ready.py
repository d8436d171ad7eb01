"""Criteria that can be called: those that need to know what they train on are told."""

import numpy as np
import torch

from imae_core.losses import build_loss

NUM_EXAMPLES = 64
RATE = 0.3


def symmetric_matrix(num_classes, rate=RATE):
    """T[true, given] of symmetric noise."""
    off = rate / (num_classes - 1)
    return np.full((num_classes, num_classes), off) + np.eye(num_classes) * (1 - rate - off)


def ready(name, num_classes, matrix=None, **choices):
    """The criterion of that name, bound to 64 examples and symmetric noise, or to a matrix."""
    loss = build_loss(name, **choices)
    loss.bind(NUM_EXAMPLES, num_classes, symmetric_matrix(num_classes) if matrix is None else matrix)
    return loss


def rows_of(labels):
    return torch.arange(len(labels), device=labels.device)
