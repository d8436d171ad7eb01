"""Curves, their losses and sweeps to figures: pure functions, no Streamlit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.colors
import plotly.graph_objects as go

from imae_core.analysis.emphasis import Examples
from imae_core.analysis.histograms import binned
from imae_core.analysis.weights import bin_edges, populations
from imae_core.palette import AXIS, COLOR
from ui.figures import finish

HEIGHT = 400
LEGEND_ROW = 18  # pixels
BINS = 50
QUANTITIES = {
    "value": "L, relative: zero at p = 1/2",
    "dL_dp": "|dL/dp|",
    "dL_ds": "dL/ds, s: log odds of the label",
    "d2L_ds2": "d²L/ds²",
}


@dataclass(frozen=True)
class Line:
    """A curve as it is drawn: its name, its colour, and its table (see `derivative_table`, or p and weight alone)."""

    name: str
    color: str
    table: pd.DataFrame


def shares_by_p(examples: Examples | None) -> dict[str, Any]:
    """For each population its colour, and which share of it is in each of BINS even bins of p; empty without examples."""
    if examples is None:
        return {}
    edges = bin_edges(0.0, 1.0, BINS)
    found = {}
    for name, mask in populations(examples.is_corrupted, len(examples.p)).items():
        if mask.any():
            shares = binned(examples.p[mask], edges).counts / mask.sum()
            found[name] = {"color": COLOR[name], "shares": [round(float(share), 5) for share in shares]}
    return found


def weight_figure(lines: Sequence[Line], shares: Mapping[str, Any], *, log: bool, unit: str = "weight") -> go.Figure:
    """Weight against p, over where clean and corrupted examples are."""
    figure = go.Figure()
    _add_shares(figure, shares)
    for line in lines:
        weight = line.table["weight"].where(line.table["weight"] > 0) if log else line.table["weight"]
        figure.add_scatter(
            x=line.table["p"], y=weight, name=line.name, mode="lines", line={"color": line.color, "width": 3}
        )
    finish(figure, AXIS["p_label"], unit, HEIGHT + LEGEND_ROW * max(0, len(lines) + len(shares) - 4))
    figure.update_xaxes(range=[0, 1])
    figure.update_yaxes(**({"type": "log"} if log else {"rangemode": "tozero"}))
    _right_axis(figure, shares)
    figure.update_layout(uirevision=f"weight{log}{unit}", hoverlabel={"namelength": 40})
    return figure


def _add_shares(figure: go.Figure, shares: Mapping[str, Any]) -> None:
    centres = (np.arange(BINS) + 0.5) / BINS
    for name, part in shares.items():
        figure.add_bar(
            x=centres, y=[100 * share for share in part["shares"]], name=f"{name} examples (right)", yaxis="y2",
            marker={"color": part["color"], "line": {"width": 0}}, opacity=0.4, width=1 / BINS,
            hovertemplate="%{y:.1f} %",
        )  # fmt: skip


def _right_axis(figure: go.Figure, shares: Mapping[str, Any]) -> None:
    if shares:
        figure.update_layout(
            barmode="overlay",
            yaxis={"overlaying": "y2", "tickmode": "auto"},  # curves above bars
            yaxis2={"side": "right", "title": "share of the population", "ticksuffix": " %", "showgrid": False,
                    "range": [0, 102], "type": "linear"},
        )  # fmt: skip


def quantity_figure(lines: Sequence[Line], column: str) -> go.Figure:
    """Value or a derivative against p; what is far outside of the middle 96 % of p is left to the zoom."""
    figure = go.Figure()
    shown: list[np.ndarray] = []
    for line in lines:
        values = line.table[column].abs() if column == "dL_dp" else line.table[column]
        figure.add_scatter(
            x=line.table["p"], y=values, name=line.name, mode="lines", line={"color": line.color, "width": 3}
        )
        shown.append(values[line.table["p"].between(0.02, 0.98)].to_numpy())
    finish(figure, AXIS["p_label"], QUANTITIES[column], HEIGHT + LEGEND_ROW * max(0, len(lines) - 4))
    figure.update_xaxes(range=[0, 1])
    figure.update_layout(uirevision=column)
    if shown:
        low, high = float(np.min(np.concatenate(shown))), float(np.max(np.concatenate(shown)))
        room = 0.06 * max(high - low, 1e-9)
        figure.update_yaxes(range=[low - room, high + room])
    return figure


def swept_curves(tables: Mapping[float, pd.DataFrame], name: str, shares: Mapping[str, Any], *, log: bool) -> go.Figure:
    """One line a value of a parameter, in the order of a colour scale; columns p and weight."""
    # its ends would vanish on a dark page or on a light one
    colors = plotly.colors.sample_colorscale("Viridis", list(np.linspace(0.85, 0.25, len(tables))))
    lines = [
        Line(f"{name} = {value:g}", color, table) for (value, table), color in zip(tables.items(), colors, strict=True)
    ]
    figure = weight_figure(lines, shares, log=log)
    figure.update_traces(line={"width": 2}, selector={"type": "scatter"})
    figure.update_layout(uirevision=f"sweep {name}{log}", legend={"font": {"size": 11}})
    return figure


def swept_numbers(table: pd.DataFrame, name: str, columns: Mapping[str, tuple[str, str]], unit: str) -> go.Figure:
    """Lines over a parameter: `columns` names those of a sweep table with a title and a colour each; NaN is left out."""
    figure = go.Figure()
    for column, (title, color) in columns.items():
        if table[column].notna().any():
            figure.add_scatter(
                x=table["value"], y=table[column], name=title, mode="lines+markers", line={"color": color, "width": 2}
            )
    return finish(figure, name, unit, 230)
