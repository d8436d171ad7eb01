"""Choosing a parameter's value among stored runs that differ in nothing else."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imae_core.analysis.parameters import SEEDS, TASK, differing, task_keys, title, value_text
from imae_core.analysis.selection import SOURCE, Selection, order_note, select
from imae_core.catalog import NOISES
from imae_core.config import RunConfig
from imae_core.data.facts import dataset_facts
from imae_core.errors import BadInputError, DatasetError
from imae_core.noise.matrices import build_transition_matrix
from imae_core.runs.comparison import Runs, compare_runs
from imae_core.runs.folder import RunFolder

FEW_SEEDS = 5


@dataclass(frozen=True)
class RunSelection:
    """A selection with the parameter that it is of: `field` as in `parameter_table`, such as "loss.params.T"."""

    field: str
    selection: Selection
    num_unfinished: int
    note: str

    @property
    def title(self) -> str:
        return title(self.field)

    def text(self, value: Hashable) -> str:
        """ "T = 8"; a loss by its name alone."""
        shown = value_text(self.field, value)
        return shown if self.field == "loss.name" else f"{self.title} = {shown}"

    def sentences(self) -> list[str]:
        """The choice, what cannot be told from it, what the noise lets one expect, and how it did where truth is known."""
        chosen = self.selection.chosen
        accuracy = float(self.selection.table["validation_mean"].max())
        seeds = f"over {self.selection.num_seeds} seeds" if self.selection.num_seeds > 1 else "of one seed"
        found = [
            f"{self.text(chosen)} is chosen: {_percent(accuracy)} of the held-out rows are predicted as their given "
            f"label, the highest mean {seeds} ({SOURCE})."
        ]
        near = ", ".join(self.text(value) for value in self.selection.not_apart)
        if self.selection.num_seeds == 1:
            found.append("With one seed there is no standard error: nothing is told apart.")
        elif near:
            found.append(f"Within one standard error of it, so not told apart: {near}.")
        else:
            found.append("Every other value is more than one standard error below, paired by seed.")
        if 1 < self.selection.num_seeds < FEW_SEEDS:
            found.append(
                f"From {self.selection.num_seeds} seeds the standard error itself is rough: more seeds tell more."
            )
        found.append(f"{self.note}.")
        truth = self.selection.truth
        if truth is not None:
            found.append(f"By the test set, which the choice never saw: {self._truth_text()}.")
        if self.num_unfinished or self.selection.num_left_out:
            found.append(
                f"Not counted: {self.num_unfinished} unfinished runs, and {self.selection.num_left_out} of seeds that some value lacks."
            )
        return found

    def _truth_text(self) -> str:
        truth = self.selection.truth
        assert truth is not None
        rank = "" if truth.rank_correlation is None else f"; rank correlation {truth.rank_correlation:.2f}"
        if truth.best == self.selection.chosen:
            return f"it is the best value, with {_percent(truth.best_accuracy)}{rank}"
        return (
            f"{_percent(truth.chosen_accuracy)}, {100 * truth.regret:.1f} points below the best value, {self.text(truth.best)} with "
            f"{_percent(truth.best_accuracy)}{rank}"
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values; fractions, NaN where undefined."""
        truth = self.selection.truth
        rows = self.selection.table.rename_axis("value").reset_index().to_dict("records")
        return {
            "parameter": self.field,
            "chosen": self.selection.chosen,
            "not_apart": self.selection.not_apart,
            "num_seeds": self.selection.num_seeds,
            "values": [{str(name): _plain(value) for name, value in row.items()} for row in rows],
            "truth": None if truth is None else vars(truth),
            "sentences": self.sentences(),
        }


def select_among(runs: Runs) -> RunSelection:
    """Chooses among runs of one group; those that are not finished are counted and left out.

    Raises BadInputError if the runs differ in no parameter, in several, or in data or noise, and as `select`.
    """
    comparison = compare_runs(runs)
    parameters = comparison.parameters
    fields = [field for field in differing(parameters) if field not in SEEDS]
    if len(fields) != 1 or fields[0].partition(".")[0] in TASK:
        differ = ", ".join(title(field) for field in fields) or "nothing but their seeds"
        raise BadInputError(
            f"a value is chosen among runs that differ in one parameter, on the same data and noise; these differ in {differ}"
        )
    field = fields[0]
    table = comparison.metrics[["validation_accuracy_given", "final_test_accuracy"]].assign(
        value=parameters[field], seed=parameters[list(SEEDS)].apply(tuple, axis=1)
    )
    selection = select(table[comparison.is_done])
    run, folder = runs[0]
    note = order_note(_noise_matrix(run.config, folder))
    return RunSelection(field, selection, int((~comparison.is_done).sum()), note)


def selections(runs: Runs) -> dict[str, RunSelection]:
    """Every choice that these runs allow, by the data, noise and loss that it is for.

    Runs are parted by data and noise, and by loss where its parameters vary; parts in which no value can be chosen are left
    out. Raises BadInputError, the first part's, if none is left.
    """
    comparison = compare_runs(runs)
    parameters = comparison.parameters
    tasks = task_keys(parameters)
    of_losses = any(field.startswith("loss.params.") for field in differing(parameters))
    keys = [(tasks[run.run_id], run.config.loss.name if of_losses else "") for run, _ in runs]
    found: dict[str, RunSelection] = {}
    problems: list[BadInputError] = []
    for key in dict.fromkeys(keys):
        part = [run for run, other in zip(runs, keys, strict=True) if other == key]
        try:
            found[_part_title(part[0][0].config, bool(key[1]))] = select_among(part)
        except BadInputError as problem:
            problems.append(problem)
    if not found:
        raise problems[0]
    return found


def _part_title(config: RunConfig, with_loss: bool) -> str:
    loss = [value_text("loss.name", config.loss.name)] if with_loss else []
    noise = "labels as they are" if config.noise.is_none else (
        f"{value_text('noise.kind', config.noise.kind)} {value_text('noise.rate', config.noise.rate)}"
    )  # fmt: skip
    return " · ".join([*loss, config.dataset, noise])


def _noise_matrix(config: RunConfig, folder: RunFolder) -> NDArray[np.float64] | None:
    """The injected noise's matrix; None for labels as they came, and for noise that is no matter of classes alone or changes
    inputs."""
    if config.noise.is_none or NOISES[config.noise.kind].changes_inputs:
        return None
    try:
        num_classes = dataset_facts(folder.home, config.dataset).num_classes
        return build_transition_matrix(config.noise.kind, num_classes, config.noise.rate, **config.noise.params)
    except (DatasetError, BadInputError):
        return None


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
