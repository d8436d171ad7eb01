"""How far a study is, and what can be done with it: queue, stop, resume, widen, remove."""

from typing import Any

import pandas as pd
import streamlit as st

from imae_core.analysis.comparison import METRICS
from imae_core.catalog import LOSSES
from imae_core.runs.machine import runner_is_alive
from imae_core.runs.service import ensure_runner
from imae_core.studies import Study
from imae_core.studies.parsing import parse_loss, parse_settings
from imae_core.studies.progress import StudyProgress, study_progress
from imae_core.studies.run import stop_study, submit_study
from imae_core.studies.store import list_studies, load_study, remove_study, widen_study
from ui import live_chart, run_list, state, text
from ui.errors import shown
from ui.studies import figures


def draw_list() -> None:
    """All studies with their progress."""
    home = state.store().home
    rows = []
    for study in list_studies(home):
        progress = study_progress(home, study)
        rows.append(
            {
                "Study": study.name, "Data": study.dataset, "Losses": sum(1 for loss in study.losses for _ in loss.variants()),
                "Noise rates": ", ".join(f"{100 * rate:g} %" for rate in study.noise_rates), "Seeds": len(study.seeds),
                "Varied": ", ".join(study.factors) or "–", "Done": 100 * progress.counts["done"] / len(progress.places),
                "Runs": progress.text, "Spent": text.duration(progress.spent_seconds),
            }
        )  # fmt: skip
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, key="study_list",
        column_config={
            "Done": st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100, width=110),
            "Varied": st.column_config.TextColumn(help="Settings that vary beside losses, noise rates and seeds."),
            "Spent": st.column_config.TextColumn(help="Machine time of all runs, start-up included."),
        },
    )  # fmt: skip


@st.fragment(run_every=2.0)
def follow(name: str, before: dict[str, int]) -> None:
    """Progress, fresh every two seconds while something is queued or runs; the page is drawn anew when a run has ended."""
    study = load_study(state.store().home, name)
    progress = study_progress(state.store().home, study)
    draw_progress(progress)
    ended = ("done", "failed", "stopped")
    if any(progress.counts[key] != before[key] for key in ended) or not progress.is_going:
        st.rerun(scope="app")


def draw_progress(progress: StudyProgress) -> None:
    if not progress.is_done:
        live_chart.chart(figures.progress_bar(progress.counts), key="study_bar")
    columns = st.columns(4)
    columns[0].metric("Runs done", f"{progress.counts['done']} of {len(progress.places)}", help=progress.text)
    columns[1].metric(
        "Machine time spent", text.duration(progress.spent_seconds), help="Of all runs of the study, start-up included."
    )
    left = progress.left_seconds
    columns[2].metric("Machine time left", "not measured yet" if left is None else text.duration(left),
                      help="From what the study's finished runs took a step, else other runs of the same net and data here.")  # fmt: skip
    budget = progress.study.max_hours
    columns[3].metric(
        "Budget", f"{budget:g} h" if budget else "no limit", help="Machine time after which no further run is started."
    )
    if progress.is_going and not runner_is_alive(state.store()) and progress.counts["queued"]:
        st.warning(f"{progress.counts['queued']} run(s) wait, but no runner is working.", icon=":material/warning:")
    failed = [place.run for place in progress.places if place.state == "failed" and place.run is not None]
    if failed:
        with st.expander(f"{len(failed)} failed", icon=":material/error:"):
            for run in failed[:50]:
                st.markdown(f"- {run.title}: {run.message}")


def draw_actions(progress: StudyProgress) -> None:
    """Buttons, and what leads elsewhere."""
    home, study, counts = state.store().home, progress.study, progress.counts
    waiting = counts["missing"] + counts["stopped"]
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(f"Queue {waiting} runs" if waiting else "Queue", type="primary", icon=":material/rocket_launch:", key="study_submit",
                     disabled=not waiting, help="Those that are missing or were stopped; they train in the background."):  # fmt: skip
            _act(lambda: submit_study(home, study.name))
        if st.button("Stop", icon=":material/stop:", key="study_stop", disabled=not progress.is_going,
                     help="Every run after its current step; they can be resumed."):  # fmt: skip
            _act(lambda: stop_study(home, study.name))
        if st.button("Retry failed", icon=":material/resume:", key="study_resume", disabled=not counts["failed"],
                     help="Queues failed runs again, and what is missing; finished ones are never run again."):  # fmt: skip
            _act(lambda: submit_study(home, study.name, again=True))
        with st.popover("Widen", icon=":material/open_in_full:", help="More losses, rates, seeds or values."):
            _widen(study)
        with st.popover("Remove", icon=":material/delete:"):
            _remove(study)
        if progress.runs:
            st.page_link("pages/compare.py", label="Compare its runs", icon=":material/compare_arrows:",
                         query_params={state.GROUP: study.name})  # fmt: skip
            st.page_link("pages/runs.py", label="Runs", icon=":material/list:")


def _widen(study: Study) -> None:
    st.caption("What is there stays, and finished runs are not run again.")
    rates = st.multiselect("More noise rates in %", [rate for rate in range(0, 100, 5) if rate / 100 not in study.noise_rates],
                           key="widen_rates")  # fmt: skip
    seeds = st.text_input("More seeds", "", key="widen_seeds", placeholder=f"beside {', '.join(map(str, study.seeds))}")
    losses = st.text_input("More losses", "", key="widen_losses", placeholder="gce imae:T=2,16",
                           help=f"Names with parameters, separated by spaces. Losses: {', '.join(LOSSES)}.")  # fmt: skip
    varied = ", ".join(study.factors) or "none yet"
    settings = st.text_input("More values of settings", "", key="widen_settings", placeholder="lr=0.3,0.5",
                             help=f"NAME=VALUE,VALUE, separated by spaces. Varied so far: {varied}.")  # fmt: skip
    hours = st.number_input(
        "Budget in hours, 0 for none", 0.0, 10_000.0, study.max_hours or 0.0, key="widen_hours", format="%g"
    )
    if st.button("Widen the study", key="widen", type="primary"):
        with shown():
            more: dict[str, Any] = {
                "noise_rates": [rate / 100 for rate in rates], "seeds": seeds.replace(",", " ").split(),
                "losses": [parse_loss(part) for part in losses.split()],
                "factors": _settings(settings),
            }  # fmt: skip
            more = {name: value for name, value in more.items() if value} | {"max_hours": hours or None}
            widen_study(state.store().home, study.name, more)
            st.rerun()


def _settings(written: str) -> dict[str, list[Any]]:
    factors, fixed = parse_settings(written.split())
    return factors | {name: [value] for name, value in fixed.items()}


def _remove(study: Study) -> None:
    with_runs = st.checkbox("Its runs with their files too, for good", key="remove_runs")
    if st.button("Remove the study", key="remove_study"):
        store = state.store()
        remove_study(store.home, study.name)
        if with_runs:
            for run in store.of_group(study.name):
                store.wish_delete(run.run_id)
            ensure_runner(store)
        st.query_params.pop(state.STUDY, None)
        st.session_state.pop(state.STUDY, None)
        run_list.statuses.clear()
        st.rerun()


def _act(action: Any) -> None:
    with shown():
        action()
        run_list.statuses.clear()
        st.rerun()


def metric_choice() -> str:
    """The metric of the tables and figures, kept in the link."""
    names = list(METRICS)
    state.from_link(state.METRIC, names, "final_test_accuracy")
    metric = st.selectbox("Metric", names, format_func=lambda name: METRICS[name].title, key=state.METRIC, width=260,
                          help="; ".join(f"**{one.title}**: {one.help}" for one in METRICS.values()))  # fmt: skip
    state.to_link(metric=None if metric == "final_test_accuracy" else metric)
    return str(metric)
