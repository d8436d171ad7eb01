"""What chosen curves would do to the examples of a run: which run, which epoch, and the answer in words and numbers."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pandas as pd
import streamlit as st

from imae_core.analysis.emphasis import Curve, Emphasis, Examples, emphasis_by_population, uniform_emphasis
from imae_core.analysis.findings import percent
from imae_core.analysis.truth import truth_is_known
from imae_core.analysis.weights import WeightShare, weight_share
from imae_core.runs.folder import Source
from imae_core.runs.status import RunStatus
from ui import cache, run_list, state
from ui.inspect.view import SOURCE_TITLES
from ui.lab.curves import ChosenCurve, to_text


@dataclass(frozen=True)
class Moment:
    """The examples of a run at one epoch, and the share of weight that its own loss gave the corrupted ones."""

    status: RunStatus
    source: Source
    epoch: int
    examples: Examples
    own: WeightShare | None

    @property
    def key(self) -> tuple[str, str, int, float]:
        """What the examples are known by: a written epoch does not change."""
        return (self.status.run.run_id, self.source, self.epoch, self.status.run.started or 0.0)


def choose_moment() -> Moment | None:
    """A run and an epoch of it; None for p uniform on [0, 1]."""
    statuses = {status.run.run_id: status for status in run_list.statuses() if status.folder.has_epochs("seen")}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        state.from_link(state.RUN, ["", *statuses], "")
        run_id = st.selectbox(
            "Examples of", ["", *statuses], key=state.RUN, width=430,
            format_func=lambda i: f"{statuses[i].run.title} · {i[-6:]}" if i else "no run: p uniform on [0, 1]",
            help="Lays where clean and corrupted examples of a run are along p under the curves, and asks what each curve "
            "would do to them.",
        )  # fmt: skip
        if not run_id:
            if not statuses:
                st.caption("Runs that you train can be chosen here.")
            return None
        status = statuses[run_id]
        sources: list[Source] = [source for source in ("seen", "eval") if status.folder.has_epochs(source)]
        state.from_link(state.SOURCE, sources, sources[0])
        source = st.segmented_control(
            "Measured", sources, format_func=SOURCE_TITLES.__getitem__, key=state.SOURCE, required=True,
            help="**as trained**: p in the training step itself, augmented. **evaluated**: p in a pass after the epoch.",
        )  # fmt: skip
        epochs = status.folder.epochs(source)
        wanted = st.query_params.get(state.EPOCH, "")
        if st.session_state.get("lab_epoch") not in epochs:
            start = min(epochs, key=lambda e: abs(e - int(wanted))) if wanted.isdigit() else epochs[-1]
            st.session_state["lab_epoch"] = start
        epoch = epochs[0]
        if len(epochs) > 1:
            epoch = st.select_slider("Epoch", epochs, key="lab_epoch", width=260)
    return moment_of(status, source, epoch)


def moment_of(status: RunStatus, source: Source, epoch: int) -> Moment:
    run = status.run
    examples, own = _examples_of(
        run.run_id, run.attempt, source, epoch, run.started or 0.0, run.config.loss.max_log_odds
    )
    return Moment(status, source, epoch, examples, own)


@st.cache_resource(show_spinner=False, max_entries=4)
def _examples_of(
    run_id: str, attempt: int, source: Source, epoch: int, started: float, max_log_odds: float | None
) -> tuple[Examples, WeightShare | None]:
    """The examples of an epoch, and the share of weight that their run's own loss gave the corrupted ones."""
    labels = cache.examples(run_id, attempt)
    table = cache.dynamics(run_id, source, epoch, started)
    known = truth_is_known(labels) and bool(labels["is_corrupted"].any())
    corrupted = labels["is_corrupted"] if known else None
    examples = Examples.recorded(table["p_label"], table["weight"], corrupted, max_log_odds)
    return examples, weight_share(table["weight"], labels["is_corrupted"]) if known else None


def share_of(curve: ChosenCurve, moment: Moment) -> WeightShare | None:
    """The corrupted examples' share of the weight under the curve."""
    return _share(to_text([curve]), moment.key, curve.weight, moment.examples)


@st.cache_data(show_spinner=False, max_entries=256)
def _share(curve: str, moment: tuple[str, str, int, float], _weight: Curve, _examples: Examples) -> WeightShare | None:
    return _examples.share(_weight)


@st.cache_data(show_spinner=False, max_entries=256)
def _emphasis(
    curve: str, moment: tuple[str, str, int, float], _weight: Curve, _examples: Examples
) -> dict[str, Emphasis]:
    return emphasis_by_population(_weight, _examples)


def sentences(curves: Sequence[ChosenCurve], moment: Moment) -> list[str]:
    """Who would get the weight under each curve, against who got it under the run's own loss."""
    if moment.own is None:
        return []
    own = moment.status.run.config.loss
    found = []
    for curve in curves:
        share = share_of(curve, moment)
        if share is None or share.weight_share != share.weight_share:
            found.append(f"**{curve.title}** would give none of these examples any weight.")
        elif curve.loss == own.name and dict(curve.params) == own.params:
            found.append(
                f"**{curve.title}**, the run's own loss, gives corrupted examples {percent(share.weight_share)} of the weight."
            )
        else:
            found.append(
                f"With **{curve.title}** corrupted examples would get {percent(share.weight_share)} instead of "
                f"{percent(moment.own.weight_share)} of the weight."
            )
    return found


def emphasis_table(curves: Sequence[ChosenCurve], moment: Moment | None) -> pd.DataFrame:
    """One row a curve: under uniform p, and under the p of the moment."""
    rows = []
    for curve in curves:
        share = None if moment is None else share_of(curve, moment)
        row: dict[str, object] = {"curve": curve.title} | ({} if share is None else {"share": 100 * share.weight_share})
        row |= _named("uniform", uniform_emphasis(curve.weight))
        if moment is not None:
            for name, found in _emphasis(to_text([curve]), moment.key, curve.weight, moment.examples).items():
                row |= {f"{name}_mean": found.mean, f"{name}_variance": found.variance}
        rows.append(row)
    return pd.DataFrame(rows)


def _named(prefix: str, emphasis: Emphasis) -> dict[str, float]:
    return {f"{prefix}_{name}": value for name, value in asdict(emphasis).items()}


def draw_table(table: pd.DataFrame, moment: Moment | None) -> None:
    column = st.column_config.NumberColumn
    titles = {
        "uniform_peak_p": ("peak at p", "Where the curve is largest: what this loss listens to most."),
        "uniform_peak_weight": ("peak weight", "The largest weight."),
        "uniform_mean": ("mean", "If p were uniform on [0, 1]."),
        "uniform_variance": ("variance", "If p were uniform on [0, 1]; the paper's measure of how far a loss tells examples apart: "
                             "0.33 for CCE, 0.09 for MAE, 4.55 for IMAE with T = 8."),
        "uniform_low": ("lowest", "The smallest weight for any p."),
        "uniform_high": ("highest", "The largest weight for any p."),
    }  # fmt: skip
    where = "" if moment is None else f"over this run's {{}} examples in epoch {moment.epoch}"
    for name in ("all", "clean", "corrupted"):
        titles[f"{name}_mean"] = (f"mean, {name}", f"Mean weight {where.format(name)}.")
        titles[f"{name}_variance"] = (f"variance, {name}", f"Variance of the weight {where.format(name)}.")
    titles["share"] = ("to corrupted", "Share of the total weight that corrupted examples would get, p as it was.")
    config = {
        name: column(title, help=text, format="%.1f %%" if name == "share" else "%.4g")
        for name, (title, text) in titles.items()
    }
    st.dataframe(table, hide_index=True, key="lab_table",
                 column_config=config | {"curve": st.column_config.TextColumn("curve", pinned=True)})  # fmt: skip
