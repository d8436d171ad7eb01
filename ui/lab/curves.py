"""The curves on the table: kept for the session, written into links, edited by widgets."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from imae_core.analysis.emphasis import Curve
from imae_core.catalog import LOSSES, Parameter, lookup
from imae_core.config import loss_text
from imae_core.curves import CURVES
from imae_core.errors import BadInputError
from imae_core.formula import compile_formula
from imae_core.palette import SERIES
from ui import state

START = [("cce", {}), ("mae", {}), ("imae", {"T": 8.0})]
MOST = 12
_CURVES, _COUNT = "lab_curves", "lab_count"


@dataclass(frozen=True)
class ChosenCurve:
    """A loss with all its parameters; `number` is its own for the session, and decides its colour."""

    number: int
    loss: str
    params: Mapping[str, Any]

    @property
    def title(self) -> str:
        return loss_text(self.loss, self.params)

    @property
    def color(self) -> str:
        return SERIES[self.number % len(SERIES)]

    @property
    def weight(self) -> Curve:
        return partial(CURVES[self.loss], **self.params)

    @property
    def numbers(self) -> dict[str, Parameter]:
        """What can be swept: the parameters that are numbers, or the constants of a formula."""
        if self.loss != "formula":
            return {p.name: p for p in LOSSES[self.loss].numbers if p.high > p.low + 1 or not p.integer}
        constants = compile_formula(self.params["formula"]).constants
        return {
            name: Parameter(name, value, -1e6, 1e6, 0.5, "A constant of the formula.", "yours")
            for name, value in constants.items()
        }

    def value(self, name: str) -> float:
        """Of one of `numbers`."""
        return float(self.numbers[name].default if self.loss == "formula" else self.params[name])

    def changed(self, name: str, value: float) -> "ChosenCurve":
        """The same with another value of one of `numbers`; BadInputError where that is no weighting curve."""
        if self.loss != "formula":
            params = {**self.params, name: value}
        else:
            params = {"formula": compile_formula(self.params["formula"]).with_constants({name: value})}
        return ChosenCurve(self.number, self.loss, LOSSES[self.loss].validate(params))


def to_text(curves: Sequence[ChosenCurve]) -> str:
    """For a link: JSON of [loss, parameters] pairs, without what is the default."""
    pairs = []
    for curve in curves:
        defaults = LOSSES[curve.loss].defaults
        pairs.append([curve.loss, {name: value for name, value in curve.params.items() if defaults[name] != value}])
    return json.dumps(pairs, separators=(",", ":"), ensure_ascii=False)


def from_text(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Losses with all their parameters from such a text; BadInputError says what is not understood."""
    try:
        pairs = [(str(name), dict(params)) for name, params in json.loads(text)]
    except (ValueError, TypeError, RecursionError):
        raise BadInputError(f"the curves in this link are not understood: {text[:80]!r}") from None
    return [(name, lookup(LOSSES, name, "loss").validate(params)) for name, params in pairs[:MOST]]


def chosen() -> list[ChosenCurve]:
    """Those of the session; at first those of the link, else the paper's three."""
    if _CURVES not in st.session_state:
        linked = st.query_params.get(state.CURVES)
        found = from_text(linked) if linked else [(name, LOSSES[name].validate(params)) for name, params in START]
        drawable = [pair for pair in found if pair[0] in CURVES]
        st.session_state[_COUNT] = len(drawable)
        st.session_state[_CURVES] = [ChosenCurve(number, *pair) for number, pair in enumerate(drawable)]
    return list(st.session_state[_CURVES])


def add(loss: str, params: Mapping[str, Any]) -> None:
    number = st.session_state[_COUNT]
    st.session_state[_COUNT] = number + 1
    st.session_state[_CURVES] = [*st.session_state[_CURVES], ChosenCurve(number, loss, dict(params))]


def remove(number: int) -> None:
    st.session_state[_CURVES] = [curve for curve in st.session_state[_CURVES] if curve.number != number]


def replace(curve: ChosenCurve) -> None:
    """Keeps what its widgets say now."""
    st.session_state[_CURVES] = [curve if old.number == curve.number else old for old in st.session_state[_CURVES]]
