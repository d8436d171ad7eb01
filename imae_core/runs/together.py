"""Several runs in one process: those of one shape, at one step, train as one batched program, each in its own folder."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from imae_core.runs.folder import RunFolder
from imae_core.runs.logs import logging_to
from imae_core.runs.observer import FolderObserver, Report, StaleTokenError, beat
from imae_core.runs.preparation import Inventory, Outcome, conclude, prepare
from imae_core.runs.tracking import tracking
from imae_core.training.grid import Grid, Member
from imae_core.training.trainer import Trainer

log = logging.getLogger("imae.run")
Left = Callable[[RunFolder, Outcome | Exception], None]


class _Run:
    """One of them, from its preparation to its end."""

    def __init__(self, folder: RunFolder, token: str, inventory: Inventory, report: Report | None) -> None:
        self.folder = folder
        self.token = token
        self.stack = ExitStack()
        self.told = self.stack.enter_context(tracking(folder, StaleTokenError))
        try:
            with logging_to(folder.log_path):
                trainer = prepare(folder, token, inventory)
            assert isinstance(trainer, Trainer)
            self.trainer = trainer
            self.observer = self.stack.enter_context(FolderObserver(folder, trainer, token, report))
            self.member = Member(trainer, self.observer)
        except BaseException as error:
            self.stack.__exit__(type(error), error, error.__traceback__)
            raise

    def end(self) -> Outcome | Exception:
        """Saves, says how it ended, and lets go of the folder."""
        with logging_to(self.folder.log_path):
            try:
                with self.stack:
                    if self.member.error is not None:
                        raise self.member.error
                    self.observer.save_checkpoint()
                    self.observer.writer.close()
                    outcome = conclude(self.folder, self.trainer, self.token, self.observer, self.member.evaluation)
                    self.told(outcome)
                    return outcome
            except Exception as error:
                return error


def execute_together(
    folders: Sequence[RunFolder], left: Left, *, token: str = "", report: Report | None = None
) -> None:
    """Trains runs that `runs.grids.grid_key` calls alike; `left` is told of each when it ends: how, or what went wrong.

    Each has its own checkpoint, log, progress and wish to stop. Those that are at another step than the rest train after them.
    """
    inventory = Inventory()
    runs: list[_Run] = []
    for place, folder in enumerate(folders):
        for waiting in folders[place:]:
            beat(
                waiting,
                token,
                phase="preparing",
                message=f"{place} of {len(folders)} runs that train together are ready",
            )
        try:
            runs.append(_Run(folder, token, inventory, report))
        except Exception as error:
            left(folder, error)
    for alike in _at_one_step(runs):
        for run in alike:
            with logging_to(run.folder.log_path):
                log.info("trains together with %d others", len(alike) - 1)
        for run in _trained(alike):
            left(run.folder, run.end())


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
