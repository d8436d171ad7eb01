"""How many labels are wrong, which class is called which, and how well the ranking finds them where truth is known."""

from typing import Any

import pandas as pd
import streamlit as st

from imae_core.analysis.detectors import DETECTORS
from imae_core.analysis.matrices import count_matrix, row_shares
from imae_core.analysis.noise_estimate import NoiseEstimate
from imae_core.analysis.scorecard import Scorecard, per_class, scorecard
from ui import cache, live_chart, text
from ui.clean.ranking import Ranking
from ui.detection_figures import precision_recall_figure, roc_figure
from ui.figures import transition_heatmap
from ui.inspect.view import RunView

MOST_CLASSES = 100
MARKS = (10, 100, 1_000, 10_000)


def draw_estimates(ranking: Ranking) -> None:
    """Numbers first, then the matrices, then the scorecard."""
    _numbers(ranking)
    if ranking.view.num_classes <= MOST_CLASSES:
        _matrices(ranking)
    if ranking.view.known:
        _scorecard(ranking)
    else:
        st.caption("How well the ranking finds wrong labels can be told only where the truth is known.")


def _numbers(ranking: Ranking) -> None:
    estimate, N = ranking.estimate, ranking.num_examples
    columns = st.columns(4)
    if estimate is None:
        columns[0].metric("Probably wrong", f"{ranking.num_suspects:,} of {N:,}")
    else:
        low, high = text.percent(estimate.low), text.percent(estimate.high)
        columns[0].metric(
            "Probably wrong labels", f"{estimate.num_wrong:,} of {N:,}",
            help="By confident learning on the probabilities of the final net (Northcutt et al. 2021, arXiv 1911.00068).",
        )  # fmt: skip
        columns[1].metric(
            "Noise rate", text.percent(estimate.noise_rate), f"{low} to {high}", delta_color="off", delta_arrow="off",
            help=f"With the {estimate.level:.0%} interval of a bootstrap over the examples. It covers chance alone.",
        )  # fmt: skip
    columns[2].metric(
        "By the ranking", text.percent(ranking.mixture_rate),
        help="Share of the more suspicious of two populations, from a Gaussian mixture of the ranking's scores.",
    )  # fmt: skip
    if ranking.view.known:
        wrong = float(ranking.view.column("is_corrupted").mean())
        columns[3].metric("In truth", text.percent(wrong), help="Known for this data set.")
    if not getattr(ranking.view.status.run.config, "num_folds", None):
        st.caption(
            "The net was trained on the labels that it judges here. Where it has memorised them, the estimate by confident "
            "learning is too low; a run in folds judges each label by a net that has not seen it."
        )


def _matrices(ranking: Ranking) -> None:
    estimate, view = ranking.estimate, ranking.view
    names = [view.class_name(k) for k in range(view.num_classes)]
    left, right = st.columns(2)
    if estimate is not None:
        with left:
            live_chart.chart(_estimated(ranking.key, names, estimate), key="estimated_matrix")
    if view.known:
        with right:
            live_chart.chart(_realised(ranking.key, names, view), key="true_matrix")


@st.cache_data(show_spinner=False, max_entries=16)
def _estimated(key: tuple[Any, ...], names: list[str], _estimate: NoiseEstimate) -> str:
    """The figure as JSON."""
    return transition_heatmap(_estimate.transition_matrix, names, "Estimated: given label by true label").to_json()


@st.cache_data(show_spinner=False, max_entries=16)
def _realised(key: tuple[Any, ...], names: list[str], _view: RunView) -> str:
    """The figure as JSON."""
    counts = count_matrix(_view.column("true_label"), _view.column("given_label"), _view.num_classes)
    return transition_heatmap(row_shares(counts), names, "In truth: given label by true label").to_json()


def _scorecard(ranking: Ranking) -> None:
    st.subheader("How well the ranking finds wrong labels", divider="gray")
    truth = ranking.view.column("is_corrupted")
    if truth.all() or not truth.any():
        st.info("All labels are right, or all are wrong: there is nothing to tell apart.", icon=":material/info:")
        return
    titles = {name: DETECTORS[name].title for name in ranking.detectors}
    if len(titles) > 1:
        titles = {"suspicion": "mean rank"} | titles
    cards = {title: _card(ranking.key, ranking.detectors, name) for name, title in titles.items()}
    _score_table(cards)
    roc, precision_recall = _curves(ranking.key, ranking.detectors, cards, float(truth.mean()))
    left, right = st.columns(2)
    with left:
        live_chart.chart(roc, key="roc")
    with right:
        live_chart.chart(precision_recall, key="precision_recall")
    _class_by_class(ranking)


@st.fragment
def _class_by_class(ranking: Ranking) -> None:
    """Counted when it is opened."""
    with st.expander("Class by class", icon=":material/table:", key="class_by_class", on_change="rerun") as expander:
        if expander.open:
            _class_table(ranking)


@st.cache_data(show_spinner=False, max_entries=64)
def _curves(
    key: tuple[Any, ...], detectors: tuple[str, ...], _cards: dict[str, Scorecard], noise_rate: float
) -> tuple[str, str]:
    """Both figures as JSON."""
    roc = roc_figure({name: card.roc for name, card in _cards.items()})
    curves = {name: card.precision_recall for name, card in _cards.items()}
    return roc.to_json(), precision_recall_figure(curves, noise_rate).to_json()


@st.cache_data(show_spinner="Scoring the ranking …", max_entries=64)
def _card(key: tuple[Any, ...], detectors: tuple[str, ...], column: str) -> Scorecard:
    suspects = cache.suspects(*key, detectors)
    return scorecard(suspects[column], suspects["is_corrupted"].astype(bool), at=MARKS)


def _score_table(cards: dict[str, Scorecard]) -> None:
    rows = [
        {
            "Ranking": name,
            "ROC-AUC": card.auc,
            "Average precision": card.average_precision,
            f"Precision at {card.num_corrupted:,} (all wrong ones)": card.precision_at_corrupted,
            **{f"Precision at {k:,}": value for k, value in card.precision_at.items()},
        }
        for name, card in cards.items()
    ]
    numbers = {column: st.column_config.NumberColumn(format="%.3f") for column in rows[0] if column != "Ranking"}
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="scorecard", column_config=numbers)


@st.cache_data(show_spinner=False, max_entries=16)
def _classes(key: tuple[Any, ...], detectors: tuple[str, ...], num_classes: int, num_suspects: int) -> pd.DataFrame:
    suspects = cache.suspects(*key, detectors)
    truth = suspects["is_corrupted"].astype(bool)
    return per_class(suspects["suspicion"], truth, suspects["given_label"], num_classes, num_suspects)


def _class_table(ranking: Ranking) -> None:
    table = _classes(ranking.key, ranking.detectors, ranking.view.num_classes, ranking.num_suspects)
    table["label"] = [ranking.view.class_name(int(label)) for label in table["label"]]
    st.dataframe(
        table, hide_index=True, key="class_scores",
        column_config={
            "label": "given label", "num_examples": "examples", "num_corrupted": "wrong",
            "noise_rate": st.column_config.NumberColumn("noise rate", format="%.3f"),
            "auc": st.column_config.NumberColumn("ROC-AUC", format="%.3f"),
            "average_precision": st.column_config.NumberColumn("average precision", format="%.3f"),
            "precision": st.column_config.NumberColumn(
                "precision", format="%.3f", help=f"Among the {ranking.num_suspects:,} most suspicious of all classes"
            ),
            "recall": st.column_config.NumberColumn("recall", format="%.3f"),
        },
    )  # fmt: skip
