"""Which of a preset's runs are in this home already, and training those that are not."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imae_core.data.facts import dataset_facts
from imae_core.paper.presets import PRESETS, Preset, experiments, preset_of, suits
from imae_core.runs.status import expected_cost, step_seconds
from imae_core.runs.store import Store, StoredRun
from imae_core.runs.submit import release_lost, resume, submit
from imae_core.studies.progress import STATES, Place, match
from imae_core.studies.store import study_lock
from imae_core.studies.study import Cell


@dataclass(frozen=True)
class PaperPlan:
    """A preset on a data set with seeds: what is to be run, for `studies.here.run_plan` and the queue."""

    preset: str
    dataset: str | None = None
    seeds: tuple[int, ...] = (0,)
    device: str = "auto"
    only: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return preset_of(self.preset).group

    def cells(self, home: Path) -> list[Cell]:
        """Raises BadInputError as `experiments`."""
        preset = preset_of(self.preset)
        return list(
            experiments(home, preset, dataset=self.dataset, seeds=self.seeds, device=self.device, only=self.only)
        )

    def runs(self, store: Store) -> list[StoredRun]:
        """All of the home: who queued a run, and under which name, makes no difference."""
        return [run for run in store.runs() if run.delete_wished is None]


def places(store: Store, plan: PaperPlan) -> list[Place]:
    """Of each run of the plan, whether it is there."""
    return match(plan.cells(store.home), [release_lost(store, run) for run in plan.runs(store)])


def counts(found: Sequence[Place]) -> str:
    """In words, such as "3 done, 6 missing"."""
    states = [place.state for place in found]
    return ", ".join(f"{states.count(state)} {state}" for state in STATES if state in states)


@dataclass(frozen=True)
class Standing:
    """One preset in a home: `here` says in words which of its runs are there, or what this program lacks for it.

    `seconds_left` of machine time; None where it is not known yet.
    """

    preset: Preset
    dataset: str
    here: str
    seconds_left: float | None
    places: tuple[Place, ...]


def standings(store: Store, dataset: str | None = None) -> list[Standing]:
    """Of every preset, seed 0; on `dataset` where that can stand in for the official one."""
    found = []
    for preset in PRESETS.values():
        lacking = preset.missing()
        if lacking:
            found.append(Standing(preset, preset.dataset, f"needs the {', '.join(lacking)}", None, ()))
            continue
        name = dataset if dataset and suits(store.home, preset, dataset) else preset.dataset
        there = places(store, PaperPlan(preset.name, name))
        found.append(Standing(preset, name, counts(there), seconds_left(store, there), tuple(there)))
    return found


@dataclass(frozen=True)
class Queued:
    """Ids of runs that were queued anew, of those that go on from where they had stopped, and of those left alone."""

    new: tuple[str, ...]
    resumed: tuple[str, ...]
    present: tuple[str, ...]


def submit_missing(store: Store, plan: PaperPlan, *, again: bool = False) -> Queued:
    """Queues what is missing, resumes what had stopped (`again`: also what had failed), and leaves the rest alone."""
    with study_lock(store.home, plan.name):
        found = places(store, plan)
        to_resume = ("stopped", "failed") if again else ("stopped",)
        resumed = [place.run.run_id for place in found if place.run and place.state in to_resume]
        for run_id in resumed:
            resume(store.home, run_id)
        missing = [place.cell.config for place in found if place.run is None]
        new = submit(store.home, missing, plan.name) if missing else []
    present = [place.run.run_id for place in found if place.run and place.run.run_id not in resumed]
    return Queued(tuple(new), tuple(resumed), tuple(present))


def seconds_left(store: Store, found: Sequence[Place]) -> float | None:
    """Machine time of all that is not done, one run after another, from measured steps of the same net and data.

    None where one of them has not been measured on this machine yet.
    """
    waiting = [place.cell.config for place in found if place.state != "done"]
    if not waiting:
        return 0.0
    rates, facts = step_seconds(store), dataset_facts(store.home, waiting[0].dataset)
    seconds = [expected_cost(store, one, facts.num_train, facts.num_classes, rates).seconds for one in waiting]
    known = [each for each in seconds if each is not None]
    return sum(known) if len(known) == len(seconds) else None
