"""Compare's last section: the same examples under two runs, and the pictures of those that changed sides."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from imae_core.analysis.same_examples import (
    TOP_SHARE,
    Change,
    change_table,
    changes,
    same_examples,
    why_incomparable,
)
from imae_core.catalog import LOSSES
from imae_core.runs.comparison import trained_on
from imae_core.runs.folder import Source
from imae_core.runs.status import RunStatus
from ui import comparison_figures, live_chart, state
from ui.gallery import Card, gallery
from ui.inspect.view import SOURCE_TITLES, RunView

PAGE_SIZE = 32
Key = tuple[Any, ...]
QUANTITIES = ("weight", "rank")


@st.fragment
def draw_same_examples(statuses: Sequence[RunStatus]) -> None:
    """Two runs chosen side by side, their weights against each other, and who changed sides."""
    st.subheader("The same examples under two runs", divider="gray")
    recorded = {status.run.run_id: status for status in statuses if status.folder.has_epochs("seen")}
    if len(recorded) < 2:
        st.info("This needs two runs that have finished an epoch.", icon=":material/hourglass_top:")
        return
    first, second = _likely_pair(list(recorded.values()))
    left, right = st.columns(2, gap="large")
    with left:
        a = _choose_run("A", state.PAIR_A, recorded, first)
    with right:
        b = _choose_run("B", state.PAIR_B, recorded, second)
    if a.run.run_id == b.run.run_id:
        st.info("A and B are the same run. Choose another one.", icon=":material/info:")
        return
    both = [source for source in ("seen", "eval") if a.folder.has_epochs(source) and b.folder.has_epochs(source)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        state.from_link(state.SOURCE, both, both[0])
        source = st.segmented_control(
            "Measured", both, format_func=SOURCE_TITLES.__getitem__, key=state.SOURCE, required=True,
            help="**as trained**: what each example was to the training step itself. **evaluated**: a pass after the epoch in "
            "evaluation mode, without augmentation.",
        )  # fmt: skip
        state.from_link(state.AXES, QUANTITIES, QUANTITIES[0])
        quantity = st.segmented_control(
            "Axes", QUANTITIES, key=state.AXES, required=True,
            help="Weights of two losses have different scales. The rank is an example's place by weight in its run, from 0, the lightest, to 1.",
        )  # fmt: skip
    with left:
        view_a = RunView(a, source, _choose_epoch(a, source, "A", state.EPOCH_A))
    with right:
        view_b = RunView(b, source, _choose_epoch(b, source, "B", state.EPOCH_B))
    state.to_link(
        a=view_a.run_id, b=view_b.run_id, source=source, epoch_a=view_a.epoch, epoch_b=view_b.epoch,
        axes=None if quantity == QUANTITIES[0] else quantity,
    )  # fmt: skip
    pair = _pair((*view_a.key, view_a.epoch), (*view_b.key, view_b.epoch), view_a, view_b)
    if isinstance(pair, str):
        st.warning(f"These two runs cannot be compared example by example. {pair}", icon=":material/warning:")
        return
    _draw(view_a, view_b, pair, quantity)


@dataclass(frozen=True)
class Pair:
    """The examples that both runs saw, who of them changed sides, how many, and how alike the runs are."""

    table: pd.DataFrame
    found: dict[str, Change]
    counts: pd.DataFrame
    same_prediction: float
    rank_correlation: float


@st.cache_resource(show_spinner="Putting the examples side by side …", max_entries=2)
def _pair(key_a: Key, key_b: Key, _a: RunView, _b: RunView) -> Pair | str:
    """Shared, never to be changed; or why the two cannot be compared."""
    trained = [trained_on(view.status.run, view.status.folder, view.examples) for view in (_a, _b)]
    reason = why_incomparable(*trained)
    if reason:
        return reason
    table = same_examples(*trained, _a.table, _b.table)
    found = changes(table)
    same = float((table["predicted_a"] == table["predicted_b"]).mean()) if len(table) else float("nan")
    correlation = float(np.corrcoef(table["rank_a"], table["rank_b"])[0, 1]) if len(table) > 1 else float("nan")
    return Pair(table, found, change_table(table, found), same, correlation)


@st.cache_data(show_spinner=False, max_entries=32)
def _drawing(key_a: Key, key_b: Key, quantity: str, names: tuple[str, str], chosen: str, _pair: Pair) -> str:
    """The figure as JSON."""
    mask = _pair.found[chosen].mask
    return comparison_figures.weight_against_weight(_pair.table, quantity, names, mask).to_json()


def _draw(view_a: RunView, view_b: RunView, pair: Pair, quantity: str) -> None:
    names = _names(view_a.status, view_b.status)
    table, found = pair.table, pair.found
    titles = {name: change.title.format(a=names[0], b=names[1]) for name, change in found.items()}
    left, right = st.columns([5, 4], gap="large")
    with right:
        st.markdown("**Who changed sides**")
        st.dataframe(
            pair.counts.assign(title=pair.counts.index.map(titles)).rename(columns={"title": "change", "all": "examples"}),
            hide_index=True, key="change_counts",
            column_config={"change": st.column_config.TextColumn(width=225), "clean": st.column_config.NumberColumn(width=55)}
            | {name: st.column_config.NumberColumn(width=80) for name in ("examples", "corrupted")},
        )  # fmt: skip
        state.from_link(state.CHANGE, list(found), next(iter(found)))
        chosen = st.radio(
            "Show", list(found), format_func=lambda name: titles[name], key=state.CHANGE,
            help=f"Ringed in the chart and shown below. Heavy: among the {TOP_SHARE:.0%} with the largest weight in that run; light: in "
            "the lower half. Right: the predicted class is the true label, or the given one where the "
            "truth is not known.",
        )  # fmt: skip
        st.caption(
            f"{names[0]} and {names[1]} predict the same class for {pair.same_prediction:.0%} of these examples; rank "
            f"correlation of their weights {pair.rank_correlation:.2f}."
        )
    with left:
        keys = (*view_a.key, view_a.epoch), (*view_b.key, view_b.epoch)
        live_chart.chart(_drawing(*keys, quantity, names, chosen, pair), key="weight_pair")
    st.caption(
        f"{len(table):,} examples that both runs saw, with the same given labels · A: {view_a.title} · B: {view_b.title}"
        + (f" · a sample of {comparison_figures.MOST_POINTS:,} over the density of all"
           if len(table) > comparison_figures.MOST_POINTS else "")
    )  # fmt: skip
    state.to_link(change=None if chosen == next(iter(found)) else chosen)
    _pictures(view_a, table, found[chosen], titles[chosen])


def _pictures(view_a: RunView, table: pd.DataFrame, change: Change, title: str) -> None:
    rows = np.flatnonzero(change.mask)
    gap = np.abs(table["rank_a"].to_numpy()[rows] - table["rank_b"].to_numpy()[rows])
    rows = rows[np.argsort(-gap, kind="stable")]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pages = max(1, -(-len(rows) // PAGE_SIZE))
        state.from_link(state.PAIR_PAGE, range(1, pages + 1), 1)
        page = int(st.number_input(f"Page (of {pages:,})", 1, pages, key=state.PAIR_PAGE, width=150)) - 1
        state.to_link(pair_page=page + 1 if page else None)
        st.download_button(
            "CSV", lambda: table.iloc[rows].to_csv(index=False), "changed-sides.csv", "text/csv", icon=":material/download:",
            key="changed_csv", disabled=not len(rows), on_click="ignore", help="All of these examples with labels, weights, p and predictions.",
        )  # fmt: skip
    shown = rows[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]
    st.caption(
        f"{title}: {len(shown)} of {len(rows):,} examples, the largest difference in rank first. Click one to see it in Inspect."
    )
    gallery([_card(view_a, table.iloc[row]) for row in shown], key="pair_gallery", on_click=_remember)
    wanted = st.session_state.pop(state.PAIR_EXAMPLE, None)
    if wanted is not None:
        st.session_state[state.EXAMPLE] = wanted
        st.session_state[state.EPOCH] = view_a.epoch
        st.switch_page(
            "pages/inspect.py",
            query_params={state.RUN: view_a.run_id, state.SOURCE: view_a.source, state.EXAMPLE: str(wanted)},
        )


def _remember(row: int) -> None:
    st.session_state[state.PAIR_EXAMPLE] = row


def _card(view: RunView, record: pd.Series) -> Card:
    card = view.card(int(record["row_a"]))
    labels = [line for line in card.lines if line.startswith(("given", "true"))]
    numbers = [f"{name.upper()}: p {record[f'p_label_{name}']:.2f} w {record[f'weight_{name}']:.2f}" for name in "ab"]
    return replace(card, lines=[*labels, *numbers])


def _choose_run(letter: str, key: str, recorded: dict[str, RunStatus], default: str) -> RunStatus:
    state.from_link(key, list(recorded), default)
    chosen = st.selectbox(
        f"Run {letter}", list(recorded), key=key,
        format_func=lambda run_id: f"{recorded[run_id].run.title} · {recorded[run_id].run.state} · {run_id[-6:]}",
    )  # fmt: skip
    return recorded[chosen]


def _choose_epoch(status: RunStatus, source: Source, letter: str, key: str) -> int:
    epochs = status.folder.epochs(source)
    if len(epochs) == 1:
        st.caption(f"Epoch {epochs[0]}, the only one so far")
        return epochs[0]
    state.from_link(key, epochs, epochs[-1])
    return st.select_slider(f"Epoch of {letter}", epochs, key=key)


def _names(a: RunStatus, b: RunStatus) -> tuple[str, str]:
    losses = [LOSSES[status.run.config.loss.name].title.split(" (")[0] for status in (a, b)]
    return (losses[0], losses[1]) if losses[0] != losses[1] else ("A", "B")


def _likely_pair(statuses: Sequence[RunStatus]) -> tuple[str, str]:
    """Two runs with the same data and labels and different losses, at the highest noise rate; else any two."""
    together: dict[object, list[RunStatus]] = {}
    for status in statuses:
        config = status.run.config
        key = (config.dataset, config.num_train, config.noise.model_dump_json(), config.noise_seed)
        together.setdefault(key, []).append(status)
    pairs = [(part[0], part[-1]) for part in together.values() if part[0].run.config.loss != part[-1].run.config.loss]
    a, b = max(pairs, key=lambda pair: pair[0].run.config.noise.rate, default=(statuses[0], statuses[1]))
    return a.run.run_id, b.run.run_id
