"""Records of what can be chosen, and their parameters: ranges, defaults, help, sources."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imae_core.errors import BadInputError, unknown_name


@dataclass(frozen=True)
class Parameter:
    """One number or switch of an entry; `low` and `high` are inclusive unless `open_low` / `open_high`."""

    name: str
    default: float
    low: float
    high: float
    step: float
    help: str
    source: str
    integer: bool = False
    open_low: bool = False
    open_high: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """The range in interval notation, for messages."""
        left, right = "(" if self.open_low else "[", ")" if self.open_high else "]"
        return f"{left}{self.low:g}, {self.high:g}{right}"

    def check(self, value: Any, owner: str) -> float:
        """The value as a number of the right type; BadInputError if it is none or outside of the range."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise BadInputError(f"{owner}: {self.name} must be a number, got {value!r}") from None
        below = number <= self.low if self.open_low else number < self.low
        above = number >= self.high if self.open_high else number > self.high
        if not math.isfinite(number) or below or above:
            raise BadInputError(f"{owner}: {self.name} must be in {self.allowed}, got {value!r}")
        if self.integer:
            if number != int(number):
                raise BadInputError(f"{owner}: {self.name} must be a whole number, got {value!r}")
            return int(number)
        return number


@dataclass(frozen=True)
class Entry:
    """One thing to choose: a loss, a noise model, a model."""

    name: str
    title: str
    summary: str
    parameters: tuple[Parameter, ...] = ()
    formula: str = ""
    source: str = ""

    @property
    def defaults(self) -> dict[str, float]:
        return {parameter.name: parameter.default for parameter in self.parameters}

    def validate(self, params: Mapping[str, Any]) -> dict[str, float]:
        """All parameters with the given ones checked and put over the defaults, aliases resolved."""
        by_name = {name: p for p in self.parameters for name in (p.name, *p.aliases)}
        values = self.defaults
        for name, value in params.items():
            if name not in by_name:
                known = ", ".join(p.name for p in self.parameters) or "none"
                raise BadInputError(f"{self.name}: unknown parameter {name!r}; it takes: {known}")
            values[by_name[name].name] = by_name[name].check(value, self.name)
        return values


def lookup(entries: Mapping[str, Any], name: str, what: str) -> Any:
    """The entry of that name; BadInputError that lists the known names otherwise."""
    if name not in entries:
        raise unknown_name(what, name, entries)
    return entries[name]


def by_name(*entries: Entry) -> dict[str, Entry]:
    return {entry.name: entry for entry in entries}
