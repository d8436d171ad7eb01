"""How much free disk a run needs to go on."""

import os
from pathlib import Path

from imae_core.hardware import free_disk_bytes


def least_free_bytes() -> int:
    """Below this a run pauses and none is started; `IMAE_MIN_FREE_MEGABYTES`, 200 by default."""
    return int(float(os.environ.get("IMAE_MIN_FREE_MEGABYTES", "200")) * 1e6)


def disk_is_low(home: Path) -> bool:
    """Whether a run should pause."""
    return free_disk_bytes(home) < least_free_bytes()


def disk_has_room(home: Path) -> bool:
    """Whether a paused run may go on: twice the limit, so that it does not stop and go."""
    return free_disk_bytes(home) >= 2 * least_free_bytes()


def disk_message(home: Path) -> str:
    """What a person reads."""
    return (
        f"paused: only {free_disk_bytes(home) / 1e6:,.0f} MB of disk are free, {least_free_bytes() / 1e6:,.0f} MB are kept (IMAE_MIN_FREE_MEGABYTES); "
        f"a run in the background goes on by itself from {2 * least_free_bytes() / 1e6:,.0f} MB"
    )
