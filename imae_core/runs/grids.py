"""Which runs can train as one batched program, and how the waiting ones are dealt out to free places."""

import json
import os
from collections.abc import Sequence

from imae_core.config import RunConfig
from imae_core.runs.store import StoredRun

OWN = ("seed", "noise_seed")  # beside loss and noise, what runs of a grid may differ in
WIDEST = 1024  # beyond that the net itself keeps the machine busy
MOST_TOGETHER = 32


def most_together() -> int:
    """Runs in one program; `IMAE_RUNS_TOGETHER`, 32 by default; 1: each has a process of its own."""
    return max(1, int(os.environ.get("IMAE_RUNS_TOGETHER", MOST_TOGETHER)))


def grid_key(config: RunConfig) -> str | None:
    """Equal where runs differ in loss, noise and seeds alone; None where the run trains for itself.

    Small nets without convolutions gain: their steps are so short that starting them takes as long as computing them. A
    convolution of many nets at once is no faster than one after the other.
    """
    together = (
        config.model.name == "mlp"
        and config.model.params.get("hidden", 0) <= WIDEST
        and config.augment == "none"
        and config.grad_clip is None
        and config.num_folds is None
        and config.compile != "always"
        and config.precision != "mixed"
    )
    if not together:
        return None
    values = config.model_dump(mode="json", exclude={"loss", "noise", *OWN})
    return json.dumps(values, sort_keys=True)


def are_alike(configs: Sequence[RunConfig]) -> bool:
    """Whether they can train as one."""
    keys = {grid_key(config) for config in configs}
    return len(keys) == 1 and None not in keys


def mates(run: StoredRun, queued: Sequence[StoredRun], num_places: int) -> list[StoredRun]:
    """`run` and those of the queued ones that are to train with it, when `num_places` are free for all of its kind.

    A run that was started before is left alone: it is at a step of its own, or may be what ended the others' worker.
    """
    key = grid_key(run.config)
    if key is None or run.started is not None:
        return [run]
    others = [
        other
        for other in queued
        if other.run_id != run.run_id
        and other.started is None
        and (other.priority, other.group_name) == (run.priority, run.group_name)
        and grid_key(other.config) == key
    ]
    share = -(-(len(others) + 1) // max(num_places, 1))
    return [run, *others[: min(share, most_together()) - 1]]
