"""Datasets: what there is, what it looks like, and what noise would do to it."""

from importlib.util import find_spec

import numpy as np
import pandas as pd
import streamlit as st

from imae_core.catalog import DATASETS
from imae_core.data.dataset import Dataset
from imae_core.data.facts import dataset_facts
from imae_core.data.jobs import job_status, start_prepare
from imae_core.data.store import list_datasets
from ui import cache, figures, frame, live_chart, manage_data, state, text
from ui.add_data import add_data
from ui.controls import labels_note, noise_controls, own_noise_rate, picture_sources
from ui.data_jobs import data_jobs
from ui.errors import shown
from ui.figures import COLOR
from ui.gallery import Card, gallery, picture_address
from ui.noise_preview import noise_preview, preview_config

ROWS_SHOWN = 50
frame.require()
store = state.store()


def fetching(name: str) -> None:
    """How to get a built-in data set that is not here yet."""
    entry = DATASETS[name]
    st.info(
        f"{entry.title} is not here yet. It is a download of {text.size(entry.download_bytes)}; or put {entry.files} into "
        f"`{store.home / 'datasets'}` and fetch it from there.",
        icon=":material/cloud_download:",
    )
    if find_spec("torchvision") is None:
        st.caption("This dashboard has no torchvision; the runner fetches the data set when the first run needs it.")
        return
    status = job_status(store.home, name)
    running = status is not None and status.state == "running"
    if st.button(f"Fetch {entry.title}", type="primary", icon=":material/download:", key="fetch", disabled=running):
        with shown():
            start_prepare(store.home, name)
            st.rerun()


def picture(data: Dataset, row: int) -> str:
    return picture_address(data.train_inputs[row], data.scale) if data.is_image else ""


def preview(data: Dataset) -> None:
    """Class balance and a few examples of each class."""
    labels = np.asarray(data.train_labels)
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown("**Class balance**")
        live_chart.chart(
            figures.class_balance(np.bincount(labels, minlength=data.num_classes), data.class_names), key="balance"
        )
    with right:
        if not data.is_image:
            table_rows(data)
            return
        st.markdown("**Examples**, the first of each class")
        rows = [
            int(np.flatnonzero(labels == label)[0])
            for label in range(min(data.num_classes, 20))
            if (labels == label).any()
        ]
        cards = [
            Card(row, COLOR["all"], [data.class_names[labels[row]], f"row {row}"], f"row {row}", picture(data, row))
            for row in rows
        ]
        gallery(cards, key="samples")


def table_rows(data: Dataset) -> None:
    """The first rows of a table, as they are stored."""
    names = list(data.feature_names or ())[:ROWS_SHOWN]
    rows = pd.DataFrame(np.asarray(data.train_inputs[:ROWS_SHOWN, : len(names)]), columns=names)
    rows.insert(0, "given label", [data.class_names[label] for label in data.train_labels[:ROWS_SHOWN]])
    st.markdown(f"**The first {len(rows)} of {data.num_train:,} training rows**")
    st.dataframe(rows, height=260, key="rows")


def preview_noise(data: Dataset) -> None:
    """What any noise would do to the data set."""
    st.subheader("What label noise would do", divider="gray")
    labels_note(data.labels_are_true, own_noise_rate(data))
    noise = noise_controls(
        f"preview_{data.name}",
        dataset_facts(store.home, data.name),
        data.class_names,
        picture_sources(records, data.name),
    )
    seed = st.number_input(
        "Noise seed", 0, 2**31, 0, key="preview_seed", help="The same seed always changes the same examples."
    )
    noise_preview(preview_config(data.name, noise, int(seed)), "preview")


st.title("Datasets")
records = list_datasets(store.home)
st.dataframe(
    pd.DataFrame(
        [
            {
                "Data set": record.title,
                "Here": "yes" if record.ready else "to be fetched",
                "Training": record.num_train,
                "Test": record.num_test,
                "Classes": record.num_classes,
                "Labels": record.labels,
                "Shape": " × ".join(map(str, record.shape)) if len(record.shape) > 1 else f"{record.shape[0]} features",
                "Source": DATASETS[record.name].source if record.builtin else "your own",
            }
            for record in records
        ]
    ),
    hide_index=True,
    key="dataset_table",
    column_config={
        "Training": st.column_config.NumberColumn(format="localized", help="Examples to train on"),
        "Test": st.column_config.NumberColumn(
            format="localized", help="Examples held out; their labels are never corrupted"
        ),
        "Labels": st.column_config.TextColumn(
            help="**true**: taken as right. **true and given**: it brings known noise. **as uploaded**: nobody has vouched for them."
        ),
        "Shape": st.column_config.TextColumn(help="Channels × height × width of a picture"),
    },
)
with st.container(key="jobs"):  # always there, so that what lies below keeps its place, and stays open or shut
    data_jobs(store.home)
with st.expander("Add your own data", icon=":material/add_circle:", key="add_data", expanded=False):
    add_data(store.home, records)
names = [record.name for record in records]
state.from_link(state.DATASET, names, "digits")
name = st.selectbox(
    "Look at", names, format_func=lambda n: next(r.title for r in records if r.name == n), key=state.DATASET
)
state.to_link(dataset=name)
with shown():
    record = next(record for record in records if record.name == name)
    if record.builtin:
        st.caption(f"{DATASETS[name].summary} Source: {DATASETS[name].source}.")
    if not record.ready:
        fetching(name)
    else:
        data = cache.dataset(name)
        if not record.builtin:
            manage_data.report(store.home, data)
            manage_data.manage(store, data)
        preview(data)
        preview_noise(data)
