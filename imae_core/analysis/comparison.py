"""Runs side by side: means over seeds, the best value of each column, curves, pivots.

A run is a row: its parameters (a configuration, flattened to dotted names) and its metrics. Runs that agree in all
parameters but the seeds form a group; a mean never mixes anything else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import pandas as pd

from imae_core.analysis.parameters import SEEDS, agreeing, differing, group_names, parameter_table, task_keys
from imae_core.catalog import NOISES


@dataclass(frozen=True)
class Metric:
    """A number of a finished run; `best` is "max", "min", or "" where neither direction is better."""

    title: str
    best: Literal["max", "min", ""]
    help: str


METRICS = {
    "best_test_accuracy": Metric("best", "max", "Test accuracy of the best epoch, which is chosen on the test set: optimistic."),
    "final_test_accuracy": Metric("final", "max", "Test accuracy after the last epoch."),
    "noisy_subset_accuracy": Metric("noisy subset", "min", "Training examples with a wrong label (open-set pictures too: every label is wrong for them) predicted as that label: memorisation, lower is better. Not defined where noise leaves labels right."),
    "clean_subset_accuracy": Metric("clean subset", "max", "Training examples with a right label and an unchanged input predicted as their label."),
    "hybrid_accuracy": Metric("hybrid", "max", "Test set and all training examples together, against their true labels."),
    "train_accuracy_given": Metric("training, given labels", "", "Whole training set against its given labels: fit and memorisation in one."),
    "train_accuracy_true": Metric("training, true labels", "max", "Whole training set against its true labels."),
    "validation_accuracy_given": Metric("validation, given labels", "max", "Rows that were not trained on, against their given labels, maybe wrong: what one may choose T by. With folds: every row, by the net that never saw it."),
    "detection_auc": Metric("detection AUC × 100", "max", "ROC-AUC of one minus the mean of p over the evaluated epochs, against what is corrupted."),
}  # fmt: skip
# IMAE, arXiv 1903.12141, final version, Table 6
TABLE_6 = (
    "best_test_accuracy",
    "final_test_accuracy",
    "noisy_subset_accuracy",
    "clean_subset_accuracy",
    "hybrid_accuracy",
)


@dataclass(frozen=True)
class Comparison:
    """Runs (R) in G groups.

    parameters (R, fields), metrics (R, M) fractions with NaN where undefined, states (R,) and groups (R,), the name of
    each run's group, share the index run_id. summary (G, M x [mean, std, n]) and best (G, M) are indexed by group.
    Only runs that are done count in the summary.
    """

    parameters: pd.DataFrame
    metrics: pd.DataFrame
    states: pd.Series
    groups: pd.Series
    summary: pd.DataFrame
    best: pd.DataFrame

    @cached_property
    def is_done(self) -> pd.Series:
        """(R,) bool."""
        return self.states == "done"

    @cached_property
    def differing(self) -> list[str]:
        """Parameters that differ between the runs, seeds included."""
        return differing(self.parameters)

    @cached_property
    def agreeing(self) -> dict[str, str]:
        """What all runs have in common, in words, by title."""
        return agreeing(self.parameters)

    @cached_property
    def labels(self) -> pd.DataFrame:
        """(G, fields) the loss and every other parameter that differs between groups; ABSENT where one does not apply."""
        first = _first_of_each(self.parameters, self.groups)
        seeds = SEEDS if not self.groups.is_unique else ()
        fields = [field for field in differing(first) if field not in (*seeds, "loss.name")]
        return first[["loss.name", *fields]]

    @cached_property
    def tasks(self) -> pd.Series:
        """(G,) the same number for groups with the same data and label noise."""
        return task_keys(_first_of_each(self.parameters, self.groups))

    @cached_property
    def unfinished(self) -> pd.Series:
        """(G,) in words how many runs are not done, such as "1 running, 2 failed"; "" where all are."""
        counts = pd.crosstab(self.groups, self.states).drop(columns="done", errors="ignore")
        words = {group: ", ".join(f"{count} {state}" for state, count in row.items() if count)
                 for group, row in counts.iterrows()}  # fmt: skip
        return pd.Series(words, dtype=object).reindex(self.summary.index)

    def repeated_seeds(self) -> list[str]:
        """Groups in which two finished runs have the same seeds: they are no independent repetitions."""
        done = self.parameters[self.is_done]
        pairs = done[[seed for seed in SEEDS if seed in done]].assign(group=self.groups[self.is_done])
        return list(dict.fromkeys(pairs.loc[pairs.duplicated(), "group"]))


def compare(
    configs: Mapping[str, Mapping[str, Any]],
    results: Mapping[str, Mapping[str, Any]],
    states: Mapping[str, str],
    *,
    over_seeds: bool = True,
) -> Comparison:
    """Configurations, results (empty for a run that has none) and states by run id.

    Without `over_seeds` every seed is a group of its own.
    """
    parameters = parameter_table(configs)
    index = parameters.index
    rows = [{name: results[run_id].get(name) for name in METRICS} for run_id in index]
    metrics = pd.DataFrame(rows, index=index, columns=list(METRICS)).astype(float)
    state = pd.Series([states[run_id] for run_id in index], index=index, dtype=object)
    groups = group_names(parameters, without=SEEDS if over_seeds else ())
    summary = summarize(metrics[state == "done"], groups[state == "done"]).reindex(groups.unique())
    counts = [column for column in summary.columns if column[1] == "n"]
    summary[counts] = summary[counts].fillna(0)
    tasks = task_keys(_first_of_each(parameters, groups))
    return Comparison(parameters, metrics, state, groups, summary, best_values(summary, tasks))


def summarize(metrics: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """(G, M x [mean, std, n]) over the runs of each group that have a value; std is the sample one, NaN for n = 1."""
    table = metrics.groupby(groups, sort=False).agg(["mean", "std", "count"])
    return table.rename(columns={"count": "n"}, level=1)


def best_values(summary: pd.DataFrame, tasks: pd.Series) -> pd.DataFrame:
    """(G, M) whether a mean is the best among the rows of the same task (G,); a row that stands alone is not marked."""
    means = summary.xs("mean", axis=1, level=1)
    marks = pd.DataFrame(False, index=means.index, columns=means.columns)
    for name, metric in METRICS.items():
        if metric.best and name in means:
            by_task = means[name].groupby(tasks)
            best = by_task.transform("max") if metric.best == "max" else by_task.transform("min")
            marks[name] = (means[name] == best) & (by_task.transform("count") > 1)
    return marks


def mean_curves(histories: pd.DataFrame, groups: pd.Series, column: str, by: str = "epoch") -> pd.DataFrame:
    """Columns group, `by`, mean, std (sample; NaN for n = 1), n, of a column over the runs of each group.

    `histories` has a row per run_id and epoch; epochs that were not evaluated (NaN) are left out.
    """
    known = histories[["run_id", by, column]].dropna()
    known = known.assign(group=known["run_id"].map(groups)).dropna(subset=["group"])
    table = known.groupby(["group", by], sort=False)[column].agg(["mean", "std", "count"])
    return table.rename(columns={"count": "n"}).reset_index()


def noise_pivot(comparison: Comparison, metric: str) -> pd.DataFrame:
    """Means: a row for all that agrees but the noise rate and the seeds, a column a noise rate, rising.

    Runs with a transition matrix of their own, or a mixture, are left out: they have no one rate.
    """
    parameters = comparison.parameters
    counted = comparison.is_done & parameters["noise.kind"].map(lambda kind: NOISES[kind].uses_rate).astype(bool)
    cells = pd.DataFrame(
        {
            "row": group_names(parameters, without=["noise.rate", *SEEDS]),
            "rate": parameters["noise.rate"].astype(float),
            "value": comparison.metrics[metric],
        }
    )[counted]
    wide = cells.pivot_table(index="row", columns="rate", values="value", aggfunc="mean", sort=False, dropna=False)
    return wide.sort_index(axis=1)


def _first_of_each(parameters: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    first = ~groups.duplicated()
    return parameters[first].set_axis(pd.Index(groups[first], name="group"), axis=0)
