"""What a training loop tells of itself, and to whom."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any, Protocol

from numpy.typing import NDArray

from imae_core.training.evaluation import Evaluation

TELL_SECONDS = 0.5
MOST_TELLING_SECONDS = 1800.0


@dataclass(frozen=True)
class Progress:
    """Where a run is. `epoch` counts from 1; `batch` of `batches` within it, or examples done within an evaluation.

    `examples_per_second` is of this run alone: where `together` runs train as one, each has its share of the time.
    """

    phase: str
    epoch: int
    epochs: int
    step: int
    total_steps: int
    batch: int
    batches: int
    examples_per_second: float | None = None
    together: int = 1


@dataclass(frozen=True)
class EpochRecord:
    """What an epoch leaves behind; `evaluation` and `trajectory` only where a pass in evaluation mode was made, `seen` only
    where one net trains on all rows."""

    epoch: int
    metrics: Mapping[str, Any]
    seen: Mapping[str, NDArray[Any]] | None
    evaluation: Evaluation | None
    trajectory: Mapping[str, NDArray[Any]] | None


class StopAskedError(Exception):
    """Leaves an evaluation that an observer asked to stop."""


class Observer(Protocol):
    """Whoever wants to know. Both are called between steps, where the state of the trainer is whole."""

    def on_progress(self, progress: Progress) -> bool:
        """After each step and between batches of an evaluation; True asks the run to stop."""

    def on_epoch(self, record: EpochRecord) -> None:
        """After each epoch."""


@contextmanager
def telling(tell: Callable[[], object]) -> Iterator[None]:
    """Calls `tell` twice a second from another thread, for half an hour at most, while something takes long; what goes wrong
    in it is raised at the end."""
    done = Event()
    errors: list[Exception] = []

    def work() -> None:
        for _ in range(int(MOST_TELLING_SECONDS / TELL_SECONDS)):
            if done.wait(TELL_SECONDS) or errors:
                return
            try:
                tell()
            except Exception as error:
                errors.append(error)

    teller = Thread(target=work, name="telling", daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()
    if errors:
        raise errors[0]
