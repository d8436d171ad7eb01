"""A run's tables as figures in the format of plotly.js: dicts of `data` and `layout`. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imae_core.analysis.weights import bin_edges
from imae_core.palette import AXIS, COLOR, SERIES

Figure = dict[str, Any]
DASHES = ("solid", "dash", "dot", "dashdot")
ACCURACIES = {
    "test_accuracy": "test",
    "noisy_subset_accuracy": "wrong labels memorised",
    "clean_subset_accuracy": "clean examples fitted",
    "train_accuracy_given": "given labels",
}
_ACCURACY_COLORS = {"noisy_subset_accuracy": COLOR["corrupted"], "clean_subset_accuracy": COLOR["clean"]}
MOST_NUMBERED_CLASSES = 12
BLUES = [[0, "#f7fbff"], [0.5, "#6baed6"], [1, "#08306b"]]  # plotly.js has the scale of that name the other way round


def _figure(data: list[dict[str, Any]], x: str, y: str, height: int = 320, **layout: Any) -> Figure:
    axes = {"xaxis": {"title": {"text": x}}, "yaxis": {"title": {"text": y}}}
    shared = {"height": height, "margin": {"l": 60, "r": 16, "t": 36, "b": 48}, "hovermode": "x unified",
              "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}}  # fmt: skip
    return {"data": data, "layout": shared | axes | layout}


def _numbers(values: Any, digits: int = 5) -> list[float | None]:
    """Rounded for a small file; NaN, which JSON has no word for, becomes null."""
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in np.asarray(values, dtype=float)]


def _known(metrics: pd.DataFrame, column: str) -> pd.DataFrame:
    return metrics.dropna(subset=[column]) if column in metrics else metrics.head(0)


def accuracy_figure(metrics: pd.DataFrame) -> Figure:
    """One run's accuracies over its evaluated epochs, in percent."""
    data = []
    for place, (column, name) in enumerate(ACCURACIES.items()):
        rows = _known(metrics, column)
        if len(rows):
            line = {"color": _ACCURACY_COLORS.get(column, SERIES[place % len(SERIES)]), "width": 2}
            data.append(_line(rows["epoch"], 100 * rows[column], name, line))
    return _figure(data, "epoch", "accuracy", yaxis={"title": {"text": "accuracy"}, "ticksuffix": " %"})


def _line(x: Any, y: Any, name: str, line: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "scatter", "mode": "lines", "x": _numbers(x), "y": _numbers(y), "name": name, "line": line} | more


def compared_figure(metrics: Mapping[str, pd.DataFrame], column: str, axis: str) -> Figure:
    """One line a run; beyond eight runs the dash tells those of one colour apart."""
    data = []
    for place, (name, table) in enumerate(metrics.items()):
        rows = _known(table, column)
        dash = DASHES[place // len(SERIES) % len(DASHES)]
        line = {"color": SERIES[place % len(SERIES)], "width": 2, "dash": dash}
        if len(rows):
            data.append(_line(rows["epoch"], 100 * rows[column], name, line))
    return _figure(
        data, "epoch", "accuracy", yaxis={"title": {"text": axis}, "ticksuffix": " %"}, hovermode="closest",
        showlegend=False,
    )  # fmt: skip


def histogram_figure(table: pd.DataFrame, quantity: str, epochs: Sequence[int]) -> Figure:
    """Shares of each population over the bins, side by side for some epochs, from rows of one source."""
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"barmode": "overlay", "bargap": 0, "annotations": [], "hovermode": "x unified"}
    width = 1 / len(epochs)
    for place, epoch in enumerate(epochs):
        axis = "" if place == 0 else str(place + 1)
        left = place * width
        domain = [left + (0.02 if place else 0), left + width - 0.02]
        layout[f"xaxis{axis}"] = {
            "domain": domain,
            "title": {"text": AXIS[quantity].split(" (")[0]},
            "anchor": f"y{axis}",
        }
        layout[f"yaxis{axis}"] = {"anchor": f"x{axis}", "ticksuffix": " %", "matches": "y" if place else None}
        layout["annotations"].append(
            {"text": f"epoch {epoch}", "x": sum(domain) / 2, "y": 1.0, "xref": "paper", "yref": "paper",
             "showarrow": False, "yanchor": "bottom"}
        )  # fmt: skip
        chosen = table[(table["quantity"] == quantity) & (table["epoch"] == epoch)]
        data += [_bars(row, axis, with_legend=place == 0) for row in chosen.itertuples()]
    layout["yaxis"] |= {"title": {"text": "share of the population"}}
    return _figure(data, "", "", height=300) | {"layout": _figure([], "", "", height=300)["layout"] | layout | {
        "legend": {"orientation": "h", "y": 1.1, "yanchor": "bottom", "x": 0}, "margin": {"l": 60, "r": 16, "t": 60, "b": 48},
    }}  # fmt: skip


def _bars(row: Any, axis: str, *, with_legend: bool) -> dict[str, Any]:
    counts = np.asarray(row.counts)
    edges = bin_edges(row.low, row.high, len(counts))
    return {
        "type": "bar", "name": row.population, "legendgroup": row.population, "showlegend": with_legend,
        "x": _numbers((edges[:-1] + edges[1:]) / 2), "y": _numbers(100 * counts / max(counts.sum(), 1), 3),
        "width": float(edges[1] - edges[0]), "marker": {"color": COLOR[row.population], "opacity": 0.7},
        "xaxis": f"x{axis}", "yaxis": f"y{axis}",
    }  # fmt: skip


def share_figure(shares: pd.DataFrame) -> Figure:
    """The corrupted examples' share of the gradient over epochs, against their share of the data."""
    corrupted = {"color": COLOR["corrupted"], "width": 2}
    data = [
        _line(shares["epoch"], 100 * shares["weight_share"], "share of the gradient", corrupted),
        _line(
            shares["epoch"], 100 * shares["data_share"], "share of the data", {"color": COLOR["all"], "dash": "dash"}
        ),
    ]
    axis = {"title": {"text": "corrupted examples' share"}, "ticksuffix": " %", "rangemode": "tozero"}
    return _figure(data, "epoch", "", yaxis=axis)


def matrix_figure(shares: NDArray[np.float64], counts: NDArray[np.int64], class_names: Sequence[str]) -> Figure:
    """(K, K) realised transition matrix, row = true class, column = given class, in percent of the row."""
    names = [name if name.isdigit() else f"{place} {name}" for place, name in enumerate(class_names)]
    heat = {
        "type": "heatmap", "z": [_numbers(row, 4) for row in 100 * shares], "x": names, "y": names, "zmin": 0, "zmax": 100,
        "colorscale": BLUES, "xgap": 1, "ygap": 1, "colorbar": {"ticksuffix": " %"}, "customdata": counts.tolist(),
        "hovertemplate": "true %{y}<br>given %{x}<br>%{z:.1f} %, %{customdata} examples<extra></extra>",
    }  # fmt: skip
    if len(names) <= MOST_NUMBERED_CLASSES:
        heat["texttemplate"] = "%{z:.0f}"
    axes = {"xaxis": {"title": {"text": "given label"}, "type": "category"},
            "yaxis": {"title": {"text": "true label"}, "type": "category", "autorange": "reversed"}}  # fmt: skip
    return _figure([heat], "", "", height=max(360, min(900, 18 * len(names) + 160)), hovermode="closest", **axes)
