"""Several runs side by side: a table, means over seeds, and curves."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from imae_core.analysis.comparison import Comparison as Found
from imae_core.analysis.comparison import best_values, summarize
from imae_core.analysis.parameters import task_keys
from imae_core.palette import SERIES
from imae_core.reports import figures
from imae_core.reports.content import COMPARED, DASH, FRACTIONS
from imae_core.runs.comparison import compare_runs
from imae_core.runs.folder import RunFolder
from imae_core.runs.store import StoredRun
from imae_core.runs.tables import caption, cell_text

CURVES = (
    ("test_accuracy", "Test accuracy", "of the test set"),
    ("noisy_subset_accuracy", "Wrong labels memorised (lower is better)", "of the corrupted examples"),
    ("clean_subset_accuracy", "Clean examples fitted", "of the clean examples"),
)


@dataclass(frozen=True)
class Line:
    """A row of a comparison: `color` as in the curves or "", and for each column (text, whether it is the best)."""

    name: str
    run_id: str
    color: str
    cells: list[tuple[str, bool]]


@dataclass(frozen=True)
class Comparison:
    """Rows of single runs, rows of means over seeds (none where no two runs differ in their seeds alone), what these are
    means of, curves."""

    columns: list[str]
    runs: list[Line]
    means: list[Line]
    caption: str
    figures: list[tuple[str, str, figures.Figure]]


def compare(runs: Sequence[tuple[StoredRun, RunFolder]]) -> Comparison:
    """Reads results and metrics of two or more runs; one that is not done has no numbers and says so."""
    found = compare_runs(runs)
    names = distinct_names([run for run, _ in runs])
    metrics = {name: folder.metrics() for name, (_, folder) in zip(names, runs, strict=True)}
    return Comparison(
        columns=[FRACTIONS[column][0] for column in COMPARED],
        runs=_run_lines(found, [run for run, _ in runs], names),
        means=[] if found.groups.is_unique else _mean_lines(found),
        caption=caption(found),
        figures=[
            (
                title,
                "Evaluated; one line a run, in the colours of the table.",
                figures.compared_figure(metrics, column, axis),
            )
            for column, title, axis in CURVES
        ],
    )


def distinct_names(runs: Sequence[StoredRun]) -> list[str]:
    """Titles, with the end of the id where two runs have the same."""
    titles = [run.title for run in runs]
    return [run.title if titles.count(run.title) == 1 else f"{run.title} · {run.run_id[-6:]}" for run in runs]


def _run_lines(found: Found, runs: Sequence[StoredRun], names: Sequence[str]) -> list[Line]:
    """A row a run, in the given order."""
    ids = found.metrics.index
    summary = summarize(found.metrics, pd.Series(ids, index=ids))
    cells = _cells(summary, best_values(summary, task_keys(found.parameters)))
    return [
        Line(name if run.state == "done" else f"{name} ({run.state})", run.run_id, SERIES[place % len(SERIES)], cells[run.run_id])
        for place, (run, name) in enumerate(zip(runs, names, strict=True))
    ]  # fmt: skip


def _mean_lines(found: Found) -> list[Line]:
    """A row for all runs that agree in all but their seeds; what has not finished is named and in no mean."""
    counts = found.groups[found.is_done].value_counts()
    cells = _cells(found.summary, found.best)
    lines = []
    for group in found.summary.index:
        count, missing = int(counts.get(group, 0)), found.unfinished[group]
        name = f"{group}, {count} run{'' if count == 1 else 's'}" + (f" ({missing})" if missing else "")
        lines.append(Line(name, "", "", cells[group]))
    return lines


def _cells(summary: pd.DataFrame, best: pd.DataFrame) -> dict[str, list[tuple[str, bool]]]:
    """By the row's name, a (text, whether it is the best) for each of `COMPARED`."""
    rows: dict[str, list[tuple[str, bool]]] = {name: [] for name in summary.index}
    for column in COMPARED:
        for name, mean, std in summary[column][["mean", "std"]].itertuples(name=None):
            text = cell_text(mean, std)
            rows[name].append((text if text == DASH else f"{text} %", bool(best.at[name, column])))
    return rows
