"""The data map: a region that is marked on it chooses examples."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from imae_core.analysis.data_map import density, stratified_sample
from ui import figures, live_chart, state
from ui.figures import COLOR, SERIES
from ui.inspect.view import RunView
from ui.selection import Region, region_of

ALL_POINTS = 20_000
SAMPLE = 3_000
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
    drawing, num_shown = _drawing(view.map_key, colour, str(region or ""), view, region)
    live_chart.chart(drawing, key="data_map", on_region=choose_region)
    shown = (
        f"a sample of {num_shown:,} of {view.num_examples:,} examples over the density of all"
        if num_shown < view.num_examples
        else f"{num_shown:,} examples"
    )
    st.caption(
        f"{shown}. Draw a lasso around points to see them below; a region takes all examples in it. "
        "Low confidence and low variability: the net never believed the label. Double-click to take it back."
    )


@st.cache_data(show_spinner=False, max_entries=16)
def _drawing(
    key: tuple[Any, ...], colour: str, region_text: str, _view: RunView, _region: Region | None
) -> tuple[str, int]:
    """The figure, kept as JSON, and how many points it has: all up to ALL_POINTS, else a sample over a density."""
    figure = go.Figure()
    points, groups = _view.trajectory, _groups(_view, colour)
    sampled = len(points) > ALL_POINTS
    if sampled:
        counts, x, y = density(points["variability"], points["confidence"])
        shade = np.log10(np.where(counts > 0, counts, np.nan)).round(2).astype(np.float32)
        figure.add_heatmap(
            z=shade, x=x, y=y, colorscale="Greys", opacity=0.6, showscale=False, hoverinfo="skip", name="examples (log10)",
        )  # fmt: skip
    rows = stratified_sample(groups, SAMPLE if sampled else ALL_POINTS)
    _add_points(figure, rows, groups, colour, _view)
    if _region is not None:
        x, y = zip(*_region.corners, _region.corners[0], strict=True)
        figure.add_scatter(x=x, y=y, mode="lines", name="selection", hoverinfo="skip",
                           line={"color": COLOR["selected"], "width": 2})  # fmt: skip
    figures.finish(
        figure, "variability (standard deviation of p over the evaluated epochs)", "confidence (mean of p)", 440
    )
    figure.update_layout(dragmode="lasso", hovermode="closest")
    figure.update_yaxes(range=[-0.03, 1.03])
    return figure.to_json(), len(rows)


def choose_region(corners: dict[str, list[float]] | None) -> None:
    region = region_of(corners)
    st.session_state[state.SELECTION] = "" if region is None else str(region)


def _groups(view: RunView, colour: str) -> np.ndarray:
    """(N,) whole numbers: corrupted or not, the class, or how many quarters of the evaluated epochs were right."""
    if colour == "population":
        return view.column("is_corrupted").astype(np.int64)
    if colour == "class":
        return view.column("given_label")
    return np.rint(view.trajectory["correctness"].to_numpy() * 4).astype(np.int64)


def _add_points(figure: go.Figure, rows: np.ndarray, groups: np.ndarray, colour: str, view: RunView) -> None:
    part, own = view.trajectory.iloc[rows], groups[rows]
    x, y = (part[name].to_numpy(dtype=np.float32).round(4) for name in ("variability", "confidence"))
    index, counts = view.column("index")[rows], np.bincount(groups)
    for place, group in enumerate(np.unique(own)):
        mask = own == group
        population = ("clean", "corrupted")[group] if colour == "population" else ""
        name = population or (view.class_name(int(group)) if colour == "class" else f"{group / 4:.0%} right")
        figure.add_scattergl(
            x=x[mask], y=y[mask], mode="markers", name=f"{name} ({counts[group]:,})", text=index[mask],
            marker={"size": 5, "color": COLOR[population] if population else SERIES[place % len(SERIES)], "opacity": 0.6},
            hovertemplate="example %{text}<br>variability %{x:.3f}<br>confidence %{y:.3f}<extra></extra>",
        )  # fmt: skip
