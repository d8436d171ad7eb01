"""Runs side by side, as a table for a paper, a page or a program."""

import json
from typing import Annotated, Any

import typer

from imae_core.analysis.comparison import METRICS, Comparison
from imae_core.cli.options import Home, app
from imae_core.cli.runs import Group, RunIds, chosen_runs
from imae_core.errors import unknown_name
from imae_core.files import without_nan
from imae_core.home import resolve_home
from imae_core.runs.comparison import compare_runs
from imae_core.runs.status import run_status
from imae_core.runs.store import Store
from imae_core.runs.tables import FORMATS, caption, table_text


@app.command()
def compare(
    run_ids: RunIds = None,
    group: Group = "",
    kind: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)} or json.")] = "markdown",
    each_run: Annotated[bool, typer.Option("--each-run", help="A row a run, instead of means over seeds.")] = False,
    home: Home = None,
) -> None:
    """Print best, final, noisy subset, clean subset and hybrid accuracy: mean and standard deviation over seeds.

    Runs that agree in all but their seeds share a row. One that is not finished is in no mean and is named.
    """
    if kind not in (*FORMATS, "json"):
        raise unknown_name("format", kind, [*FORMATS, "json"])
    where = resolve_home(home)
    found = [run_status(where, run) for run in chosen_runs(Store(where), run_ids, group)]
    comparison = compare_runs([(status.run, status.folder) for status in found], over_seeds=not each_run)
    print(json.dumps(_plain(comparison)) if kind == "json" else table_text(comparison, kind).rstrip("\n"))


def _plain(comparison: Comparison) -> dict[str, Any]:
    """Fractions; null where undefined."""
    rows = []
    for name, labels in comparison.labels.iterrows():
        numbers = {
            metric: {part: float(comparison.summary[metric, part][str(name)]) for part in ("mean", "std")}
            | {"n": int(comparison.summary[metric, "n"][str(name)]), "best": bool(comparison.best[metric][str(name)])}
            for metric in METRICS
        }
        run_ids = list(comparison.groups.index[comparison.groups == name])
        states = {run_id: str(comparison.states[run_id]) for run_id in run_ids}
        rows.append({"name": name, "parameters": labels.to_dict(), "runs": states, **numbers})
    return dict(without_nan({"caption": caption(comparison), "rows": rows}))
