"""Label against label: a click on a cell chooses its examples."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from imae_core.analysis.matrices import count_matrix, row_shares
from ui import figures, live_chart, state
from ui.inspect.view import RunView
from ui.selection import LABELS, Cell

MOST_CLASSES = 200
PAIRS = {
    "true_given": ("true", "given", "Noise: true against given"),
    "given_predicted": ("given", "predicted", "Fit: given against predicted"),
    "true_predicted": ("true", "predicted", "Truth: true against predicted"),
}


def draw_matrices(view: RunView) -> None:
    """One matrix at a time."""
    names = [name for name, pair in PAIRS.items() if view.known or "true" not in pair[:2]]
    name = st.segmented_control(
        "Matrix", names, format_func=lambda name: PAIRS[name][2], key="matrix", default=names[0], required=True,
        help="Rows are normalised: each cell is the share of its row's examples.",
    )  # fmt: skip
    row_label, column_label, _ = PAIRS[name]
    counts = _counts((*view.key, view.epoch), row_label, column_label, view)
    if view.num_classes > MOST_CLASSES:
        _draw_pairs(view, counts, row_label, column_label)
        return
    drawing = _drawing((*view.key, view.epoch), row_label, column_label, view)
    live_chart.chart(drawing, key="label_matrix", on_click=partial(choose_cell, row_label, column_label))
    wrong = int(counts.sum() - np.trace(counts))
    st.caption(
        f"{counts.sum():,} examples, {view.title}; {wrong:,} ({wrong / max(counts.sum(), 1):.1%}) off the diagonal. "
        "Click a cell to see its examples below."
    )
    st.page_link(
        "pages/clean_labels.py", label="The transition matrix as estimated without the truth, beside the realised one",
        icon=":material/arrow_forward:", query_params={state.RUN: view.run_id},
    )  # fmt: skip


@st.cache_data(show_spinner=False, max_entries=32)
def _counts(key: tuple[Any, ...], row_label: str, column_label: str, _view: RunView) -> np.ndarray:
    return count_matrix(_view.column(LABELS[row_label]), _view.column(LABELS[column_label]), _view.num_classes)


@st.cache_data(show_spinner=False, max_entries=32)
def _drawing(key: tuple[Any, ...], row_label: str, column_label: str, _view: RunView) -> str:
    """The figure as JSON."""
    counts = _counts(key, row_label, column_label, _view)
    names = [_view.class_name(label) for label in range(_view.num_classes)]
    return figures.label_matrix(counts, row_shares(counts), names, row_label, column_label).to_json()


def _draw_pairs(view: RunView, counts: np.ndarray, row_label: str, column_label: str) -> None:
    """The most frequent pairs of different classes, where there are too many cells."""
    st.caption(
        f"{view.num_classes:,} classes are too many to draw. The most frequent pairs of different classes; choose one."
    )
    off = counts - np.diag(np.diag(counts))
    flat = np.argsort(-off, axis=None, kind="stable")[:500]
    rows, columns = np.unravel_index(flat[off.ravel()[flat] > 0], off.shape)
    table = pd.DataFrame(
        {
            row_label: [view.class_name(int(label)) for label in rows],
            column_label: [view.class_name(int(label)) for label in columns],
            "examples": off[rows, columns],
        }
    )
    picked = st.dataframe(
        table, hide_index=True, key="pairs", on_select="rerun", selection_mode="single-row", height=420
    )
    chosen = picked["selection"]["rows"]
    if chosen:
        point = {"index": [int(rows[chosen[0]]), int(columns[chosen[0]])]}
        choose_cell(row_label, column_label, point)


def choose_cell(row_label: str, column_label: str, point: dict[str, Any]) -> None:
    row, column = point["index"]
    st.session_state[state.SELECTION] = str(Cell(row_label, column_label, int(row), int(column)))
