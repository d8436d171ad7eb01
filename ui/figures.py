"""Tables to figures: pure functions, no Streamlit. One colour for clean and one for corrupted, everywhere."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from imae_core.palette import AXIS, COLOR, SERIES

HEIGHT = 300


def finish(figure: go.Figure, x: str, y: str, height: int = HEIGHT, title: str | None = None) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 40 if title else 14, "b": 10},
        title={"text": title, "font": {"size": 14}} if title else None,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        bargap=0,
        hovermode="x unified",
    )
    figure.update_xaxes(title_text=x)
    figure.update_yaxes(title_text=y)
    return figure


def weighting_curves(curves: Mapping[str, np.ndarray], p: np.ndarray) -> go.Figure:
    """Weight against p for each named curve, all (points,)."""
    figure = go.Figure()
    for place, (name, weight) in enumerate(curves.items()):
        figure.add_scatter(
            x=p, y=weight, name=name, mode="lines", line={"color": SERIES[place % len(SERIES)], "width": 2}
        )
    return finish(figure, AXIS["p_label"], "weight")


def _right_axis(title: str, top: float) -> dict[str, Any]:
    return {
        "overlaying": "y",
        "side": "right",
        "title": title,
        "showgrid": False,
        "range": [0, top],
        "tickmode": "auto",
        "nticks": 6,
    }


def accuracy_curves(metrics: Mapping[str, pd.DataFrame], column: str) -> go.Figure:
    """One line a run over epochs; `column` holds fractions, NaN where an epoch was not evaluated."""
    figure = go.Figure()
    for place, (name, table) in enumerate(metrics.items()):
        known = table.dropna(subset=[column]) if column in table else table.head(0)
        if len(known):
            figure.add_scatter(
                x=known["epoch"], y=100 * known[column], name=name, mode="lines",
                line={"color": SERIES[place % len(SERIES)], "width": 2},
            )  # fmt: skip
    figure.update_yaxes(ticksuffix=" %", range=[-2, 102])
    finish(figure, "epoch", "", height=260)
    figure.update_layout(showlegend=False)
    return figure


def transition_heatmap(matrix: np.ndarray, class_names: Sequence[str], title: str) -> go.Figure:
    """(K, K) shares, row = true class, column = given class."""
    names = _numbered(class_names)
    numbers = np.round(100 * matrix, 1)
    figure = go.Figure(
        go.Heatmap(
            z=numbers, x=names, y=names, colorscale="Blues", zmin=0, zmax=100, colorbar={"ticksuffix": " %"},
            text=numbers if len(names) <= 12 else None, texttemplate="%{text:.0f}" if len(names) <= 12 else None,
            hovertemplate="true %{y}<br>given %{x}<br>%{z:.1f} %<extra></extra>",
        )
    )  # fmt: skip
    finish(figure, "given label", "true label", height=420, title=title)
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(type="category")
    figure.update_yaxes(type="category", autorange="reversed")
    return figure


def class_balance(counts: np.ndarray, class_names: Sequence[str]) -> go.Figure:
    """Examples per class, (K,)."""
    figure = go.Figure(go.Bar(x=[str(name) for name in class_names], y=counts, marker_color=COLOR["clean"]))
    figure.update_xaxes(type="category")
    finish(figure, "class", "training examples", height=260)
    figure.update_layout(bargap=0.2)
    return figure


def example_trajectory(table: pd.DataFrame, epoch: int) -> go.Figure:
    """One example's p of the given and of the true label, and its weight, over epochs."""
    figure = go.Figure()
    figure.add_scatter(
        x=table["epoch"], y=table["p_label"], name="p of given label", line={"color": COLOR["corrupted"]}
    )
    if table["p_true"].notna().any():
        figure.add_scatter(x=table["epoch"], y=table["p_true"], name="p of true label", line={"color": COLOR["clean"]})
    figure.add_scatter(
        x=table["epoch"], y=table["weight"], name="weight (right)", yaxis="y2", line={"color": "#009E73", "dash": "dot"}
    )
    figure.add_vline(x=epoch, line={"color": "#7F7F7F", "width": 1})
    finish(figure, "epoch", "probability", height=320)
    figure.update_layout(
        yaxis={"range": [-0.02, 1.02]},
        yaxis2=_right_axis("weight", 1.05 * max(float(np.nanmax(table["weight"].to_numpy(), initial=0.0)), 1e-9)),
    )
    return figure


def label_matrix(
    counts: np.ndarray, shares: np.ndarray, class_names: Sequence[str], row_label: str, column_label: str
) -> go.Figure:
    """Counts and row shares (K, K)."""
    size = len(class_names)
    names = _numbered(class_names)
    figure = go.Figure(
        go.Heatmap(
            z=100 * shares, x=names, y=names, colorscale="Blues", zmin=0, zmax=100,
            colorbar={"ticksuffix": " %", "title": {"text": "of the row"}},
            customdata=counts, name="share of the row in %",
            text=counts if size <= 12 else None, texttemplate="%{text}" if size <= 12 else None,
            hovertemplate=f"{row_label} %{{y}}<br>{column_label} %{{x}}<br>%{{customdata}} examples, %{{z:.1f}} %<extra></extra>",
        )
    )  # fmt: skip
    finish(figure, f"{column_label} label", f"{row_label} label", height=min(900, max(440, 16 * size)))
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(type="category")
    figure.update_yaxes(type="category", autorange="reversed")
    return figure


def _numbered(class_names: Sequence[str]) -> list[str]:
    """Unique axis labels: two classes may have one name."""
    return [f"{place} {name}" if not str(name).isdigit() else str(name) for place, name in enumerate(class_names)]


def mean_course(table: pd.DataFrame, epoch: int) -> go.Figure:
    """Mean p of the given label and mean weight over epochs, one line a population; columns epoch, population, p_label, weight."""
    figure = go.Figure()
    for name, part in table.groupby("population", sort=True):
        color = COLOR[str(name)]
        figure.add_scatter(x=part["epoch"], y=part["p_label"], name=f"{name}: p", line={"color": color})
        figure.add_scatter(
            x=part["epoch"],
            y=part["weight"],
            name=f"{name}: weight (right)",
            yaxis="y2",
            line={"color": color, "dash": "dot"},
        )
    figure.add_vline(x=epoch, line={"color": "#7F7F7F", "width": 1})
    finish(figure, "epoch", "mean p of the given label", height=440)
    figure.update_layout(
        yaxis={"range": [-0.02, 1.02]},
        yaxis2=_right_axis("mean weight", 1.05 * max(float(table["weight"].max()), 1e-9)),
    )
    return figure
