"""Which device a run computes on."""

import os

import torch

from imae_core.errors import BadInputError


def resolve_device(wanted: str) -> torch.device:
    """`auto` is the first GPU, else the CPU. `IMAE_DEVICE` (set by an executor that hid the other GPUs) wins.

    Raises BadInputError if a GPU is asked for that is not there.
    """
    wanted = os.environ.get("IMAE_DEVICE") or wanted
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "auto":
        return torch.device("cuda:0" if count else "cpu")
    if wanted.startswith("cuda"):
        index = int(wanted.partition(":")[2] or 0)
        if index >= count:
            there = f"cuda:0 to cuda:{count - 1}" if count else "no GPU that PyTorch can use"
            raise BadInputError(f"device {wanted!r} is not here; this machine has {there}. Use auto or cpu")
        return torch.device("cuda", index)
    return torch.device("cpu")
