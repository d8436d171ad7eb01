"""Tables that more than one page shows."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from imae_core.runs.status import RunStatus
from ui import text

if TYPE_CHECKING:
    import pyarrow as pa


def run_table(statuses: Sequence[RunStatus], key: str) -> None:
    """Runs with their true state, progress, time left and result."""
    rows = [
        {
            "State": text.STATE_LABELS[status.run.state],
            "What": status.run.title,
            "Progress": None if status.progress is None else 100 * status.progress,
            "Where": status.place,
            "Left": text.duration(status.eta_seconds) if status.run.is_active else "",
            "Final test": text.percent(status.final_test_accuracy) if status.run.state == "done" else "",
            "Note": status.note,
            "Queued": text.ago(status.run.created),
            "Together": status.run.group_name,
            "Run": status.run.run_id,
        }
        for status in statuses
    ]
    st.dataframe(
        _arrow(rows, numbers=("Progress",)),
        hide_index=True,
        lazy=False,  # to find out, Streamlit would load pandas
        key=key,
        column_config={
            "State": st.column_config.TextColumn(
                width=110, help="queued, starting, running, paused (the disk is full), done, failed or stopped"
            ),
            "What": st.column_config.TextColumn(width=290, help="Loss · data set · label noise · seed"),
            "Progress": st.column_config.ProgressColumn(
                format="%.0f %%", min_value=0, max_value=100, width=110, help="Share of the run's optimiser steps"
            ),
            "Where": st.column_config.TextColumn(width=190, help="Epoch, and batch within it"),
            "Left": st.column_config.TextColumn(width=80, help="From this run's own epochs so far"),
            "Final test": st.column_config.TextColumn(width=90, help="Test accuracy after the last epoch"),
            "Note": st.column_config.TextColumn(width=170, help="Why it waits, or how it ended"),
            "Queued": st.column_config.TextColumn(width=85),
            "Together": st.column_config.TextColumn(help="The name under which runs were queued together"),
            "Run": st.column_config.TextColumn(help="The run's id, and the name of its folder"),
        },
    )


def _arrow(rows: Sequence[Mapping[str, Any]], numbers: Sequence[str]) -> "pa.Table":
    """Rows of texts and of some `numbers`, by way of JSON: to look at values of Python, pyarrow loads pandas.

    That takes longer than all else on the first page.
    """
    import pyarrow as pa
    import pyarrow.json

    schema = pa.schema([(name, pa.float64() if name in numbers else pa.string()) for name in rows[0]])
    lines = pa.py_buffer("\n".join(map(json.dumps, rows)).encode())
    options = pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    return pa.json.read_json(lines, pa.json.ReadOptions(use_threads=False), options)
