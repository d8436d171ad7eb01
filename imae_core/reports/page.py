"""The HTML file: content into the template, with plotly's script inlined once."""

import importlib.util
import time
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from imae_core import __version__
from imae_core.errors import BadInputError
from imae_core.files import replacing
from imae_core.reports.comparison import Comparison, compare
from imae_core.reports.content import NUM_SUSPECTS, RunContent, run_content
from imae_core.runs.export import check_new_file
from imae_core.runs.folder import RunFolder
from imae_core.runs.store import StoredRun

_HERE = Path(__file__).parent
Runs = Sequence[tuple[StoredRun, RunFolder]]


def write_report(runs: Runs, target: Path, title: str = "") -> None:
    """Writes the report of one run or several as .html.

    Raises BadInputError for another ending, if the target is there already, or if the plotly package is missing.
    """
    if target.suffix.lower() not in (".html", ".htm"):
        raise BadInputError(f"a report is written as .html, got {target.name!r}")
    check_new_file(target)
    with replacing(target) as temporary:
        temporary.write_text(report_html(runs, title), encoding="utf-8")


def report_html(runs: Runs, title: str = "") -> str:
    """The whole page. Names and labels are escaped: they may come from anybody."""
    plotly = plotly_script()
    contents = [run_content(run, folder) for run, folder in runs]
    comparison = compare(runs) if len(runs) > 1 else None
    template = _environment().get_template("report.html")
    return template.render(
        title=title or (contents[0].title if len(contents) == 1 else f"{len(contents)} runs"),
        written=time.strftime("%Y-%m-%d %H:%M"),
        version=__version__,
        comparison=comparison,
        contents=contents,
        num_suspects=NUM_SUSPECTS,
        figures=_all_figures(comparison, contents),
        plotly=plotly,
    )


def _all_figures(comparison: Comparison | None, contents: Sequence[RunContent]) -> dict[str, object]:
    """By the id of the element that shows it."""
    groups = {"comparison": comparison.figures if comparison else []}
    groups |= {content.run_id: content.figures for content in contents}
    return {f"{name}-{place}": figure for name, found in groups.items() for place, (_, _, figure) in enumerate(found)}


def plotly_script() -> Markup:
    """plotly.js as it comes with the plotly package, found without importing that."""
    package = importlib.util.find_spec("plotly")
    places = (package.submodule_search_locations or []) if package else []
    for place in places:
        script = Path(place) / "package_data" / "plotly.min.js"
        if script.exists():
            return Markup(script.read_text(encoding="utf-8"))
    raise BadInputError("a report draws with plotly's script, which comes with the package: pip install plotly")


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
