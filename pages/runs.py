"""Runs: what is queued, running and done; live curves; stop, resume, clone, delete; the log."""

import streamlit as st

from imae_core.runs.runner import ensure_runner, runner_is_alive
from imae_core.runs.status import RunStatus, all_statuses
from imae_core.runs.submit import resume
from ui import figures, frame, state, tables, text
from ui.errors import shown

CURVES = (
    ("test_accuracy", "Test accuracy"),
    ("noisy_subset_accuracy", "Wrong labels memorised (lower is better)"),
    ("clean_subset_accuracy", "Clean examples fitted"),
)
frame.require()
store = state.store()


def default_choice(statuses: list[RunStatus]) -> list[str]:
    """What was just queued, else the newest runs that were queued together."""
    fresh = st.session_state.pop(state.NEW_RUNS, None)
    if fresh:
        st.session_state.pop(state.RUNS, None)
        return list(fresh)
    newest = statuses[0].run
    together = [s.run.run_id for s in statuses if s.run.group_name == newest.group_name and newest.group_name]
    return (together or [newest.run_id])[:6]


@st.dialog("Delete runs")
def confirm_delete(chosen: list[RunStatus]) -> None:
    size = sum(status.folder.size_bytes() for status in chosen)
    st.write(
        f"This removes {len(chosen)} run(s) and {text.size(size)} of files for good; active ones are stopped first:"
    )
    for status in chosen:
        st.markdown(f"- {status.run.title} · `{status.run.run_id}`")
    if st.button("Delete for good", type="primary", key="confirm_delete"):
        for status in chosen:
            store.wish_delete(status.run.run_id)
        ensure_runner(store)
        st.rerun()


def actions(chosen: list[RunStatus]) -> None:
    """Buttons for the chosen runs."""
    stoppable = [s for s in chosen if not s.run.has_ended]
    resumable = [s for s in chosen if s.run.state in ("stopped", "failed")]
    with st.container(horizontal=True):
        if st.button("Stop", icon=":material/stop:", disabled=not stoppable, key="stop",
                     help="After the current step. A stopped run can be resumed."):  # fmt: skip
            for status in stoppable:
                store.wish_stop(status.run.run_id)
                if status.run.executor == "foreground":
                    status.folder.write_control("", stop=True)
            ensure_runner(store)
            st.rerun()
        if st.button("Resume", icon=":material/resume:", disabled=not resumable, key="resume",
                     help="Goes on from the last checkpoint."):  # fmt: skip
            with shown():
                for status in resumable:
                    resume(store.home, status.run.run_id)
                st.rerun()
        if st.button("Clone", icon=":material/content_copy:", disabled=len(chosen) != 1, key="clone",
                     help="Opens Train with this run's settings, to change and queue again. Choose one run."):  # fmt: skip
            st.switch_page("pages/train.py", query_params={state.CLONE: chosen[0].run.run_id})
        if st.button("Delete", icon=":material/delete:", disabled=not chosen, key="delete",
                     help="Removes the chosen runs with their files, after asking."):  # fmt: skip
            confirm_delete(chosen)
        if len(chosen) == 1 and chosen[0].folder.epochs("seen"):
            st.page_link(
                "pages/inspect.py", label="Inspect", icon=":material/search:",
                query_params={state.RUN: chosen[0].run.run_id},
            )  # fmt: skip


@st.fragment(run_every=1.0)
def live_table() -> None:
    tables.run_table(all_statuses(store), key="run_table")
    waiting = store.runs("queued", "starting", "running")
    if waiting and not runner_is_alive(store):
        st.warning(f"{len(waiting)} run(s) wait, but no runner is working.", icon=":material/warning:")
        if st.button("Start the runner", key="start_runner"):
            ensure_runner(store)


@st.fragment(run_every=1.0)
def live_curves(run_ids: list[str]) -> None:
    """Curves and buttons of the chosen runs, until they have ended."""
    chosen = [status for status in all_statuses(store) if status.run.run_id in run_ids]
    chosen.sort(key=lambda status: run_ids.index(status.run.run_id))
    actions(chosen)
    metrics = {f"{status.run.title}": status.folder.metrics() for status in chosen}
    if not any(len(table) for table in metrics.values()):
        st.info("Curves appear after the first epoch.", icon=":material/hourglass_top:")
    else:
        st.caption(" · ".join(
            f"<span style='color:{figures.SERIES[place % len(figures.SERIES)]}'>━</span> {title}"
            for place, title in enumerate(metrics)
        ), unsafe_allow_html=True)  # fmt: skip
        columns = st.columns(3)
        for column, (name, title) in zip(columns, CURVES, strict=True):
            with column:
                st.markdown(f"**{title}**")
                st.plotly_chart(figures.accuracy_curves(metrics, name), key=f"curve_{name}")
    for status in chosen:
        with st.expander(f"Log of {status.run.title}", icon=":material/article:"):
            if status.run.message:
                st.error(status.run.message) if status.run.state == "failed" else st.caption(status.run.message)
            st.code(status.folder.log_tail() or "The log is still empty.", language=None, height=220)


st.title("Runs")
all_runs = all_statuses(store)
if not all_runs:
    st.info("No runs yet. Overview starts the paper's experiment with one click; Train sets up your own.",
            icon=":material/hourglass_empty:")  # fmt: skip
    st.page_link("pages/overview.py", label="Overview", icon=":material/home:")
    st.page_link("pages/train.py", label="Train", icon=":material/play_circle:")
    st.stop()

live_table()
titles = {status.run.run_id: status.run.title for status in all_runs}
linked = [run_id for run_id in st.query_params.get(state.RUNS, "").split(",") if run_id in titles]
start = linked or default_choice(all_runs)
if state.RUNS in st.session_state:
    st.session_state[state.RUNS] = [run_id for run_id in st.session_state[state.RUNS] if run_id in titles]
else:
    st.session_state[state.RUNS] = start
selected = st.multiselect(
    "Runs to look at",
    list(titles),
    format_func=lambda run_id: f"{titles[run_id]} · {run_id[-6:]}",
    key=state.RUNS,
    help="Their curves are drawn below, and the buttons act on them.",
)
state.to_link(runs=selected)
if selected:
    live_curves(selected)
else:
    st.info("Choose one or more runs above.", icon=":material/arrow_upward:")
