"""How well wrong labels are found, as figures: pure functions, no Streamlit."""

import pandas as pd
import plotly.graph_objects as go

from ui.comparison_figures import Line
from ui.figures import COLOR, SERIES, finish

HEIGHT = 300
Curves = dict[str, pd.DataFrame]


def roc_figure(curves: Curves) -> go.Figure:
    """One line a ranking; columns false_positive_rate, true_positive_rate."""
    figure = go.Figure()
    _lines(figure, curves, "false_positive_rate", "true_positive_rate")
    figure.add_scatter(x=[0, 1], y=[0, 1], name="chance", mode="lines", line={"color": COLOR["all"], "dash": "dot"})
    return _framed(
        figure, "clean labels among the suspects (false positive rate)", "wrong labels found (true positive rate)"
    )


def precision_recall_figure(curves: Curves, noise_rate: float) -> go.Figure:
    """One line a ranking; columns recall, precision."""
    figure = go.Figure()
    _lines(figure, curves, "recall", "precision")
    figure.add_scatter(
        x=[0, 1], y=[noise_rate] * 2, name="chance", mode="lines", line={"color": COLOR["all"], "dash": "dot"}
    )
    return _framed(figure, "wrong labels found (recall)", "suspects that are wrong (precision)")


def course_figure(course: pd.DataFrame, column: str, title: str, chance: float, styles: dict[str, Line]) -> go.Figure:
    """A measure over epochs, one line for each of `styles`; columns line, epoch and `column`. A lone epoch is a point."""
    figure = go.Figure()
    for name, (color, dash) in styles.items():
        part = course[course["line"] == name].dropna(subset=[column])
        if len(part):
            figure.add_scatter(
                x=part["epoch"], y=part[column], name=name, mode="lines+markers", marker={"size": 5, "color": color},
                line={"color": color, "width": 2, "dash": dash}, hovertemplate="%{y:.3f}",
            )  # fmt: skip
    if len(course):
        ends = [int(course["epoch"].min()), int(course["epoch"].max())]
        figure.add_scatter(x=ends, y=[chance] * 2, name="chance", mode="lines", line={"color": COLOR["all"], "dash": "dot"},
                           hovertemplate="%{y:.3f}")  # fmt: skip
    finish(figure, "epoch", title, HEIGHT)
    figure.update_layout(showlegend=False, hoverlabel={"namelength": 40})
    return figure


def _lines(figure: go.Figure, curves: Curves, x: str, y: str) -> None:
    for place, (name, table) in enumerate(curves.items()):
        color = SERIES[place % len(SERIES)]
        figure.add_scatter(x=table[x], y=table[y], name=name, mode="lines", line={"color": color, "width": 2})


def _framed(figure: go.Figure, x: str, y: str) -> go.Figure:
    finish(figure, x, y, HEIGHT)
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(range=[-0.02, 1.02])
    figure.update_yaxes(range=[-0.02, 1.05])
    return figure
