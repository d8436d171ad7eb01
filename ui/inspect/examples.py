"""The examples behind the figures: a gallery or a table of those that are chosen, page by page."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from ui import state
from ui.gallery import gallery
from ui.inspect.view import SCORES, RunView
from ui.selection import Selection

PAGE_SIZE = 48


@dataclass(frozen=True)
class Preset:
    """A first look: which population, sorted by what."""

    title: str
    corrupted: bool | None
    score: str
    rising: bool


PRESETS = {
    "corrupted_high": Preset("Highest-weighted corrupted", True, "weight", False),
    "clean_low": Preset("Lowest-weighted clean", False, "weight", True),
    "clean_high": Preset("Highest-weighted clean", False, "weight", False),
    "corrupted_low": Preset("Lowest-weighted corrupted", True, "weight", True),
    "suspicious": Preset("Least likely labels", None, "p_label", True),
}
UNKNOWN_PRESETS = {
    "suspicious": Preset("Least likely labels", None, "p_label", True),
    "high": Preset("Highest-weighted", None, "weight", False),
    "low": Preset("Lowest-weighted", None, "weight", True),
}


def ranked_rows(values: np.ndarray, chosen: np.ndarray, rising: bool, end: int) -> np.ndarray:
    """The first `end` of the rows where `chosen` (N,), sorted by values (N,); rows without a value come in no place."""
    rows = np.flatnonzero(chosen & np.isfinite(values))
    keys = values[rows] if rising else -values[rows].astype(np.float64)
    if end < len(rows):
        rows = rows[np.argpartition(keys, end)[:end]]
        keys = values[rows] if rising else -values[rows].astype(np.float64)
    return rows[np.lexsort((rows, keys))]


def examples(view: RunView, selection: Selection | None, marked: np.ndarray) -> None:
    """Draws the choice, the examples and the pager. `marked` (N,) are those of the selection."""
    preset = _choose_preset(view)
    chosen = (
        marked if preset.corrupted is None or selection else marked & (view.column("is_corrupted") == preset.corrupted)
    )
    score, rising, chosen, as_table = _filter(view, preset, chosen)
    count = int((chosen & np.isfinite(view.column(score))).sum())
    page = _pager(count)
    rows = ranked_rows(view.column(score), chosen, rising, (page + 1) * PAGE_SIZE)[page * PAGE_SIZE :]
    where = f" {selection.title}" if selection else ""
    order = "lowest" if rising else "highest"
    st.caption(
        f"{len(rows)} of {count:,} examples{where}, {order} {SCORES[score].title} first · {view.title}. "
        "Click one to follow it over the epochs."
    )
    if as_table:
        _table(view, rows)
    else:
        extra = [] if score in ("weight", "p_label") else [score]
        cards = [view.card(int(row), *(f"{name} {view.column(name)[row]:.3g}" for name in extra)) for row in rows]
        gallery(cards, key="gallery", chosen=st.session_state.get(state.EXAMPLE), on_click=open_example)


def open_example(row: int) -> None:
    st.session_state[state.EXAMPLE] = row


def _choose_preset(view: RunView) -> Preset:
    presets = PRESETS if view.known else UNKNOWN_PRESETS
    names = [name for name, p in presets.items() if p.corrupted is not True or view.column("is_corrupted").any()]
    state.from_link(state.VIEW, names, names[0])
    name = st.segmented_control(
        "Show", names, format_func=lambda name: presets[name].title, key=state.VIEW, required=True, wrap=True,
        help="Weight is how hard an example pulls on the net in this epoch."
        + (" Blue frame: clean; orange: corrupted." if view.known else ""),
    )  # fmt: skip
    state.to_link(view=name)
    return presets[name]


def _filter(view: RunView, preset: Preset, chosen: np.ndarray) -> tuple[str, bool, np.ndarray, bool]:
    """Score, order, what is left of the choice, and whether a table is wanted."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        scores = view.scores()
        score = st.selectbox(
            "Sorted by", [None, *scores], key="sort_by", width=190,
            format_func=lambda name: "as shown" if name is None else SCORES[name].title,
            help="; ".join(f"**{SCORES[name].title}**: {SCORES[name].help}" for name in scores),
        )  # fmt: skip
        order = st.segmented_control(
            "Order", ["highest", "lowest"], key="sort_order", default="highest", required=True, disabled=score is None
        )
        for label in ("given", "true", "predicted"):
            if label != "true" or view.known:
                chosen = chosen & _label_filter(view, label)
        number = st.number_input(
            "Example", min_value=0, step=1, value=None, key="search_index", width=110, placeholder="index",
            help="Opens the example with this index in the data set.",
        )  # fmt: skip
        as_table = st.toggle("Table", key="as_table", help="Rows with all scores instead of pictures.")
    _search(view, number)
    if score is None:
        return preset.score, preset.rising, chosen, as_table
    return score, order == "lowest", chosen, as_table


def _label_filter(view: RunView, label: str) -> np.ndarray:
    classes = range(view.num_classes)
    wanted = st.selectbox(
        f"{label.capitalize()} class", [None, *classes], key=f"filter_{label}", width=130,
        format_func=lambda c: "any" if c is None else view.class_name(c),
    )  # fmt: skip
    if wanted is None:
        return np.ones(view.num_examples, dtype=bool)
    return view.column("predicted" if label == "predicted" else f"{label}_label") == wanted


def _search(view: RunView, index: int | None) -> None:
    if index is None or st.session_state.get("searched") == index:
        return
    st.session_state["searched"] = index
    rows = np.flatnonzero(view.column("index") == index)
    if len(rows):
        open_example(int(rows[0]))
    else:
        st.warning(f"This run has no training example {index}.", icon=":material/search_off:")


def _pager(count: int) -> int:
    pages = max(1, -(-count // PAGE_SIZE))
    if pages == 1:
        return 0
    if st.session_state.get("page", 1) > pages:
        st.session_state["page"] = 1
    return int(st.number_input(f"Page (of {pages:,})", 1, pages, key="page", width=150)) - 1


def _table(view: RunView, rows: np.ndarray) -> None:
    table = pd.DataFrame([view.record(int(row)) for row in rows])
    if not len(table):
        st.info("No example fits this choice.", icon=":material/search_off:")
        return
    for name in ("given_label", "true_label", "predicted"):
        table[name] = [view.class_name(int(label)) for label in table[name]]
    if not view.known:
        table = table.drop(columns=["true_label", "is_corrupted"])
    picked = st.dataframe(table, hide_index=True, key="example_table", on_select="rerun", selection_mode="single-row")
    chosen = picked["selection"]["rows"]
    if chosen:
        open_example(int(rows[chosen[0]]))
