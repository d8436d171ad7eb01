"""A study, or another plan of runs, in this process, or in a few that it starts: torch is imported once, not once a run."""

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from queue import Empty
from typing import Any, Protocol

from imae_core.errors import BadInputError, ImaeError
from imae_core.hardware import KEEP_MEMORY
from imae_core.runs.budget import spent_message
from imae_core.runs.disk import disk_message
from imae_core.runs.folder import RunFolder
from imae_core.runs.grids import grid_key, most_together
from imae_core.runs.store import Store, StoredRun
from imae_core.runs.submit import release_lost
from imae_core.studies.progress import Place, match
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
    os.environ |= KEEP_MEMORY | os.environ  # the processes inherit it
    context = multiprocessing.get_context("spawn")
    events, stop, began = context.Queue(), context.Event(), time.time()
    workers = [context.Process(target=_work, args=(home, plan, began, jobs, stop, events)) for _ in range(jobs)]
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


def _work(home: Path, plan: Plan, began: float, jobs: int, stop: Event, events: Any) -> None:
    """One of several processes; Ctrl-C reaches it through `stop`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    bench = _Bench(home, plan, began, jobs, stop)
    events.put(bench.work(events.put))


class _Bench:
    """Takes one run after another until none is left, and those that can train together at once. Only it loads torch, not the process that starts several of it."""

    def __init__(self, home: Path, plan: Plan, began: float, jobs: int = 1, stop: Event | None = None) -> None:
        self.home = home
        self.plan = plan
        self.began = began
        self.jobs = jobs
        self.stop = stop
        self.asked = False
        self.folders: list[RunFolder] = []

    def ask_to_stop(self) -> None:
        self.asked = True
        for folder in self.folders:
            folder.write_control("", stop=True)

    def work(self, tell: Tell) -> str:
        while not self._should_stop():
            spent = spent_message(Store(self.home), self.plan.name)
            if spent:
                return spent
            self.folders = self._next()
            if not self.folders:
                return ""
            if self._should_stop():  # asked to while they were taken
                self.ask_to_stop()
            ended = self._train(tell)
            halted = [one for one in ended if one.outcome in ("stopped", "paused")]
            if halted:
                if self.stop is not None:
                    self.stop.set()
                return halted[0].message or "stopped on request"
        return "stopped on request"

    def _should_stop(self) -> bool:
        """Also where the process that started this one is gone."""
        parent = multiprocessing.parent_process()
        return (
            self.asked
            or (self.stop is not None and self.stop.is_set())
            or (parent is not None and not parent.is_alive())
        )

    def _next(self) -> list[RunFolder]:
        """The next run in the plan's order that nobody has, and this process's share of those like it, now its own; runs
        that failed since it began are not tried again."""
        from imae_core.runs.foreground import begin, take_over

        store = Store(self.home)
        with study_lock(self.home, self.plan.name):
            runs = [release_lost(store, run) for run in self.plan.runs(store)]
            places = match(self.plan.cells(self.home), runs)
            chosen = self._share([place for place in places if self._is_open(place)], places)
            folders = [
                begin(self.home, place.cell.config, self.plan.name, len(chosen))
                if place.run is None
                else take_over(self.home, place.run)
                for place in chosen
            ]
        return [folder for folder in folders if folder is not None]

    def _is_open(self, place: Place) -> bool:
        fresh = place.state == "failed" and place.run is not None and (place.run.finished or 0) >= self.began
        return place.run is None or (place.state in ("stopped", "failed") and not fresh)

    def _share(self, waiting: Sequence[Place], places: Sequence[Place]) -> list[Place]:
        """The first, and those that can train with it: of all like it that are not done an equal part for each process."""
        if not waiting:
            return []
        key = grid_key(waiting[0].cell.config)
        if key is None or waiting[0].run is not None:  # at a step of its own
            return [waiting[0]]
        alike = [place for place in waiting if grid_key(place.cell.config) == key and place.run is None]
        unfinished = [place for place in places if place.state != "done" and grid_key(place.cell.config) == key]
        return alike[: min(-(-len(unfinished) // self.jobs), most_together())]

    def _train(self, tell: Tell) -> list[Finished]:
        from imae_core.runs.foreground import carry_out, carry_out_together

        started = time.monotonic()
        ended: list[Finished] = []

        def left(folder: RunFolder, end: str | Exception) -> None:
            outcome, message = ("failed", _message(folder, end)) if isinstance(end, Exception) else (end, "")
            if outcome == "paused":
                message = disk_message(self.home)
            seconds = (time.monotonic() - started) / len(self.folders)
            ended.append(Finished(folder.run_id, folder.config().title, outcome, message, seconds))
            tell(ended[-1])

        if len(self.folders) > 1:
            carry_out_together(self.folders, left, report=self._watch)
            return ended
        (folder,) = self.folders
        try:
            left(folder, carry_out(folder, report=self._watch))
        except Exception as error:
            left(folder, error)
        return ended

    def _watch(self, _progress: object) -> None:
        if self.folders and not self.asked and self._should_stop():
            self.ask_to_stop()


def _message(folder: RunFolder, error: Exception) -> str:
    if isinstance(error, ImaeError):
        return str(error)
    log.error("%s", folder.run_id, exc_info=error)
    return f"{type(error).__name__}: {error}"
