"""What an executor must do."""

from collections.abc import Sequence
from typing import Any, Protocol

from imae_core.errors import RunError
from imae_core.runs.folder import RunFolder
from imae_core.runs.store import StoredRun

Reference = dict[str, Any]
Slot = dict[str, Any]


class ExecutorUnreachableError(RunError):
    """What starts and watches workers does not answer; nothing is known of them until it does."""


class Executor(Protocol):
    """Starts workers somewhere, and knows whether they live. References and slots are JSON, kept in the store."""

    name: str

    def capacity(self) -> dict[str, Any]:
        """What there is to compute on, for people."""

    def place(self, run: StoredRun, busy: list[Slot]) -> Slot | None:
        """A free slot for the run beside those that are busy, or None if it has to wait."""

    def why_waiting(self, run: StoredRun, busy: list[Slot]) -> str:
        """In words, why `place` found none."""

    def start(self, run: StoredRun, folders: Sequence[RunFolder], token: str, slot: Slot) -> Reference:
        """Starts a worker for the run's folder, and those of the runs that train with it, and returns what finds it again."""

    def find(self, folder: RunFolder, token: str) -> Reference | None:
        """The living worker that was started with this token, if its reference was lost."""

    def is_alive(self, reference: Reference) -> bool:
        """Whether the worker still lives."""

    def is_pending(self, reference: Reference) -> bool:
        """Whether the worker still waits for its place, so that its silence means nothing."""

    def kill(self, reference: Reference) -> None:
        """Ends the worker at once and returns when it is dead."""
