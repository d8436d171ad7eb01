"""The exceptions that a person may meet.

    ImaeError
    ├── BadInputError       something that was chosen, typed or uploaded is not usable (exit code 2)
    │   └── DatasetError    a data set is missing, unreadable or cannot be fetched
    └── RunError            a run could not be carried out (exit code 1)
        └── FormatVersionError  a stored file was written by a newer version of this program

Every message says what was wrong, what was given, what is allowed, and what to do next.
"""

from collections.abc import Iterable


class ImaeError(Exception):
    """Base of everything this package raises on purpose."""


class BadInputError(ImaeError, ValueError):
    """A value is outside of what is allowed."""


class DatasetError(BadInputError):
    """A data set is missing, unreadable or cannot be fetched."""


class RunError(ImaeError, RuntimeError):
    """A run could not be carried out."""


class FormatVersionError(RunError):
    """A stored file is newer than this program."""


def unknown_name(what: str, given: object, known: Iterable[str]) -> BadInputError:
    """An error for a name that is not in a catalog; `known` is any iterable of the allowed names."""
    names = ", ".join(sorted(known))
    return BadInputError(f"unknown {what} {given!r}; choose one of: {names}")
