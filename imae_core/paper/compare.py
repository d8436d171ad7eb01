"""Published numbers beside ours: means over seeds, differences, and whether the paper's orders hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imae_core.analysis.comparison import METRICS
from imae_core.catalog import DATASETS
from imae_core.config import RunConfig
from imae_core.errors import DatasetError
from imae_core.paper.orders import Measured, Order, orders
from imae_core.paper.presets import Experiment, Preset, experiments, suits
from imae_core.paper.records import Setting
from imae_core.runs.store import Store, StoredRun
from imae_core.runs.submit import run_folder
from imae_core.runs.tables import dataset_text
from imae_core.studies.study import config_key
from imae_core.training.metrics import hybrid_accuracy

NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True)
class Cell:
    """One number, published and ours, in percent; None where there is none. `std` is the sample one, of n > 1 seeds."""

    published: float | None
    ours: Measured | None
    difference: float | None


@dataclass(frozen=True)
class Row:
    """One setting. `finished` are the runs in the means, one a seed; `unfinished` counts the others by state."""

    setting: Setting
    cells: dict[str, Cell]
    finished: tuple[str, ...]
    unfinished: tuple[str, ...]


@dataclass(frozen=True)
class PaperComparison:
    """A preset's rows for one data set. `caveats` say what keeps ours from being the published experiment."""

    preset: Preset
    dataset: str
    rows: tuple[Row, ...]
    orders: tuple[Order, ...]
    caveats: tuple[str, ...]

    @property
    def variant(self) -> str:
        """The data set, official or not, in words."""
        return dataset_text(self.dataset)

    @property
    def metrics(self) -> tuple[str, ...]:
        return shown_metrics(self.preset)

    @property
    def num_runs(self) -> int:
        """Finished runs in the means."""
        return sum(len(row.finished) for row in self.rows)


def shown_metrics(preset: Preset) -> tuple[str, ...]:
    """The published metrics that a run has; those of its claims where no number was published."""
    claimed = dict.fromkeys(claim.metric for claim in preset.table.claims)
    return tuple(metric for metric in preset.table.metrics or claimed if metric in METRICS)


def compare_with_paper(
    store: Store, preset: Preset, *, dataset: str | None = None, group: str = ""
) -> list[PaperComparison]:
    """One comparison for each data set on which runs of this home carry out the preset's experiments, `dataset` alone if given.

    A run counts if it has all fields of an experiment, whatever its seeds, device and threads and whoever queued it;
    of several finished runs with the same seeds the newest counts. Only a group's runs with `group`.
    """
    runs = store.of_group(group) if group else store.runs()
    names = (
        [dataset]
        if dataset
        else sorted({run.config.dataset for run in runs}, key=lambda name: (name != preset.dataset, name))
    )
    found = []
    for name in names:
        if not dataset and not _is_stand_in(store.home, preset, name):
            continue
        matched = _matched(runs, experiments(store.home, preset, dataset=name))
        if any(matched.values()):
            found.append(_comparison(store, preset, name, matched))
    return found


def _is_stand_in(home: Path, preset: Preset, dataset: str) -> bool:
    try:
        return suits(home, preset, dataset)
    except DatasetError:  # removed since
        return False


def published_only(preset: Preset, dataset: str) -> PaperComparison:
    """The published numbers with nothing beside them."""
    rows = tuple(_row(preset, setting, [], {}) for setting in preset.settings)
    return PaperComparison(preset, dataset, rows, (), caveats(preset, dataset))


def caveats(preset: Preset, dataset: str) -> tuple[str, ...]:
    """Why numbers on this data set are no repetition of the published ones; empty if nothing is known against it."""
    found = []
    if preset.scaled_down:
        found.append(f"{NOT_COMPARABLE}: scaled down, {preset.scaled_down}")
    if dataset != preset.dataset:
        found.append(
            f"{NOT_COMPARABLE}: {dataset_text(dataset)} stands in for {DATASETS[preset.dataset].title} (official files)"
        )
    return tuple(found)


def _matched(runs: Sequence[StoredRun], wanted: Sequence[Experiment]) -> dict[Setting, list[StoredRun]]:
    by_key: dict[str, list[StoredRun]] = {}
    names = {experiment.config.dataset for experiment in wanted}
    for run in runs:
        if run.config.dataset in names:
            by_key.setdefault(_but_seeds(run.config), []).append(run)
    return {one.setting: by_key.get(_but_seeds(one.config), []) for one in wanted}


def _but_seeds(config: RunConfig) -> str:
    return config_key(config.model_copy(update={"seed": 0, "noise_seed": 0}))


def _comparison(store: Store, preset: Preset, dataset: str, matched: dict[Setting, list[StoredRun]]) -> PaperComparison:
    rows = []
    for setting, runs in matched.items():
        newest = {(run.config.seed, run.config.noise_seed): run for run in runs if run.state == "done"}
        done = list(newest.values())
        results = {run.run_id: _by_reference(run_folder(store.home, run.run_id).result() or {}) for run in done}
        rows.append(_row(preset, setting, [run for run in runs if run.state != "done"], results))
    ours = {
        (row.setting, metric): cell.ours for row in rows for metric, cell in row.cells.items() if cell.ours is not None
    }
    return PaperComparison(
        preset, dataset, tuple(rows), orders(preset, ours, shown_metrics(preset)), caveats(preset, dataset)
    )


def _by_reference(result: dict[str, Any]) -> dict[str, Any]:
    """A result whose training examples are scored against the labels that noise would have been injected into.

    A run without noise on labels that nobody vouched for knows no truth; every other row of its table takes those same
    labels for it.
    """
    given = result.get("train_accuracy_given")
    if given is None or result.get("train_accuracy_true") is not None or result["config"]["noise"]["rate"]:
        return result
    hybrid = hybrid_accuracy(result["final_test_accuracy"], result["num_test"], given, result["num_train"])
    return result | {"clean_subset_accuracy": given, "hybrid_accuracy": hybrid}


def _row(
    preset: Preset, setting: Setting, unfinished: Sequence[StoredRun], results: dict[str, dict[str, float]]
) -> Row:
    numbers = preset.table.results.get(preset.published_setting(setting), {})
    cells = {}
    for metric in shown_metrics(preset):
        values = [100 * result[metric] for result in results.values() if result.get(metric) is not None]
        ours = Measured.of(values)
        published = numbers.get(metric)
        difference = None
        if ours is not None and published is not None and not preset.scaled_down:  # that would be another experiment
            difference = ours.mean - published
        cells[metric] = Cell(published, ours, difference)
    states = [run.state for run in unfinished]
    return Row(
        setting, cells, tuple(results), tuple(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    )
