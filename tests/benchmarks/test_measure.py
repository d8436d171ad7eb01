"""The line and the figure that benchmarks print."""

import datetime
from importlib.metadata import version

from benchmarks.measure import environment_line, median_and_spread


def test_environment_names_date_cores_versions_and_load() -> None:
    line = environment_line()
    for part in (str(datetime.date.today()), " cores", f"torch {version('torch')}", "load average"):
        assert part in line
    assert f"numpy {version('numpy')}" in environment_line("numpy")
    assert "torch" not in environment_line("numpy")


def test_a_figure_is_the_median_and_both_ends() -> None:
    assert median_and_spread([3.0, 1.0, 2.0, 10.0, 2.5]) == "2.50 (1.00 to 10.00)"
    assert median_and_spread([0.0123, 0.0119], decimals=4) == "0.0121 (0.0119 to 0.0123)"
