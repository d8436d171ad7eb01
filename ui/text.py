"""Numbers and states as people read them."""

import time

STATE_LABELS = {
    "queued": "○ queued",
    "starting": "◐ starting",
    "running": "● running",
    "paused": "❚❚ paused",
    "done": "✓ done",
    "failed": "✗ failed",
    "stopped": "■ stopped",
}


def duration(seconds: float | None) -> str:
    """'3 s', '12 min', '2.5 h', '1.6 days'; empty if unknown."""
    if seconds is None:
        return ""
    for limit, divisor, unit in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            value = seconds / divisor
            return f"{value:.0f} {unit}" if divisor < 3600 else f"{value:.1f} {unit}"
    return f"{seconds / 86_400:.1f} days"


def clock(moment: float) -> str:
    """'Mon 14:03:12' in the server's time."""
    return time.strftime("%a %H:%M:%S", time.localtime(moment))


def size(num_bytes: float) -> str:
    """'12 MB', '1.5 GB'."""
    for limit, divisor, unit in ((1e6, 1e3, "kB"), (1e9, 1e6, "MB"), (1e12, 1e9, "GB")):
        if num_bytes < limit:
            value = num_bytes / divisor
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{num_bytes / 1e12:.1f} TB"


def percent(fraction: float | None, digits: int = 1) -> str:
    """'80.7 %'; a dash where it is not defined."""
    return "–" if fraction is None or fraction != fraction else f"{100 * fraction:.{digits}f} %"


def ago(moment: float) -> str:
    """'12 s ago'."""
    return f"{duration(max(0.0, time.time() - moment))} ago"
