"""A study, or another plan of runs, in this process, or in a few that it starts: torch is imported once, not once a run."""

import logging
import multiprocessing
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from queue import Empty
from typing import Any, Protocol

from imae_core.errors import BadInputError, ImaeError
from imae_core.runs.budget import spent_message
from imae_core.runs.folder import RunFolder
from imae_core.runs.store import Store, StoredRun
from imae_core.runs.submit import release_lost
from imae_core.studies.progress import match
from imae_core.studies.store import cells_of, load_study, study_lock
from imae_core.studies.study import Cell

log = logging.getLogger("imae.study")


@dataclass(frozen=True)
class Finished:
    """A run that has ended: `outcome` is done, stopped, paused or failed; `message` says why where it is not done."""

    run_id: str
    title: str
    outcome: str
    message: str
    seconds: float


Tell = Callable[[Finished], None]


class Plan(Protocol):
    """Runs that belong together. It is asked anew before each of them: a study may be widened meanwhile."""

    @property
    def name(self) -> str:
        """The group of its runs; its budget is that of the group."""
        ...

    def cells(self, home: Path) -> list[Cell]:
        """Its runs, in order."""
        ...

    def runs(self, store: Store) -> list[StoredRun]:
        """The runs of the home that may be among them."""
        ...


@dataclass(frozen=True)
class StudyPlan:
    """A study as it is saved."""

    name: str

    def cells(self, home: Path) -> list[Cell]:
        return cells_of(home, load_study(home, self.name))

    def runs(self, store: Store) -> list[StoredRun]:
        return store.of_group(self.name)


def run_here(home: Path, name: str, *, jobs: int = 1, tell: Tell = lambda _: None) -> str:
    """`run_plan` for a study."""
    load_study(home, name)
    return run_plan(home, StudyPlan(name), jobs=jobs, tell=tell)


def run_plan(home: Path, plan: Plan, *, jobs: int = 1, tell: Tell = lambda _: None) -> str:
    """Trains every missing, stopped or failed run of a plan, `jobs` at a time, and returns why it stopped early, or "".

    Ctrl-C, `stop_study` and the plan's budget end it after a step or a run; calling it again goes on. A run that fails
    is told and left; runs in the queue are left to the runner.
    """
    if jobs < 1:
        raise BadInputError(f"jobs must be 1 or more, got {jobs}")
    store = Store(home)
    for run in plan.runs(store):
        release_lost(store, run)
    return _alone(home, plan, tell) if jobs == 1 else _together(home, plan, jobs, tell)


def _alone(home: Path, plan: Plan, tell: Tell) -> str:
    """The first Ctrl-C stops after the current step, with a checkpoint; the second at once."""
    bench = _Bench(home, plan, time.time())

    def on_interrupt(_signal: int, _frame: object) -> None:
        if bench.asked:
            raise KeyboardInterrupt
        bench.ask_to_stop()

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        return bench.work(tell)
    finally:
        signal.signal(signal.SIGINT, before)


def _together(home: Path, plan: Plan, jobs: int, tell: Tell) -> str:
    context = multiprocessing.get_context("spawn")
    events, stop, began = context.Queue(), context.Event(), time.time()
    workers = [context.Process(target=_work, args=(home, plan, began, stop, events)) for _ in range(jobs)]
    for worker in workers:
        worker.start()
    reasons: list[str] = []
    try:
        while any(worker.is_alive() for worker in workers) or not events.empty():
            try:
                _drain(events, tell, reasons)
            except KeyboardInterrupt:
                if stop.is_set():
                    raise
                stop.set()
    except BaseException:
        for worker in workers:
            worker.terminate()
        raise
    finally:
        for worker in workers:
            worker.join()
    if any(worker.exitcode for worker in workers):
        reasons.append("one of its processes has crashed; see the logs of the runs that failed")
    return next((reason for reason in reasons if reason), "")


def _drain(events: Any, tell: Tell, reasons: list[str]) -> None:
    with suppress(Empty):
        event = events.get(timeout=0.3)
        if isinstance(event, Finished):
            tell(event)
        else:
            reasons.append(event)


def _work(home: Path, plan: Plan, began: float, stop: Event, events: Any) -> None:
    """One of several processes; Ctrl-C reaches it through `stop`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    bench = _Bench(home, plan, began, stop)
    events.put(bench.work(events.put))


class _Bench:
    """Takes one run after another until none is left. Only it loads torch, not the process that starts several of it."""

    def __init__(self, home: Path, plan: Plan, began: float, stop: Event | None = None) -> None:
        self.home = home
        self.plan = plan
        self.began = began
        self.stop = stop
        self.asked = False
        self.folder: RunFolder | None = None

    def ask_to_stop(self) -> None:
        self.asked = True
        if self.folder is not None:
            self.folder.write_control("", stop=True)

    def work(self, tell: Tell) -> str:
        while not self._should_stop():
            spent = spent_message(Store(self.home), self.plan.name)
            if spent:
                return spent
            folder = self._next()
            if folder is None:
                return ""
            self.folder = folder
            ended = self._train(folder)
            tell(ended)
            if ended.outcome in ("stopped", "paused"):
                if self.stop is not None:
                    self.stop.set()
                return ended.message or "stopped on request"
        return "stopped on request"

    def _should_stop(self) -> bool:
        """Also where the process that started this one is gone."""
        parent = multiprocessing.parent_process()
        return (
            self.asked
            or (self.stop is not None and self.stop.is_set())
            or (parent is not None and not parent.is_alive())
        )

    def _next(self) -> RunFolder | None:
        """The next run in the plan's order that nobody has, now this process's; runs that failed since it began are not tried again."""
        from imae_core.runs.foreground import begin, take_over

        store = Store(self.home)
        with study_lock(self.home, self.plan.name):
            runs = [release_lost(store, run) for run in self.plan.runs(store)]
            for place in match(self.plan.cells(self.home), runs):
                if place.run is None:
                    return begin(self.home, place.cell.config, self.plan.name)
                fresh = place.state == "failed" and (place.run.finished or 0) >= self.began
                if place.state in ("stopped", "failed") and not fresh:
                    folder = take_over(self.home, place.run)
                    if folder is not None:
                        return folder
        return None

    def _train(self, folder: RunFolder) -> Finished:
        from imae_core.runs.foreground import carry_out

        started = time.monotonic()
        title = folder.config().title
        outcome: str = "failed"
        message = ""
        try:
            outcome = carry_out(folder, report=self._watch)
        except ImaeError as error:
            message = str(error)
        except Exception as error:
            log.exception("%s", folder.run_id)
            message = f"{type(error).__name__}: {error}"
        return Finished(folder.run_id, title, outcome, message, time.monotonic() - started)

    def _watch(self, _progress: object) -> None:
        if self.folder is not None and not self.asked and self._should_stop():
            self.ask_to_stop()
