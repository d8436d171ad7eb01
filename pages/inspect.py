"""Inspect: which examples a run listened to, epoch by epoch."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from imae_core.config import RunConfig
from imae_core.runs.folder import RunFolder, Source
from imae_core.runs.status import RunStatus
from imae_core.runs.submit import run_folder
from ui import cache, figures, frame, live_chart, run_list, state
from ui.errors import shown
from ui.inspect.example import example
from ui.inspect.examples import examples
from ui.inspect.map import draw_map
from ui.inspect.matrices import draw_matrices
from ui.inspect.view import SOURCE_TITLES, RunView
from ui.scope import scope_payload
from ui.selection import Cell, Region, Selection, parse

TOOLS = {"all": "All examples", "map": "Data map", "matrix": "Matrices"}
frame.require()
store = state.store()


def choose_run(statuses: list[RunStatus]) -> RunStatus:
    """The run in the address bar, else the last one looked at, else the newest; epoch and example stay, to compare."""
    by_id = {status.run.run_id: status for status in statuses}
    last = st.session_state.get(state.LAST_RUN)
    state.from_link(state.RUN, list(by_id), last if last in by_id else statuses[0].run.run_id)
    run_id = st.selectbox(
        "Run", list(by_id), key=state.RUN,
        format_func=lambda i: f"{by_id[i].run.title} · {by_id[i].run.state} · {i[-6:]}",
    )  # fmt: skip
    st.session_state[state.LAST_RUN] = run_id
    return by_id[run_id]


def choose_moment(folder: RunFolder) -> tuple[Source, int]:
    """Source and epoch; the epoch is moved by the scope's slider."""
    sources: list[Source] = [source for source in ("seen", "eval") if folder.epochs(source)]
    state.from_link(state.SOURCE, sources, sources[0])
    source = st.segmented_control(
        "Measured", sources, format_func=SOURCE_TITLES.__getitem__, key=state.SOURCE, required=True,
        help="**as trained**: what each example was to the training step itself, augmented, with the weight that it really "
        "had. **evaluated**: a pass after the epoch in evaluation mode, without augmentation.",
    )  # fmt: skip
    epochs = folder.epochs(source)
    wanted = str(st.session_state.get(state.EPOCH) or st.query_params.get(state.EPOCH, ""))
    epoch = min(epochs, key=lambda e: abs(e - int(wanted))) if wanted.isdigit() else epochs[-1]
    st.session_state[state.EPOCH] = epoch
    return source, epoch


def choose_class(view: RunView) -> int | None:
    return st.selectbox(
        "Given class", [None, *range(view.num_classes)], key="scope_class", width=190,
        format_func=lambda label: "all classes" if label is None else view.class_name(label),
        help="Draws the distributions of the examples that were given this label.",
    )  # fmt: skip


def selected_rows(view: RunView, selection: Selection | None) -> np.ndarray:
    """(N,) mask; all examples where nothing is selected."""
    if isinstance(selection, Region) and len(view.trajectory):
        return selection.mask(view.trajectory)
    if isinstance(selection, Cell):
        return selection.mask(view.examples.assign(predicted=view.table["predicted"]))
    return np.ones(view.num_examples, dtype=bool)


def histogram_table(view: RunView, label: int | None, selection: Selection | None, marked: np.ndarray) -> pd.DataFrame:
    """Counts of all epochs: of the populations, of one class of them, and of a selection beside them."""
    table = cache.histograms(*view.key)
    if label is not None:
        of_class = view.column("given_label") == label
        corrupted = view.column("is_corrupted").astype(bool)
        masks = {"clean": of_class & ~corrupted, "corrupted": of_class & corrupted} if view.known else {"all": of_class}
        rows = {name: np.flatnonzero(mask) for name, mask in masks.items()}
        table = cache.histograms_of(*view.key, f"class {label}", rows)
    if selection is not None and marked.any():
        rows = {"selected": np.flatnonzero(marked)}
        table = pd.concat([table, cache.histograms_of(*view.key, f"{selection} {moment(view, selection)}", rows)])
    return table


def moment(view: RunView, selection: Selection) -> int:
    """What else decides who is in a selection: the epoch of the predictions, or how many epochs the data map is of."""
    return view.epoch if isinstance(selection, Cell) else view.map_key[1]


def move_to(epoch: int) -> None:
    st.session_state[state.EPOCH] = epoch


@st.cache_data(show_spinner=False, max_entries=16)
def payload_of(key: tuple[Any, ...], total_epochs: int, whose: str, _table: pd.DataFrame, _config: RunConfig) -> str:
    """Made once for all who look at the same: it holds all epochs."""
    return scope_payload(_table, _config, total_epochs, key[0], whose)


def draw_scope(view: RunView, table: pd.DataFrame, label: int | None, name: str) -> None:
    whose = "of clean and corrupted examples" if view.known else "of all examples"
    if label is not None:
        whose += f" with the given label {view.class_name(label)}"
    config = view.status.run.config
    payload = payload_of((*view.key, label, name), view.total_epochs, whose, table, config)
    live_chart.scope(payload, view.epoch, key="scope", on_epoch=move_to)
    zero = int((view.table["weight"] == 0).sum())
    if config.loss.max_log_odds is not None and zero:
        st.caption(
            f"{zero:,} examples have weight 0 in epoch {view.epoch}: they are fitted beyond log odds of "
            f"{config.loss.max_log_odds:g} (p > 1 - 1e-13), where a run lets go of an example. Without that, a loss with "
            "weight at p = 1 pushes fitted examples until the net breaks."
        )


def describe(view: RunView) -> None:
    corrupted = f"{int(view.column('is_corrupted').sum()):,} corrupted" if view.known else "true labels not known"
    st.caption(
        f"{view.status.run.title} · {view.num_examples:,} training examples, {corrupted} · {SOURCE_TITLES[view.source]} · "
        "gradient: the L1 norm with respect to the logits, reduction "
        f"{view.status.run.config.loss.reduction}"
    )


def draw_tool(view: RunView, selection: Selection | None, table: pd.DataFrame) -> None:
    """Where examples are chosen; beside it how the chosen ones went."""
    st.subheader("The examples behind it", divider="gray")
    state.from_link(state.TOOL, list(TOOLS), "all")
    tool = st.segmented_control(
        "Choose from", list(TOOLS), format_func=TOOLS.__getitem__, key=state.TOOL, required=True
    )
    if tool != "all":
        left, right = st.columns([3, 2], gap="large")
        with left:
            if tool == "map":
                draw_map(view, selection if isinstance(selection, Region) else None)
            else:
                draw_matrices(view)
        with right:
            st.markdown("**How they went**, on average")
            live_chart.chart(figures.mean_course(means(table), view.epoch), key="mean_course")
    if selection is not None:
        count = int(selected_rows(view, selection).sum())
        with st.container(horizontal=True, vertical_alignment="center", key="selection_bar"):
            st.markdown(f"**{count:,} examples** {selection.title}, in purple above")
            if st.button("Clear", icon=":material/close:", key="clear_selection"):
                st.session_state[state.SELECTION] = ""
                st.rerun()


def means(table: pd.DataFrame) -> pd.DataFrame:
    """Mean p and weight by population and epoch, from a histogram table."""
    counts = table["counts"].map(np.sum)
    frame = table.assign(mean=table["total"] / counts.where(counts > 0))
    wide = frame.pivot_table(index=["population", "epoch"], columns="quantity", values="mean")
    return wide[["p_label", "weight"]].reset_index()


@st.fragment(run_every=1.5)
def follow(run_id: str, epochs_shown: int) -> None:
    """While a run trains: draws the page anew when an epoch has been added, at the newest one if that is wanted."""
    run = store.get(run_id)
    folder = run_folder(store.home, run_id)
    on = st.toggle("Follow the training", value=True, key="follow", help="Moves to each new epoch as it is recorded.")
    if len(folder.epochs("seen")) == epochs_shown and run.is_active:
        return
    if on:
        st.session_state.pop(state.EPOCH, None)
        st.query_params.pop(state.EPOCH, None)
    st.rerun(scope="app")


def draw(status: RunStatus) -> None:
    folder = status.folder
    if not folder.epochs("seen") and not folder.epochs("eval"):
        waiting = "It has not finished an epoch yet; this page fills as soon as it has." if not status.run.has_ended else (
            f"It ended before its first epoch: {status.run.message}")  # fmt: skip
        st.info(waiting, icon=":material/hourglass_top:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source, epoch = choose_moment(folder)
        view = RunView(status, source, epoch)
        label = choose_class(view)
        if status.run.is_active:
            follow(status.run.run_id, len(folder.epochs("seen")))
    selection = parse(st.session_state.setdefault(state.SELECTION, st.query_params.get(state.SELECTION, "")))
    marked = selected_rows(view, selection)
    table = histogram_table(view, label, selection, marked)
    describe(view)
    draw_scope(view, table, label, f"{selection} {moment(view, selection)}" if selection else "")
    draw_tool(view, selection, table)
    take_linked_example(view.num_examples)
    examples(view, selection, marked)
    row = st.session_state.get(state.EXAMPLE)
    state.to_link(run=view.run_id, source=source, epoch=epoch, example=row, tool=st.session_state[state.TOOL],
                  selection=str(selection) if selection else None)  # fmt: skip
    if row is not None:
        example(view, row)


def take_linked_example(num_examples: int) -> None:
    """The example of the session, else of the address bar; none that this run does not have."""
    linked = st.query_params.get(state.EXAMPLE, "")
    row = st.session_state.setdefault(state.EXAMPLE, int(linked) if linked.isdigit() else None)
    if row is not None and row >= num_examples:
        st.session_state[state.EXAMPLE] = None


st.title("Inspect")
all_statuses = run_list.statuses()
if not all_statuses:
    st.info("There is no run to inspect yet. Overview starts the paper's experiment with one click; Train sets up your own.",
            icon=":material/hourglass_empty:")  # fmt: skip
    st.page_link("pages/overview.py", label="Overview", icon=":material/home:")
    st.stop()
with shown():
    draw(choose_run(all_statuses))
