"""The layout of the paper's Table 6 for a comparison: sortable, the best values marked."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from imae_core.analysis.comparison import METRICS, TABLE_6, Comparison
from imae_core.analysis.parameters import ABSENT, title, value_text
from imae_core.runs.tables import cell_text
from ui.figures import SERIES

TITLES = {METRICS[metric].title: metric for metric in TABLE_6}
BEST = f"font-weight: 700; background-color: {SERIES[0]}33"


class Shown(float):
    """A number that sorts as one and reads as a text."""

    def __new__(cls, value: float, text: str) -> "Shown":
        self = super().__new__(cls, value)
        self.text = text
        return self


def draw_table_6(comparison: Comparison, key: tuple[Any, ...]) -> None:
    """One row a group; numbers stay numbers, so that a click on a header sorts them. `key` tells the comparison."""
    table, marks = _cells_and_marks(key, comparison)
    shown = [name for name in table if isinstance(table[name].iloc[0], Shown)]
    st.dataframe(
        table.style.apply(lambda _: marks, axis=None).format(lambda value: value.text, subset=shown),
        hide_index=True, placeholder="–", height=min(600, 38 + 35 * len(table)), key="table_6",
        column_config={
            name: st.column_config.NumberColumn(name, help=METRICS[metric].help) for name, metric in TITLES.items()
        } | {
            "runs": st.column_config.NumberColumn("runs", help="Finished runs in the mean."),
            "not finished": st.column_config.TextColumn(help="Runs of this row that are in no mean."),
        },
    )  # fmt: skip


@st.cache_resource(show_spinner=False, max_entries=8)
def _cells_and_marks(key: tuple[Any, ...], _comparison: Comparison) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Shared, never to be changed: the table, and the style of each cell."""
    table = pd.DataFrame(
        _label_columns(_comparison)
        | {name: _cells(_comparison, metric) for name, metric in TITLES.items()}
        | _run_columns(_comparison),
        dtype=object,
    )
    marks = pd.DataFrame("", index=table.index, columns=table.columns)
    for name, metric in TITLES.items():
        marks[name] = np.where(_comparison.best[metric].to_numpy(), BEST, "")
    return table, marks


def _label_columns(comparison: Comparison) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    for field, values in comparison.labels.items():
        texts = ["" if value == ABSENT else value_text(str(field), value) for value in values]
        numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        columns[title(str(field))] = [Shown(*pair) for pair in zip(values, texts, strict=True)] if numeric else texts
    return columns


def _cells(comparison: Comparison, metric: str) -> list[Shown]:
    pairs = comparison.summary[metric][["mean", "std"]].to_numpy()
    return [Shown(mean, cell_text(mean, std)) for mean, std in pairs]


def _run_columns(comparison: Comparison) -> dict[str, list[Any]]:
    counts = comparison.groups[comparison.is_done].value_counts()
    columns: dict[str, list[Any]] = {"runs": [int(counts.get(group, 0)) for group in comparison.summary.index]}
    if (comparison.unfinished != "").any():
        columns["not finished"] = list(comparison.unfinished)
    return columns
