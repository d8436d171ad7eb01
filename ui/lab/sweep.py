"""One parameter of one curve swept over values: the curves, their variance, and the share of weight to corrupted examples."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from imae_core.analysis.emphasis import Curve, Examples, derivative_table, sweep_table
from imae_core.catalog import Parameter
from imae_core.errors import BadInputError
from imae_core.palette import COLOR, SERIES
from ui import live_chart
from ui.lab import figures
from ui.lab.curves import ChosenCurve, to_text
from ui.lab.effect import Moment

PAPER_T = [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0]


def draw_sweep(curves: Sequence[ChosenCurve], moment: Moment | None) -> None:
    """Controls and figures; says so where no chosen curve has a number to sweep."""
    able = [curve for curve in curves if curve.numbers]
    if not able:
        st.info(
            "None of the curves has a number to sweep: add IMAE, or a formula with a constant.", icon=":material/info:"
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        usual = next((place for place, curve in enumerate(able) if curve.loss == "imae"), 0)
        number = st.selectbox(
            "Sweep", [curve.number for curve in able], index=usual, key="lab_sweep_curve", width=300,
            format_func=lambda n: next((curve.title for curve in able if curve.number == n), ""),
        )  # fmt: skip
        curve = next(curve for curve in able if curve.number == number)
        name = st.selectbox("Parameter", list(curve.numbers), key=f"lab_sweep_name_{curve.number}", width=130)
        parameter = curve.numbers[name]
        written = st.text_input(
            "Values", ", ".join(f"{value:g}" for value in usual_values(curve, parameter)), width=330,
            key=f"lab_sweep_values_{curve.number}_{name}", help=f"Numbers in {parameter.allowed}, with commas; at most 15.",
        )  # fmt: skip
        log = st.toggle("Log scale", key="lab_sweep_log", help="Of the weight.")
    values = _values(written)
    swept = {value: curve.changed(name, value) for value in values}
    tables = {value: derivative_table(found.weight, 201)[["p", "weight"]] for value, found in swept.items()}
    examples = None if moment is None else moment.examples
    numbers = _numbers(to_text(list(swept.values())), values, None if moment is None else moment.key,
                       [found.weight for found in swept.values()], examples)  # fmt: skip
    left, right = st.columns([3, 2], gap="large")
    with left:
        live_chart.chart(
            figures.swept_curves(tables, name, figures.shares_by_p(examples), log=log), key="lab_sweep_figure"
        )
    with right:
        shown = {"uniform_variance": ("uniform p", SERIES[0]), "variance": ("this run's examples", SERIES[1])}
        live_chart.chart(
            figures.swept_numbers(numbers, name, shown, "variance of the weight"), key="lab_sweep_variance"
        )
        if numbers["weight_share"].notna().any():
            percents = numbers.assign(weight_share=100 * numbers["weight_share"])
            figure = figures.swept_numbers(
                percents, name, {"weight_share": ("to corrupted", COLOR["corrupted"])}, "share of weight"
            )
            figure.update_yaxes(ticksuffix=" %")
            live_chart.chart(figure, key="lab_sweep_share")


@st.cache_data(show_spinner=False, max_entries=64)
def _numbers(
    curves: str, values: list[float], moment: tuple[str, str, int, float] | None, _weights: Sequence[Curve],
    _examples: Examples | None,
) -> pd.DataFrame:  # fmt: skip
    return sweep_table(dict(zip(values, _weights, strict=True)), _examples)


def usual_values(curve: ChosenCurve, parameter: Parameter) -> list[float]:
    """The paper's for T; otherwise around what is chosen, within what is allowed."""
    if parameter.name == "T":
        return PAPER_T
    value = curve.value(parameter.name)
    low, high = (0.0, 2 * value) if value > 0 else (value - 1, value + 1)
    low, high = max(low, parameter.low), min(high, parameter.high)
    step = parameter.step / 10
    found = np.linspace(low + step * parameter.open_low, high - step * parameter.open_high, 9)
    return sorted({float(f"{round(number) if parameter.integer else number:.3g}") for number in found})


def _values(written: str) -> list[float]:
    try:
        values = sorted({float(part) for part in written.replace(" ", ",").split(",") if part})
    except ValueError:
        raise BadInputError(f"the values of a sweep are numbers such as 0, 4, 8; got {written!r}") from None
    if not 1 <= len(values) <= 15:
        raise BadInputError(f"a sweep takes 1 to 15 values, got {len(values)}")
    return values
