"""Comparison tables to figures: pure functions, no Streamlit."""

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from imae_core.analysis.data_map import stratified_sample
from imae_core.analysis.same_examples import density
from imae_core.analysis.truth import truth_is_known
from ui.figures import COLOR, SERIES, finish

DASHES = ("solid", "dash", "dashdot", "longdash", "longdashdot")
MOST_POINTS = 4000
# so pale that black numbers stay readable on its darkest end
PALE_BLUES = [[0, "#F7FBFF"], [1, "#6BAED6"]]
Line = tuple[str, str]


def line_styles(groups: Sequence[str]) -> dict[str, Line]:
    """A colour and a dash for each group; the dash tells the ninth from the first."""
    return {
        group: (SERIES[place % len(SERIES)], DASHES[place // len(SERIES) % len(DASHES)])
        for place, group in enumerate(groups)
    }


def seed_curves(
    curves: pd.DataFrame, unfinished: pd.DataFrame, column: str, styles: dict[str, Line], y_title: str, x: str = "epoch"
) -> go.Figure:
    """A line and a band of one standard deviation a group, over epochs (or another column `x`), in percent.

    `curves` has the columns group, epoch, mean, std, n; `unfinished` group, run_id, epoch and `column`: a thin dotted line
    for each run that is in no mean.
    """
    traces = []
    for group, part in curves.groupby("group", sort=False):
        color, dash = styles[str(group)]
        epochs = part[x].to_numpy()
        mean, spread = 100 * part["mean"].to_numpy(), 100 * part["std"].fillna(0).to_numpy()
        if spread.any():
            band = np.concatenate([mean + spread, (mean - spread)[::-1]])
            traces.append(go.Scatter(
                x=np.concatenate([epochs, epochs[::-1]]), y=band, fill="toself", mode="lines",
                fillcolor=f"rgba({rgb(color)},0.16)", line={"width": 0}, hoverinfo="skip", showlegend=False,
            ))  # fmt: skip
        traces.append(go.Scatter(
            x=epochs, y=mean, name=str(group), mode="lines", line={"color": color, "width": 2, "dash": dash},
            customdata=np.column_stack([spread, part["n"]]),
            hovertemplate="%{y:.1f} ± %{customdata[0]:.1f} % (n = %{customdata[1]})",
        ))  # fmt: skip
    for (group, _), part in unfinished.dropna(subset=[column]).groupby(["group", "run_id"], sort=False):
        traces.append(go.Scatter(
            x=part[x], y=100 * part[column], name=f"{group}, not finished", mode="lines",
            line={"color": styles[str(group)][0], "width": 1, "dash": "dot"}, hovertemplate="%{y:.1f} %",
        ))  # fmt: skip
    figure = go.Figure(traces)
    finish(figure, {"step": "iteration"}.get(x, x), y_title, height=320)
    figure.update_yaxes(ticksuffix=" %", rangemode="tozero")
    figure.update_layout(showlegend=False, hoverlabel={"namelength": 40})
    return figure


def legend(styles: dict[str, Line]) -> str:
    """HTML of one legend for several charts side by side."""
    border = {"solid": "solid", "dash": "dashed", "dashdot": "dotted", "longdash": "dashed", "longdashdot": "dotted"}
    parts = [
        f"<span style='white-space:nowrap'><span style='display:inline-block;width:26px;border-top:3px {border[dash]} {color};"
        f"vertical-align:middle;margin-right:6px'></span>{escape(group)}</span>"
        for group, (color, dash) in styles.items()
    ]
    return f"<div style='display:flex;flex-wrap:wrap;gap:4px 18px;font-size:0.875rem'>{''.join(parts)}</div>"


def noise_heatmap(pivot: pd.DataFrame, metric_title: str) -> go.Figure:
    """Mean of a metric in percent, a row a loss, a column a noise rate; darker is higher."""
    values = 100 * pivot.to_numpy(dtype=float)
    figure = go.Figure(
        go.Heatmap(
            z=values, x=[f"{100 * rate:g} %" for rate in pivot.columns], y=list(pivot.index), colorscale=PALE_BLUES, textfont={"color": "#111111"},
            text=np.where(np.isfinite(values), np.char.mod("%.1f", values), ""), texttemplate="%{text}",
            colorbar={"title": {"text": "%"}}, hovertemplate="%{y}<br>noise rate %{x}<br>%{z:.1f} %<extra></extra>",
            xgap=2, ygap=2,
        )
    )  # fmt: skip
    finish(figure, "noise rate", "", height=min(900, 130 + 34 * len(pivot)))
    figure.update_layout(hovermode="closest", title={"text": metric_title, "font": {"size": 14}})
    figure.update_layout(margin={"t": 40})
    figure.update_xaxes(type="category")
    figure.update_yaxes(type="category", autorange="reversed", automargin=True)
    return figure


def weight_against_weight(
    table: pd.DataFrame, quantity: str, names: tuple[str, str], marked: np.ndarray | None = None
) -> go.Figure:
    """`quantity` (weight or rank) of run A against run B for the same examples, coloured by population.

    Beyond MOST_POINTS a density lies below, and a stratified sample is drawn; `marked` (n,) are ringed.
    """
    x, y = table[f"{quantity}_a"].to_numpy(dtype=np.float32), table[f"{quantity}_b"].to_numpy(dtype=np.float32)
    known = truth_is_known(table)
    kinds = table["is_corrupted"].to_numpy(dtype=np.uint8) if known else np.full(len(table), 2, dtype=np.uint8)
    figure = go.Figure()
    rows = stratified_sample(kinds, MOST_POINTS)
    if len(rows) < len(table):
        counts, centres_x, centres_y = density(x, y)
        figure.add_heatmap(
            z=np.log10(np.where(counts > 0, counts, np.nan)).astype(np.float32), x=centres_x, y=centres_y,
            customdata=counts.astype(np.int32), colorscale="Greys",
            showscale=False, hovertemplate="%{customdata} examples<extra></extra>", zmin=-1,
        )  # fmt: skip
    for code, kind in enumerate(("clean", "corrupted", "all")):
        part = rows[kinds[rows] == code]
        if len(part):
            figure.add_scattergl(
                x=x[part], y=y[part], mode="markers", name=kind, marker={"color": COLOR[kind], "size": 4, "opacity": 0.55},
                text=table["index"].to_numpy()[part],
                hovertemplate="example %{text}<br>A %{x:.3f}<br>B %{y:.3f}",
            )  # fmt: skip
    if marked is not None and marked.any():
        part = np.flatnonzero(marked)[:MOST_POINTS]
        figure.add_scattergl(
            x=x[part], y=y[part], mode="markers", name="changed sides", hoverinfo="skip",
            marker={"symbol": "circle-open", "color": COLOR["selected"], "size": 8, "line": {"width": 1.2}},
        )  # fmt: skip
    unit = "weight (L1 norm of the gradient)" if quantity == "weight" else "rank of the weight, 1 = heaviest"
    finish(figure, f"A, {names[0]}: {unit}", f"B, {names[1]}: {unit}", height=440)
    figure.update_layout(hovermode="closest", legend={"itemsizing": "constant"})
    return figure


def rgb(color: str) -> str:
    return ",".join(str(int(color[place : place + 2], 16)) for place in (1, 3, 5))


def selection_figure(table: pd.DataFrame, values: Sequence[str], chosen: int, parameter: str) -> go.Figure:
    """Accuracies in percent against a parameter's values, mean and sample standard deviation over seeds.

    `table` (V, ...) as of `Selection`; `values` are its texts, `chosen` a place among them, marked by a star. A second panel
    has the test accuracy, where it is known: the scales differ, since given labels are wrong in part.
    """
    panels = [("validation", "held-out rows, given labels")]
    if table["test_mean"].notna().all():
        panels.append(("test", "test set, true labels"))
    figure = make_subplots(1, len(panels), subplot_titles=[title for _, title in panels], horizontal_spacing=0.1)
    symbols = ["star" if place == chosen else "circle" for place in range(len(values))]
    for column, (name, title) in enumerate(panels, 1):
        spread = 100 * table[f"{name}_std"].fillna(0)
        figure.add_scatter(
            row=1, col=column, x=list(values), y=100 * table[f"{name}_mean"], name=title, mode="lines+markers",
            line={"color": SERIES[column - 1], "width": 2}, error_y={"array": spread, "thickness": 1.2, "width": 4},
            marker={"symbol": symbols, "size": [16 if place == chosen else 8 for place in range(len(values))]},
            customdata=spread, hovertemplate="%{y:.1f} ± %{customdata:.1f} %<extra></extra>",
        )  # fmt: skip
    finish(figure, parameter, "", height=330)
    figure.update_xaxes(type="category")
    figure.update_yaxes(ticksuffix=" %")
    figure.update_layout(showlegend=False, margin={"t": 34}, hovermode="closest")
    return figure
