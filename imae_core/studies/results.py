"""What a study has found so far, as one tidy table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from imae_core.analysis.comparison import METRICS
from imae_core.analysis.parameters import group_names, parameter_table, title, value_text
from imae_core.analysis.significance import adjusted, paired_test, verdict
from imae_core.catalog import MODELS, lookup
from imae_core.recipes import RECIPES
from imae_core.runs.status import stored_result
from imae_core.runs.submit import run_folder
from imae_core.studies.progress import StudyProgress

SettingsIn = Literal["rows", "columns"]
USUAL = "usual recipe"


@dataclass(frozen=True)
class StudyResults:
    """`table` has a line a run of the study, done or not, in the study's order.

    Its columns: loss (its name with the parameters that vary), setting (what the factors change, "" without factors), rate, seed,
    run_id (None where missing), state, one a factor with its value as text, and the METRICS as fractions, NaN where there is none.
    """

    home: Path
    progress: StudyProgress
    table: pd.DataFrame

    @property
    def factors(self) -> list[str]:
        return list(self.progress.study.factors)

    @property
    def losses(self) -> list[str]:
        return list(dict.fromkeys(self.table["loss"]))

    @property
    def settings_in(self) -> SettingsIn:
        """Where the factors' values go in a table: where each is compared with the usual recipe, columns."""
        return "columns" if self.progress.study.design == "one_at_a_time" else "rows"

    def cells(self, metric: str, settings_in: SettingsIn | None = None) -> pd.DataFrame:
        """Columns row, column, seed, value for the statistics: losses by noise rates, both as texts."""
        lookup(METRICS, metric, "metric")
        table, where = self.table, settings_in or self.settings_in
        setting = table["setting"].astype(str)
        has_settings = setting.nunique() > 1
        rows, columns = table["loss"].astype(str), table["rate"].map(lambda rate: f"{100 * rate:g} %")
        if has_settings and where == "rows":
            rows = rows + setting.map(lambda text: f" · {text}")
        if has_settings and where == "columns":
            columns = setting if columns.nunique() == 1 else columns + setting.map(lambda text: f", {text}")
        return pd.DataFrame({"row": rows, "column": columns, "seed": table["seed"], "value": table[metric]})

    def failures(self, settings_in: SettingsIn | None = None) -> dict[tuple[str, str], int]:
        """Failed runs by row and column of the table."""
        cells = self.cells(next(iter(METRICS)), settings_in)[self.table["state"] == "failed"]
        return {
            (str(row), str(column)): len(part) for (row, column), part in cells.groupby(["row", "column"], sort=False)
        }

    def for_sensitivity(self, metric: str) -> pd.DataFrame:
        """Columns row (the loss), column (the rate), seed, value, and the factors."""
        lookup(METRICS, metric, "metric")
        names = {"loss": "row", "rate": "column", metric: "value"}
        return self.table[["loss", "rate", "seed", metric, *self.factors]].rename(columns=names)


def study_results(home: Path, progress: StudyProgress) -> StudyResults:
    """Reads the results of the study's finished runs."""
    places = progress.places
    study = progress.study
    configs = {str(number): place.cell.config.model_dump(mode="json") for number, place in enumerate(places)}
    parameters = parameter_table(configs)
    of_loss = [field for field in map(str, parameters) if field == "loss.name" or field.startswith("loss.params.")]
    losses = group_names(parameters[of_loss], without=())
    usual = places[0].cell.factors if study.design == "one_at_a_time" else {}
    lines = []
    for number, place in enumerate(places):
        config, run = place.cell.config, place.run
        result = {} if run is None or run.state != "done" else stored_result(run_folder(home, run.run_id), run.finished)
        texts = {name: factor_text(name, value) for name, value in place.cell.factors.items()}
        changed = [name for name, value in place.cell.factors.items() if not usual or value != usual[name]]
        setting = " · ".join(f"{factor_title(name)} {texts[name]}" for name in changed)
        lines.append(
            {"loss": losses[str(number)], "setting": setting or (USUAL if study.factors else ""), "rate": config.noise.rate,
             "seed": config.seed, "run_id": None if run is None else run.run_id, "state": place.state}
            | texts | {metric: result.get(metric) for metric in METRICS}
        )  # fmt: skip
    table = pd.DataFrame(lines)
    table[list(METRICS)] = table[list(METRICS)].astype(float)
    order = {name: place for place, name in enumerate(dict.fromkeys(table["setting"]))}
    table = table.sort_values(["rate", "setting"], key=lambda column: column.map(order) if column.name == "setting" else column,
                              kind="stable").reset_index(drop=True)  # fmt: skip
    return StudyResults(home, progress, table)


def factor_title(name: str) -> str:
    """A factor's name for people."""
    return title(name) if name != "recipe" else "recipe"


def factor_text(name: str, value: object) -> str:
    """A factor's value for people."""
    if name == "recipe" and value in RECIPES:
        return RECIPES[str(value)].title
    if name == "model":
        model = value.get("name") if isinstance(value, dict) else value
        return MODELS[str(model)].title if model in MODELS else str(model)
    return value_text(name, float(value) if isinstance(value, int) and not isinstance(value, bool) else value)


def verdicts(cells: pd.DataFrame, pairs: Sequence[tuple[str, str]], best: str) -> list[str]:
    """A sentence a pair of rows and column, Holm's correction over all of them."""
    by_seed = {
        place: part.groupby("seed")["value"].mean() for place, part in cells.groupby(["row", "column"], sort=False)
    }
    columns = list(dict.fromkeys(cells["column"]))
    places = [
        (a, b, column) for a, b in pairs for column in columns if (a, column) in by_seed and (b, column) in by_seed
    ]
    tests = adjusted([paired_test(by_seed[a, column], by_seed[b, column]) for a, b, column in places])
    sentences = [
        verdict(a, b, test, column if len(columns) > 1 or "%" in column else "", best)
        for (a, b, column), test in zip(places, tests, strict=True)
        if test is not None
    ]
    untold = tests.count(None)
    if untold:
        sentences.append(
            f"Of {untold} more, fewer than two seeds are in common: nothing can be said about the noise between seeds."
        )
    return sentences
