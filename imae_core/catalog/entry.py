"""Records of what can be chosen, and their parameters: ranges, defaults, help, sources."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from imae_core.errors import BadInputError, unknown_name
from imae_core.formula import shown


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
    """A text of an entry, such as a formula or a name; one of `choices`, or what it must say is checked by who uses it."""

    name: str
    default: str
    help: str
    source: str
    max_length: int = 1000
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()

    def check(self, value: Any, owner: str) -> str:
        """The text, stripped; BadInputError if it is none, too long, or no choice."""
        if not isinstance(value, str) or len(value) > self.max_length:
            given = f"{len(value)} characters" if isinstance(value, str) else repr(value)
            raise BadInputError(
                f"{owner}: {self.name} must be a text of at most {self.max_length} characters, got {given}"
            )
        if self.choices and value.strip() not in self.choices:
            raise unknown_name(f"{owner}: {self.name}", value, self.choices)
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
        """The rows as lists, all of one length; BadInputError if they are not. A text is read as by `table_rows`."""
        if value is None:
            return None
        try:
            found = table_rows(value) if isinstance(value, str) else value
            rows = [[float(number) for number in row] for row in found]
        except (TypeError, ValueError):
            raise BadInputError(f"{owner}: {self.name} must be rows of numbers, got {value!r:.100}") from None
        if not rows or len({len(row) for row in rows}) != 1 or not all(math.isfinite(x) for row in rows for x in row):
            raise BadInputError(f"{owner}: {self.name} must be rows of finite numbers, all of one length")
        return rows


@dataclass(frozen=True)
class OpenParameter:
    """What can only be checked where the classes are known, such as a mapping of classes; None where it is not given."""

    name: str
    help: str
    source: str
    default: None = None
    aliases: tuple[str, ...] = ()

    def check(self, value: Any, owner: str) -> Any:
        """The value as it is; BadInputError if it is neither a list nor a mapping."""
        if value is not None and (isinstance(value, str) or not hasattr(value, "__len__")):
            raise BadInputError(f"{owner}: {self.name} must be a list or a mapping, got {value!r:.100}")
        return value


def table_rows(text: str) -> Any:
    """Rows from a command line: JSON, or columns parted by colons and rows by commas, "0:1,0.5:7.4,1:1"."""
    if text.lstrip().startswith("["):
        return json.loads(text)
    return [row.split(":") for row in text.split(",")]


def table_text(rows: Sequence[Sequence[float]]) -> str:
    """The short form that `table_rows` reads."""
    return ",".join(":".join(f"{number:g}" for number in row) for row in rows)


AnyParameter = Parameter | TextParameter | TableParameter | OpenParameter


@dataclass(frozen=True)
class Entry:
    """One thing to choose: a loss, a noise model, a model.

    `check` takes all parameters and raises BadInputError for what no single one of them can tell.
    """

    name: str
    title: str
    summary: str
    parameters: tuple[AnyParameter, ...] = ()
    formula: str = ""
    source: str = ""
    check: Callable[..., None] | None = None

    @property
    def numbers(self) -> tuple[Parameter, ...]:
        """The parameters that are numbers."""
        return tuple(parameter for parameter in self.parameters if isinstance(parameter, Parameter))

    @property
    def defaults(self) -> dict[str, Any]:
        """By name; tables as the lists that a stored configuration has."""
        return {
            p.name: p.check(p.default, self.name) if isinstance(p, TableParameter) else p.default
            for p in self.parameters
        }

    def defaults_for(self, dataset: str) -> dict[str, Any]:
        """The defaults, with those that the source gives for this data set."""
        return self.defaults | {p.name: p.by_dataset[dataset] for p in self.numbers if dataset in p.by_dataset}

    def validate(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """All parameters with the given ones checked and put over the defaults, aliases resolved."""
        values = self.defaults | self.validate_given(params)
        if self.check is not None:
            self.check(**values)
        return values

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


@dataclass(frozen=True)
class LossEntry(Entry):
    """A loss, and what theory says of it with the default parameters; tests prove each.

    has_curve: its weight is a function of p = p(given label | x) alone, w(p) in `imae_core.curves`. Otherwise it needs
        the whole probability vector, and its weight is measured.
    is_symmetric: sum over the labels k of L(x, k) is the same for every prediction, which makes its minimiser tolerant to
        uniform label noise (Ghosh et al. 2017, arXiv 1712.09482).
    is_bounded: no prediction has an infinite loss.
    needs: what it needs beside logits and labels; "" for most.
    """

    has_curve: bool = True
    is_symmetric: bool = False
    is_bounded: bool = False
    needs: str = ""


def setting_text(name: str, value: Any) -> str:
    """A parameter in a few words: numbers short, texts and points cut, other tables by name alone."""
    if value is None:
        return f"{name} of the run"
    if isinstance(value, int | float):
        return f"{name}={value:g}"
    if not isinstance(value, str):
        if len(value[0]) > 2:
            return f"own {name}"
        value = table_text(value)
    value = shown(value)
    return value if len(value) <= 40 else f"{value[:39]}…"


def lookup(entries: Mapping[str, Any], name: str, what: str) -> Any:
    """The entry of that name; BadInputError that lists the known names otherwise."""
    if name not in entries:
        raise unknown_name(what, name, entries)
    return entries[name]


AnyEntry = TypeVar("AnyEntry", bound=Entry)


def by_name(*entries: AnyEntry) -> dict[str, AnyEntry]:
    return {entry.name: entry for entry in entries}
