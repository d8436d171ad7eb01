"""Which of a preset's runs are in this home already, and queueing those that are not."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from imae_core.config import RunConfig
from imae_core.data.facts import dataset_facts
from imae_core.paper.presets import Experiment, Preset
from imae_core.runs.status import Cost, expected_cost
from imae_core.runs.store import ENDED, Store, StoredRun
from imae_core.runs.submit import resume, submit

# neither a seed nor where it is computed makes another experiment
_NO_MATTER = {"format_version", "seed", "noise_seed", "device", "threads"}
_BEST_FIRST = ("done", "running", "starting", "queued", "paused", "stopped", "failed")


def experiment_key(config: RunConfig) -> str:
    """The same text for all runs of one experiment: every field but seeds, device and threads."""
    return json.dumps(config.model_dump(mode="json", exclude=_NO_MATTER), sort_keys=True)


@dataclass(frozen=True)
class Standing:
    """An experiment, and the run of this home that carries it out or did; None: it is missing."""

    experiment: Experiment
    run: StoredRun | None

    @property
    def state(self) -> str:
        return self.run.state if self.run else "missing"


def standings(runs: Sequence[StoredRun], wanted: Sequence[Experiment]) -> list[Standing]:
    """Of each experiment, in order: the run with its fields and seeds; one that is done before others, then the newest."""
    found: dict[tuple[str, int, int], StoredRun] = {}
    for run in sorted(runs, key=lambda run: (_BEST_FIRST.index(run.state), -run.created)):
        if run.delete_wished is None:
            found.setdefault(_key(run.config), run)
    return [Standing(experiment, found.get(_key(experiment.config))) for experiment in wanted]


def _key(config: RunConfig) -> tuple[str, int, int]:
    return (experiment_key(config), config.seed, config.noise_seed)


def counts(found: Sequence[Standing]) -> str:
    """In words, such as "3 done, 6 missing"."""
    states = Counter(one.state for one in found)
    order = (*_BEST_FIRST, "missing")
    return ", ".join(f"{states[state]} {state}" for state in order if states[state])


@dataclass(frozen=True)
class Queued:
    """Ids of runs that were queued anew, of those that go on from where they had stopped, and of those that need nothing."""

    new: tuple[str, ...]
    resumed: tuple[str, ...]
    present: tuple[str, ...]


def submit_missing(store: Store, preset: Preset, wanted: Sequence[Experiment]) -> Queued:
    """Queues what is missing, resumes what had stopped or failed, and leaves the rest alone."""
    found = standings(store.runs(), wanted)
    stopped = [one.run.run_id for one in found if one.run and one.run.state in ENDED and one.run.state != "done"]
    for run_id in stopped:
        resume(store.home, run_id)
    missing = [one.experiment.config for one in found if one.run is None]
    new = submit(store.home, missing, preset.group) if missing else []
    present = [one.run.run_id for one in found if one.run and one.run.run_id not in stopped]
    return Queued(tuple(new), tuple(stopped), tuple(present))


def cost(store: Store, found: Sequence[Standing]) -> Cost:
    """Of all that is missing, one run after another; `seconds` None where a net has not been measured on this machine."""
    todo = [one.experiment.config for one in found if one.run is None]
    if not todo:
        return Cost(0.0, 0)
    facts = dataset_facts(store.home, todo[0].dataset)
    costs = [expected_cost(store, config, facts.num_train, facts.num_classes) for config in todo]
    seconds = [one.seconds for one in costs if one.seconds is not None]
    return Cost(sum(seconds) if len(seconds) == len(costs) else None, sum(one.disk_bytes for one in costs))
