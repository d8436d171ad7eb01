"""Clean labels: rank the suspicious ones, review them, and train on the repaired data."""

import streamlit as st

from imae_core.runs.status import RunStatus
from ui import frame, run_list, state
from ui.clean.estimates import draw_estimates
from ui.clean.queue import draw_queue
from ui.clean.ranking import choose
from ui.clean.repair import draw_repair
from ui.errors import shown

STEPS = {"review": "Review", "estimates": "How many are wrong?", "repair": "Repair"}
frame.require()


def draw(statuses: list[RunStatus]) -> None:
    ranking = choose(statuses)
    state.from_link(state.STEP, list(STEPS), "review")
    step = st.segmented_control(
        "Step", list(STEPS), format_func=STEPS.__getitem__, key=state.STEP, required=True, label_visibility="collapsed"
    )
    state.to_link(step=step)
    if step == "review":
        draw_queue(ranking)
    elif step == "estimates":
        draw_estimates(ranking)
    else:
        draw_repair(ranking)


st.title("Clean labels")
evaluated = [status for status in run_list.statuses() if status.folder.has_epochs("eval")]
if evaluated:
    with shown():
        draw(evaluated)
else:
    st.info("Suspicious labels are found from a run's training, and there is none yet. Overview starts the paper's "
            "experiment with one click; Train sets up your own.", icon=":material/hourglass_empty:")  # fmt: skip
    st.page_link("pages/overview.py", label="Overview", icon=":material/home:")
    st.page_link("pages/train.py", label="Train", icon=":material/play_circle:")
