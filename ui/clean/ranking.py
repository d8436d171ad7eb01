"""What is reviewed: a run, the order of its examples, and whose decisions count."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from imae_core.analysis.detectors import DEFAULT_DETECTOR, DETECTORS, same_evidence
from imae_core.analysis.noise_estimate import NoiseEstimate
from imae_core.review import Journal
from imae_core.runs.status import RunStatus
from ui import cache, state
from ui.inspect.view import RunView


@dataclass(frozen=True)
class Ranking:
    """Every training example of a run in an order of suspicion, and one reviewer's journal about them."""

    view: RunView
    detectors: tuple[str, ...]
    suspects: pd.DataFrame
    journal: Journal

    @property
    def key(self) -> tuple[Any, ...]:
        """Of caches: changes with every epoch and when the run ends."""
        return *self.view.key, self.view.status.run.state

    @property
    def num_examples(self) -> int:
        return len(self.suspects)

    @property
    def title(self) -> str:
        names = [DETECTORS[name].title for name in self.detectors]
        return names[0] if len(names) == 1 else f"mean rank of {', '.join(names)}"

    @cached_property
    def rows(self) -> np.ndarray:
        """(N,) rows of the run, the most suspicious first."""
        rank = self.suspects["rank"].to_numpy()
        rows = np.empty(len(rank), dtype=np.int64)
        rows[rank - 1] = np.arange(len(rank))
        return rows

    def rows_of(self, indices: list[int]) -> np.ndarray:
        """Rows of the run, from rows of the data set; what is not of this run is left out."""
        known = self.suspects["index"].to_numpy()
        wanted = np.asarray(indices, dtype=np.int64)
        rows = np.searchsorted(known, wanted).clip(0, len(known) - 1)
        return rows[known[rows] == wanted]

    @property
    def estimate(self) -> NoiseEstimate | None:
        """Of the noise; None where the run has recorded no probabilities."""
        found = cache.noise_estimate(*self.key)
        return None if found is None else found[0]

    @property
    def doubt(self) -> str:
        """What speaks against the estimate; "" where nothing does."""
        found = cache.noise_estimate(*self.key)
        return "" if found is None else found[1]

    @property
    def mixture_rate(self) -> float:
        """Share of the more suspicious of two populations, by the first detector: of a mean rank a mixture says nothing."""
        return cache.mixture_rate(*self.key, self.detectors, self.detectors[0])

    @property
    def num_suspects(self) -> int:
        """How many labels are probably wrong."""
        estimate = self.estimate
        if estimate is not None:
            return estimate.num_wrong
        rate = self.mixture_rate
        return 0 if np.isnan(rate) else round(rate * self.num_examples)


def choose(statuses: list[RunStatus]) -> Ranking:
    """Draws the three choices in a row."""
    left, middle, right = st.columns([5, 4, 2], vertical_alignment="bottom")
    with left:
        status = _choose_run(statuses)
    view = RunView(status, "eval", status.folder.epochs("eval")[-1])
    with middle:
        detectors = _choose_detectors(view)
    with right:
        reviewer = _choose_reviewer()
    state.to_link(run=view.run_id, ranking=detectors, reviewer=reviewer)
    alike = [DETECTORS[name].title for name in same_evidence(detectors)]
    if alike:
        st.caption(
            f"{alike[0]} and {alike[1]} read the same number, the final net's probability of the given label, and rank alike: in the "
            "mean rank that evidence counts twice. Keep one of them."
        )
    return Ranking(
        view,
        tuple(detectors),
        cache.suspects(*view.key, status.run.state, tuple(detectors)),
        cache.journal(view.run_id, reviewer),
    )


def _choose_run(statuses: list[RunStatus]) -> RunStatus:
    by_id = {status.run.run_id: status for status in statuses}
    last = st.session_state.get(state.LAST_RUN)
    state.from_link(state.RUN, list(by_id), last if last in by_id else statuses[0].run.run_id)
    run_id = st.selectbox(
        "Run", list(by_id), key=state.RUN, format_func=lambda i: f"{by_id[i].run.title} · {i[-6:]}",
        help="Its training examples are ranked by how likely their labels are wrong.",
    )  # fmt: skip
    st.session_state[state.LAST_RUN] = run_id
    return by_id[run_id]


def _choose_detectors(view: RunView) -> list[str]:
    names = cache.detectors(*view.key, view.status.run.state)
    default = [DEFAULT_DETECTOR] if DEFAULT_DETECTOR in names else names[:1]
    state.several_from_link(state.RANKING, names, default)
    return st.multiselect(
        "Ranked by", names, key=state.RANKING, format_func=lambda name: DETECTORS[name].title,
        help="One detector, or the mean rank of several.\n\n"
        + "\n".join(f"- **{DETECTORS[name].title}**: {DETECTORS[name].help} {DETECTORS[name].source}" for name in names),
    ) or default  # fmt: skip


def _choose_reviewer() -> str:
    if state.REVIEWER not in st.session_state:
        st.session_state[state.REVIEWER] = st.query_params.get(state.REVIEWER, "reviewer")
    name = st.text_input(
        "Reviewer", key=state.REVIEWER, max_chars=40,
        help="Your name. Each reviewer's decisions are kept apart, and can be compared under Repair.",
    )  # fmt: skip
    return name.strip() or "reviewer"
