"""Catalog records to widgets."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from imae_core.catalog import LOSSES, NOISES, Entry, Parameter
from imae_core.data.dataset import Dataset


def parameter_input(parameter: Parameter, key: str, value: float | None = None) -> float:
    """A number input with the parameter's range, default, help and source."""
    start = parameter.default if value is None else value
    help_text = f"{parameter.help} Range {parameter.allowed}; default {parameter.default:g} ({parameter.source})."
    low = parameter.low + (parameter.step / 10 if parameter.open_low else 0)
    high = parameter.high - (parameter.step / 10 if parameter.open_high else 0)
    if parameter.integer:
        return int(
            st.number_input(
                parameter.name, int(low), int(high), int(start), max(1, int(parameter.step)), help=help_text, key=key
            )
        )
    return float(
        st.number_input(
            parameter.name, float(low), float(high), float(start), float(parameter.step), help=help_text, key=key,
            format="%g",
        )
    )  # fmt: skip


def entry_parameters(entry: Entry, key: str, values: Mapping[str, float] | None = None) -> dict[str, float]:
    """All numbers of an entry, side by side."""
    given = values or {}
    columns = st.columns(max(len(entry.numbers), 1))
    chosen = {}
    for column, parameter in zip(columns, entry.numbers, strict=False):
        with column:
            chosen[parameter.name] = parameter_input(parameter, f"{key}_{parameter.name}", given.get(parameter.name))
    return chosen


def own_noise_rate(data: Dataset) -> float | None:
    """Share of the given labels that differ from known true ones; None where the data set brings no noise of its own."""
    if data.train_true_labels is None:
        return None
    return float((np.asarray(data.train_labels) != np.asarray(data.train_true_labels)).mean())


def labels_note(labels_are_true: bool, own_noise_rate: float | None) -> None:
    """What injected noise is relative to, where that is not plainly the truth."""
    if own_noise_rate is not None:
        st.info(
            f"This data set brings noise of its own: {own_noise_rate:.1%} of the given labels differ from the true ones. A rate of 0 % "
            "trains on the given labels as they are; any other rate replaces them by noise injected into the true ones.",
            icon=":material/info:",
        )
    elif not labels_are_true:
        st.info(
            "The true labels of this data set are not known. Noise is injected relative to the labels as uploaded, which may be "
            "wrong themselves: some examples that are called clean are not. At a rate of 0 % nothing is called clean or corrupted.",
            icon=":material/info:",
        )


def noise_controls(
    key: str, class_names: tuple[str, ...], mapping: tuple[int, ...] | None, start: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Kind, rate and parameters of a NoiseConfig."""
    start = start or {}
    kinds = list(NOISES)
    left, right = st.columns(2)
    with left:
        kind = st.selectbox(
            "Noise model",
            kinds,
            index=kinds.index(start.get("kind", "symmetric")),
            format_func=lambda name: NOISES[name].title,
            help="How wrong labels come about. " + " ".join(f"**{e.title}**: {e.summary}" for e in NOISES.values()),
            key=f"{key}_kind",
        )
    noise: dict[str, Any] = {"kind": kind, "rate": 0.0, "params": {}}
    with right:
        if kind == "transition_matrix":
            st.caption("The rate follows from the matrix.")
        else:
            noise["rate"] = (
                st.slider(
                    "Noise rate",
                    0,
                    100,
                    round(100 * start.get("rate", 0.4)),
                    5,
                    format="%d %%",
                    help="The probability r in the noise model's definition. 0 trains on the labels as they are.",
                    key=f"{key}_rate",
                )
                / 100
            )
    if kind == "asymmetric" and mapping is not None:
        noise["params"]["mapping"] = list(mapping)
    if kind == "transition_matrix":
        noise["params"]["matrix"] = _matrix_editor(key, class_names)
    return noise


def _matrix_editor(key: str, class_names: tuple[str, ...]) -> list[list[float]]:
    """A K x K table to edit; starts with 20 % symmetric noise. Beyond 20 classes: a CSV upload."""
    K = len(class_names)
    if K > 20:
        upload = st.file_uploader(f"{K} x {K} matrix as CSV without a header", type="csv", key=f"{key}_matrix_file")
        if upload is not None:
            return pd.read_csv(upload, header=None).to_numpy(dtype=float).tolist()  # type: ignore[no-any-return]
        return np.eye(K).tolist()  # type: ignore[no-any-return]
    start = np.full((K, K), 0.2 / (K - 1))
    np.fill_diagonal(start, 0.8)
    names = [f"{place} {name}" for place, name in enumerate(class_names)]
    st.caption("Row: true class. Column: given class. Each row must sum to 1.")
    table = st.data_editor(pd.DataFrame(start, index=names, columns=names), key=f"{key}_matrix")
    return table.to_numpy(dtype=float).tolist()  # type: ignore[no-any-return]


def loss_title(name: str) -> str:
    return LOSSES[name].title
