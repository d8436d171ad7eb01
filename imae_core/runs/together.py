"""Several runs in one process: those of one shape, at one step, train as one batched program, each in its own folder."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial

from imae_core.runs.folder import RunFolder
from imae_core.runs.logs import logging_to
from imae_core.runs.observer import FolderObserver, Report, StaleTokenError, beat
from imae_core.runs.preparation import Inventory, Outcome, conclude, prepare
from imae_core.runs.tracking import Tracker, tracking, wait_for
from imae_core.training.grid import Grid, Member
from imae_core.training.observer import telling
from imae_core.training.trainer import Trainer

log = logging.getLogger("imae.run")
Left = Callable[[RunFolder, Outcome | Exception], None]


class _Run:
    """One of them, from its preparation to its end."""

    def __init__(self, folder: RunFolder, token: str, report: Report | None, sending: list[Tracker]) -> None:
        self.folder = folder
        self.token = token
        self.report = report
        self.held = ExitStack()
        self.told = self.held.enter_context(tracking(folder, StaleTokenError, sending))

    def prepare(self, inventory: Inventory, others: Sequence[RunFolder]) -> None:
        trainer = prepare(self.folder, self.token, inventory, others)
        assert isinstance(trainer, Trainer)
        self.trainer = trainer
        self.observer = self.held.enter_context(FolderObserver(self.folder, trainer, self.token, self.report))
        self.member = Member(trainer, self.observer)

    def finish(self) -> Outcome:
        """Saves, and says how it ended."""
        if self.member.error is not None:
            raise self.member.error
        self.observer.save_checkpoint()
        self.observer.writer.close()
        outcome = conclude(self.folder, self.trainer, self.token, self.observer, self.member.predicted)
        self.told(outcome)
        return outcome


class _Bench:
    """The runs that have not ended."""

    def __init__(self, left: Left, token: str) -> None:
        self.left = left
        self.token = token
        self.runs: list[_Run] = []
        self.sending: list[Tracker] = []
        self.busy: _Run | None = None

    def beat(self, message: str) -> None:
        for run in self.runs:
            beat(run.folder, self.token, phase="preparing", message=message)

    def beat_for_those_that_wait(self, training: Sequence[_Run]) -> None:
        """Until others have trained, or have said how they ended."""
        for run in list(self.runs):
            if run is not self.busy and (run not in training or run.trainer.is_finished):
                beat(run.folder, self.token, phase="training", message="waits for others of its program")

    def attempt(self, run: _Run, what: Callable[[], Outcome | None]) -> None:
        """Does something for one run, in its own log; what it returns or raises, but None, is that run's end."""
        self.busy = run
        with logging_to(run.folder.log_path):
            end: Outcome | Exception | None
            try:
                end = what()
            except Exception as error:
                end = error
            if end is not None:
                self.end(run, end)

    def end(self, run: _Run, end: Outcome | Exception) -> None:
        """Lets go of its folder, and tells."""
        self.runs.remove(run)
        error = end if isinstance(end, Exception) else None
        try:
            run.held.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)
        except Exception as another:
            end = error or another
        self.left(run.folder, end)

    def close(self, error: BaseException) -> None:
        """Lets go of all folders, as the process is about to leave."""
        for run in self.runs:
            run.held.__exit__(type(error), error, error.__traceback__)


def execute_together(
    folders: Sequence[RunFolder], left: Left, *, token: str = "", report: Report | None = None
) -> None:
    """Trains runs that `runs.grids.grid_key` calls alike; `left` is told of each when it ends: how, or what went wrong.

    Each has its own checkpoint, log, progress and wish to stop. Those that are at another step than the rest train after them.
    """
    bench, inventory = _Bench(left, token), Inventory()
    try:
        bench.runs = [_Run(folder, token, report, bench.sending) for folder in folders]
        for place, run in enumerate(list(bench.runs)):
            bench.beat(f"{place} of {len(folders)} runs that train together are ready")
            others = [other.folder for other in bench.runs if other is not run]
            bench.attempt(run, partial(run.prepare, inventory, others))
        for alike in _at_one_step(bench.runs):
            for run in alike:
                with logging_to(run.folder.log_path):
                    log.info("trains together with %d other(s)", len(alike) - 1)
            with telling(partial(bench.beat_for_those_that_wait, alike)):
                for run in _trained(alike):
                    bench.attempt(run, run.finish)
    except BaseException as error:
        bench.close(error)
        raise
    finally:
        wait_for(bench.sending)


def _at_one_step(runs: Sequence[_Run]) -> list[list[_Run]]:
    groups: dict[object, list[_Run]] = {}
    for run in runs:
        groups.setdefault((run.trainer.epoch, run.trainer.batch), []).append(run)
    return list(groups.values())


def _trained(runs: Sequence[_Run]) -> Iterator[_Run]:
    """Each when it has left its grid."""
    run_of = {run.member: run for run in runs}
    for member in Grid(list(run_of)).run():
        yield run_of[member]
