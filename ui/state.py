"""Every session-state and widget key, and the links between them and the address bar."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from imae_core.home import resolve_home
from imae_core.runs.store import Store

# widgets whose value is part of a deep link carry the name that the address bar shows
RUN, RUNS, EPOCH, SOURCE, VIEW, EXAMPLE, DATASET, CLONE, TOOL, SELECTION = (
    "run", "runs", "epoch", "source", "view", "example", "dataset", "clone", "tool", "selection",
)  # fmt: skip
GROUP, DATA, NOISE, LOSS, SINGLE, LINES, METRIC = "group", "data", "noise", "loss", "single", "lines", "metric"
PAIR_A, PAIR_B, EPOCH_A, EPOCH_B, AXES, CHANGE, PAIR_PAGE = (
    "a",
    "b",
    "epoch_a",
    "epoch_b",
    "axes",
    "change",
    "pair_page",
)
STEP, RANKING, REVIEWER, SCORES, SCORE_LINES = "step", "ranking", "reviewer", "scores", "score_lines"
PAIR_EXAMPLE = "pair_example"
CURVES = "curves"
STUDY, METRIC = "study", "metric"
LAST_RUN = "last_run"
USUAL_LINES = "usual_lines"
NEW_RUNS = "new_runs"
PRESET = "preset"


@st.cache_resource(show_spinner=False)
def store() -> Store:
    """The queue of this app's home."""
    return Store(resolve_home())


def linked(key: str) -> list[str]:
    """What the address bar lists under a name."""
    return [value for value in st.query_params.get(key, "").split(",") if value]


def from_link(key: str, options: Sequence[Any], default: Any) -> None:
    """Before a widget with this key is drawn: gives it the address bar's value, or keeps what it has if still possible."""
    linked = next((option for option in options if str(option) == st.query_params.get(key)), None)
    if key not in st.session_state:
        st.session_state[key] = default if linked is None else linked
    elif st.session_state[key] not in options:
        st.session_state[key] = default


def several_from_link(key: str, options: Sequence[str], default: Sequence[str] = ()) -> None:
    """The same before a widget with several choices: what it has, or at first what the address bar says, as far as possible."""
    wanted = st.session_state[key] if key in st.session_state else linked(key)
    st.session_state[key] = [value for value in wanted if value in options] or list(default)


def look_at_dataset(name: str) -> None:
    """Draws the page anew with a data set chosen."""
    st.session_state.pop(DATASET, None)
    st.query_params[DATASET] = name
    st.rerun(scope="app")


def to_link(**values: Any) -> None:
    """Writes values into the address bar, so that it can be copied, reloaded and shared; None removes one."""
    for key, value in values.items():
        text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        if value is None or text == "":
            st.query_params.pop(key, None)
        elif st.query_params.get(key) != text:
            st.query_params[key] = text


def start_with(**values: Any) -> None:
    """Before widgets with these keys are drawn: the values that they have at first."""
    for key, value in values.items():
        st.session_state.setdefault(key, value)
