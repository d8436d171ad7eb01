"""What a net takes from the training inputs before its first step."""

import torch
from torch import nn

from imae_core.data.batches import DeviceData

MOST_EXAMPLES = 2000


def fit_to_inputs(model: nn.Module, data: DeviceData) -> None:
    """Shows some training inputs, normalised and not augmented, to a net that has `fit_inputs`; others are left as they are.

    The rows are evenly spaced, as data may lie in the order of its classes, and nothing is drawn: the same data give the same net.
    """
    fit_inputs = getattr(model, "fit_inputs", None)
    if fit_inputs is not None:
        count = min(len(data), MOST_EXAMPLES)
        fit_inputs(data.inputs(torch.arange(count, device=data.device) * len(data) // count))
