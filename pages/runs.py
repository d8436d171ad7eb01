"""Runs: what is queued, running and done; live curves; stop, resume, clone, delete; the log."""

import time

import streamlit as st

from imae_core.runs.machine import runner_is_alive
from imae_core.runs.service import ensure_runner
from imae_core.runs.settings import RunnerSettings, runner_settings, save_settings
from imae_core.runs.status import RunStatus
from imae_core.runs.submit import resume
from ui import figures, frame, live_chart, run_files, run_list, state, tables, text
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
    return (together or [newest.run_id])[:6][::-1]


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
        run_list.statuses.clear()
        st.rerun()


def actions(chosen: list[RunStatus]) -> None:
    """Buttons for the chosen runs."""
    stoppable = [s for s in chosen if not s.run.has_ended]
    queued = [s for s in chosen if s.run.state == "queued"]
    resumable = [s for s in chosen if s.run.state in ("stopped", "failed")]
    with st.container(horizontal=True):
        if st.button("Stop", icon=":material/stop:", disabled=not stoppable, key="stop",
                     help="After the current step. A stopped run can be resumed."):  # fmt: skip
            for status in stoppable:
                store.wish_stop(status.run.run_id)
                if status.run.executor == "foreground":
                    status.folder.write_control("", stop=True)
            ensure_runner(store)
            run_list.statuses.clear()
            st.rerun()
        if st.button("Resume", icon=":material/resume:", disabled=not resumable, key="resume",
                     help="Goes on from the last checkpoint."):  # fmt: skip
            with shown():
                for status in resumable:
                    resume(store.home, status.run.run_id)
                run_list.statuses.clear()
                st.rerun()
        if st.button("Start first", icon=":material/vertical_align_top:", disabled=not queued, key="first",
                     help="Lets queued runs start before all others."):  # fmt: skip
            for status in reversed(queued):
                store.move_to_front(status.run.run_id)
            run_list.statuses.clear()
            st.rerun()
        if st.button("Clone", icon=":material/content_copy:", disabled=len(chosen) != 1, key="clone",
                     help="Opens Train with this run's settings, to change and queue again. Choose one run."):  # fmt: skip
            st.switch_page("pages/train.py", query_params={state.CLONE: chosen[0].run.run_id})
        if st.button("Delete", icon=":material/delete:", disabled=not chosen, key="delete",
                     help="Removes the chosen runs with their files, after asking."):  # fmt: skip
            confirm_delete(chosen)
        if len(chosen) == 1 and (chosen[0].folder.epochs("seen") or chosen[0].folder.epochs("eval")):
            st.page_link(
                "pages/inspect.py", label="Inspect", icon=":material/search:",
                query_params={state.RUN: chosen[0].run.run_id},
            )  # fmt: skip
        if len(chosen) > 1:
            st.page_link(
                "pages/compare.py", label="Compare", icon=":material/compare_arrows:",
                query_params={state.RUNS: ",".join(status.run.run_id for status in chosen)},
            )  # fmt: skip


@st.fragment(run_every=1.0)
def live_table() -> None:
    statuses = run_list.statuses()
    tables.run_table(statuses, key="run_table")
    waiting = [status for status in statuses if not status.run.has_ended]
    if waiting and not runner_is_alive(store):
        st.warning(f"{len(waiting)} run(s) wait, but no runner is working.", icon=":material/warning:")
        if st.button("Start the runner", key="start_runner"):
            ensure_runner(store)


@st.fragment(run_every=1.0)
def live_curves(run_ids: list[str]) -> None:
    """Curves and buttons of the chosen runs, until they have ended."""
    chosen = [status for status in run_list.statuses() if status.run.run_id in run_ids]
    chosen.sort(key=lambda status: run_ids.index(status.run.run_id))
    actions(chosen)
    titles = [status.run.title for status in chosen]
    names = [s.run.title if titles.count(s.run.title) == 1 else f"{s.run.title} · {s.run.run_id[-6:]}" for s in chosen]
    metrics = {name: status.folder.metrics() for name, status in zip(names, chosen, strict=True)}
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
                live_chart.chart(figures.accuracy_curves(metrics, name), key=f"curve_{name}")
    for status in chosen:
        with st.expander(f"Log of {status.run.title}", icon=":material/article:"):
            history(status)


def history(status: RunStatus) -> None:
    """How it ended, its attempts, where it ran, and the end of its log."""
    if status.run.message:
        st.error(status.run.message) if status.run.state == "failed" else st.caption(status.run.message)
    attempts = status.folder.attempts()
    if len(attempts) > 1:
        st.dataframe(
            [
                {
                    "Attempt": number,
                    "Started": text.clock(attempt["started"]),
                    "Took": text.duration(attempt.get("ended", time.time()) - attempt["started"]),
                    "Ended as": attempt.get("state", "under way"),
                    "Why": attempt.get("message", ""),
                }
                for number, attempt in enumerate(attempts, 1)
            ],
            hide_index=True,
            key=f"attempts_{status.run.run_id}",
        )
    found = status.folder.environment()
    if found:
        torch = found.get("packages", {}).get("torch", "")
        st.caption(f"{found['hostname']} · {found.get('gpu') or found['device']} · {found['threads']} thread(s) · torch {torch} · "
                   f"Python {found['python']} · `{status.folder.path}`")  # fmt: skip
    st.code(status.folder.log_tail() or "The log is still empty.", language=None, height=220)


def settings() -> None:
    """How many runs share this machine."""
    now = runner_settings(store.home)
    with st.popover("Slots", icon=":material/tune:"):
        per_gpu = st.number_input("Runs that share a GPU", 1, 64, now.runs_per_gpu, key="runs_per_gpu")
        cores = st.number_input("CPU cores for runs", 1, 4096, now.cpu_cores, key="cpu_cores",
                                help="CPU runs start while their threads fit into so many cores.")  # fmt: skip
        st.caption("`IMAE_RUNS_PER_GPU` and `IMAE_CPU_CORES`, where set, come first.")
        if st.button("Save", key="save_slots"):
            with shown():
                save_settings(store.home, RunnerSettings(int(per_gpu), int(cores)))
                st.rerun()


st.title("Runs")
all_runs = run_list.statuses()
if not all_runs:
    st.info("No runs yet. Overview starts the paper's experiment with one click; Train sets up your own.",
            icon=":material/hourglass_empty:")  # fmt: skip
    st.page_link("pages/overview.py", label="Overview", icon=":material/home:")
    st.page_link("pages/train.py", label="Train", icon=":material/play_circle:")
    run_files.import_popover(store)
    st.stop()

live_table()
groups = sorted({status.run.group_name for status in all_runs if status.run.group_name})
with st.container(horizontal=True, vertical_alignment="bottom"):
    if groups:
        group = st.selectbox("Runs queued together", groups, index=None, key="group_choice", placeholder="Choose a name",
                             help="Chooses all of them, to compare or to act on them at once.", width=420)  # fmt: skip
        if group and st.button("Choose these runs", key="choose_group"):
            st.session_state[state.RUNS] = [s.run.run_id for s in all_runs if s.run.group_name == group][::-1]
    settings()
    run_files.import_popover(store)
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
    run_files.downloads([status for status in all_runs if status.run.run_id in selected])
    live_curves(selected)
else:
    st.info("Choose one or more runs above.", icon=":material/arrow_upward:")
