"""Catalog records to widgets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from imae_core.catalog import LOSSES, NOISES, Entry, NoiseEntry, Parameter, TextParameter
from imae_core.data.dataset import Dataset
from imae_core.data.facts import DatasetFacts, complete_components, known_params, offered_noises
from imae_core.data.store import DatasetRecord
from imae_core.errors import BadInputError

MIXTURE = ({"kind": "symmetric", "share": 0.5, "rate": 0.4}, {"kind": "pairflip", "share": 0.25, "rate": 0.4})

SIDE_BY_SIDE = 4


def parameter_input(parameter: Parameter, key: str, value: float | None = None, slider: bool = False) -> float:
    """A number input, a slider or a switch, with the parameter's range, default, help and source."""
    start = parameter.default if value is None else value
    elsewhere = "".join(f", {dataset} {number:g}" for dataset, number in parameter.by_dataset.items())
    help_text = (
        f"{parameter.help} Range {parameter.allowed}; default {parameter.default:g}{elsewhere} ({parameter.source})."
    )
    low = parameter.low + (parameter.step / 10 if parameter.open_low else 0)
    high = parameter.high - (parameter.step / 10 if parameter.open_high else 0)
    if parameter.integer and (low, high) == (0, 1):
        return int(st.toggle(parameter.name, bool(start), help=help_text, key=key))
    kind: type[int] | type[float] = int if parameter.integer else float
    numbers = [
        kind(low),
        kind(high),
        kind(start),
        max(1, int(parameter.step)) if kind is int else float(parameter.step),
    ]
    widget = st.slider if slider else st.number_input
    return kind(widget(parameter.name, *numbers, help=help_text, key=key, format="%d" if kind is int else "%g"))  # type: ignore[arg-type]


def entry_parameters(entry: Entry, key: str, values: Mapping[str, float] | None = None) -> dict[str, float]:
    """All numbers of an entry, side by side, in rows of at most four."""
    given = values or {}
    chosen = {}
    for start in range(0, len(entry.numbers), SIDE_BY_SIDE):
        row = entry.numbers[start : start + SIDE_BY_SIDE]
        for column, parameter in zip(st.columns(len(row)), row, strict=True):
            with column:
                name = parameter.name
                chosen[name] = parameter_input(parameter, f"{key}_{name}", given.get(name))
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


def picture_sources(records: Iterable[DatasetRecord], name: str) -> list[str]:
    """Data sets that are here and have pictures, but `name`."""
    return [record.name for record in records if record.ready and len(record.shape) == 3 and record.name != name]


def noise_controls(
    key: str,
    facts: DatasetFacts,
    class_names: tuple[str, ...],
    sources: Sequence[str] = (),
    start: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Kind, rate and parameters of a NoiseConfig; `sources` are data sets that open-set noise may take pictures from."""
    start = start or {}
    kinds = offered_noises(facts)
    first = start.get("kind", "symmetric")
    left, right = st.columns(2)
    with left:
        kind = st.selectbox(
            "Noise model",
            kinds,
            index=kinds.index(first) if first in kinds else 0,
            format_func=lambda name: NOISES[name].title,
            help="How wrong labels or inputs come about. "
            + " ".join(f"**{NOISES[k].title}**: {NOISES[k].summary}" for k in kinds),
            key=f"{key}_kind",
        )
    entry = NOISES[kind]
    given = start.get("params", {}) if first == kind else {}
    noise: dict[str, Any] = {"kind": kind, "rate": 0.0, "params": known_params(kind, facts)}
    with right:
        if entry.uses_rate:
            rate = round(100 * start.get("rate", 0.4))
            noise["rate"] = (
                st.slider("Noise rate", 0, 100, rate, 5, format="%d %%", help=entry.rate_help, key=f"{key}_rate") / 100
            )
        else:
            st.caption("The rate follows from what you fill in below.")
    st.caption(f"{entry.summary} Source: {entry.source}.")
    noise["params"] |= _noise_parameters(entry, f"{key}_{kind}", given, sources)
    if kind == "transition_matrix":
        noise["params"]["matrix"] = _matrix_editor(key, class_names, given.get("matrix"))
    if kind == "mixture":
        noise["params"]["components"] = _components_editor(key, facts, given.get("components"))
    return noise


def _noise_parameters(entry: NoiseEntry, key: str, given: Mapping[str, Any], sources: Sequence[str]) -> dict[str, Any]:
    """Texts as choices, then the numbers that are used, side by side."""
    chosen: dict[str, Any] = {}
    texts = [parameter for parameter in entry.parameters if isinstance(parameter, TextParameter)]
    left, right = st.columns(2) if texts else (st.container(), st.container())
    for parameter in texts:
        options = list(parameter.choices or sources)
        if not options:
            raise BadInputError("there is no other data set with pictures here; add or fetch one on Datasets first")
        start = given.get(parameter.name)
        chosen[parameter.name] = left.selectbox(
            parameter.name, options, index=options.index(start) if start in options else 0,
            key=f"{key}_{parameter.name}", help=f"{parameter.help} Source: {parameter.source}.",
        )  # fmt: skip
    unused = {"gaussian": {"radius"}, "blur": {"sigma"}}.get(str(chosen.get("method")), set())
    numbers = tuple(parameter for parameter in entry.numbers if parameter.name not in unused)
    with right:
        return chosen | (entry_parameters(replace(entry, parameters=numbers), key, given) if numbers else {})


def _components_editor(
    key: str, facts: DatasetFacts, start: Sequence[Mapping[str, Any]] | None
) -> list[dict[str, Any]]:
    """A row a part: kind, share, rate."""
    kinds = [name for name in offered_noises(facts) if NOISES[name].uses_rate and not NOISES[name].changes_inputs]
    rows = [{name: part[name] for name in ("kind", "share", "rate")} for part in start or MIXTURE]
    table = st.data_editor(
        pd.DataFrame(rows), num_rows="dynamic", hide_index=True, key=f"{key}_components",
        column_config={
            "kind": st.column_config.SelectboxColumn("Kind", options=kinds, required=True, help="A noise model of its own."),
            "share": st.column_config.NumberColumn(
                "Share of the examples", min_value=0.0, max_value=1.0, required=True, default=0.1, format="percent",
                help="Probability that an example is handed to this part; who is handed to none stays clean.",
            ),
            "rate": st.column_config.NumberColumn(
                "Noise rate inside", min_value=0.0, max_value=1.0, required=True, default=0.5, format="percent",
                help="The r of its noise model, among the examples that it is handed.",
            ),
        },
    )  # fmt: skip
    return complete_components(table.dropna().to_dict("records"), facts)


def _matrix_editor(
    key: str, class_names: tuple[str, ...], given: Sequence[Sequence[float]] | None
) -> list[list[float]]:
    """A K x K table to edit; starts with 20 % symmetric noise. Beyond 20 classes: a CSV upload."""
    K = len(class_names)
    if K > 20:
        upload = st.file_uploader(f"{K} x {K} matrix as CSV without a header", type="csv", key=f"{key}_matrix_file")
        if upload is not None:
            return pd.read_csv(upload, header=None).to_numpy(dtype=float).tolist()  # type: ignore[no-any-return]
        return np.eye(K).tolist() if given is None else [list(row) for row in given]  # type: ignore[no-any-return]
    start = np.full((K, K), 0.2 / (K - 1))
    np.fill_diagonal(start, 0.8)
    if given is not None and np.shape(given) == (K, K):
        start = np.array(given, dtype=float)
    names = [f"{place} {name}" for place, name in enumerate(class_names)]
    st.caption("Row: true class. Column: given class. Each row must sum to 1.")
    table = st.data_editor(pd.DataFrame(start, index=names, columns=names), key=f"{key}_matrix")
    return table.to_numpy(dtype=float).tolist()  # type: ignore[no-any-return]


def loss_title(name: str) -> str:
    return LOSSES[name].title
