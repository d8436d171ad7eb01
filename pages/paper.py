"""Paper: its experiments queued, its numbers beside ours, its figures from our runs."""

import json

import pandas as pd
import streamlit as st

from imae_core.analysis.comparison import mean_curves
from imae_core.data.store import list_datasets
from imae_core.errors import BadInputError
from imae_core.files import without_nan
from imae_core.paper import PRESETS, TABLES, PaperComparison, Preset, suits
from imae_core.paper.compare import caveats, published_only
from imae_core.paper.standing import PaperPlan, counts, seconds_left, submit_missing
from imae_core.paper.tables import comparison_markdown, comparison_records, records_csv, said_of, said_of_ours
from imae_core.runs.comparison import CURVES
from imae_core.runs.tables import dataset_text
from ui import cache, comparison_figures, frame, live_chart, paper_figures, paper_numbers, run_list, state, text
from ui.errors import shown

TABS = {
    "numbers": "Published and ours",
    "runs": "Queue the runs",
    "figures": "Figures",
    "other": "Other published numbers",
}
AXES = {
    "test_accuracy": "Test set",
    "noisy_subset_accuracy": "Noisy subset (lower is better)",
    "clean_subset_accuracy": "Clean subset",
}
MOST_SPREADS = 4
frame.require()
store = state.store()


def stand_ins(preset: Preset) -> list[str]:
    """The official data set, and those of one's own that have its inputs and classes."""
    own = [
        record.name
        for record in list_datasets(store.home)
        if not record.builtin and suits(store.home, preset, record.name)
    ]
    return [preset.dataset, *own]


def choose() -> tuple[Preset, str, PaperComparison]:
    """Preset and data set, from the link or the first that has runs."""
    left, right = st.columns([3, 2])
    state.from_link(state.PRESET, list(PRESETS), "digits")
    name = left.selectbox("Experiments", list(PRESETS), format_func=lambda one: PRESETS[one].title, key=state.PRESET,
                          help="Each preset is one published table, or a scaled-down version of it.")  # fmt: skip
    preset = PRESETS[name]
    found = {} if preset.missing() else {one.dataset: one for one in cache.paper_comparisons(name, run_list.states())}
    options = list(dict.fromkeys([*stand_ins(preset), *found]))
    most = max(found.values(), key=lambda one: one.num_runs).dataset if found else preset.dataset
    state.from_link(state.DATASET, options, most)
    dataset = right.selectbox("Data set", options, format_func=dataset_text, key=state.DATASET,
                              help="The official files, or a data set of yours with the same inputs and classes that stands in for them. Its name "
                              "is on every table.")  # fmt: skip
    st.markdown(f"{preset.summary} **Recipe**: {preset.table.protocol}." if not preset.scaled_down else preset.summary)
    for caveat in caveats(preset, dataset):
        st.caption(f":material/info: {caveat[:1].upper()}{caveat[1:]}.")
    return preset, dataset, found.get(dataset) or published_only(preset, dataset)


@st.fragment(run_every=3.0)
def follow(before: cache.States) -> None:
    """Draws the page anew when a run has changed its state."""
    if run_list.states() != before:
        st.rerun(scope="app")


def draw_numbers(found: PaperComparison) -> None:
    """Ours below the published ones, and whether their orders hold."""
    table = found.preset.table
    st.subheader(f"Published: {table.version}", divider="gray")
    if not found.num_runs:
        st.info("No finished run of this home carries out one of these experiments on this data set yet, so that only the published "
                "numbers are shown. “Queue the runs” starts them.", icon=":material/hourglass_empty:")  # fmt: skip
    st.caption(f"In each cell: published above, ours ({found.variant}) below, in percent; ± is the sample standard deviation over seeds.",
               help=paper_numbers.metric_help(found.metrics))  # fmt: skip
    if found.metrics and any(table.results.values()):
        st.html(paper_numbers.beside_table(found))
        if any(cell.difference is not None for row in found.rows for cell in row.cells.values()):
            st.html(paper_numbers.tint_legend())
    elif found.num_runs:
        st.html(paper_numbers.beside_table(found))
    st.caption(f"{said_of(table)}  \n{said_of_ours(found)}")
    if found.orders and found.num_runs:
        st.markdown("**Do the published orders hold?**")
        paper_numbers.draw_orders(found.orders)
    elif table.claims:
        st.markdown("\n".join(f"- {claim.text}" for claim in table.claims))
    download(found)


def download(found: PaperComparison) -> None:
    records = comparison_records(found)
    name = f"paper-{found.preset.name}-{found.dataset}"
    with st.container(horizontal=True):
        for label, ending, content in (
            ("Markdown", "md", comparison_markdown(found) + "\n"),
            ("CSV", "csv", records_csv(records)),
            ("JSON", "json", json.dumps(without_nan(records), indent=1) + "\n"),
        ):
            st.download_button(label, content, f"{name}.{ending}", icon=":material/download:", key=f"paper_{ending}", on_click="ignore",
                               help="Published and ours, with version, protocol and data set.")  # fmt: skip


def parse_seeds(written: str) -> tuple[int, ...]:
    try:
        seeds = tuple(sorted({int(part) for part in written.replace(" ", ",").split(",") if part}))
    except ValueError:
        raise BadInputError(f"seeds must be whole numbers, such as 0, 1, 2; got {written!r}") from None
    if not seeds or min(seeds) < 0:
        raise BadInputError(f"give at least one seed of 0 or more, such as 0; got {written!r}")
    return seeds


def draw_queue(preset: Preset, dataset: str) -> None:
    """What is there, what the rest takes, and the button."""
    lacking = preset.missing()
    if lacking:
        st.warning(
            f"This program cannot run these experiments yet: it lacks the {', the '.join(lacking)}.",
            icon=":material/warning:",
        )
        return
    left, right = st.columns(2)
    written = left.text_input("Seeds", "0", key="paper_seeds", help="One run for each experiment and seed; several with commas. The paper's numbers "
                              "are of single runs.")  # fmt: skip
    with shown():
        plan = PaperPlan(preset.name, dataset, parse_seeds(written))
        found = cache.paper_places(plan, run_list.states())
        missing = [place for place in found if place.state == "missing"]
        stopped = [place for place in found if place.state in ("stopped", "failed")]
        columns = st.columns(4)
        columns[0].metric("Runs", len(found))
        columns[1].metric(
            "Done", sum(place.state == "done" for place in found), help="Done here already, whoever queued them."
        )
        columns[2].metric("Missing", len(missing))
        seconds = seconds_left(store, found)
        columns[3].metric("Time for the rest", "not measured yet" if seconds is None else text.duration(seconds),
                          help="One after another, from the measured steps of finished runs of the same net and data on this machine; "
                          "otherwise known after the first epoch.")  # fmt: skip
        if not next((r.ready for r in list_datasets(store.home) if r.name == dataset), False):
            st.caption("The data set is **not here yet**: fetch it on Datasets first, or the first run will.")
        with right:
            again = bool(stopped) and st.checkbox("Try failed ones again", key="paper_again")
        goes_on = [place for place in stopped if again or place.state == "stopped"]
        label = f"Queue {len(missing)} missing" + (f", resume {len(goes_on)}" if goes_on else "")
        if st.button(
            label,
            type="primary",
            icon=":material/rocket_launch:",
            key="paper_queue",
            disabled=not missing and not goes_on,
        ):
            queued = submit_missing(store, plan, again=again)
            st.session_state[state.NEW_RUNS] = [*queued.new, *queued.resumed]
            run_list.statuses.clear()
            st.switch_page("pages/runs.py")
        st.caption(counts(found))
        st.dataframe(
            pd.DataFrame([{"state": text.STATE_LABELS.get(place.state, f"· {place.state}"), "run": place.cell.config.title,
                           "net": place.cell.config.model.name, "id": place.run.run_id if place.run else ""} for place in found]),
            hide_index=True, height=min(400, 38 + 35 * len(found)), key="paper_places",
        )  # fmt: skip


def draw_presets(dataset: str) -> None:
    """All presets, with what is there of each."""
    st.markdown("**All presets**", help="Seed 0, on the chosen data set where it can stand in for the official one.")
    st.dataframe(
        pd.DataFrame([{"experiments": one.preset.title, "runs": len(one.preset.settings), "here": one.here, "data set": dataset_text(one.dataset),
                       "time for the rest": "" if not one.places else text.duration(one.seconds_left) if one.seconds_left is not None else "known after the first epoch",
                       "protocol": (one.preset.scaled_down and f"scaled down: {one.preset.scaled_down}") or one.preset.table.protocol}
                      for one in cache.paper_standings(dataset, run_list.states())]),
        hide_index=True, height="content", key="paper_presets",
        column_config={"here": st.column_config.TextColumn(help="Runs of this home with the very settings, whoever queued them."),
                       "time for the rest": st.column_config.TextColumn(help="Machine time, from measured steps of finished runs of the same net and data.")},
    )  # fmt: skip


def draw_curve_figures() -> None:
    """Figures of the losses themselves: no run is needed."""
    st.markdown("**The losses themselves** (no run needed)")
    left, middle, right = st.columns(3)
    for column, key, heading, figure in (
        (left, "weights", "Weight against p", paper_figures.weights_of_losses()),
        (middle, "weights_T", "Weight of IMAE over T (log axis)", paper_figures.weights_by_contrast()),
        (right, "slopes_T", "|dL/dp| of IMAE over T (log axis)", paper_figures.slopes_by_contrast()),
    ):
        with column:
            st.caption(heading)
            live_chart.chart(figure, key=f"paper_{key}")


@st.fragment
def draw_run_figures(found: PaperComparison) -> None:
    """Accuracy against iterations, and p of clean and corrupted examples, of one net and noise."""
    st.markdown("**From our runs**")
    tasks: dict[str, list] = {}
    for row in found.rows:
        if row.finished:
            tasks.setdefault(f"{row.setting.net_title}, {row.setting.noise_title}", []).append(row)
    if not tasks:
        st.info("These need a finished run of this preset and data set: accuracy against iterations on the test set, the noisy and the clean "
                "subset, and the distribution of p over training.", icon=":material/hourglass_empty:")  # fmt: skip
        return
    names = list(tasks)
    noisy = next((name for name in names if not name.endswith(" 0 %")), names[0])
    if st.session_state.get("paper_task") not in names:
        st.session_state["paper_task"] = noisy
    rows = tasks[st.selectbox("Net and noise", names, key="paper_task", width=320)]
    groups = pd.Series({run_id: row.setting.loss_title for row in rows for run_id in row.finished}, dtype=object)
    styles = comparison_figures.line_styles(list(groups.unique()))
    by_id = {status.run.run_id: status for status in run_list.statuses()}
    table = cache.curves(tuple((run_id, by_id[run_id].run.finished) for run_id in groups.index if run_id in by_id))
    st.caption(f"Accuracy against iterations, evaluated; {dataset_text(found.dataset)}, "
               + "; ".join(f"{name}: {count} run(s)" for name, count in groups.value_counts(sort=False).items()) + ".")  # fmt: skip
    st.html(comparison_figures.legend(styles))
    for column, name in zip(st.columns(3), CURVES, strict=True):
        with column:
            st.markdown(f"**{AXES[name]}**")
            curves = mean_curves(table, groups, name, by="step")
            live_chart.chart(comparison_figures.seed_curves(curves, table.head(0).assign(group=""), name, styles, "accuracy", "step"),
                             key=f"paper_{name}")  # fmt: skip
    draw_spreads({row.setting.loss_title: row.finished[0] for row in rows[:MOST_SPREADS]}, by_id)


def draw_spreads(runs: dict[str, str], by_id: dict) -> None:
    spreads = {
        name: cache.p_spread(run_id, by_id[run_id].run.finished) for name, run_id in runs.items() if run_id in by_id
    }
    spreads = {name: found for name, found in spreads.items() if found}
    if not spreads:
        return
    first = next(iter(spreads.values()))
    sizes = ", ".join(f"{spread.num_examples:,} {name}" for name, spread in first.items())
    which = "; ".join(f"{name} `{runs[name]}`" for name in spreads)
    st.markdown("**Distribution of p over training**", help="p is the probability of the given label. A column is an evaluated epoch; the darker, the more of "
                "the population has that p.")  # fmt: skip
    st.caption(f"Evaluated, one run a loss ({which}), {sizes} training examples.")
    live_chart.chart(paper_figures.p_over_training(spreads), key="paper_spread")


def draw_other() -> None:
    """Published numbers for which there is no preset, and the protocols side by side."""
    used = {preset.table.name for preset in PRESETS.values()}
    for table in TABLES.values():
        if table.name not in used:
            st.markdown(f"**{table.title}**")
            st.html(paper_numbers.published_table(table))
            st.caption(said_of(table))


st.title("Paper")
st.caption("The experiments of IMAE (arXiv 1903.12141) and of the 8-layer-CNN protocol: queue them, and see the published numbers beside yours. Versions and "
           "protocols are never mixed; the paper's two versions disagree at 80 % noise.")  # fmt: skip
with shown():
    preset, dataset, found = choose()
    state.from_link(state.VIEW, list(TABS), "numbers")
    tab = st.segmented_control(
        "Show", list(TABS), format_func=TABS.__getitem__, key=state.VIEW, required=True, label_visibility="collapsed"
    )
    state.to_link(preset=preset.name, dataset=dataset, view=tab)
    if tab == "numbers":
        draw_numbers(found)
    elif tab == "runs":
        draw_queue(preset, dataset)
        draw_presets(dataset)
    elif tab == "figures":
        draw_curve_figures()
        draw_run_figures(found)
    else:
        draw_other()
    follow(run_list.states())
