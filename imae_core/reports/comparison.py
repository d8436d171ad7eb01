"""Several runs side by side: a table, means over seeds, and curves."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imae_core.config import RunConfig
from imae_core.palette import SERIES
from imae_core.reports import figures
from imae_core.reports.content import COMPARED, DASH, FRACTIONS, LOWER_IS_BETTER, shown
from imae_core.runs.folder import RunFolder
from imae_core.runs.store import StoredRun

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
    """Rows of single runs, rows of means over seeds (none where no two runs differ in their seeds alone), curves."""

    columns: list[str]
    runs: list[Line]
    means: list[Line]
    figures: list[tuple[str, str, figures.Figure]]


def compare(runs: Sequence[tuple[StoredRun, RunFolder]]) -> Comparison:
    """Reads results and metrics of two or more runs; one that is not done has no numbers and says so."""
    names = distinct_names([run for run, _ in runs])
    results = [folder.result() or {} for _, folder in runs]
    values = np.array([[_number(result.get(column)) for column in COMPARED] for result in results])
    colors = [SERIES[place % len(SERIES)] for place in range(len(runs))]
    cells = _cells(values)
    labels = [
        name if run.state == "done" else f"{name} ({run.state})" for name, (run, _) in zip(names, runs, strict=True)
    ]
    metrics = {name: folder.metrics() for name, (_, folder) in zip(names, runs, strict=True)}
    return Comparison(
        columns=[FRACTIONS[column][0] for column in COMPARED],
        runs=[
            Line(label, run.run_id, color, row)
            for label, (run, _), color, row in zip(labels, runs, colors, cells, strict=True)
        ],
        means=_means([run.config for run, _ in runs], values),
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


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _best(values: np.ndarray[Any, Any]) -> list[float]:
    """Of each column, over its finite values; NaN without one."""
    best = []
    for name, column in zip(COMPARED, values.T, strict=True):
        finite = column[np.isfinite(column)]
        pick = np.min if name in LOWER_IS_BETTER else np.max
        best.append(float(pick(finite)) if len(finite) else float("nan"))
    return best


def _cells(values: np.ndarray[Any, Any]) -> list[list[tuple[str, bool]]]:
    best = _best(values)
    return [[(shown(value), value == top) for value, top in zip(row, best, strict=True)] for row in values]


def _means(configs: Sequence[RunConfig], values: np.ndarray[Any, Any]) -> list[Line]:
    """Mean and sample standard deviation over the runs that agree in all but their seeds."""
    groups: dict[str, list[int]] = {}
    for place, config in enumerate(configs):
        groups.setdefault(_but_seeds(config), []).append(place)
    if all(len(places) == 1 for places in groups.values()):
        return []
    together = [values[places] for places in groups.values()]
    means = np.array([[_mean(column) for column in part.T] for part in together])
    best = _best(means)
    lines = []
    for places, part, mean in zip(groups.values(), together, means, strict=True):
        cells = [(_spread(c, m), m == top) for c, m, top in zip(part.T, mean, best, strict=True)]
        name = configs[places[0]].title.rpartition(" · seed ")[0]
        lines.append(Line(f"{name}, {len(places)} seed(s)", "", "", cells))
    return lines


def _but_seeds(config: RunConfig) -> str:
    values: Mapping[str, Any] = config.model_dump(mode="json", exclude={"seed", "noise_seed"})
    return json.dumps(values, sort_keys=True)


def _mean(values: np.ndarray[Any, Any]) -> float:
    return float(np.mean(values)) if np.isfinite(values).all() else float("nan")


def _spread(values: np.ndarray[Any, Any], mean: float) -> str:
    if not np.isfinite(mean):
        return DASH
    return f"{100 * mean:.1f} ± {100 * np.std(values, ddof=1):.1f} %" if len(values) > 1 else shown(mean)
