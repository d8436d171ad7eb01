"""The data map: a region that is marked on it chooses examples."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from imae_core.analysis.data_map import density, stratified_sample
from ui import figures, live_chart, state
from ui.figures import COLOR, SERIES
from ui.inspect.view import RunView
from ui.selection import Region, region_of

ALL_POINTS = 20_000
SAMPLE = 6_000
COLOURS = {"population": "clean / corrupted", "correctness": "correctness", "class": "given class"}


def draw_map(view: RunView, region: Region | None) -> None:
    """The map, with a lasso."""
    if not len(view.trajectory):
        st.info("The data map needs an evaluated epoch; the first one is under way.", icon=":material/hourglass_top:")
        return
    choices = [name for name in COLOURS if name != "population" or view.known]
    colour = st.segmented_control(
        "Colour", choices, format_func=COLOURS.__getitem__, key="map_colour", default=choices[0], required=True,
        help="correctness: share of the evaluated epochs in which the given label was predicted",
    )  # fmt: skip
    points = view.trajectory
    figure = go.Figure()
    groups = _groups(view, points, colour)
    sampled = len(points) > ALL_POINTS
    if sampled:
        counts, x, y = density(points["variability"], points["confidence"])
        figure.add_heatmap(
            z=np.log10(np.where(counts > 0, counts, np.nan)), x=x, y=y, colorscale="Greys", opacity=0.6, showscale=False,
            hoverinfo="skip", name="examples (log10)",
        )  # fmt: skip
    rows = stratified_sample(groups, SAMPLE if sampled else ALL_POINTS)
    _add_points(figure, points, rows, groups, colour, view)
    if region is not None:
        x, y = zip(*region.corners, region.corners[0], strict=True)
        figure.add_scatter(x=x, y=y, mode="lines", name="selection", hoverinfo="skip",
                           line={"color": COLOR["selected"], "width": 2})  # fmt: skip
    figures.finish(
        figure, "variability (standard deviation of p over the evaluated epochs)", "confidence (mean of p)", 440
    )
    figure.update_layout(dragmode="lasso", hovermode="closest")
    figure.update_yaxes(range=[-0.03, 1.03])
    live_chart.chart(figure, key="data_map", on_region=choose_region)
    shown = (
        f"a sample of {len(rows):,} of {len(points):,} examples over the density of all"
        if sampled
        else f"{len(points):,} examples"
    )
    st.caption(
        f"{shown}. Draw a lasso around points to see them below; a region takes all examples in it. "
        "Low confidence and low variability: the net never believed the label. Double-click to take it back."
    )


def choose_region(corners: dict[str, list[float]] | None) -> None:
    region = region_of(corners)
    st.session_state[state.SELECTION] = "" if region is None else str(region)


def _groups(view: RunView, points: pd.DataFrame, colour: str) -> np.ndarray:
    if colour == "population":
        return np.where(view.column("is_corrupted"), "corrupted", "clean")
    if colour == "class":
        return view.column("given_label")
    return np.round(points["correctness"].to_numpy() * 4) / 4


def _add_points(
    figure: go.Figure, points: pd.DataFrame, rows: np.ndarray, groups: np.ndarray, colour: str, view: RunView
) -> None:
    part, own = points.iloc[rows], groups[rows]
    index = view.column("index")[rows]
    for place, group in enumerate(np.unique(own)):
        mask = own == group
        name = (
            view.class_name(int(group))
            if colour == "class"
            else f"{group:.0%} right"
            if colour == "correctness"
            else str(group)
        )
        color = COLOR[str(group)] if colour == "population" else SERIES[place % len(SERIES)]
        figure.add_scattergl(
            x=part["variability"][mask], y=part["confidence"][mask], mode="markers", name=f"{name} ({(groups == group).sum():,})",
            marker={"size": 5, "color": color, "opacity": 0.6}, text=[f"example {i}" for i in index[mask]],
            hovertemplate="%{text}<br>variability %{x:.3f}<br>confidence %{y:.3f}<extra></extra>",
        )  # fmt: skip
