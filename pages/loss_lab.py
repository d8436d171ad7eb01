"""Loss lab: weighting curves side by side, typed, drawn and swept, and what they would do to a run's examples."""

from collections.abc import Sequence

import streamlit as st

from imae_core.analysis.emphasis import derivative_table, uniform_emphasis
from ui import frame, live_chart, state
from ui.errors import shown
from ui.lab import curves, figures
from ui.lab.curves import ChosenCurve
from ui.lab.editing import add_controls, edit
from ui.lab.effect import Moment, choose_moment, draw_table, emphasis_table, sentences
from ui.lab.sweep import draw_sweep

VIEWS = {"weight": "Weight", "value": "Value", "dL_dp": "|dL/dp|", "dL_ds": "dL/ds", "d2L_ds2": "d²L/ds²"}
HELP = (
    "**Weight**: the L1 norm of an example's gradient with respect to the logits, what the whole view is about. **Value**: the "
    "loss L that belongs to it, up to a constant: drawn as zero at p = 1/2. **|dL/dp|** as in the paper; **dL/ds** and "
    "**d²L/ds²** with s the log odds of the label: dL/ds is minus half of the weight."
)
STAYS = """<style>[data-testid=stColumn]:has(.st-key-lab_figures) { position: sticky; top: 4rem; align-self: flex-start; }</style>"""
frame.require()


def lines_of(chosen: Sequence[ChosenCurve], normalised: bool) -> list[figures.Line]:
    """Tables to draw; names made unique."""
    found: list[figures.Line] = []
    for curve in chosen:
        table = derivative_table(curve.weight)
        if normalised:
            table[table.columns.drop("p")] /= max(uniform_emphasis(curve.weight).mean, 1e-300)
        taken = sum(line.name.partition(" #")[0] == curve.title for line in found)
        found.append(figures.Line(f"{curve.title} #{taken + 1}" if taken else curve.title, curve.color, table))
    return found


def draw_figure(chosen: Sequence[ChosenCurve], moment: Moment | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        view = st.segmented_control("Show", list(VIEWS), format_func=VIEWS.__getitem__, default="weight", key="lab_view",
                                    required=True, help=HELP)  # fmt: skip
        normalised = st.toggle(
            "Same mean", key="lab_normalised",
            help="Divides each curve by its mean under uniform p, so that shapes can be compared: a constant factor of the "
            "weight acts like one of the learning rate, and drops out with the reduction weight_sum.",
        )  # fmt: skip
        log = view == "weight" and st.toggle(
            "Log scale", key="lab_log", help="Of the weight; where it is 0 there is no line."
        )
    lines = lines_of(chosen, normalised)
    if view == "weight":
        shares = figures.shares_by_p(None if moment is None else moment.examples)
        unit = "weight / mean weight" if normalised else "weight"
        figure = figures.weight_figure(lines, shares, log=bool(log), unit=unit)
    else:
        figure = figures.quantity_figure(lines, view)
    live_chart.chart(figure, key="lab_figure")


def draw_effect(chosen: Sequence[ChosenCurve], moment: Moment) -> None:
    own = moment.status.run.config
    st.markdown(f"**What if** the examples of {own.title} were weighed otherwise in epoch {moment.epoch}?")
    found = sentences(chosen, moment)
    if found:
        st.markdown("\n".join(f"- {sentence}" for sentence in found))
    else:
        st.caption("Which labels of this run are wrong is not known, or none is, so there is no share to compare.")
    st.caption(
        "Every p is held as the run's own loss had made it; trained with another loss from the start, the net and its p would "
        "be others. Examples that the run let go (fitted beyond its largest log odds) count 0. To really know, train."
    )


st.title("Loss lab")
st.caption(
    "A loss is a weighting curve: how much gradient an example gets, by the probability p of its given label. Compare curves, turn "
    "their parameters, type or draw your own, and train with it."
)
moment = None
with shown():
    moment = choose_moment()
left, right = st.columns([2, 3], gap="large")
chosen: list[ChosenCurve] = []
with left, shown():
    histogram = figures.shares_by_p(None if moment is None else moment.examples)
    for curve in curves.chosen():
        found = edit(curve, histogram)
        chosen += [] if found is None else [found]
    add_controls()
with right, st.container(key="lab_figures"):
    st.html(STAYS)
    if not chosen:
        st.info("Add a curve on the left.", icon=":material/arrow_back:")
        st.stop()
    draw_figure(chosen, moment)
    if moment is not None:
        draw_effect(chosen, moment)
st.subheader("Emphasis in numbers", divider="gray")
draw_table(emphasis_table(chosen, moment), moment)
st.subheader("Sweep a parameter", divider="gray")
with shown():
    draw_sweep(chosen, moment)
state.to_link(
    curves=curves.to_text(chosen),
    run=None if moment is None else moment.status.run.run_id,
    source=None if moment is None else moment.source,
    epoch=None if moment is None else moment.epoch,
)
