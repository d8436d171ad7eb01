"""Records of what can be chosen, and their parameters: ranges, defaults, help, sources."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imae_core.errors import BadInputError, unknown_name


@dataclass(frozen=True)
class Parameter:
    """One number or switch of an entry; `low` and `high` are inclusive unless `open_low` / `open_high`.

    `by_dataset` holds the defaults that its source gives for single data sets.
    """

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
    by_dataset: Mapping[str, float] = field(default_factory=dict, hash=False)

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
class TextParameter:
    """A text of an entry, such as a formula or a name; what it must say is checked by who uses it."""

    name: str
    default: str
    help: str
    source: str
    max_length: int = 1000
    aliases: tuple[str, ...] = ()

    def check(self, value: Any, owner: str) -> str:
        """The text, stripped; BadInputError if it is none or too long."""
        if not isinstance(value, str) or len(value) > self.max_length:
            given = f"{len(value)} characters" if isinstance(value, str) else repr(value)
            raise BadInputError(
                f"{owner}: {self.name} must be a text of at most {self.max_length} characters, got {given}"
            )
        return value.strip()


@dataclass(frozen=True)
class TableParameter:
    """Rows of finite numbers, such as a matrix or the points of a curve; None where the default comes from the run."""

    name: str
    default: tuple[tuple[float, ...], ...] | None
    help: str
    source: str
    aliases: tuple[str, ...] = ()

    def check(self, value: Any, owner: str) -> list[list[float]] | None:
        """The rows as lists, all of one length; BadInputError if they are not."""
        if value is None:
            return None
        try:
            rows = [[float(number) for number in row] for row in value]
        except (TypeError, ValueError):
            raise BadInputError(f"{owner}: {self.name} must be rows of numbers, got {value!r:.100}") from None
        if not rows or len({len(row) for row in rows}) != 1 or not all(math.isfinite(x) for row in rows for x in row):
            raise BadInputError(f"{owner}: {self.name} must be rows of finite numbers, all of one length")
        return rows


AnyParameter = Parameter | TextParameter | TableParameter


@dataclass(frozen=True)
class Entry:
    """One thing to choose: a loss, a noise model, a model."""

    name: str
    title: str
    summary: str
    parameters: tuple[AnyParameter, ...] = ()
    formula: str = ""
    source: str = ""

    @property
    def numbers(self) -> tuple[Parameter, ...]:
        """The parameters that are numbers."""
        return tuple(parameter for parameter in self.parameters if isinstance(parameter, Parameter))

    @property
    def defaults(self) -> dict[str, Any]:
        return {parameter.name: parameter.default for parameter in self.parameters}

    def defaults_for(self, dataset: str) -> dict[str, Any]:
        """The defaults, with those that the source gives for this data set."""
        return self.defaults | {p.name: p.by_dataset[dataset] for p in self.numbers if dataset in p.by_dataset}

    def validate(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """All parameters with the given ones checked and put over the defaults, aliases resolved."""
        return self.defaults | self.validate_given(params)

    def validate_given(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The given parameters alone, checked, aliases resolved; BadInputError names what is unknown or not allowed."""
        by_name = {name: p for p in self.parameters for name in (p.name, *p.aliases)}
        values = {}
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
