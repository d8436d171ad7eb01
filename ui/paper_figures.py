"""The paper's figures: pure functions from curves and runs, no Streamlit."""

from collections.abc import Callable, Mapping
from itertools import product

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from imae_core.curves import curve_on, uniform_p
from imae_core.paper.published import T_VALUES
from imae_core.paper.spread import Spread
from ui.figures import AXIS, COLOR, finish, weighting_curves

# from cold to hot, all of one lightness: readable on a white and on a black page
_HEAT = ("#3B82C4", "#2FA3B5", "#2EA886", "#6FA82E", "#C29A1B", "#E0762C", "#D64B6A")
FULL_SHARE = 0.25  # of a population in one of the bins of p: the strongest colour


def weights_of_losses() -> go.Figure:
    """Weight against p of CCE, MAE and IMAE (T = 8)."""
    p = uniform_p()
    return weighting_curves(
        {"CCE": curve_on("cce", p), "MAE": curve_on("mae", p), "IMAE (T = 8)": curve_on("imae", p, T=8.0)}, p
    )


def weights_by_contrast() -> go.Figure:
    """Weight against p of IMAE for the values of T in the paper's study; the axis is logarithmic."""
    return _by_contrast(lambda p, T: curve_on("imae", p, T=T), "weight")


def slopes_by_contrast() -> go.Figure:
    """|dL/dp| = w(p) / (2p(1-p)) of IMAE: infinite at p = 0 and p = 1."""
    return _by_contrast(lambda p, T: curve_on("imae", p, T=T) / (2 * p * (1 - p)), "|dL/dp|")


def _by_contrast(values: Callable[[np.ndarray, float], np.ndarray], y_title: str) -> go.Figure:
    p = uniform_p(401)[1:-1]
    figure = go.Figure()
    for T, color in zip(T_VALUES, _HEAT, strict=True):
        figure.add_scatter(
            x=p, y=values(p, T), name=f"T = {T:g}", mode="lines", line={"color": color, "width": 2},
            hovertemplate="%{y:.3g}",
        )  # fmt: skip
    finish(figure, AXIS["p_label"], y_title)
    figure.update_yaxes(type="log", dtick=1)
    return figure


def p_over_training(runs: Mapping[str, Mapping[str, Spread]]) -> go.Figure:
    """A column a run, a row a population: p against iterations, darker where more of the population is (square root)."""
    populations = [name for name in ("clean", "corrupted", "all") if any(name in found for found in runs.values())]
    figure = make_subplots(
        len(populations), len(runs), shared_xaxes=True, shared_yaxes=True, horizontal_spacing=0.02, vertical_spacing=0.06,
        column_titles=list(runs),
    )  # fmt: skip
    for (row, population), (column, found) in product(enumerate(populations, 1), enumerate(runs.values(), 1)):
        if population not in found:
            continue
        spread = found[population]
        centres = (spread.edges[1:] + spread.edges[:-1]) / 2
        figure.add_heatmap(
            x=_edges_of(spread.steps), y=spread.edges, z=np.sqrt(spread.shares).T, customdata=100 * spread.shares.T, text=_texts(centres, len(spread.steps)),
            colorscale=[[0, "rgba(0,0,0,0)"], [1, COLOR[population]]], zmin=0, zmax=np.sqrt(FULL_SHARE), showscale=False, row=row, col=column,
            hovertemplate=f"{population}, p ≈ %{{text}}<br>until iteration %{{x:.0f}}<br>%{{customdata:.1f}} % of them<extra></extra>",
        )  # fmt: skip
    finish(figure, "", "", height=110 + 210 * len(populations))
    figure.update_layout(hovermode="closest", margin={"t": 40})
    for row, population in enumerate(populations, 1):
        figure.update_yaxes(title_text=f"p, {population}", range=[0, 1], row=row, col=1)
    for column in range(1, len(runs) + 1):
        figure.update_xaxes(title_text="iteration", row=len(populations), col=column)
    return figure


def _edges_of(steps: np.ndarray) -> np.ndarray:
    """An epoch's column reaches from the one before it to its own step."""
    first = 2 * steps[0] - steps[1] if len(steps) > 1 else 0
    return np.concatenate([[max(first, 0)], steps])


def _texts(centres: np.ndarray, columns: int) -> list[list[str]]:
    return [[f"{value:.2f}"] * columns for value in centres]
