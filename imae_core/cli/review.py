"""`imae review`: what reviewers decided about a run's labels, as tables and as a repaired data set."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.table import Table

from imae_core.cli.options import AsJson, Home, app, console
from imae_core.errors import BadInputError, unknown_name
from imae_core.home import resolve_home
from imae_core.review import ACTIONS, Journal, UnreviewedRule, list_reviewers
from imae_core.review.agreement import compare_reviews
from imae_core.review.journal import reviewer_name
from imae_core.runs.folder import RunFolder
from imae_core.runs.store import Store
from imae_core.runs.submit import run_folder, submit

review_app = typer.Typer(no_args_is_help=True, help="Reviews of suspicious labels: list, export, repair.")
app.add_typer(review_app, name="review")

Reviewer = Annotated[str, typer.Option(help="Whose decisions count.")]
Ranking = Annotated[
    list[str] | None,
    typer.Option(help="Detector that ranks the unreviewed; several: the mean of their ranks. Default: confidence."),
]
Unreviewed = Annotated[
    str, typer.Option(help="What happens to suspects that nobody reviewed: keep, drop, or relabel (to the suggestion).")
]
NumSuspects = Annotated[int, typer.Option(help="How many of the ranking, from its top, count as suspects.")]


@review_app.command(name="list")
def list_command(run_id: str, home: Home = None, as_json: AsJson = False) -> None:
    """List who reviewed a run, how far, and where they disagree."""
    where = resolve_home(home)
    run_id = Store(where).get(run_id).run_id
    reviews = {name: Journal(where, run_id, name).review() for name in list_reviewers(where, run_id)}
    shared = compare_reviews(reviews)
    conflicts = shared[~shared["agree"].astype(bool)]
    counts = {name: {action: review.count(action) for action in ACTIONS} for name, review in reviews.items()}
    if as_json:
        print(json.dumps({"run_id": run_id, "reviewers": counts, "conflicts": conflicts.to_dict("records")}))
        return
    table = Table("reviewer", *ACTIONS, title=f"run {run_id}")
    for name, count in counts.items():
        table.add_row(name, *(f"{count[action]:,}" for action in ACTIONS))
    console.print(table)
    console.print(f"{len(shared):,} examples were decided by two or more, {len(conflicts):,} of them differently")
    for row in conflicts.head(20).to_dict("records"):
        said = ", ".join(f"{name}: {row[name]}" for name in reviews if row[name] is not None)
        console.print(f"  - example {row['index']}: {said}", highlight=False)


@review_app.command()
def export(
    run_id: str,
    reviewer: Reviewer,
    out: Annotated[Path, typer.Option(help="A .csv or .parquet file that is not there yet.")],
    kind: Annotated[str, typer.Option(help="labels, or issues (with cleanlab's column names).")] = "labels",
    ranking: Ranking = None,
    unreviewed: Unreviewed = "keep",
    suspects: NumSuspects = 0,
    home: Home = None,
) -> None:
    """Write corrected labels, or an issues table. Every example, no limit."""
    from imae_core.review.export import KINDS, issues_table, labels_table, write_table

    if kind not in KINDS:
        raise unknown_name("kind of table", kind, KINDS)
    rule = UnreviewedRule(unreviewed, suspects)
    folder, ranked, outcome = _reviewed(resolve_home(home), run_id, reviewer, ranking, rule)
    if kind == "labels":
        table = labels_table(folder, ranked, outcome, reviewer_name(reviewer))
    else:
        table = issues_table(folder, ranked, outcome, suspects)
    write_table(table, out)
    console.print(f"wrote {len(table):,} examples to {out}", highlight=False)


@review_app.command()
def repair(
    run_id: str,
    reviewer: Reviewer,
    name: Annotated[str, typer.Option(help="Name of the new data set.")],
    ranking: Ranking = None,
    unreviewed: Unreviewed = "keep",
    suspects: NumSuspects = 0,
    train: Annotated[bool, typer.Option("--train", help="Queue the run's own training on it, too.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a data set of a run's training examples under their repaired labels."""
    from imae_core.review.repair import repair_dataset, repaired_config

    where = resolve_home(home)
    rule = UnreviewedRule(unreviewed, suspects)
    folder, _, outcome = _reviewed(where, run_id, reviewer, ranking, rule)
    report = repair_dataset(folder, outcome, reviewer_name(reviewer), name)
    run_ids = (
        submit(where, [repaired_config(folder.config(), name)], group=f"repair of {folder.run_id}") if train else []
    )
    if as_json:
        print(json.dumps({"name": name, "home": str(where), "report": report, "run_ids": run_ids}))
        return
    for line in (f"{name} in {where}", *report["notes"], *(f"queued run {new}" for new in run_ids)):
        console.print(line, highlight=False, markup=False)


def _reviewed(
    home: Path, run_id: str, reviewer: str, ranking: Sequence[str] | None, rule: UnreviewedRule
) -> tuple[RunFolder, pd.DataFrame, pd.DataFrame]:
    """The run's folder, its suspects, and what follows from the review of them."""
    from imae_core.review import review_outcome
    from imae_core.runs.suspects import suspects_table

    folder = run_folder(home, Store(home).get(run_id).run_id)
    known = list_reviewers(home, folder.run_id)
    if reviewer_name(reviewer) not in known and rule.action == "keep":
        raise BadInputError(
            f"{reviewer!r} has not reviewed run {folder.run_id}; " + (f"those who have: {', '.join(known)}" if known else
            "nobody has. Review it on the page Clean labels, or let --unreviewed and --suspects decide")
        )  # fmt: skip
    suspects = suspects_table(folder, list(ranking or ["confidence"]))
    return folder, suspects, review_outcome(suspects, Journal(home, folder.run_id, reviewer).review(), rule)
