"""The chosen curves with their widgets: parameters, formulas, drawings; and what adds, removes and trains them."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from imae_core.catalog import LOSSES, Parameter, TextParameter
from imae_core.curves import CURVES
from imae_core.errors import BadInputError
from imae_core.formula import compile_formula
from ui import state
from ui.controls import parameter_input
from ui.curve_editor import points_input
from ui.errors import shown
from ui.lab import curves
from ui.lab.curves import ChosenCurve


def add_controls() -> None:
    """A loss to add, of those that are a curve; the others are named."""
    names = [name for name in LOSSES if name in CURVES]
    without = [LOSSES[name].title.split(" (")[0] for name in LOSSES if name not in CURVES]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Add a curve", names, index=names.index("formula"), format_func=lambda n: LOSSES[n].title, key="lab_add",
            help="The same loss may be added several times, with other parameters. Formula: type the weight. Drawn curve: "
            "drag points.",
        )  # fmt: skip
        full = len(curves.chosen()) >= curves.MOST
        if st.button("Add", icon=":material/add:", key="lab_add_go", disabled=full):
            curves.add(name, LOSSES[name].defaults)
            st.rerun()
    if without:
        st.caption(
            f"Not here: {', '.join(without)}. Their weight depends on all probabilities, not on p alone: it is measured while "
            "a run trains, and Inspect shows it."
        )


def edit(curve: ChosenCurve, histogram: Mapping[str, Any]) -> ChosenCurve | None:
    """One curve's widgets; the curve that they say, or None where they say none yet."""
    with st.container(border=True, key=f"lab_curve_{curve.number}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.html(f'<span style="display:inline-block;width:14px;height:14px;border-radius:7px;background:{curve.color}"></span>',
                    width="content")  # fmt: skip
            entry = LOSSES[curve.loss]
            st.markdown(f"**{entry.title.split(' (')[0]}**", help=f"{entry.title}. {entry.summary}", width="stretch")
            train = st.button("Train", key=f"lab_train_{curve.number}", icon=":material/play_arrow:",
                              help="Opens Train with this loss chosen.")  # fmt: skip
            if st.button("", key=f"lab_remove_{curve.number}", icon=":material/close:", help="Takes this curve away."):
                curves.remove(curve.number)
                st.rerun()
        found = None
        with shown():
            found = ChosenCurve(curve.number, curve.loss, _parameters(curve, histogram))
            curves.replace(found)
        if train and found is not None:
            st.switch_page("pages/train.py", query_params={state.CURVES: curves.to_text([found])})
    return found


def _parameters(curve: ChosenCurve, histogram: Mapping[str, Any]) -> dict[str, Any]:
    """BadInputError where what is typed is no curve."""
    entry, key = LOSSES[curve.loss], f"lab_{curve.number}"
    params = dict(curve.params)
    if curve.loss == "drawn":
        params["points"] = points_input(
            params["points"], params["smooth"], key=f"{key}_points", color=curve.color, histogram=histogram
        )
    for parameter in entry.parameters:
        if isinstance(parameter, TextParameter):
            params[parameter.name] = _formula(curve, parameter)
        elif isinstance(parameter, Parameter):
            params[parameter.name] = parameter_input(
                parameter, f"{key}_{parameter.name}", params[parameter.name], slider=True
            )
    return entry.validate(params)


def _formula(curve: ChosenCurve, parameter: TextParameter) -> str:
    """A box for the text, and a number for each of its constants, which writes into the text."""
    key = f"lab_{curve.number}_{parameter.name}"
    if key not in st.session_state:
        st.session_state[key] = curve.params[parameter.name]
    text = st.text_input("Weight", key=key, help=parameter.help, max_chars=parameter.max_length,
                         placeholder="exp(8*p*(1-p))")  # fmt: skip
    formula = compile_formula(text)

    def write(name: str, widget: str) -> None:
        try:
            st.session_state[key] = formula.with_constants({name: st.session_state[widget]})
        except BadInputError:
            return

    if formula.constants:
        for column, (name, value) in zip(
            st.columns(max(3, len(formula.constants))), formula.constants.items(), strict=False
        ):
            widget = f"{key}_{name}"
            st.session_state[widget] = value
            column.number_input(name, step=0.5, format="%g", key=widget, on_change=write, args=(name, widget))
    return text
