"""How well the ranking finds wrong labels, where it is known which are wrong: at the end, by epoch, by loss."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from imae_core.analysis.detectors import DETECTORS
from imae_core.analysis.parameters import group_names, parameter_table
from imae_core.analysis.scorecard import MEASURES, Scorecard, per_class, scorecard
from imae_core.runs.detection import MEAN_RANK, MOST_EPOCHS
from imae_core.runs.folder import Source
from imae_core.runs.status import RunStatus
from ui import cache, live_chart, run_list, state
from ui.clean.ranking import Ranking
from ui.comparison_figures import Line, legend, line_styles
from ui.detection_figures import course_figure, precision_recall_figure, roc_figure

Key = tuple[Any, ...]
MARKS = (10, 100, 1_000, 10_000)
SCORES = {"now": "at the end", "epoch": "by epoch", "loss": "by loss"}
START_LINES, MOST_LINES = 4, 8


@st.fragment
def draw_scorecards(ranking: Ranking) -> None:
    """The ranking against the truth: as it stands, epoch by epoch, or beside other runs."""
    st.subheader("How well the ranking finds wrong labels", divider="gray")
    truth = ranking.view.column("is_corrupted")
    if truth.all() or not truth.any():
        st.info("All labels are right, or all are wrong: there is nothing to tell apart.", icon=":material/info:")
        return
    state.from_link(state.SCORES, list(SCORES), "now")
    chosen = st.segmented_control(
        "Scorecard", list(SCORES), format_func=SCORES.__getitem__, key=state.SCORES, required=True, label_visibility="collapsed",
        help="**at the end**: of the last evaluated epoch. **by epoch**: the same ranking as it stood earlier. **by loss**: the same "
        "ranking from other runs that trained on the same examples with the same labels.",
    )  # fmt: skip
    state.to_link(scores=None if chosen == "now" else chosen)
    if chosen == "epoch":
        _by_epoch(ranking, truth)
    elif chosen == "loss":
        _by_loss(ranking, truth)
    else:
        _now(ranking, truth)


def _titles(ranking: Ranking) -> dict[str, str]:
    """Of all that is measured, by the name of its column."""
    titles = {name: DETECTORS[name].title for name in ranking.detectors}
    return titles if len(titles) == 1 else {MEAN_RANK: "mean rank"} | titles


def _counted(truth: np.ndarray) -> str:
    return f"{len(truth):,} examples, {int(truth.sum()):,} of them with a wrong label"


def _now(ranking: Ranking, truth: np.ndarray) -> None:
    cards = {title: _card(ranking.key, ranking.detectors, name) for name, title in _titles(ranking).items()}
    _score_table(cards)
    roc, precision_recall = _curves(ranking.key, ranking.detectors, cards, float(truth.mean()))
    left, right = st.columns(2)
    with left:
        live_chart.chart(roc, key="roc")
    with right:
        live_chart.chart(precision_recall, key="precision_recall")
    st.caption(f"{_counted(truth)}; evaluated, epoch {ranking.view.epoch}.")
    _class_by_class(ranking)


@st.fragment
def _class_by_class(ranking: Ranking) -> None:
    """Counted when it is opened."""
    with st.expander("Class by class", icon=":material/table:", key="class_by_class", on_change="rerun") as expander:
        if expander.open:
            _class_table(ranking)


@st.cache_data(show_spinner=False, max_entries=64)
def _curves(key: Key, detectors: tuple[str, ...], _cards: dict[str, Scorecard], noise_rate: float) -> tuple[str, str]:
    """Both figures as JSON."""
    roc = roc_figure({name: card.roc for name, card in _cards.items()})
    curves = {name: card.precision_recall for name, card in _cards.items()}
    return roc.to_json(), precision_recall_figure(curves, noise_rate).to_json()


def _by_epoch(ranking: Ranking, truth: np.ndarray) -> None:
    titles = _titles(ranking)
    course = cache.detection(*ranking.key, ranking.detectors, MOST_EPOCHS)
    late = [
        title for name, title in titles.items() if (course["ranking"] == name).sum() == 1 < course["epoch"].nunique()
    ]
    lines = course.assign(line=course["ranking"].map(titles))
    _courses((ranking.key, ranking.detectors), lines, list(titles.values()), truth)
    st.caption(
        f"{_counted(truth)} · {_epochs_shown(course, ranking.view.epochs)} Scores over the run are those up to that epoch."
        + (f" At the last epoch alone, since it needs the final net's outputs: {', '.join(late)}." if late else "")
    )


def _epochs_shown(course: pd.DataFrame, epochs: list[int]) -> str:
    count = course["epoch"].nunique()
    if count == len(epochs):
        return f"all {count} evaluated epochs."
    return f"{count} of {len(epochs)} evaluated epochs, evenly spread, the last among them."


def _courses(key: Key, course: pd.DataFrame, lines: list[str], truth: np.ndarray) -> None:
    """ROC-AUC and average precision side by side, a line for each of `lines`; `key` tells what was measured."""
    styles = line_styles(lines)
    st.html(legend(styles))
    columns = st.columns(2)
    for column, (name, title, chance) in zip(columns, (("auc", "ROC-AUC", 0.5), ("average_precision", "average precision",
                                                       float(truth.mean()))), strict=True):  # fmt: skip
        with column:
            live_chart.chart(_course_drawing(key, name, title, chance, styles, course), key=f"course_{name}")


@st.cache_data(show_spinner=False, max_entries=32)
def _course_drawing(
    key: Key, name: str, title: str, chance: float, styles: dict[str, Line], _course: pd.DataFrame
) -> str:
    """The figure as JSON."""
    return course_figure(_course, name, title, chance, styles).to_json()


def _by_loss(ranking: Ranking, truth: np.ndarray) -> None:
    runs = _runs_on_same_labels(ranking)
    if len(runs) == 1:
        st.info("No other run of this home has trained on the same examples with the same labels. Queue other losses on Train with this "
                "run's noise, noise seed and training examples; *Clone* on Runs starts from its settings.", icon=":material/info:")  # fmt: skip
        return
    name = next(iter(_titles(ranking)))
    last = {line: _detection(status, ranking.detectors, 1) for line, status in runs.items()}
    rows = [{"run": line, "state": status.run.state, "evaluated epochs": len(status.folder.epochs("eval")),
             **_measured(last[line], name)} for line, status in runs.items()]  # fmt: skip
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, key="scores_by_run", height=min(400, 38 + 35 * len(rows)), placeholder="–",
        column_config={
            "auc": st.column_config.NumberColumn("ROC-AUC", format="%.3f"),
            "average_precision": st.column_config.NumberColumn("average precision", format="%.3f"),
            "precision_at_corrupted": st.column_config.NumberColumn(
                f"precision at {int(truth.sum()):,}", format="%.3f", help="Among as many suspects as there are wrong labels."
            ),
        },
    )  # fmt: skip
    st.caption(
        f"{ranking.title}, at the last evaluated epoch of each of {len(runs)} runs on the same {_counted(truth)}. A dash: the "
        "run has not recorded what this ranking needs."
    )
    _lines_by_loss(ranking, runs, name, truth)


def _lines_by_loss(ranking: Ranking, runs: dict[str, RunStatus], name: str, truth: np.ndarray) -> None:
    own, *others = runs
    others.sort(key=lambda line: -len(runs[line].folder.epochs("eval")))
    start = [own, *others][:START_LINES]
    ids = state.linked(state.SCORE_LINES) if state.SCORE_LINES not in st.session_state else []
    linked = [line for line, status in runs.items() if status.run.run_id in ids]
    state.several_from_link(state.SCORE_LINES, list(runs), linked or start)
    wanted = st.multiselect(
        f"Lines, of {len(runs)}", list(runs), key=state.SCORE_LINES, max_selections=MOST_LINES,
        help="The same ranking as it stood at earlier epochs. Each line is measured when it is first asked for.",
    )  # fmt: skip
    state.to_link(score_lines=None if wanted == start else [runs[line].run.run_id for line in wanted])
    parts = [_detection(runs[line], ranking.detectors, MOST_EPOCHS).assign(line=line) for line in wanted]
    course = pd.concat(parts) if parts else pd.DataFrame()
    if not len(course):
        return
    course = course[course["ranking"] == name]
    _courses((ranking.detectors, *(_key(runs[line]) for line in wanted)), course, wanted, truth)
    st.caption(f"At most {MOST_EPOCHS} evaluated epochs of each run, evenly spread, the last among them.")


def _runs_on_same_labels(ranking: Ranking) -> dict[str, RunStatus]:
    """This run first, then the others, by what tells them apart."""
    own = ranking.view.status
    others = [status for status in run_list.statuses() if status.run.run_id != own.run.run_id]
    asked = tuple((status.run.run_id, status.run.attempt, status.folder.has_epochs("eval")) for status in others)
    same = cache.on_same_labels(own.run.run_id, own.run.attempt, asked)
    found = {status.run.run_id: status for status in (own, *others) if status.run.run_id in (own.run.run_id, *same)}
    configs = {run_id: status.run.config.model_dump(mode="json") for run_id, status in found.items()}
    names = group_names(parameter_table(configs), without=())
    own_name = f"{names[own.run.run_id]} (this run)"
    lines = {own_name: own}
    for run_id, name in names.items():
        if run_id != own.run.run_id:
            lines[name if (names == name).sum() == 1 else f"{name} · {run_id[-6:]}"] = found[str(run_id)]
    return lines


def _key(status: RunStatus) -> tuple[str, Source, int, float, str]:
    """As that of `Ranking`."""
    return status.run.run_id, "eval", len(status.folder.epochs("eval")), status.run.started or 0.0, status.run.state


def _detection(status: RunStatus, detectors: tuple[str, ...], most: int) -> pd.DataFrame:
    return cache.detection(*_key(status), detectors, most)


def _measured(course: pd.DataFrame, name: str) -> dict[str, float | None]:
    own = course[course["ranking"] == name]
    return {measure: float(own[measure].iloc[-1]) if len(own) else None for measure in MEASURES}


@st.cache_data(show_spinner="Scoring the ranking …", max_entries=64)
def _card(key: Key, detectors: tuple[str, ...], column: str) -> Scorecard:
    suspects = cache.suspects(*key, detectors)
    return scorecard(suspects[column], suspects["is_corrupted"].astype(bool), at=MARKS)


def _score_table(cards: dict[str, Scorecard]) -> None:
    rows = [
        {
            "Ranking": name,
            "ROC-AUC": card.auc,
            "Average precision": card.average_precision,
            f"Precision at {card.num_corrupted:,} (all wrong ones)": card.precision_at_corrupted,
            **{f"Precision at {k:,}": value for k, value in card.precision_at.items()},
        }
        for name, card in cards.items()
    ]
    numbers = {column: st.column_config.NumberColumn(format="%.3f") for column in rows[0] if column != "Ranking"}
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="scorecard", column_config=numbers)


@st.cache_data(show_spinner=False, max_entries=16)
def _classes(key: Key, detectors: tuple[str, ...], num_classes: int, num_suspects: int) -> pd.DataFrame:
    suspects = cache.suspects(*key, detectors)
    truth = suspects["is_corrupted"].astype(bool)
    return per_class(suspects["suspicion"], truth, suspects["given_label"], num_classes, num_suspects)


def _class_table(ranking: Ranking) -> None:
    table = _classes(ranking.key, ranking.detectors, ranking.view.num_classes, ranking.num_suspects)
    table["label"] = [ranking.view.class_name(int(label)) for label in table["label"]]
    st.dataframe(
        table, hide_index=True, key="class_scores",
        column_config={
            "label": "given label", "num_examples": "examples", "num_corrupted": "wrong",
            "noise_rate": st.column_config.NumberColumn("noise rate", format="%.3f"),
            "auc": st.column_config.NumberColumn("ROC-AUC", format="%.3f"),
            "average_precision": st.column_config.NumberColumn("average precision", format="%.3f"),
            "precision": st.column_config.NumberColumn(
                "precision", format="%.3f", help=f"Among the {ranking.num_suspects:,} most suspicious of all classes"
            ),
            "recall": st.column_config.NumberColumn("recall", format="%.3f"),
        },
    )  # fmt: skip
