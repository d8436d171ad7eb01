"""Every run as the queue and its folder tell it: apart from `ui.cache`, whose tables the first page does not need."""

import streamlit as st

from imae_core.runs.status import RunStatus, all_statuses
from ui.state import store

States = tuple[tuple[str, str, float | None], ...]


@st.cache_resource(show_spinner=False, ttl=0.5)
def statuses() -> list[RunStatus]:
    """Every run, the newest first, at most half a second old: many browsers that ask each second share one look."""
    return all_statuses(store())


def states() -> States:
    """Id, state and end of every run: what a table of runs depends on."""
    return tuple((status.run.run_id, status.run.state, status.run.finished) for status in statuses())
