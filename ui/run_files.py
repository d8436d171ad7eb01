"""Runs as files: a report or a zip to take away, and a zip from elsewhere to take in."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from imae_core.runs.archive import import_runs, pack_runs
from imae_core.runs.folder import RunFolder
from imae_core.runs.status import RunStatus
from imae_core.runs.store import Store, StoredRun
from ui import run_list, state, text
from ui.errors import shown

MOST_BYTES = 1_000_000_000  # a download is held in memory by the server


def downloads(chosen: Sequence[RunStatus]) -> None:
    """Report and zip of the chosen runs, each built when its button is pressed."""
    runs = [(status.run, status.folder) for status in chosen]
    groups = {status.run.group_name for status in chosen}
    name = groups.pop() if len(groups) == 1 else ""
    file_name = "".join(letter if letter.isalnum() else "-" for letter in name) or (
        runs[0][0].run_id if runs else "runs"
    )
    size = sum(_size(status.run.run_id, status.run.state, status.run.finished) for status in chosen)
    with st.container(horizontal=True, key="run_files"):
        st.download_button(
            "Report", lambda: _report(runs, name), f"{file_name}.html", "text/html",
            icon=":material/description:", key="report", disabled=not runs, on_click="ignore",
            help="One HTML file that works offline: settings, results, curves, histograms, the most suspicious examples, and "
            "every example's scores. Several runs are compared first.",
        )  # fmt: skip
        st.download_button(
            "Zip", lambda: _zip(runs), f"{file_name}.zip", "application/zip", icon=":material/folder_zip:", key="zip", on_click="ignore",
            disabled=not runs or size > MOST_BYTES,
            help=f"The run folders with their nets ({text.size(size)} before packing); Import, on another machine, takes it in. "
            f"Above {text.size(MOST_BYTES)}: `imae export RUN... runs.zip`.",
        )  # fmt: skip


def _report(runs: Sequence[tuple[StoredRun, RunFolder]], name: str) -> bytes:
    from imae_core.reports.page import report_html

    return report_html(runs, name).encode()


@st.cache_data(show_spinner=False, max_entries=1024, ttl=60)
def _size(run_id: str, _state: str, _finished: float | None) -> int:
    return next((s.folder.size_bytes() for s in run_list.statuses() if s.run.run_id == run_id), 0)


def _zip(runs: Sequence[tuple[StoredRun, RunFolder]]) -> bytes:
    with tempfile.TemporaryFile() as file:
        pack_runs(runs, file)
        file.seek(0)
        return file.read()


def import_popover(store: Store) -> None:
    """An upload of runs that were exported elsewhere."""
    with st.popover("Import", icon=":material/upload:", help="Runs that were exported on another machine"):
        upload = st.file_uploader(
            "Zip of runs", type=["zip"], key="import_runs_file",
            help="As the Zip button of this page or `imae export` writes it. It is checked, and taken in whole or not at all.",
        )  # fmt: skip
        with_checkpoints = st.checkbox(
            "With the saved nets", key="import_checkpoints",
            help="To resume or evaluate these runs here. Only for files from people you trust.",
        )  # fmt: skip
        if st.button("Import runs", type="primary", disabled=upload is None, key="import_runs") and upload is not None:
            with shown(), st.spinner("Checking every file …"), tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "runs.zip"
                path.write_bytes(upload.getbuffer())
                found = import_runs(store.home, path, with_checkpoints=with_checkpoints)
                st.session_state[state.NEW_RUNS] = list(found.added)
                st.query_params.pop(state.RUNS, None)
                for sentence in (f"Imported {len(found.added)} run(s).", *found.remarks()):
                    st.toast(sentence)
                run_list.statuses.clear()
                st.rerun()
