"""The line and the figure that benchmarks print."""

import datetime
import sys
import time
from importlib.metadata import version

import numpy as np

from benchmarks.measure import PeakMemory, environment_line, median_and_spread


def test_environment_names_date_cores_versions_and_load() -> None:
    line = environment_line()
    for part in (str(datetime.date.today()), " cores", f"torch {version('torch')}", "load average"):
        assert part in line
    assert f"numpy {version('numpy')}" in environment_line("numpy")
    assert "torch" not in environment_line("numpy")


def test_a_figure_is_the_median_and_both_ends() -> None:
    assert median_and_spread([3.0, 1.0, 2.0, 10.0, 2.5]) == "2.50 (1.00 to 10.00)"
    assert median_and_spread([0.0123, 0.0119], decimals=4) == "0.0121 (0.0119 to 0.0123)"


def test_the_peak_of_memory_is_seen_after_it_is_over_and_files_are_told_apart(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(60_000_000))
    with PeakMemory() as before:
        pass
    with PeakMemory() as peak:
        held = np.ones(10_000_000)
        np.memmap(path, mode="r").sum()
        time.sleep(0.02)
        del held
    assert 79e6 < peak.own_bytes - before.own_bytes < 120e6
    if sys.platform == "linux":
        assert peak.resident_bytes - before.resident_bytes > peak.own_bytes - before.own_bytes + 50e6
