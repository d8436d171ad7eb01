"""What is made of a review: tables, a repaired data set, and the run's own training on it."""

from typing import Any

import pandas as pd
import streamlit as st

from imae_core.data.jobs import job_status, start_job
from imae_core.data.store import dataset_path, is_ready, list_datasets, load_dataset
from imae_core.review import ACTIONS, KEEP_UNREVIEWED, UnreviewedRule, list_reviewers, review_outcome
from imae_core.review.agreement import compare_reviews
from imae_core.review.export import issues_table, labels_table, original_format
from imae_core.review.repair import repair_dataset, repaired_config
from imae_core.runs.submit import submit
from ui import cache, run_list, state, text
from ui.clean.ranking import Ranking
from ui.errors import shown

RULE_TITLES = {"keep": "keep their labels", "drop": "are dropped", "relabel": "get the suggestion"}
_MADE = "repaired"


def draw_repair(ranking: Ranking) -> None:
    """From the decisions to files and runs."""
    left, right = st.columns(2, gap="large")
    with left:
        rule = _choose_rule(ranking)
        outcome = review_outcome(ranking.suspects, ranking.journal.review(), rule)
        _summary(ranking, outcome)
    with right:
        _make(ranking, outcome)
    st.subheader("Downloads", divider="gray")
    _tables(ranking, outcome)
    _reviewers(ranking)


def _choose_rule(ranking: Ranking) -> UnreviewedRule:
    action = st.segmented_control(
        "Suspects that nobody has reviewed", list(RULE_TITLES), format_func=RULE_TITLES.__getitem__, key="rule_action",
        default="keep", required=True,
        help="Your own decisions always come first, doubts included. All other examples keep their labels.",
    )  # fmt: skip
    if action == "keep":
        return KEEP_UNREVIEWED
    count = st.number_input(
        "Suspects are the first … of the ranking", 0, ranking.num_examples, min(ranking.num_suspects, ranking.num_examples),
        key="rule_count", help="Starts at the estimated number of wrong labels.",
    )  # fmt: skip
    return UnreviewedRule(action, int(count))


def _summary(ranking: Ranking, outcome: pd.DataFrame) -> None:
    final, given = outcome["final_label"].to_numpy(), ranking.suspects["given_label"].to_numpy()
    kept = final >= 0
    by_rule = int((outcome["decided_by"] == "rule").sum())
    counts = {action: ranking.journal.review().count(action) for action in ACTIONS}
    st.markdown(
        f"**{ranking.journal.reviewer}** kept {counts['keep']:,}, relabelled {counts['relabel']:,}, dropped "
        f"{counts['drop']:,} and was unsure about {counts['unsure']:,}"
        + (f"; {by_rule:,} more by rank." if by_rule else ".")
    )
    columns = st.columns(3)
    columns[0].metric("Examples", f"{int(kept.sum()):,}", f"{int((~kept).sum()):,} dropped", delta_color="off",
                      delta_arrow="off")  # fmt: skip
    columns[1].metric("New labels", f"{int((kept & (final != given)).sum()):,}")
    if ranking.view.known:
        true = ranking.suspects["true_label"].to_numpy(dtype=int)
        columns[2].metric(
            "Noise rate", text.percent(float((final[kept] != true[kept]).mean())),
            f"from {text.percent(float((given != true).mean()))}", delta_color="off", delta_arrow="off",
            help="Known, because the true labels of this data set are.",
        )  # fmt: skip


def _make(ranking: Ranking, outcome: pd.DataFrame) -> None:
    name = st.text_input(
        "Name of the repaired data set", _free_name(ranking), key=f"repair_name_{ranking.view.run_id}", max_chars=100,
        help="It appears on Datasets, with where it came from.",
    )  # fmt: skip
    with st.container(horizontal=True):
        train = st.button(
            "Train on the repaired data", type="primary", icon=":material/play_circle:", key="repair_train",
            help="Makes the data set and queues this run's own settings on it, with no noise added.",
        )  # fmt: skip
        only = st.button("Only make the data set", icon=":material/database:", key="repair_make")
    if train or only:
        with shown():
            _carry_out(ranking, outcome, name, train)
    made = st.session_state.get(_MADE)
    if made and made["run"] == ranking.view.run_id:
        _show_made(made)


def _free_name(ranking: Ranking) -> str:
    """Stays the same while the page is looked at: it is made once for what is there."""
    base = f"{ranking.view.status.run.config.dataset}-repaired"
    taken = {record.name for record in list_datasets(state.store().home)}
    return next(name for name in (base, *(f"{base}-{number}" for number in range(2, 10_000))) if name not in taken)


def _carry_out(ranking: Ranking, outcome: pd.DataFrame, name: str, train: bool) -> None:
    folder = ranking.view.status.folder
    with st.spinner("Making the data set …"):
        report = repair_dataset(folder, outcome, ranking.journal.reviewer, name)
    made: dict[str, Any] = {"run": ranking.view.run_id, "name": name, "notes": report["notes"], "queued": None}
    if train:
        (made["queued"],) = submit(folder.home, [repaired_config(folder.config(), name)])
        run_list.statuses.clear()
    st.session_state[_MADE] = made
    st.rerun()


def _show_made(made: dict[str, Any]) -> None:
    st.success(f"**{made['name']}** is made. {made['notes'][-1].capitalize()}.", icon=":material/check:")
    with st.container(horizontal=True):
        if made["queued"]:
            st.page_link(
                "pages/runs.py", label="Compare both runs", icon=":material/compare_arrows:",
                query_params={state.RUNS: f"{made['run']},{made['queued']}"},
            )  # fmt: skip
        st.page_link(
            "pages/datasets.py", label="Look at the data set", icon=":material/database:",
            query_params={state.DATASET: made["name"]},
        )  # fmt: skip
    if is_ready(state.store().home, made["name"]):
        _download_dataset(made["name"])


@st.fragment(run_every=1.0)
def _download_dataset(name: str) -> None:
    """The data set in the format that it came in, written by a job in the background."""
    home = state.store().home
    ending = original_format(home, load_dataset(home, name))
    target = home / "exports" / f"{name}{ending}"
    job = job_status(home, name)
    if job is not None and job.state == "running":
        st.progress(job.done / job.total if job.total else 0.0, f"{job.message} …")
    elif target.exists() and target.stat().st_mtime >= (dataset_path(home, name) / "dataset.json").stat().st_mtime:
        size = text.size(target.stat().st_size)
        st.download_button(f"Download {target.name} ({size})", target.read_bytes, target.name, key="repair_file",
                           icon=":material/download:", on_click="ignore")  # fmt: skip
    elif st.button(f"Prepare {target.name} for download", key="repair_export", icon=":material/archive:",
                   help="All of it: the repaired training examples and the test examples."):  # fmt: skip
        with shown():
            target.parent.mkdir(exist_ok=True)
            target.unlink(missing_ok=True)
            start_job(home, name, "exporting", ["export", name, str(target)])
            st.rerun(scope="fragment")


def _tables(ranking: Ranking, outcome: pd.DataFrame) -> None:
    folder, reviewer = ranking.view.status.folder, ranking.journal.reviewer
    name = f"{ranking.view.status.run.config.dataset}-{ranking.view.run_id[-6:]}"

    def labels() -> bytes:
        return labels_table(folder, ranking.suspects, outcome, reviewer).to_csv(index=False).encode()

    def issues() -> bytes:
        return issues_table(folder, ranking.suspects, outcome, ranking.num_suspects).to_csv(index=False).encode()

    with st.container(horizontal=True):
        st.download_button(
            "Corrected labels (CSV)", labels, f"{name}-labels-{reviewer}.csv", "text/csv", key="labels_csv", on_click="ignore",
            icon=":material/download:",
            help=f"All {ranking.num_examples:,} examples: index or file, given, suggested and final label, decision, "
            "scores. `imae datasets labels` reads it, where nothing was dropped.",
        )  # fmt: skip
        st.download_button(
            "Issues table (CSV)", issues, f"{name}-issues-{reviewer}.csv", "text/csv", key="issues_csv", on_click="ignore",
            icon=":material/download:",
            help="With cleanlab's column names: is_label_issue, label_score, given_label, predicted_label. What is not "
            "decided counts as an issue if it is among the estimated number of wrong labels.",
        )  # fmt: skip


def _reviewers(ranking: Ranking) -> None:
    run_id = ranking.view.run_id
    names = list_reviewers(state.store().home, run_id)
    if len(names) < 2:
        return
    st.subheader("Reviewers", divider="gray")
    reviews = {name: cache.journal(run_id, name).review() for name in names}
    counts = [{"reviewer": n, **{action: r.count(action) for action in ACTIONS}} for n, r in reviews.items()]
    st.dataframe(pd.DataFrame(counts), hide_index=True, key="reviewer_counts")
    shared = compare_reviews(reviews)
    conflicts = shared[~shared["agree"].astype(bool)].drop(columns="agree")
    st.markdown(
        f"**{len(shared):,}** examples were decided by two or more, **{len(conflicts):,}** of them differently."
    )
    if len(conflicts):
        st.dataframe(conflicts, hide_index=True, key="conflicts")
