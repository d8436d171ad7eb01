"""One example: its picture, labels, probabilities, its course over the epochs, and its neighbours."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from imae_core.analysis.neighbours import nearest
from ui import figures, live_chart, state
from ui.figures import COLOR
from ui.gallery import gallery
from ui.inspect.view import NO_CLASS, RunView

NEIGHBOURS = 8


def example(view: RunView, row: int) -> None:
    """Opens it over the page, so that nothing there moves."""
    index = int(view.column("index")[row])
    st.dialog(f"Example {index}", width="large", icon=":material/search:", on_dismiss=close)(_draw)(view, row)


@st.cache_data(show_spinner=False, max_entries=256)
def _trajectory(key: tuple[Any, ...], epoch: int, row: int, _view: RunView) -> str:
    """The figure as JSON."""
    table = _view.status.folder.example_dynamics(_view.source, row)
    return figures.example_trajectory(table, epoch).to_json()


def close() -> None:
    st.session_state[state.EXAMPLE] = None


def _draw(view: RunView, row: int) -> None:
    with st.container(key="example"):
        record = view.record(row)
        left, middle, right = st.columns([1.1, 1.6, 2.3], gap="medium")
        with left:
            _head(view, row, record)
        with middle:
            st.markdown("**Probabilities** of the final net")
            _probabilities(view, row)
        with right:
            st.markdown("**Over the epochs**")
            live_chart.chart(_trajectory(view.key, view.epoch, row, view), key="trajectory")
        _neighbours(view, row)


def _head(view: RunView, row: int, record: dict[str, object]) -> None:
    kind, index = view.kind(row), int(view.examples["index"].iat[row])
    picture = view.picture(row)
    if picture:
        st.html(f'<img src="{picture}" alt="example {index}" style="width:160px;image-rendering:pixelated;'
                f'border:4px solid {COLOR[kind]};border-radius:8px">')  # fmt: skip
    elif view.data is not None and view.inputs is not None and not view.data.is_image:
        names = view.data.feature_names or [f"feature {place}" for place in range(view.data.input_shape[0])]
        values = pd.DataFrame({"feature": names, "value": view.inputs[row]})
        st.dataframe(values, hide_index=True, height=200, key="row_values")
    given, true, predicted = (
        view.class_name(int(view.column(name)[row])) for name in ("given_label", "true_label", "predicted")
    )
    labels = f"**{kind}** · given **{given}** · true **{true or NO_CLASS}**" if view.known else f"given **{given}**"
    st.markdown(f"{labels}  \npredicted **{predicted}** · p {record['p_label']:.3f} · weight {record['weight']:.3f}")


def _probabilities(view: RunView, row: int) -> None:
    probs = view.status.folder.array("pred_probs")
    if probs is None:
        st.caption("They are recorded at the end of the run.")
        return
    top = np.argsort(-np.asarray(probs[row], dtype=np.float64))[:10]
    marks = {int(view.column("given_label")[row]): "given", int(view.column("true_label")[row]): "true"}
    names = [
        f"{view.class_name(int(k))} ({marks[int(k)]})" if int(k) in marks else view.class_name(int(k)) for k in top
    ]
    st.dataframe(
        pd.DataFrame({"class": names, "probability": [float(probs[row][k]) for k in top]}),
        hide_index=True, key="probabilities", height=min(38 * len(top) + 40, 320),
        column_config={"probability": st.column_config.ProgressColumn(format="%.3f", min_value=0, max_value=1)},
    )  # fmt: skip


@st.cache_data(show_spinner=False, max_entries=256)
def _nearest(
    run_id: str, started: float, run_state: str, row: int, _view: RunView
) -> tuple[np.ndarray, np.ndarray] | None:
    embeddings = _view.status.folder.array("embeddings")
    return None if embeddings is None else nearest(embeddings, row, NEIGHBOURS)


def _neighbours(view: RunView, row: int) -> None:
    found = _nearest(view.run_id, view.started, view.status.run.state, row, view)
    if found is None:
        return
    rows, cosine = found
    given = view.column("given_label")
    same = int((given[rows] == given[row]).sum())
    st.markdown(
        f"**Nearest neighbours** in the final net's last hidden layer: {same} of {len(rows)} have the same given label"
    )
    cards = [view.card(int(other), f"cosine {value:.3f}") for other, value in zip(rows, cosine, strict=True)]
    gallery(cards, key="neighbours", on_click=lambda other: st.session_state.update({state.EXAMPLE: other}))
