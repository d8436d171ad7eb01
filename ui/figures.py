"""Tables to figures: pure functions, no Streamlit. One colour for clean and one for corrupted, everywhere."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

# Okabe and Ito's palette: told apart by colour-blind eyes
COLOR = {"clean": "#0072B2", "corrupted": "#D55E00", "all": "#7F7F7F"}
# for losses and runs; none is a colour of a population
SERIES = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31", "#332288", "#AA4499", "#7F7F7F")
HEIGHT = 300

AXIS = {
    "p_label": "p, probability of the given label",
    "weight": "weight (L1 norm of the gradient w.r.t. the logits)",
}


def _finish(figure: go.Figure, x: str, y: str, height: int = HEIGHT, title: str | None = None) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 40 if title else 14, "b": 10},
        title={"text": title, "font": {"size": 14}} if title else None,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 1, "xanchor": "right"},
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
    return _finish(figure, AXIS["p_label"], "weight")


def population_histogram(
    counts: Mapping[str, np.ndarray], edges: np.ndarray, quantity: str, medians: Mapping[str, float], log: bool
) -> go.Figure:
    """Counts per bin of clean and corrupted examples, with their medians as dashed lines. counts[...] (bins,)."""
    figure = go.Figure()
    centres = (edges[:-1] + edges[1:]) / 2
    for name, values in counts.items():
        figure.add_bar(
            x=centres, y=values, width=np.diff(edges), name=f"{name} ({values.sum():,})", marker_color=COLOR[name],
            opacity=0.6, marker_line_width=0,
        )  # fmt: skip
    for place, (name, value) in enumerate(medians.items()):
        if value == value:
            figure.add_vline(
                x=value, line={"color": COLOR[name], "dash": "dash", "width": 2},
                annotation={"text": f"median {value:.2f}", "font": {"color": COLOR[name], "size": 11}, "yshift": -14 * place,
                            "xanchor": "right" if value > edges[-1] * 0.6 else "left"},
            )  # fmt: skip
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(range=[edges[0], edges[-1]])
    if log:
        figure.update_yaxes(type="log")
    return _finish(figure, AXIS[quantity], "examples" + (" (log)" if log else ""))


def curve_with_populations(
    p: np.ndarray, weight: np.ndarray, counts: Mapping[str, np.ndarray], edges: np.ndarray, loss: str
) -> go.Figure:
    """The weighting curve (points,), and below it where along p each population lives, as shares of it (bins,)."""
    figure = go.Figure()
    centres = (edges[:-1] + edges[1:]) / 2
    for name, values in counts.items():
        share = values / max(values.sum(), 1)
        figure.add_bar(
            x=centres, y=share, width=np.diff(edges), name=f"share of {name}", marker_color=COLOR[name], opacity=0.45,
            yaxis="y2", marker_line_width=0,
        )  # fmt: skip
    figure.add_scatter(x=p, y=weight, name=f"weight of {loss}", mode="lines", line={"color": "#009E73", "width": 3})
    _finish(figure, AXIS["p_label"], "weight", height=340)
    figure.update_layout(
        barmode="overlay",
        yaxis={"rangemode": "tozero"},
        yaxis2=_right_axis("share of the population", 1.02) | {"tickformat": ".0%"},
    )  # fmt: skip
    return figure


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
    _finish(figure, "epoch", "", height=260)
    figure.update_layout(showlegend=False)
    return figure


def transition_heatmap(matrix: np.ndarray, class_names: Sequence[str], title: str) -> go.Figure:
    """(K, K) shares, row = true class, column = given class."""
    names = [f"{place} {name}" if not str(name).isdigit() else str(name) for place, name in enumerate(class_names)]
    numbers = np.round(100 * matrix, 1)
    figure = go.Figure(
        go.Heatmap(
            z=numbers, x=names, y=names, colorscale="Blues", zmin=0, zmax=100, colorbar={"ticksuffix": " %"},
            text=numbers if len(names) <= 12 else None, texttemplate="%{text:.0f}" if len(names) <= 12 else None,
            hovertemplate="true %{y}<br>given %{x}<br>%{z:.1f} %<extra></extra>",
        )
    )  # fmt: skip
    _finish(figure, "given label", "true label", height=420, title=title)
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(type="category")
    figure.update_yaxes(type="category", autorange="reversed")
    return figure


def class_balance(counts: np.ndarray, class_names: Sequence[str]) -> go.Figure:
    """Examples per class, (K,)."""
    figure = go.Figure(go.Bar(x=[str(name) for name in class_names], y=counts, marker_color=COLOR["clean"]))
    figure.update_xaxes(type="category")
    _finish(figure, "class", "training examples", height=260)
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
    _finish(figure, "epoch", "probability", height=320)
    figure.update_layout(
        yaxis={"range": [-0.02, 1.02]},
        yaxis2=_right_axis("weight", 1.05 * max(float(np.nanmax(table["weight"].to_numpy(), initial=0.0)), 1e-9)),
    )
    return figure


def share_over_epochs(table: pd.DataFrame, epoch: int) -> go.Figure:
    """The corrupted examples' share of data and of weight over epochs; columns epoch, data_share, weight_share."""
    figure = go.Figure()
    figure.add_scatter(
        x=table["epoch"],
        y=100 * table["weight_share"],
        name="share of the gradient",
        line={"color": COLOR["corrupted"]},
    )
    figure.add_scatter(
        x=table["epoch"], y=100 * table["data_share"], name="share of the data",
        line={"color": COLOR["all"], "dash": "dash"},
    )  # fmt: skip
    figure.add_vline(x=epoch, line={"color": "#7F7F7F", "width": 1})
    figure.update_yaxes(ticksuffix=" %", rangemode="tozero")
    return _finish(figure, "epoch", "corrupted examples", height=340)
