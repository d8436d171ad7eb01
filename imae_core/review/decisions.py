"""What a reviewer decided about labels: a history of entries, and what stands of it."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from imae_core.errors import BadInputError, unknown_name

ACTIONS = ("keep", "relabel", "drop", "unsure")
UNDO = "undo"


@dataclass(frozen=True)
class Entry:
    """One line of the history: a decision about an example, or the undoing of one.

    Attributes:
        writer, number: who wrote it (a browser tab or a program) and the how-manieth of that writer, from 1. Sent twice,
            an entry counts once.
        action: one of `ACTIONS`, or "undo".
        index: row of the example in the data set.
        label: the class that it gets; of a relabel only.
        target: key of the decision that is taken back; of an undo only.
        time: seconds since the epoch.
    """

    writer: str
    number: int
    action: str
    index: int
    label: int | None = None
    target: str | None = None
    time: float = field(default_factory=time.time)

    @property
    def key(self) -> str:
        return f"{self.writer}-{self.number}"


def parse_entry(values: Mapping[str, Any], num_classes: int | None = None) -> Entry:
    """An entry from plain values; BadInputError if it is none, or relabels to a class outside 0..num_classes - 1."""
    known = {name: values[name] for name in Entry.__dataclass_fields__ if values.get(name) is not None}
    try:
        entry = Entry(**known)
    except TypeError:
        raise BadInputError(
            f"an entry of a review needs writer, number, action and index, got {dict(values)}"
        ) from None
    if entry.action not in (*ACTIONS, UNDO):
        raise unknown_name("decision", entry.action, ACTIONS)
    whole = all(isinstance(value, int) for value in (entry.number, entry.index))
    if not whole or entry.number < 1 or entry.index < 0 or not isinstance(entry.writer, str):
        raise BadInputError(f"an entry's number counts from 1 and its index from 0, got {dict(values)}")
    if (entry.action == "relabel") != (entry.label is not None) or (entry.action == UNDO) != (entry.target is not None):
        raise BadInputError(f"a relabel needs a label, an undo a target, and nothing else has one; got {dict(values)}")
    if entry.label is not None and not (
        isinstance(entry.label, int) and 0 <= entry.label < (num_classes or entry.label + 1)
    ):
        raise BadInputError(f"there is no class {entry.label!r}; classes are 0 to {(num_classes or 1) - 1}")
    return entry


@dataclass(frozen=True)
class Review:
    """The history of one reviewer, oldest entry first; nothing is ever taken out of it."""

    entries: tuple[Entry, ...] = ()

    @cached_property
    def standing(self) -> list[Entry]:
        """Decisions that were not undone, oldest first; an example decided anew has several."""
        undone = {entry.target for entry in self.entries if entry.action == UNDO}
        return [entry for entry in self.entries if entry.action != UNDO and entry.key not in undone]

    @cached_property
    def decisions(self) -> dict[int, Entry]:
        """What holds for each reviewed example, by index: its last standing decision."""
        return {entry.index: entry for entry in self.standing}

    @cached_property
    def written(self) -> dict[str, int]:
        """The highest number of each writer: what it need not send again."""
        numbers: dict[str, int] = {}
        for entry in self.entries:
            numbers[entry.writer] = max(entry.number, numbers.get(entry.writer, 0))
        return numbers

    def new_ones(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those that are not in the history yet, each once."""
        return list(
            {entry.key: entry for entry in entries if entry.number > self.written.get(entry.writer, 0)}.values()
        )

    def count(self, action: str) -> int:
        """How many examples stand at a decision."""
        return sum(entry.action == action for entry in self.decisions.values())
