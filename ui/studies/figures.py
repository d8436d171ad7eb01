"""A study's tables to figures: pure functions, no Streamlit."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from imae_core.analysis.ranks import Ranks
from imae_core.analysis.sensitivity import FactorView
from ui.comparison_figures import Line, rgb
from ui.figures import COLOR, SERIES, finish

GREY = "#7F7F7F"


def rate_curves(
    means: pd.DataFrame, stds: pd.DataFrame, rates: Sequence[float], styles: Mapping[str, Line], y_title: str
) -> go.Figure:
    """(losses, rates): a line and a band of one standard deviation a loss, over noise rates, in percent."""
    figure = go.Figure()
    x = 100 * np.asarray(rates, dtype=float)
    for loss, (color, dash) in styles.items():
        mean = 100 * means.loc[loss].to_numpy(dtype=float)
        spread = np.nan_to_num(100 * stds.loc[loss].to_numpy(dtype=float))
        known = np.isfinite(mean)
        if spread[known].any():
            band = np.concatenate([(mean + spread)[known], (mean - spread)[known][::-1]])
            figure.add_scatter(
                x=np.concatenate([x[known], x[known][::-1]]), y=band, fill="toself", mode="lines", line={"width": 0},
                fillcolor=f"rgba({rgb(color)},0.14)", hoverinfo="skip", showlegend=False,
            )  # fmt: skip
        figure.add_scatter(
            x=x[known], y=mean[known], name=loss, mode="lines+markers", line={"color": color, "width": 2, "dash": dash},
            customdata=spread[known], hovertemplate="%{y:.1f} ± %{customdata:.1f} %",
        )  # fmt: skip
    finish(figure, "noise rate", y_title, height=380)
    figure.update_xaxes(tickvals=list(x), ticktext=[f"{rate:g} %" for rate in x])
    figure.update_yaxes(ticksuffix=" %")
    figure.update_layout(hoverlabel={"namelength": 40}, showlegend=False)
    return figure


def rank_figure(ranks: Ranks) -> go.Figure:
    """Mean ranks as dots, the best on top, each with a bar one critical difference long to its right.

    A loss whose dot lies within the bar of another cannot be told from it; grey bars at the left join such groups.
    """
    names = [str(name) for name in ranks.mean_ranks.index]
    values = ranks.mean_ranks.to_numpy(dtype=float)
    figure = go.Figure()
    for place, clique in enumerate(ranks.cliques()):
        rows = [names.index(name) for name in clique]
        x = 0.55 - 0.12 * place
        figure.add_scatter(x=[x, x], y=[min(rows) - 0.25, max(rows) + 0.25], mode="lines", line={"color": GREY, "width": 4},
                           hovertemplate=f"cannot be told apart: {', '.join(clique)}<extra></extra>")  # fmt: skip
    figure.add_scatter(
        x=values, y=np.arange(len(names)), mode="markers", marker={"color": SERIES[0], "size": 10},
        error_x={"type": "data", "symmetric": False, "array": [ranks.critical_difference] * len(names),
                 "arrayminus": [0.0] * len(names), "color": GREY, "thickness": 1, "width": 4},
        text=names, hovertemplate="%{text}: mean rank %{x:.2f}<extra></extra>",
    )  # fmt: skip
    finish(figure, "mean rank (1 is the best)", "", height=110 + 26 * len(names))
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, autorange="reversed", automargin=True, zeroline=False
    )
    figure.update_layout(showlegend=False, hovermode="closest")
    return figure


def factor_figure(view: FactorView, styles: Mapping[str, Line], y_title: str, limits: tuple[float, float]) -> go.Figure:
    """One factor: a line a loss over its values, crossing where the order of the losses changes; whiskers are one sd."""
    figure = go.Figure()
    for loss, (color, dash) in styles.items():
        if loss not in view.means.index:
            continue
        mean = 100 * view.means.loc[loss].to_numpy(dtype=float)
        spread = np.nan_to_num(100 * view.stds.loc[loss].to_numpy(dtype=float))
        figure.add_scatter(
            x=list(view.means.columns), y=mean, name=loss, mode="lines+markers", marker={"size": 8},
            line={"color": color, "width": 2, "dash": dash}, error_y={"type": "data", "array": spread, "width": 4, "thickness": 1.2},
            customdata=spread, hovertemplate="%{y:.1f} ± %{customdata:.1f} %",
        )  # fmt: skip
    finish(figure, "", y_title, height=300)
    figure.update_xaxes(type="category")
    figure.update_yaxes(ticksuffix=" %", range=limits)
    figure.update_layout(showlegend=False, hoverlabel={"namelength": 40})
    return figure


def progress_bar(counts: Mapping[str, int]) -> go.Figure:
    """Runs by state as one stacked bar."""
    colors = {
        "done": COLOR["clean"],
        "running": "#009E73",
        "queued": "#9ECAE1",
        "failed": "#D62728",
        "stopped": "#E69F00",
        "missing": "#BBBBBB",
    }
    figure = go.Figure()
    for state, count in counts.items():
        if count:
            figure.add_bar(x=[count], y=[""], orientation="h", name=f"{count} {state}", marker_color=colors[state],
                           hovertemplate=f"{count} {state}<extra></extra>")  # fmt: skip
    finish(figure, "", "", height=90)
    figure.update_layout(barmode="stack", legend_traceorder="normal", hovermode="closest", margin={"t": 24, "b": 4})
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure
