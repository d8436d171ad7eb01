"""What a study found: the table, verdicts, ranks, accuracy against noise rate, and what the order owes to the recipe."""

import numpy as np
import pandas as pd
import streamlit as st

from imae_core.analysis.comparison import METRICS
from imae_core.analysis.ranks import rank_losses
from imae_core.analysis.sensitivity import factor_view
from imae_core.analysis.significance import Marks, mark_table
from imae_core.runs.status import run_status
from imae_core.runs.tables import cell_text
from imae_core.studies.results import StudyResults, factor_title, verdicts
from imae_core.studies.tables import rank_caption, sensitivity_sentences, table_csv, table_latex, table_markdown
from ui import live_chart
from ui.comparison_figures import legend, line_styles
from ui.comparison_table import BEST, Shown
from ui.figures import SERIES
from ui.studies import figures
from ui.studies.selection import draw_selection

TIE = f"background-color: {SERIES[0]}1a"
MOST_LINES = 10
DOWNLOADS = (
    (
        "CSV",
        table_csv,
        "csv",
        "text/csv",
        "A line a cell, as fractions: mean, standard deviation, seeds, marks, p-values.",
    ),
    (
        "LaTeX",
        table_latex,
        "tex",
        "text/x-tex",
        "Table for the package booktabs, with a caption that says what was run.",
    ),
    ("Markdown", table_markdown, "md", "text/markdown", "The table with the same caption."),
)


def draw_results(results: StudyResults, metric: str) -> None:
    """All parts, for a study with at least one finished run."""
    name = results.progress.study.name
    cells = results.cells(metric)
    marks = mark_table(cells, METRICS[metric].best)
    _draw_table(results, metric, marks, name)
    _draw_verdicts(cells, metric)
    if results.table["rate"].nunique() > 1:
        _draw_rates(results, metric)
    _draw_ranks(cells, metric)
    if results.factors:
        _draw_sensitivity(results, metric)
    if _varies_a_parameter(results) and results.table["validation_accuracy_given"].notna().any():
        st.subheader(
            "Choosing a value without clean labels",
            divider="gray",
            help="By the accuracy on held-out rows with noisy labels.",
        )
        draw_selection([run_status(results.home, run) for run in results.progress.runs])


def _varies_a_parameter(results: StudyResults) -> bool:
    """Whether a loss is run with several values of its parameters."""
    return any(sum(1 for _ in loss.variants()) > 1 for loss in results.progress.study.losses)


def _draw_table(results: StudyResults, metric: str, marks: Marks, name: str) -> None:
    one = METRICS[metric]
    shown = pd.DataFrame(
        {column: [Shown(mean, cell_text(mean, std)) for mean, std in zip(marks.means[column], marks.stds[column], strict=True)]
         for column in marks.means}, index=marks.means.index, dtype=object,
    )  # fmt: skip
    styles = pd.DataFrame(
        np.where(marks.best, BEST, np.where(marks.ties, TIE, "")), index=shown.index, columns=shown.columns
    )
    table = shown.reset_index(names="loss")
    styles.insert(0, "loss", "")
    st.dataframe(
        table.style.apply(lambda _: styles.set_axis(table.index), axis=None).format(lambda value: value.text, subset=list(shown)),
        hide_index=True, placeholder="–", height=min(700, 38 + 35 * len(table)), key="study_table",
        column_config={column: st.column_config.NumberColumn(str(column), help=one.help) for column in shown},
    )  # fmt: skip
    direction = {"max": "higher is better", "min": "lower is better", "": ""}[one.best]
    seeds = len(results.progress.study.seeds)
    text = f"{one.title}, percent" + (f" ({direction})" if direction else "")
    text += f", mean ± sample standard deviation over {seeds} seeds. " if seeds > 1 else ", one seed. "
    if one.best:
        text += "Strongly marked: the best mean of its column. "
        text += (
            f"Faintly marked: cannot be told from it, since the 95 % interval of the difference holds 0 (paired t-test over seeds, each of the "
            f"{marks.comparisons} comparisons by itself). "
            if marks.comparisons
            else "Without two seeds in common nothing can be said about what is noise. "
        )
    if not results.progress.is_done:
        text += f"Not finished: {results.progress.text}; a dash is no value. "
    if 1 < seeds < 5:
        text += f"With {seeds} seeds only large differences can be told from noise; widen the study to five or more."
    st.caption(text)
    with st.container(horizontal=True, key="study_downloads"):
        for label, build, ending, mime, help_text in DOWNLOADS:
            st.download_button(label, lambda build=build: build(results, metric), f"{name}-{metric}.{ending}", mime,
                               icon=":material/download:", key=f"study_download_{ending}", help=help_text, on_click="ignore")  # fmt: skip


@st.fragment
def _draw_verdicts(cells: pd.DataFrame, metric: str) -> None:
    rows = list(dict.fromkeys(cells["row"]))
    best = METRICS[metric].best
    if len(rows) < 2:
        return
    st.subheader("Is it a difference?", divider="gray", help="Paired over seeds: runs of one seed share initial weights, order and label "
                 "noise. In brackets the 95 % confidence interval of the mean difference.")  # fmt: skip
    left, right = st.columns(2)
    start = next((row for row in rows if row.startswith("IMAE")), rows[0])
    a = left.selectbox("This loss", rows, index=rows.index(start), key="verdict_a")
    others = [row for row in rows if row != a]
    kept = [row for row in st.session_state.get("verdict_b", others[:2]) if row in others]
    st.session_state["verdict_b"] = kept or others[:2]
    against = right.multiselect("against", others, key="verdict_b",
                                help="Holm's correction is over all sentences together: the more are asked, the surer each must be.")  # fmt: skip
    for sentence in verdicts(cells, [(a, b) for b in against], best):
        st.markdown(f"- {sentence}")


@st.fragment
def _draw_rates(results: StudyResults, metric: str) -> None:
    st.subheader(
        "Against the noise rate",
        divider="gray",
        help="A line is a mean over seeds, its band one sample standard deviation.",
    )
    table = results.table
    if results.factors:
        settings = list(dict.fromkeys(table["setting"]))
        setting = st.selectbox("Setting", settings, key="rates_setting", width=320)
        table = table[table["setting"] == setting]
    values = table.rename(columns={"loss": "row", "rate": "column", metric: "value"})[
        ["row", "column", "seed", "value"]
    ]
    marks = mark_table(values, METRICS[metric].best)
    losses = [loss for loss in results.losses if marks.means.loc[loss].notna().any()]
    kept = [loss for loss in st.session_state.get("rates_lines", losses[:MOST_LINES]) if loss in losses]
    st.session_state["rates_lines"] = kept or losses[:MOST_LINES]
    wanted = st.multiselect(f"Lines, of {len(losses)}", losses, key="rates_lines")
    styles = line_styles(wanted)
    st.html(legend(styles))
    rates = [float(rate) for rate in marks.means]
    live_chart.chart(
        figures.rate_curves(marks.means, marks.stds, rates, styles, METRICS[metric].title), key="study_rates_chart"
    )


def _draw_ranks(cells: pd.DataFrame, metric: str) -> None:
    best = METRICS[metric].best
    ranks = rank_losses(cells, best) if best else None
    if ranks is None or ranks.num_blocks < 2:
        return
    st.subheader("Ranks", divider="gray", help="Within each column and seed the losses are ranked, then the ranks are averaged (Demšar 2006). "
                 "A bar to the right of a dot is the critical difference: a loss whose dot lies within it cannot be told from this one. "
                 "Grey bars at the left join losses that cannot be told apart.")  # fmt: skip
    live_chart.chart(figures.rank_figure(ranks), key="study_ranks")
    st.caption(rank_caption(ranks) + " Blocks of one rate or seed are related, so take p as a guide.")


def _draw_sensitivity(results: StudyResults, metric: str) -> None:
    st.subheader("What the order owes to the recipe", divider="gray", help="Each picture changes one setting and holds the others still. "
                 "Where lines cross, the order of the losses is another one.")  # fmt: skip
    values = results.for_sensitivity(metric)
    views = {}
    for factor in results.factors:
        view = factor_view(values, factor, [name for name in results.factors if name != factor])
        if view is not None:
            views[factor] = view
    if not views:
        st.info(
            "Appears once two values of a setting have finished for the same losses and seeds.",
            icon=":material/hourglass_top:",
        )
        return
    styles = line_styles(results.losses)
    st.html(legend(styles))
    everything = np.concatenate([100 * view.means.to_numpy(dtype=float).ravel() for view in views.values()])
    low, high = float(np.nanmin(everything)), float(np.nanmax(everything))
    room = max(2.0, 0.12 * (high - low))
    columns = st.columns(min(3, len(views)))
    for place, (factor, view) in enumerate(views.items()):
        with columns[place % len(columns)]:
            st.markdown(f"**{factor_title(factor)}**")
            figure = figures.factor_figure(
                view, styles, METRICS[metric].title if place == 0 else "", (low - room, high + room)
            )
            live_chart.chart(figure, key=f"factor_{factor.replace('.', '_')}")
    for sentence in sensitivity_sentences(results, metric):
        st.markdown(f"- {sentence}")
