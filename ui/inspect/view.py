"""What is looked at: a run, one source of its dynamics and an epoch, with a column for every score."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from imae_core.analysis.histograms import quantities
from imae_core.analysis.truth import truth_is_known
from imae_core.data.dataset import Dataset
from imae_core.data.inputs import RowInputs
from imae_core.errors import DatasetError
from imae_core.runs.folder import Source
from imae_core.runs.status import RunStatus
from ui import cache
from ui.figures import COLOR
from ui.gallery import Card, picture_address

NO_CLASS = "no class"
SOURCE_TITLES = {"seen": "as trained", "eval": "evaluated"}


@dataclass(frozen=True)
class Score:
    """A column that examples can be sorted by."""

    title: str
    help: str


SCORES = {
    "weight": Score("weight", "L1 norm of the gradient with respect to the logits, in this epoch"),
    "p_label": Score("p of the given label", "in this epoch"),
    "loss": Score("loss", "-log p of the given label, in this epoch"),
    "margin": Score("margin", "logit of the given label minus the largest other, in this epoch"),
    "confidence": Score("confidence", "mean of p of the given label over the evaluated epochs"),
    "variability": Score("variability", "standard deviation of p of the given label over the evaluated epochs"),
    "correctness": Score("correctness", "share of the evaluated epochs in which the given label was predicted"),
    "aum": Score("AUM", "mean margin over the evaluated epochs"),
    "forgetting": Score("forgetting", "how often it went from right to wrong between evaluated epochs"),
}


class RunView:
    """Columns (N,) of a run's training examples at one epoch; read when they are asked for."""

    def __init__(self, status: RunStatus, source: Source, epoch: int) -> None:
        self.status = status
        self.source = source
        self.epoch = epoch
        self.run_id = status.run.run_id
        self.started = status.run.started or 0.0
        self.epochs = status.folder.epochs(source)
        self.examples = cache.examples(self.run_id, status.run.attempt)
        self.table = cache.dynamics(self.run_id, source, epoch, self.started)

    @cached_property
    def total_epochs(self) -> int:
        """Of the whole run, planned or done."""
        return max(self.epochs[-1], int(self.status.folder.heartbeat().get("epochs") or 0))

    @property
    def num_examples(self) -> int:
        return len(self.examples)

    @cached_property
    def known(self) -> bool:
        """Whether it is known which labels are wrong."""
        return truth_is_known(self.examples)

    @cached_property
    def num_classes(self) -> int:
        if self.data is not None:
            return self.data.num_classes
        return int(max(self.examples["given_label"].max(), self.table["predicted"].max())) + 1

    @property
    def key(self) -> tuple[str, Source, int, float]:
        """Changes with every epoch that is added, and when the run is started anew."""
        return self.run_id, self.source, len(self.epochs), self.started

    @property
    def title(self) -> str:
        return f"{SOURCE_TITLES[self.source]}, epoch {self.epoch}"

    @property
    def map_key(self) -> tuple[str, int, float]:
        """The same of the running statistics."""
        return self.run_id, self._num_evaluated, self.started

    @cached_property
    def data(self) -> Dataset | None:
        """The run's data set, or None with a word where it was removed or is another by now."""
        try:
            data = cache.dataset(self.status.run.config.dataset)
        except DatasetError as error:
            st.caption(f"No pictures: {error}")
            return None
        if data.fingerprint != self.status.folder.environment().get("data_fingerprint", data.fingerprint):
            st.caption(
                f"No pictures: {data.name} is not the data set that this run was trained on; that one was removed."
            )
            return None
        return data

    @cached_property
    def inputs(self) -> RowInputs | None:
        """(N, ...) what the run saw of its examples, noise included, or None with a word where that is gone."""
        if self.data is None:
            return None
        run = self.status.run
        names = [name for name in (run.config.dataset, run.config.noise.source) if name]
        try:
            return cache.run_inputs(run.run_id, run.attempt, tuple(map(cache.dataset_changed, names)))
        except DatasetError as error:
            st.caption(f"No pictures: {error}")
            return None

    @cached_property
    def _num_evaluated(self) -> int:
        return len(self.epochs if self.source == "eval" else self.status.folder.epochs("eval"))

    @cached_property
    def trajectory(self) -> pd.DataFrame:
        """Running statistics over the evaluated epochs so far; empty before the first."""
        return cache.trajectory(*self.map_key)

    def column(self, name: str) -> np.ndarray:
        """(N,) a label, is_corrupted or a score of `SCORES`."""
        if name in self.examples:
            return self.examples[name].to_numpy()
        if name in self.table:
            return self.table[name].to_numpy()
        if name == "loss":
            return quantities(self.table)["loss"]
        return self.trajectory[name].to_numpy()

    def scores(self) -> list[str]:
        """Scores that this run has so far."""
        late = {"confidence", "variability", "correctness", "aum", "forgetting"}
        return [name for name in SCORES if name not in late or len(self.trajectory)]

    def record(self, row: int) -> dict[str, Any]:
        """Everything about one example."""
        names = ("index", "given_label", "true_label", "is_corrupted", "predicted", *self.scores())
        return {name: self.column(name)[row] for name in names}

    def class_name(self, label: int) -> str:
        """In words; "" where it is not known, and where no class is right."""
        if label < 0:
            return ""
        return str(label) if self.data is None else str(self.data.class_names[label])

    def kind(self, row: int) -> str:
        """The population that an example belongs to: `all` where that is not known."""
        if not self.known:
            return "all"
        return "corrupted" if self.examples["is_corrupted"].iat[row] else "clean"

    def picture(self, row: int) -> str:
        """A data address, or "" where there are no pictures."""
        if self.data is None or not self.data.is_image or self.inputs is None:
            return ""
        return picture_address(self.inputs[row], self.data.scale)

    def card(self, row: int, *more: str) -> Card:
        """For a gallery; `more` lines come last."""
        given, true = (self.class_name(int(self.examples[name].iat[row])) for name in ("given_label", "true_label"))
        labels = [f"given {given}"] + ([f"true {true or NO_CLASS}"] if self.known else [])
        numbers = [f"p {self.table['p_label'].iat[row]:.3f}", f"w {self.table['weight'].iat[row]:.3f}"]
        hint = f"example {self.examples['index'].iat[row]}: {', '.join(labels)}"
        return Card(row, COLOR[self.kind(row)], [*labels, *numbers, *more], hint, self.picture(row))
