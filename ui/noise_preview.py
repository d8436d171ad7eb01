"""What noise does to a data set, before anything is trained: rate, matrices, counts, and examples before and after."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from imae_core.catalog import NOISES
from imae_core.config import RunConfig, parse_config
from imae_core.data.dataset import Dataset
from imae_core.noise import LabelNoise
from imae_core.training.rows import TrainingRows
from ui import cache, figures, live_chart, text
from ui.figures import COLOR
from ui.gallery import Card, gallery, picture_address
from ui.inspect.view import NO_CLASS

FLIPPED_SHOWN = 24
CHANGED_SHOWN = 9  # a row on a laptop, so that what belongs together is above each other
CLASSES_DRAWN = 100
VALUES_AT_ONCE = 20_000_000  # beyond so many input values, noise that reads all of them is drawn on demand


def preview_config(dataset: str, noise: dict[str, Any], noise_seed: int, num_train: int | None = None) -> RunConfig:
    """A run of which only data and noise count."""
    return parse_config(
        {
            "dataset": dataset, "noise": noise, "noise_seed": noise_seed, "num_train": num_train, "epochs": 1,
            "batch_size": 1, "lr": 1.0, "model": {"name": "mlp"},
        }
    )  # fmt: skip


def noise_preview(config: RunConfig, key: str) -> None:
    """Draws what the config's noise does to its data set with its noise seed; on demand where that takes long."""
    data = cache.dataset(config.dataset)
    reads = [config.noise.kind, *(part["kind"] for part in config.noise.params.get("components", []))]
    size = (config.num_train or data.num_train) * int(np.prod(data.input_shape))
    is_slow = size > VALUES_AT_ONCE and any(NOISES[kind].reads_inputs for kind in reads)
    if is_slow and not st.toggle(
        "Draw it", key=f"{key}_draw", help="This noise reads all inputs, which takes a while."
    ):
        st.caption(f"This noise reads the inputs of {data.title}; switch on to see what it does.")
        return
    drawn = cache.noisy_data(config)
    _numbers(config, drawn)
    if data.num_classes > CLASSES_DRAWN:
        st.caption(f"The transition matrices of {data.num_classes:,} classes are too large to draw.")
    elif NOISES[config.noise.kind].changes_inputs:
        st.caption("Labels are kept: the transition matrix is the identity.")
    else:
        _matrices(drawn.labels.noise, data.class_names, key)
    _examples(drawn, data, key)
    with st.expander("Counts by class", icon=":material/table:"):
        st.dataframe(class_counts(drawn.labels.noise, data.class_names), hide_index=True, key=f"{key}_counts")


def _numbers(config: RunConfig, drawn: TrainingRows) -> None:
    noise = drawn.labels.noise
    uses_rate = NOISES[config.noise.kind].uses_rate
    columns = st.columns(3)
    columns[0].metric("Requested rate", text.percent(config.noise.rate, 0) if uses_rate else "–",
                      help="The r in the noise model's definition.")  # fmt: skip
    columns[1].metric("Realised rate", text.percent(noise.realized_noise_rate, 2),
                      help="Share of the examples that are corrupted with this noise seed.")  # fmt: skip
    what = "Changed inputs" if noise.input_change is not None else "Flipped labels"
    columns[2].metric(what, f"{noise.is_corrupted.sum():,} of {len(drawn.index):,}")


def _matrices(noise: LabelNoise, class_names: tuple[str, ...], key: str) -> None:
    """The transition matrix of the model beside that of the draw."""
    left, right = st.columns(2)
    with left:
        live_chart.chart(
            figures.transition_heatmap(noise.transition_matrix, class_names, "The model's transition matrix, %"),
            key=f"{key}_model_matrix",
        )
    with right:
        live_chart.chart(
            figures.transition_heatmap(noise.realized_transition_matrix, class_names, "The realised one, %"),
            key=f"{key}_realized_matrix",
        )


def _examples(drawn: TrainingRows, whole: Dataset, key: str) -> None:
    """Some corrupted examples; those with another input before and after."""
    noise = drawn.labels.noise
    corrupted = np.flatnonzero(noise.is_corrupted)
    is_changed = noise.input_change is not None
    if not len(corrupted):
        st.info(f"No {'input' if is_changed else 'label'} changes at this rate.", icon=":material/check_circle:")
        return
    chosen = np.sort(np.random.default_rng(0).permutation(corrupted)[: CHANGED_SHOWN if is_changed else FLIPPED_SHOWN])
    title = "Changed examples" if is_changed else "Flipped examples"
    st.markdown(f"**{title}** ({len(chosen)} of {len(corrupted):,})")
    if not is_changed:
        gallery(_cards(noise, whole, drawn.index, chosen, drawn.dataset.train_inputs[chosen]), key=f"{key}_examples")
    elif whole.is_image:
        st.caption("As they are stored, and below as a run sees them:")
        before = whole.train_inputs[drawn.index[chosen]]
        cards = _cards(noise, whole, drawn.index, chosen, before)
        gallery([replace(card, color=COLOR["clean"], lines=card.lines[-1:]) for card in cards], key=f"{key}_before")
        gallery(_cards(noise, whole, drawn.index, chosen, drawn.dataset.train_inputs[chosen]), key=f"{key}_examples")
    else:
        _changed_rows(drawn, whole, chosen, key)


def _cards(noise: LabelNoise, data: Dataset, rows: np.ndarray, chosen: np.ndarray, inputs: np.ndarray) -> list[Card]:
    cards = []
    for place, values in zip(chosen, inputs, strict=True):
        given, true, row = noise.given_labels[place], noise.true_labels[place], int(rows[place])
        right = NO_CLASS if true < 0 else data.class_names[true]
        lines = [f"given {data.class_names[given]}", f"true {right}", f"row {row}"]
        picture = picture_address(values, data.scale) if data.is_image else ""
        cards.append(Card(row, COLOR["corrupted"], lines, f"row {row}: {lines[0]}, {lines[1]}", picture))
    return cards


def _changed_rows(drawn: TrainingRows, whole: Dataset, chosen: np.ndarray, key: str) -> None:
    names = list(whole.feature_names or (f"feature {place}" for place in range(whole.input_shape[0])))
    rows = []
    for place in chosen:
        row = int(drawn.index[place])
        for when, values in (("before", whole.train_inputs[row]), ("after", drawn.dataset.train_inputs[place])):
            rows.append({"row": row, "": when, **dict(zip(names, map(float, values), strict=True))})
    st.dataframe(pd.DataFrame(rows), hide_index=True, key=f"{key}_rows")


def class_counts(noise: LabelNoise, class_names: tuple[str, ...]) -> pd.DataFrame:
    """A row a class: examples by reference label, by given label, corrupted ones of either."""
    K = len(class_names)
    has_truth = noise.true_labels >= 0
    corrupted = noise.is_corrupted
    columns = {
        "true": noise.true_labels[has_truth],
        "true, corrupted": noise.true_labels[has_truth & corrupted],
        "given": noise.given_labels,
        "given, corrupted": noise.given_labels[corrupted],
    }
    counts = {name: np.bincount(labels, minlength=K) for name, labels in columns.items()}
    return pd.DataFrame({"class": list(class_names), **counts})
