"""What can be done with a data set of one's own: the import's report, rename, export, delete."""

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from imae_core.data.dataset import Dataset
from imae_core.data.export import export_formats
from imae_core.data.imports.report import report_lines
from imae_core.data.jobs import start_job
from imae_core.data.store import dataset_path, import_report, remove_dataset, rename_dataset
from imae_core.errors import BadInputError
from imae_core.runs.store import Store
from ui import state, text
from ui.errors import shown

DOWNLOAD_BYTES = 200_000_000


def report(home: Path, data: Dataset) -> None:
    """What the import found, changed and left out."""
    found = import_report(home, data.name)
    if found is None:
        return
    st.markdown("**What the import found**")
    lines = list(report_lines(found))
    if "seconds" in found:
        peak = text.size(found["peak_memory_bytes"])
        lines.append(
            f"imported from {found['source']} in {text.duration(found['seconds'])}, with at most {peak} of memory"
        )
    st.markdown("\n".join(f"- {line}" for line in lines))
    skipped = dataset_path(home, data.name) / "skipped.csv"
    with st.container(horizontal=True):
        if skipped.exists():
            st.download_button(
                "All that was left out, as CSV",
                skipped.read_bytes(),
                f"{data.name}-skipped.csv",
                key="skipped",
                on_click="ignore",
            )
    _details(found)


def _details(found: dict[str, Any]) -> None:
    if found["features"]:
        with st.expander(f"{len(found['features']):,} columns used", icon=":material/table:"):
            st.dataframe(pd.DataFrame(found["features"]), hide_index=True, key="features")
    if found["num_sizes"] > 1:
        with st.expander(
            f"{found['num_sizes']:,} picture sizes, the most frequent first", icon=":material/aspect_ratio:"
        ):
            st.dataframe(pd.DataFrame(found["sizes"]), hide_index=True, key="sizes")
    if found["duplicates"]["groups"]:
        with st.expander("Exact duplicates, conflicting labels first", icon=":material/content_copy:"):
            names = [entry["name"] for entry in found["classes"]]
            rows = [
                {"group": number, "split": entry["split"], "row": entry["row"], "label": names[entry["label"]]}
                for number, group in enumerate(found["duplicates"]["groups"], 1)
                for entry in group
            ]
            st.dataframe(pd.DataFrame(rows), hide_index=True, key="duplicates")


def manage(store: Store, data: Dataset) -> None:
    """Export, rename and delete."""
    with st.expander("Export, rename, delete", icon=":material/settings:"):
        exporting, renaming, deleting = st.columns(3, gap="large")
        with exporting:
            _export(store.home, data)
        with renaming:
            new_name = st.text_input("New name", data.name, key=f"rename_to_{data.name}")
            if st.button("Rename", disabled=new_name == data.name, key="rename"):
                with shown():
                    _refuse_while_needed(store, data.name)
                    rename_dataset(store.home, data.name, new_name)
                    state.look_at_dataset(new_name)
        with deleting:
            force = st.checkbox(
                "Even while runs need it", key="delete_force", help="Runs that have not started will fail."
            )
            sure = st.checkbox(f"Delete {data.name} for good", key=f"delete_sure_{data.name}")
            if st.button("Delete", disabled=not sure, icon=":material/delete:", key="delete_dataset"):
                with shown():
                    if not force:
                        _refuse_while_needed(store, data.name)
                    remove_dataset(store.home, data.name)
                    state.look_at_dataset("digits")


def _export(home: Path, data: Dataset) -> None:
    ending = st.selectbox("Format", export_formats(data), key="export_format",
                          help="Everything, never a part: inputs, given labels, true labels where known, the split.")  # fmt: skip
    folder = home / "exports"
    if st.button("Export", key="export"):
        with shown():
            folder.mkdir(exist_ok=True)
            target = folder / f"{data.name}{ending}"
            target.unlink(missing_ok=True)
            start_job(home, data.name, "exporting", ["export", data.name, str(target)])
            st.rerun()
    for path in sorted(folder.glob(f"{data.name}.*")) if folder.is_dir() else []:
        size = path.stat().st_size
        if path.suffix not in export_formats(data):
            continue
        st.caption(f"`{path}` · {text.size(size)}")
        if size <= DOWNLOAD_BYTES:
            st.download_button("Download", path.read_bytes, path.name, key=f"download_{path.name}", on_click="ignore")


def _refuse_while_needed(store: Store, name: str) -> None:
    waiting = store.active_on(name)
    if waiting:
        raise BadInputError(f"{len(waiting)} run(s) still need {name}; stop them first")
