"""Widgets for what is no number of a loss: the text of a formula, the points of a drawn curve."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from imae_core.catalog import Entry, TextParameter
from ui.curve_editor import points_input


def own_parameters(entry: Entry, key: str, given: Mapping[str, Any], smooth: float = 1) -> dict[str, Any]:
    """As widgets of `key` have made them of `given`; empty for a loss that is published."""
    if entry.name == "drawn":
        return {"points": points_input(given["points"], smooth, key=f"{key}_points")}
    return {
        parameter.name: st.text_input(parameter.name, given[parameter.name], key=f"{key}_{parameter.name}",
                                      max_chars=parameter.max_length, help=parameter.help)
        for parameter in entry.parameters
        if entry.name == "formula" and isinstance(parameter, TextParameter)
    }  # fmt: skip
