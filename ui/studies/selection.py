"""Choosing a parameter's value without clean labels: the table, the figure and what they say."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from imae_core.analysis.parameters import value_text
from imae_core.errors import BadInputError
from imae_core.runs.selection import RunSelection, selections
from imae_core.runs.status import RunStatus
from imae_core.runs.tables import cell_text
from ui import live_chart
from ui.comparison_figures import selection_figure
from ui.comparison_table import BEST, Shown

HELP = {
    "validation": "Accuracy on rows that were not trained on, against their given labels, some of which are wrong: all "
    "that one has without clean labels. Mean ± standard deviation over seeds. The highest mean is chosen.",
    "below": "How much less than the chosen value's, in points, paired by seed, and the standard error of that mean.",
    "apart": "Whether the difference exceeds one standard error (the one-standard-error rule).",
    "test": "Final accuracy on the test set, whose labels are true. The choice never sees it: it shows how the choice did.",
}


def draw_selection(statuses: Sequence[RunStatus], key: str = "selection") -> None:
    """For runs in which one parameter varies, and which were judged by held-out rows; what is missing is said otherwise."""
    runs = [(status.run, status.folder) for status in statuses]
    try:
        found = selections(runs)
    except BadInputError as problem:
        st.info(f"No value can be chosen here: {problem}.", icon=":material/rule:")
        return
    name = next(iter(found))
    if len(found) > 1:
        name = st.selectbox("Choose for", list(found), key=f"{key}_part", help="Data, noise and loss of these runs.")
    _draw(found[name], f"{key}_{name}")


def _draw(chosen: RunSelection, key: str) -> None:
    selection = chosen.selection
    texts = [value_text(chosen.field, value) for value in selection.table.index]
    place = list(selection.table.index).index(selection.chosen)
    left, right = st.columns([4, 5], gap="medium")
    with left:
        _draw_table(chosen, texts, place)
    with right:
        live_chart.chart(selection_figure(selection.table, texts, place, chosen.title), key=f"{key}_figure")
    st.markdown("  \n".join(chosen.sentences()))


def _draw_table(chosen: RunSelection, texts: Sequence[str], place: int) -> None:
    rows = chosen.selection.table
    table = pd.DataFrame(
        {
            chosen.title: texts,
            "validation": _numbers(rows["validation_mean"], rows["validation_std"]),
            "below": _numbers(rows["difference"], rows["standard_error"], digits=2),
            "apart": ["chosen" if other == place else "yes" if apart else "no" for other, apart in enumerate(rows["is_apart"])],
            "test": _numbers(rows["test_mean"], rows["test_std"]),
        },
        dtype=object,
    )  # fmt: skip
    shown = [name for name in table if isinstance(table[name].iloc[0], Shown)]
    marks = pd.DataFrame("", index=table.index, columns=table.columns)
    marks.iloc[place] = BEST
    st.dataframe(
        table.style.apply(lambda _: marks, axis=None).format(lambda value: value.text, subset=shown),
        hide_index=True,
        column_config={name: st.column_config.Column(help=text) for name, text in HELP.items()},
    )


def _numbers(mean: pd.Series, std: pd.Series, digits: int = 1) -> list[Shown]:
    return [Shown(value, cell_text(value, spread, digits)) for value, spread in zip(mean, std, strict=True)]
