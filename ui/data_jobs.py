"""Jobs on data sets as a page shows them: progress and cancel, and how they ended until somebody has seen it."""

from pathlib import Path

import streamlit as st

from imae_core.data.jobs import JobStatus, all_jobs, cancel_job, dismiss_job
from ui import state, text


def data_jobs(home: Path) -> None:
    """Everything under way; draws itself anew each second while something is."""
    jobs = all_jobs(home)
    if not jobs:
        return
    running = [job.name for job in jobs if job.state == "running"]

    @st.fragment(run_every=1.0 if running else None)
    def live() -> None:
        now = all_jobs(home)
        for job in now:
            _job(home, job)
        if running and {job.name for job in now if job.state == "running"} != set(running):
            st.rerun(scope="app")

    live()


def _job(home: Path, job: JobStatus) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"job_{job.name}"):
        if job.state == "running":
            share = min(job.done / job.total, 1.0) if job.total else 0.0
            st.progress(share, f"**{job.name}** · {job.what}: {job.message}{_amount(job)}")
            if st.button("Cancel", icon=":material/close:", key=f"cancel_{job.name}"):
                cancel_job(home, job.name)
                st.toast(f"Cancelling {job.name}; nothing of it is kept.")
            return
        if job.state == "done":
            st.success(f"**{job.name}**: {job.what} is done.", icon=":material/check:")
            if st.button("Look at it", key=f"look_{job.name}"):
                dismiss_job(home, job.name)
                state.look_at_dataset(job.name)
        elif job.state == "cancelled":
            st.warning(f"**{job.name}**: {job.message}", icon=":material/block:")
        else:
            message = job.message[:1].upper() + job.message[1:]
            st.error(f"**{job.name}** was not imported. {message}" if job.what == "importing" else f"**{job.name}**: {message}",
                     icon=":material/error:")  # fmt: skip
        if st.button("Dismiss", key=f"dismiss_{job.name}"):
            dismiss_job(home, job.name)
            st.rerun(scope="app")


def _amount(job: JobStatus) -> str:
    if not job.total:
        return ""
    if job.unit == "bytes":
        return f" · {text.size(job.done)} of {text.size(job.total)}"
    if job.unit in ("pictures", "examples"):
        return f" · {job.done:,} of {job.total:,}" if job.unit == "examples" else f" · {job.done / job.total:.0%}"
    return f" · {job.done / job.total:.0%}"
