"""Inspect: which examples a run listened to, epoch by epoch."""

import numpy as np
import pandas as pd
import streamlit as st

from imae_core.analysis.findings import attention_sentence
from imae_core.analysis.weights import median, populations
from imae_core.catalog import LOSSES
from imae_core.curves import CURVES, curve_on, uniform_p
from imae_core.data.dataset import Dataset
from imae_core.errors import DatasetError
from imae_core.runs.folder import RunFolder, Source
from imae_core.runs.status import RunStatus, all_statuses
from imae_core.runs.submit import run_folder
from ui import cache, figures, frame, state
from ui.errors import shown
from ui.figures import COLOR
from ui.gallery import Card, gallery, picture_address

SHOWN = 24
SOURCE_TITLES = {"seen": "as trained", "eval": "evaluated"}
VIEWS = {
    "corrupted_high": ("Highest-weighted corrupted", True, "weight", False),
    "clean_low": ("Lowest-weighted clean", False, "weight", True),
    "clean_high": ("Highest-weighted clean", False, "weight", False),
    "corrupted_low": ("Lowest-weighted corrupted", True, "weight", True),
    "suspicious": ("Least likely labels, clean or not", None, "p_label", True),
}
# where nobody knows which labels are wrong
UNKNOWN_VIEWS = {
    "suspicious": ("Least likely labels", None, "p_label", True),
    "high": ("Highest-weighted", None, "weight", False),
    "low": ("Lowest-weighted", None, "weight", True),
}
frame.require()
store = state.store()


def choose_run(statuses: list[RunStatus]) -> RunStatus:
    """The run in the address bar, else the last one looked at, else the newest; epoch and example stay, to compare."""
    by_id = {status.run.run_id: status for status in statuses}
    last = st.session_state.get(state.LAST_RUN)
    state.from_link(state.RUN, list(by_id), last if last in by_id else statuses[0].run.run_id)
    run_id = st.selectbox(
        "Run", list(by_id), key=state.RUN,
        format_func=lambda i: f"{by_id[i].run.title} · {by_id[i].run.state} · {i[-6:]}",
    )  # fmt: skip
    st.session_state[state.LAST_RUN] = run_id
    return by_id[run_id]


def choose_moment(folder: RunFolder) -> tuple[Source, int]:
    """Source and epoch."""
    left, right = st.columns([1, 3], gap="large")
    sources: list[Source] = [source for source in ("seen", "eval") if folder.epochs(source)]
    state.from_link(state.SOURCE, sources, sources[0])
    with left:
        source = st.segmented_control(
            "Measured", sources, format_func=SOURCE_TITLES.__getitem__, key=state.SOURCE, required=True,
            help="**as trained**: what each example was to the training step itself, augmented, with the weight that it really "
            "had. **evaluated**: a pass after the epoch in evaluation mode, without augmentation.",
        )  # fmt: skip
    epochs = folder.epochs(source)
    wanted = str(st.session_state.get(state.EPOCH) or st.query_params.get(state.EPOCH, ""))
    if st.session_state.get(state.EPOCH) not in epochs:
        nearest = min(epochs, key=lambda e: abs(e - int(wanted))) if wanted.isdigit() else epochs[-1]
        st.session_state[state.EPOCH] = nearest
    with right:
        if len(epochs) > 1:
            epoch = st.select_slider(
                "Epoch", epochs, key=state.EPOCH, help="Drag, or use the arrow keys. The last epoch is shown first."
            )
        else:
            epoch = epochs[0]
            st.caption(f"Epoch {epoch}, the only one so far.")
    return source, int(epoch)


def is_known(examples: pd.DataFrame) -> bool:
    """Whether it is known which labels are wrong."""
    return bool((examples["true_label"] >= 0).all())


def draw_distributions(
    status: RunStatus, source: Source, epoch: int, table: pd.DataFrame, examples: pd.DataFrame
) -> None:
    """Histograms of weight and p, the curve with both populations, and the share over epochs."""
    known = is_known(examples)
    log = st.toggle("Logarithmic counts", key="log_counts", help="Shows small groups beside large ones.")
    masks = populations(examples["is_corrupted"] if known else None, len(examples))
    whose = " of clean and corrupted examples" if known else " of all examples"
    left, right = st.columns(2, gap="large")
    for column, quantity, title in ((left, "weight", "Weight"), (right, "p_label", "Probability of the given label")):
        with column:
            st.markdown(f"**{title}**{whose}")
            counts = cache.histogram(status.folder, source, epoch, quantity)
            edges = counts.pop("edges")
            medians = {name: median(table[quantity].to_numpy()[mask]) for name, mask in masks.items() if mask.any()}
            shown_counts = {name: values for name, values in counts.items() if masks[name].any()}
            st.plotly_chart(
                figures.population_histogram(shown_counts, edges, quantity, medians, log), key=f"hist_{quantity}"
            )
    with left:
        loss = status.run.config.loss
        st.markdown("**The weighting curve**, and where along it the examples are")
        if loss.name in CURVES:
            p = uniform_p()
            counts = cache.histogram(status.folder, source, epoch, "p_label")
            edges = counts.pop("edges")
            counts = {name: values for name, values in counts.items() if masks[name].any()}
            weight = curve_on(loss.name, p, **loss.params)
            title = LOSSES[loss.name].title.split(" (")[0]
            st.plotly_chart(figures.curve_with_populations(p, weight, counts, edges, title), key="curve_populations")
    with right:
        st.markdown("**Who gets the gradient**, over the epochs")
        if not known:
            st.info("That takes known corrupted examples: inject noise, or bring true labels.", icon=":material/help:")
            return
        epochs = status.folder.epochs(source)
        chosen = epochs[:: max(1, len(epochs) // 200)]
        shares = [cache.share(status.run.run_id, source, e, written(status)) for e in chosen]
        frame = pd.DataFrame({"epoch": chosen, "data_share": [s.data_share for s in shares],
                              "weight_share": [s.weight_share for s in shares]})  # fmt: skip
        st.plotly_chart(figures.share_over_epochs(frame, epoch), key="share_over_epochs")


def written(status: RunStatus) -> float:
    """A key that changes when a run is started anew."""
    return status.run.started or 0.0


def draw_gallery(status: RunStatus, source: Source, epoch: int, table: pd.DataFrame, examples: pd.DataFrame) -> None:
    """Pictures of one group of examples; a click opens the example."""
    st.subheader("The examples behind it", divider="gray")
    known = is_known(examples)
    all_views = VIEWS if known else UNKNOWN_VIEWS
    views = [name for name, view in all_views.items() if view[1] is not True or examples["is_corrupted"].any()]
    state.from_link(state.VIEW, views, views[0])
    view = st.segmented_control(
        "Show", views, format_func=lambda name: all_views[name][0], key=state.VIEW, required=True, wrap=True,
        help="Weight is how hard an example pulls on the net in this epoch."
        + (" Blue frame: clean; orange: corrupted." if known else ""),
    )  # fmt: skip
    _, corrupted, column, ascending = all_views[view]
    joined = pd.concat([examples, table], axis=1)
    if corrupted is not None:
        joined = joined[joined["is_corrupted"] == corrupted]
    ranked = joined.dropna(subset=[column]).sort_values(column, ascending=ascending, kind="stable")
    st.caption(
        f"{min(SHOWN, len(ranked))} of {len(ranked):,} examples, {SOURCE_TITLES[source]}, epoch {epoch}. Click one to follow it."
    )
    data = run_dataset(status)
    cards = [card(data, int(row), record) for row, record in ranked.head(SHOWN).iterrows()]
    chosen = chosen_example(len(examples))
    gallery(cards, key="gallery", chosen=chosen, on_click=open_example)
    state.to_link(run=status.run.run_id, source=source, epoch=epoch, view=view, example=chosen)
    if chosen is not None:
        draw_example(status, source, epoch, chosen, joined_row(examples, table, chosen), data)


def open_example(row: int) -> None:
    st.session_state[state.EXAMPLE] = row


def chosen_example(num_examples: int) -> int | None:
    """The example of the session, else of the address bar."""
    linked = st.query_params.get(state.EXAMPLE, "")
    if state.EXAMPLE not in st.session_state and linked.isdigit() and int(linked) < num_examples:
        st.session_state[state.EXAMPLE] = int(linked)
    return st.session_state.get(state.EXAMPLE)


def joined_row(examples: pd.DataFrame, table: pd.DataFrame, row: int) -> pd.Series:
    return pd.concat([examples.loc[row], table.loc[row]])


def run_dataset(status: RunStatus) -> Dataset | None:
    """The run's data set, or None with a word where it was removed or is another by now."""
    try:
        data = cache.dataset(status.run.config.dataset)
    except DatasetError as error:
        st.caption(f"No pictures: {error}")
        return None
    if data.fingerprint != status.folder.environment().get("data_fingerprint", data.fingerprint):
        st.caption(f"No pictures: {data.name} is not the data set that this run was trained on; that one was removed.")
        return None
    return data


def names_of(data: Dataset | None, record: pd.Series) -> tuple[str, str, str]:
    """Given, true and predicted class, in words; "" where the true one is not known."""
    labels = (int(record["given_label"]), int(record["true_label"]), int(record["predicted"]))
    names = ("" if label < 0 else str(label) if data is None else data.class_names[label] for label in labels)
    given, true, predicted = names
    return given, true, predicted


def kind_of(record: pd.Series) -> str:
    """The population that an example belongs to."""
    if record["true_label"] < 0:
        return "all"
    return "corrupted" if record["is_corrupted"] else "clean"


def card(data: Dataset | None, row: int, record: pd.Series) -> Card:
    given, true, _ = names_of(data, record)
    index = int(record["index"])
    picture = picture_address(data.train_inputs[index], data.scale) if data is not None and data.is_image else ""
    numbers = [f"p {record['p_label']:.3f}", f"w {record['weight']:.3f}"]
    labels = [f"given {given}"] + ([f"true {true}"] if true else [])
    return Card(row, COLOR[kind_of(record)], [*labels, *numbers], f"example {index}: {', '.join(labels)}", picture)


def table_row(data: Dataset, index: int) -> None:
    """The values of a row of a table."""
    names = data.feature_names or [f"feature {place}" for place in range(data.input_shape[0])]
    values = pd.DataFrame({"feature": names, "value": np.asarray(data.train_inputs[index])})
    st.dataframe(values, hide_index=True, height=200, key="row_values")


def draw_example(
    status: RunStatus, source: Source, epoch: int, row: int, record: pd.Series, data: Dataset | None
) -> None:
    """One example over all epochs."""
    given, true, predicted = names_of(data, record)
    kind = kind_of(record)
    index = int(record["index"])
    left, right = st.columns([1, 3], gap="large")
    with left, st.container(key="example"):
        st.markdown(f"#### Example {index}")
        if data is not None and data.is_image:
            address = picture_address(data.train_inputs[index], data.scale)
            st.html(f'<img src="{address}" alt="example {index}" style="width:160px;image-rendering:pixelated;'
                    f'border:4px solid {COLOR[kind]};border-radius:8px">')  # fmt: skip
        elif data is not None:
            table_row(data, index)
        labels = f"**{kind}** · given **{given}** · true **{true}**" if true else f"given **{given}**"
        st.markdown(f"{labels}  \npredicted **{predicted}** · p {record['p_label']:.3f} "
                    f"· weight {record['weight']:.3f}")  # fmt: skip
    with right:
        st.markdown("**Over the epochs**")
        table = status.folder.example_dynamics(source, row)
        st.plotly_chart(figures.example_trajectory(table, epoch), key="trajectory")


@st.fragment(run_every=1.5)
def follow(run_id: str, epochs_shown: int) -> None:
    """While a run trains: draws the page anew when an epoch has been added, at the newest one if that was shown."""
    run = store.get(run_id)
    folder = run_folder(store.home, run_id)
    on = st.toggle("Follow the training", value=True, key="follow", help="Moves to each new epoch as it is recorded.")
    if not on or (len(folder.epochs("seen")) == epochs_shown and run.is_active):
        return
    st.session_state.pop(state.EPOCH, None)
    st.query_params.pop(state.EPOCH, None)
    st.rerun(scope="app")


def finding(status: RunStatus, source: Source, epoch: int, first_epoch: int, known: bool) -> str:
    """What the view says, in a sentence."""
    if not known:
        return "Which labels are wrong is not known for this data set, so all examples are shown as one population."
    now = cache.share(status.run.run_id, source, epoch, written(status))
    first = cache.share(status.run.run_id, source, first_epoch, written(status)) if epoch != first_epoch else None
    return attention_sentence(now, first, first_epoch)


def draw(status: RunStatus) -> None:
    folder = status.folder
    if not folder.epochs("seen"):
        waiting = "It has not finished an epoch yet; this page fills as soon as it has." if not status.run.has_ended else (
            f"It ended before its first epoch: {status.run.message}")  # fmt: skip
        st.info(waiting, icon=":material/hourglass_top:")
        return
    if status.run.is_active:
        follow(status.run.run_id, len(folder.epochs("seen")))
    source, epoch = choose_moment(folder)
    examples = cache.examples(status.run.run_id, status.run.attempt)
    table = cache.dynamics(status.run.run_id, source, epoch, written(status))
    first_epoch = folder.epochs(source)[0]
    with st.container(key="finding"):
        st.markdown(f"##### {finding(status, source, epoch, first_epoch, is_known(examples))}")
    corrupted = f"{int(examples['is_corrupted'].sum()):,} corrupted" if is_known(examples) else "true labels not known"
    st.caption(
        f"{status.run.title} · {len(examples):,} training examples, {corrupted} · "
        f"{SOURCE_TITLES[source]}, epoch {epoch} · gradient: the L1 norm with respect to the logits, reduction "
        f"{status.run.config.loss.reduction}"
    )
    limit = status.run.config.loss.max_log_odds
    fitted = int((table["weight"] == 0).sum())
    if limit is not None and fitted:
        st.caption(
            f"{fitted:,} examples have weight 0: they are fitted beyond log odds of {limit:g} (p > 1 - 1e-13), where a run lets "
            "go of an example. Without that, a loss with weight at p = 1 pushes fitted examples until the net breaks."
        )
    draw_distributions(status, source, epoch, table, examples)
    draw_gallery(status, source, epoch, table, examples)


st.title("Inspect")
statuses = all_statuses(store)
if not statuses:
    st.info("There is no run to inspect yet. Overview starts the paper's experiment with one click; Train sets up your own.",
            icon=":material/hourglass_empty:")  # fmt: skip
    st.page_link("pages/overview.py", label="Overview", icon=":material/home:")
    st.stop()
with shown():
    draw(choose_run(statuses))
