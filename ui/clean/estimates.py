"""How many labels are wrong, and which class is called which."""

from typing import Any

import streamlit as st

from imae_core.analysis.matrices import count_matrix, row_shares
from imae_core.analysis.noise_estimate import NoiseEstimate
from ui import live_chart, text
from ui.clean.ranking import Ranking
from ui.clean.scorecards import draw_scorecards
from ui.figures import transition_heatmap
from ui.inspect.view import RunView

MOST_CLASSES = 100


def draw_estimates(ranking: Ranking) -> None:
    """Numbers first, then the matrices, then the scorecard."""
    _numbers(ranking)
    if ranking.view.num_classes <= MOST_CLASSES:
        _matrices(ranking)
    if ranking.view.known:
        draw_scorecards(ranking)
    else:
        st.caption("How well the ranking finds wrong labels can be told only where the truth is known.")


def _numbers(ranking: Ranking) -> None:
    estimate, N = ranking.estimate, ranking.num_examples
    columns = iter(st.columns(4))
    if estimate is None:
        next(columns).metric("Probably wrong", f"{ranking.num_suspects:,} of {N:,}")
    else:
        low, high = text.percent(estimate.low), text.percent(estimate.high)
        next(columns).metric(
            "Probably wrong labels", f"{estimate.num_wrong:,} of {N:,}",
            help="By confident learning on the probabilities of the final net (Northcutt et al. 2021, arXiv 1911.00068).",
        )  # fmt: skip
        next(columns).metric(
            "Noise rate", text.percent(estimate.noise_rate), f"{low} to {high}, chance alone", delta_color="off",
            delta_arrow="off",
            help=f"With the {estimate.level:.0%} interval of a bootstrap over the examples: what another draw of examples would "
            "give to the same net. How well that net judges is not in it.",
        )  # fmt: skip
    if len(ranking.detectors) == 1:
        next(columns).metric(
            "By the ranking", text.percent(ranking.mixture_rate),
            help="Share of the more suspicious of two populations, from a Gaussian mixture of the ranking's scores. It needs two "
            "populations that differ: with few wrong labels it is far off, and says 13 % of digits without any noise "
            "(CCE, mean confidence). Of the mean rank of several detectors it says nothing, so it is not shown for one.",
        )  # fmt: skip
    if ranking.view.known:
        wrong = float(ranking.view.column("is_corrupted").mean())
        next(columns).metric("In truth", text.percent(wrong), help="Known for this data set.")
    if estimate is not None:
        st.caption(_limits(bool(ranking.view.status.run.config.num_folds)))
    if ranking.doubt:
        st.warning(ranking.doubt, icon=":material/warning:")


def _limits(is_out_of_sample: bool) -> str:
    """What the interval does not cover."""
    words = "The interval covers chance alone, not how well the net judges: "
    if is_out_of_sample:
        return words + (
            "where the net is poor, its errors look like wrong labels and the estimate is too high. Each label here was judged by "
            "a net that has not seen it, so none was memorised."
        )
    return words + (
        "where the net has memorised wrong labels the estimate is too low, and where the net is poor it is too high. The net was trained "
        "on the labels that it judges here; a run in folds judges each label by a net that has not seen it."
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
