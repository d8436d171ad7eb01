"""Losses and settings of a study as people write them, at the command line and on pages."""

import json
from collections.abc import Sequence
from typing import Any

from imae_core.catalog import LOSSES, TextParameter, lookup
from imae_core.errors import BadInputError


def parse_loss(text: str) -> dict[str, Any]:
    """ "imae:T=2,4:..." to the name and the parameters of a LossChoice; a text parameter keeps its commas."""
    name, *settings = text.split(":")
    entry = lookup(LOSSES, name.strip(), "loss")
    texts = {p.name for p in entry.parameters if isinstance(p, TextParameter)}
    params: dict[str, Any] = {}
    for setting in settings:
        parameter, equals, value = setting.partition("=")
        if not equals or not value:
            raise BadInputError(f"a loss is NAME:PARAMETER=VALUE,VALUE, such as imae:T=2,4,8, got {text!r}")
        values = [value] if parameter in texts else parse_values(value)
        params[parameter.strip()] = values if len(values) > 1 else values[0]
    return {"name": name.strip(), "params": params}


def parse_settings(texts: Sequence[str]) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """NAME=VALUE,VALUE to what varies, and NAME=VALUE to what is fixed."""
    factors: dict[str, list[Any]] = {}
    fixed: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        values = parse_values(value)
        if not equals or not values:
            raise BadInputError(f"a setting is NAME=VALUE or NAME=VALUE,VALUE, such as lr=0.01,0.1, got {text!r}")
        if len(values) > 1:
            factors[name.strip()] = values
        else:
            fixed[name.strip()] = values[0]
    return factors, fixed


def parse_values(text: str) -> list[Any]:
    """ "0.1, true, mean" to a number, a switch and a text."""
    return [_value(part.strip()) for part in text.split(",") if part.strip()]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return float(text) if text.startswith(".") and text[1:].isdigit() else text
