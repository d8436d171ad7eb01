"""Compare: runs and sweeps side by side, as tables, curves and maps, down to the same examples under two losses."""

from typing import Any

import pandas as pd
import streamlit as st

from imae_core.analysis.comparison import METRICS, Comparison, mean_curves, noise_pivot
from imae_core.analysis.parameters import ABSENT, title, value_text
from imae_core.catalog import LOSSES, NOISES
from imae_core.runs.comparison import histories
from imae_core.runs.status import RunStatus
from imae_core.runs.tables import table_csv, table_latex, table_markdown
from ui import cache, comparison_figures, frame, live_chart, run_list, state
from ui.comparison_table import draw_table_6
from ui.errors import shown
from ui.same_examples import draw_same_examples

MOST_RUNS = 300
Key = tuple[Any, ...]
MOST_LINES = 8
CURVES = (
    ("test_accuracy", "Test set", "test accuracy"),
    ("noisy_subset_accuracy", "Noisy subset, memorised (lower is better)", "corrupted examples fitted"),
    ("clean_subset_accuracy", "Clean subset", "clean examples fitted"),
)
FILTERS = (
    (state.DATA, "Data set", lambda config: config.dataset, str),
    (state.NOISE, "Noise", lambda config: config.noise.kind, lambda name: NOISES[name].title),
    (state.LOSS, "Loss", lambda config: config.loss.name, lambda name: LOSSES[name].title.split(" (")[0]),
)
DOWNLOADS = (
    (
        "CSV",
        table_csv,
        "csv",
        "text/csv",
        "Every metric as fractions: mean, sample standard deviation, number of runs.",
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
frame.require()


def choose(statuses: list[RunStatus]) -> list[RunStatus]:
    """The runs of the link, else of a group, narrowed by the filters; the newest come first where there are too many."""
    linked = set(state.linked(state.RUNS)) & {status.run.run_id for status in statuses}
    chosen = [status for status in statuses if not linked or status.run.run_id in linked]
    groups = list(dict.fromkeys(status.run.group_name for status in chosen if status.run.group_name))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if linked:
            st.markdown(f"**{len(linked)} chosen runs**")
            if st.button("All runs", key="compare_all", help="Compares all runs of this home again."):
                st.query_params.pop(state.RUNS, None)
                st.rerun()
        elif groups:
            state.from_link(state.GROUP, ["", *groups], "")
            group = st.selectbox("Queued together", ["", *groups], key=state.GROUP, width=300,
                                 format_func=lambda name: name or "all runs",
                                 help="A sweep: all runs that were queued under one name.")  # fmt: skip
            chosen = [status for status in chosen if not group or status.run.group_name == group]
            state.to_link(group=group)
        for key, label, value_of, name_of in FILTERS:
            options = sorted({value_of(status.run.config) for status in chosen})
            state.several_from_link(key, options)
            if len(options) > 1:
                wanted = st.multiselect(label, options, format_func=name_of, key=key, width=240, placeholder="all")
                chosen = [status for status in chosen if not wanted or value_of(status.run.config) in wanted]
            state.to_link(**{key: st.session_state[key]})
    if len(chosen) > MOST_RUNS:
        st.warning(f"These are {len(chosen):,} runs; the newest {MOST_RUNS} are compared. Narrow the choice for the others.",
                   icon=":material/warning:")  # fmt: skip
    return chosen[:MOST_RUNS][::-1]


@st.fragment(run_every=2.0)
def follow(run_ids: list[str], states: list[str]) -> None:
    """Draws the page anew when one of the runs has changed its state."""
    now = {status.run.run_id: status.run.state for status in run_list.statuses()}
    if [now.get(run_id) for run_id in run_ids] != states:
        st.rerun(scope="app")


def warn(comparison: Comparison) -> None:
    """What keeps these runs from being compared like with like."""
    for field, what in (("dataset", "data sets"), ("noise.kind", "kinds of noise")):
        values = [value_text(field, value) for value in comparison.parameters[field].unique()]
        if len(values) > 1:
            st.warning(f"These runs mix {what}: {', '.join(values)}. Their numbers are not comparable across them.",
                       icon=":material/warning:")  # fmt: skip
    waiting = comparison.states[~comparison.is_done].value_counts()
    if len(waiting):
        words = ", ".join(f"{count} {name}" for name, count in waiting.items())
        st.warning(f"Not finished: {words}. They are in no mean; the table names them, the curves show them dotted.",
                   icon=":material/pending:")  # fmt: skip
    repeated = comparison.repeated_seeds()
    if repeated:
        st.warning(f"The same seeds were run more than once in: {'; '.join(repeated)}. Their standard deviation is too small.",
                   icon=":material/warning:")  # fmt: skip


def draw_parameters(comparison: Comparison) -> None:
    """What differs, in the open; what agrees, folded away."""
    table = comparison.parameters
    found, agree = comparison.differing, comparison.agreeing
    if found:
        parts = []
        for field in found:
            values = [value_text(field, value) for value in dict.fromkeys(table[field]) if value != ABSENT]
            more = f" … ({len(values)} values)" if len(values) > 12 else ""
            parts.append(f"**{title(field)}** {', '.join(values[:12])}{more}")
        st.markdown("These differ: " + " · ".join(parts))
    else:
        st.markdown("All parameters agree.")
    with st.expander(f"{len(agree)} parameters agree", icon=":material/check:"):
        st.dataframe(pd.DataFrame({"parameter": agree.keys(), "value": agree.values()}), hide_index=True,
                     height="content", key="agreeing")  # fmt: skip


def draw_results(comparison: Comparison, key: Key) -> None:
    """The paper's Table 6 for these runs, and its downloads."""
    draw_table_6(comparison, key)
    st.caption(
        "Percent" + (", mean ± sample standard deviation over seeds" if not comparison.groups.is_unique else "")
        + ". **best** is the best epoch's test accuracy, chosen on the test set: optimistic. Marked: the best mean for the "
        "same data and noise; on the noisy subset the lowest."
    )  # fmt: skip
    with st.container(horizontal=True, key="table_downloads"):
        for name, build, ending, mime, help_text in DOWNLOADS:
            st.download_button(name, lambda build=build: build(comparison), f"comparison.{ending}", mime,
                               icon=":material/download:", key=f"download_{ending}", help=help_text,
                               on_click="ignore")  # fmt: skip


def choose_lines(comparison: Comparison) -> list[str]:
    """The groups to draw; a link names each by a run of it, since a group's name depends on what it is compared with."""
    names = list(comparison.groups.unique())
    start = names
    if len(names) > MOST_LINES:
        tasks = comparison.tasks
        start = list(tasks.index[tasks == tasks.iloc[-1]])[:MOST_LINES]
    linked = [comparison.groups[run_id] for run_id in state.linked(state.LINES) if run_id in comparison.groups.index]
    if state.LINES in st.session_state and st.session_state[state.LINES] == st.session_state.get(state.USUAL_LINES):
        st.session_state[state.LINES] = start  # nobody had chosen among the runs of before
    st.session_state[state.USUAL_LINES] = start
    state.several_from_link(state.LINES, names, start if state.LINES in st.session_state else linked or start)
    wanted = st.multiselect(
        f"Lines, of {len(names)}", names, key=state.LINES,
        help="A line is a mean over seeds, its band one sample standard deviation. Runs that have not finished are dotted lines of "
        "their own.",
    )  # fmt: skip
    first = comparison.groups.drop_duplicates()
    state.to_link(lines=None if wanted == start else [first.index[first == name][0] for name in wanted])
    return wanted


@st.fragment
def draw_curves(comparison: Comparison, chosen: list[RunStatus]) -> None:
    """Means and standard deviations over seeds, epoch by epoch."""
    st.subheader("Over the epochs", divider="gray")
    wanted = choose_lines(comparison)
    done = [
        status for status in chosen if status.run.state == "done" and comparison.groups[status.run.run_id] in wanted
    ]
    going = [
        status for status in chosen if status.run.state != "done" and comparison.groups[status.run.run_id] in wanted
    ]
    finished = cache.curves(tuple((status.run.run_id, status.run.finished) for status in done))
    unfinished = histories([status.folder for status in going])
    unfinished["group"] = unfinished["run_id"].map(comparison.groups)
    if not len(finished) and not len(unfinished):
        st.info("Curves appear after the first epoch of the lines that are chosen.", icon=":material/hourglass_top:")
        return
    styles = comparison_figures.line_styles(wanted)
    st.html(comparison_figures.legend(styles))
    key = tuple((status.run.run_id, status.run.finished, comparison.groups[status.run.run_id]) for status in done)
    for place, (column, (name, heading, axis)) in enumerate(zip(st.columns(3), CURVES, strict=True)):
        with column:
            st.markdown(f"**{heading}**")
            if going:
                drawing = curve_drawing(finished, unfinished, comparison.groups, name, styles, axis)
            else:
                drawing = kept_drawing(key, name, styles, axis, finished, comparison.groups)
            live_chart.chart(drawing, key=f"compare_curve_{place}")


@st.cache_data(show_spinner=False, max_entries=24)
def kept_drawing(
    key: tuple[tuple[str, float | None, str], ...], name: str, styles: dict[str, comparison_figures.Line], axis: str,
    _finished: pd.DataFrame, _groups: pd.Series,
) -> str:  # fmt: skip
    """The curves of finished runs, by id, end and group: they do not change any more."""
    return curve_drawing(_finished, _finished.head(0).assign(group=""), _groups, name, styles, axis)


def curve_drawing(
    finished: pd.DataFrame, unfinished: pd.DataFrame, groups: pd.Series, name: str,
    styles: dict[str, comparison_figures.Line], axis: str,
) -> str:  # fmt: skip
    """The figure as JSON, lines in the order of their styles."""
    curves = mean_curves(finished, groups, name)
    curves = curves.assign(place=curves["group"].map(list(styles).index)).sort_values(["place", "epoch"])
    return comparison_figures.seed_curves(curves, unfinished, name, styles, axis).to_json()


@st.fragment
def draw_noise_map(comparison: Comparison, key: Key) -> None:
    """Loss against noise rate, where there are several rates."""
    st.subheader("Loss against noise rate", divider="gray")
    first = next(iter(METRICS))
    state.from_link(state.METRIC, list(METRICS), first)
    metric = st.selectbox("Metric", list(METRICS), format_func=lambda name: METRICS[name].title, key=state.METRIC, width=260,
                          help="; ".join(f"**{one.title}**: {one.help}" for one in METRICS.values()))  # fmt: skip
    state.to_link(metric=None if metric == first else metric)
    drawing, num_rates = noise_drawing(key, metric, comparison)
    if not num_rates:
        st.info("No finished run has this number.", icon=":material/info:")
        return
    live_chart.chart(drawing, key="noise_map")
    if num_rates == 1:
        st.caption(
            "All of these runs have one noise rate. Queue the same losses at other rates on Train to see how they age."
        )


@st.cache_data(show_spinner=False, max_entries=32)
def noise_drawing(key: Key, metric: str, _comparison: Comparison) -> tuple[str, int]:
    """The figure as JSON, and how many noise rates it has: 0 where no run has the number."""
    pivot = noise_pivot(_comparison, metric)
    if not pivot.notna().any(axis=None):
        return "", 0
    direction = {"max": "higher is better", "min": "lower is better", "": ""}[METRICS[metric].best]
    heading = f"{METRICS[metric].title}, percent" + (f" ({direction})" if direction else "")
    return comparison_figures.noise_heatmap(pivot, heading).to_json(), pivot.shape[1]


def draw(chosen: list[RunStatus]) -> None:
    key = tuple((status.run.run_id, status.run.state, status.run.finished) for status in chosen)
    over_seeds = cache.comparison(key, True)
    if not all(status.run.has_ended for status in chosen):
        follow([status.run.run_id for status in chosen], [status.run.state for status in chosen])
    warn(over_seeds)
    draw_parameters(over_seeds)
    several = not over_seeds.groups.is_unique
    done = int(over_seeds.is_done.sum())
    st.subheader("Results", divider="gray")
    state.from_link(state.SINGLE, [False, True], False)
    single = several and st.session_state[state.SINGLE]
    shown_rows = cache.comparison(key, False) if single else over_seeds
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{len(chosen)} runs, {done} of them finished, in {shown_rows.groups.nunique()} rows")
        if several:
            st.toggle(
                "A row a run", key=state.SINGLE, help="Every seed in a row of its own, instead of means over seeds."
            )
    state.to_link(single=single or None)
    draw_results(shown_rows, (*key, bool(single)))
    draw_curves(over_seeds, chosen)
    draw_noise_map(over_seeds, key)
    draw_same_examples(chosen)


st.title("Compare")
all_statuses = run_list.statuses()
if len(all_statuses) < 2:
    st.info("There are no two runs to compare yet. Overview starts the paper's experiment, CCE against MAE and IMAE, with one "
            "click; Train queues several losses, noise rates and seeds at once.", icon=":material/hourglass_empty:")  # fmt: skip
    st.page_link("pages/overview.py", label="Overview", icon=":material/home:")
    st.page_link("pages/train.py", label="Train", icon=":material/play_circle:")
    st.stop()
with shown():
    draw(choose(all_statuses))
