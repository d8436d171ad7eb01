"""How many labels are wrong, and which class is called which."""

import streamlit as st

from imae_core.analysis.matrices import count_matrix, row_shares
from ui import live_chart, text
from ui.clean.ranking import Ranking
from ui.clean.scorecards import draw_scorecards
from ui.figures import transition_heatmap

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
        wrong = ranking.suspects["is_corrupted"].astype(bool)
        next(columns).metric("In truth", text.percent(float(wrong.mean())), help="Known for this data set.")
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
            live_chart.chart(
                transition_heatmap(estimate.transition_matrix, names, "Estimated: given label by true label"),
                key="estimated_matrix",
            )
    if view.known:
        counts = count_matrix(ranking.suspects["true_label"], ranking.suspects["given_label"], view.num_classes)
        with right:
            live_chart.chart(
                transition_heatmap(row_shares(counts), names, "In truth: given label by true label"), key="true_matrix"
            )
