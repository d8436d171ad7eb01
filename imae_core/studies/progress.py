"""How far a study is: which of its runs are there, in which state, what they took, and what is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from imae_core.data.facts import dataset_facts
from imae_core.runs.budget import machine_seconds
from imae_core.runs.status import Cost, expected_cost, kind_of_work, run_status, step_seconds
from imae_core.runs.store import Store, StoredRun
from imae_core.runs.submit import run_folder
from imae_core.studies.store import cells_of
from imae_core.studies.study import Cell, Study, config_key

# where a run was made more than once, the one that is furthest counts
_BEST_FIRST = ("done", "running", "starting", "paused", "queued", "stopped", "failed")
STATES = ("done", "running", "queued", "failed", "stopped", "missing")
_AS_SHOWN = {"starting": "running", "paused": "queued"}


@dataclass(frozen=True)
class Place:
    """A run of the study and, if it was ever queued or begun, its row in the queue."""

    cell: Cell
    run: StoredRun | None

    @property
    def state(self) -> str:
        """One of STATES."""
        return "missing" if self.run is None else _AS_SHOWN.get(self.run.state, self.run.state)


@dataclass(frozen=True)
class StudyProgress:
    """`spent_seconds` of machine time, start-ups included; `left_seconds` of it are expected, None before anything was measured."""

    study: Study
    places: list[Place]
    spent_seconds: float
    left_seconds: float | None

    @cached_property
    def counts(self) -> dict[str, int]:
        """Runs by state, of STATES."""
        states = [place.state for place in self.places]
        return {state: states.count(state) for state in STATES}

    @property
    def is_done(self) -> bool:
        return self.counts["done"] == len(self.places)

    @property
    def is_going(self) -> bool:
        """Whether something is queued or runs."""
        return bool(self.counts["running"] or self.counts["queued"])

    @property
    def runs(self) -> list[StoredRun]:
        """The runs that are there, in the study's order."""
        return [place.run for place in self.places if place.run is not None]

    @property
    def text(self) -> str:
        """Such as "12 of 54 runs done, 2 running, 40 missing"."""
        others = [f"{count} {state}" for state, count in self.counts.items() if count and state != "done"]
        return ", ".join([f"{self.counts['done']} of {len(self.places)} runs done", *others])


def match(cells: Sequence[Cell], runs: Sequence[StoredRun]) -> list[Place]:
    """Every cell with the run of the same configuration, the furthest and then the newest where there are several."""
    by_key: dict[str, StoredRun] = {}
    for run in sorted(runs, key=lambda run: (_BEST_FIRST.index(run.state), -run.created)):
        by_key.setdefault(config_key(run.config), run)
    return [Place(cell, by_key.get(cell.key)) for cell in cells]


def study_progress(home: Path, study: Study) -> StudyProgress:
    """Reads the store, and the folders of the study's runs."""
    store = Store(home)
    runs = [run_status(home, run).run if run.is_active else run for run in store.of_group(study.name)]
    places = match(cells_of(home, study), runs)
    seconds = {run.run_id: machine_seconds(run_folder(home, run.run_id), run) for run in runs}
    left = _left_seconds(home, store, study, places, seconds)
    return StudyProgress(study, places, sum(seconds.values()), left)


def _left_seconds(
    home: Path, store: Store, study: Study, places: Sequence[Place], seconds: dict[str, float]
) -> float | None:
    """From what the study's own finished runs took a step, else from the home's other runs of the same kind."""
    num_train = dataset_facts(home, study.dataset).num_train

    def steps(cell: Cell) -> int:
        return cell.config.total_steps(cell.config.num_trained(min(cell.config.num_train or num_train, num_train)))

    own: dict[object, list[float]] = {}
    for place in places:
        if place.state == "done" and place.run is not None and seconds[place.run.run_id] > 0:
            own.setdefault(kind_of_work(place.cell.config), []).append(
                seconds[place.run.run_id] / max(steps(place.cell), 1)
            )
    waiting = [place.cell for place in places if place.state != "done"]
    if not waiting:
        return 0.0
    rates = {kind: float(np.mean(values)) for kind, values in own.items()}
    if any(kind_of_work(cell.config) not in rates for cell in waiting):
        rates = step_seconds(store) | rates
    if not rates:
        return None
    usual = float(np.mean(list(rates.values())))
    return sum(steps(cell) * rates.get(kind_of_work(cell.config), usual) for cell in waiting)


def expected_study_cost(home: Path, study: Study, cells: Sequence[Cell]) -> Cost:
    """Machine time and disk of all runs; time is None where one of them is of a kind that was not measured here yet."""
    store, facts = Store(home), dataset_facts(home, study.dataset)
    rates = step_seconds(store)
    costs = [expected_cost(store, cell.config, facts.num_train, facts.num_classes, rates) for cell in cells]
    seconds = [cost.seconds for cost in costs if cost.seconds is not None]
    return Cost(sum(seconds) if len(seconds) == len(costs) else None, sum(cost.disk_bytes for cost in costs))
