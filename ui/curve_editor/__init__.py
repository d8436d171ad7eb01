"""A curve drawn by dragging points, by mouse, finger or keyboard, or by a table of numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from imae_core.drawn import check_points
from imae_core.errors import BadInputError

Points = list[list[float]]
_HERE = Path(__file__).parent


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    css, js = ((_HERE / name).read_text() for name in ("editor.css", "editor.js"))
    return st.components.v2.component("imae_curve_editor", css=css, js=js)


def points_input(
    points: Points, smooth: float, *, key: str, color: str = "", histogram: Mapping[str, Any] | None = None
) -> Points:
    """Points to drag, and the same as a table; returns what both have made of `points`.

    `points` may be those of the start, or what this returned last; any others begin anew.

    Args:
        points: rows [p, weight], as `imae_core.drawn.check_points` wants them.
        smooth: 1 for the monotone cubic, 0 for lines.
        color: of the curve.
        histogram: shares of examples by p to draw underneath, for each population `color` and `shares`.
    """
    first = {"points": points, "base": points, "given": points, "returned": points, "dragged": 0, "typed": 0}
    state = st.session_state.setdefault(f"{key}_state", first)
    if points not in (state["given"], state["returned"]):
        state.update(points=points, base=points, dragged=state["dragged"] + 1, typed=state["typed"] + 1)
    state["given"] = points

    def dragged() -> None:
        found = st.session_state[key].points
        if found:
            state.update(points=found, base=found, dragged=state["dragged"] + 1)

    drawing = st.container()
    with st.expander("Points as numbers", icon=":material/table:"):
        _table(state, key)
    with drawing:
        _component()(
            data={"points": state["points"], "revision": state["typed"], "smooth": bool(smooth), "color": color,
                  "histogram": dict(histogram or {})},
            key=key, default={"points": None}, on_points_change=dragged,
        )  # fmt: skip
    state["returned"] = state["points"]
    return list(state["points"])


def _table(state: dict[str, Any], key: str) -> None:
    """Edits the points; rows that are not complete yet wait."""
    column = st.column_config.NumberColumn
    table = st.data_editor(
        pd.DataFrame(state["base"], columns=["p", "weight"]), num_rows="dynamic", hide_index=True,
        key=f"{key}_table_{state['dragged']}",
        column_config={"p": column("p", min_value=0.0, max_value=1.0, format="%g", help="Probability of the given label"),
                       "weight": column("weight", min_value=0.0, format="%g", help="Of an example with this p")},
    )  # fmt: skip
    rows = sorted(_complete(table.to_numpy(dtype=float).tolist()))
    if rows == state["points"]:
        return
    try:
        check_points(rows)
    except BadInputError as error:
        st.error(f"The table is not a curve yet: {error}.", icon=":material/error:")
        return
    state.update(points=rows, typed=state["typed"] + 1)


def _complete(rows: Sequence[Sequence[float]]) -> Points:
    return [list(row) for row in rows if all(value == value for value in row)]
