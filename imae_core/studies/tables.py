"""A study as a table to take along (Markdown, LaTeX, CSV), as ranks, and as a whole page of text."""

from collections.abc import Callable

import pandas as pd

from imae_core.analysis.comparison import METRICS
from imae_core.analysis.ranks import Ranks, rank_losses
from imae_core.analysis.sensitivity import factor_view, turn_sentence, turns
from imae_core.analysis.significance import Marks, mark_table, pvalue_text
from imae_core.errors import BadInputError, unknown_name
from imae_core.runs.comparison import compare_runs
from imae_core.runs.submit import run_folder
from imae_core.runs.tables import cell_text, escape_latex, what_was_run
from imae_core.studies.results import SettingsIn, StudyResults, factor_title, verdicts

DEFAULT_METRIC = "final_test_accuracy"


def table_markdown(results: StudyResults, metric: str, settings_in: SettingsIn | None = None) -> str:
    """Percent; the best of each column bold, what cannot be told from it in italics; the caption below."""
    marks = mark_table(results.cells(metric, settings_in), METRICS[metric].best)

    def styled(text: str, best: bool, tie: bool) -> str:
        number, sign, spread = text.partition(" ± ")
        star = "**" if best else "*" if tie else ""
        return f"{star}{number}{star}{sign}{spread}"

    lines = _lines(marks, styled, lambda text: text.replace("|", "\\|"))
    lines.insert(1, ["---"] * len(lines[0]))
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{body}\n\n{caption(results, metric, marks, 'bold', 'italics', settings_in)}\n"


def table_latex(results: StudyResults, metric: str, settings_in: SettingsIn | None = None) -> str:
    """As the Markdown table; needs the package booktabs."""
    marks = mark_table(results.cells(metric, settings_in), METRICS[metric].best)

    def styled(text: str, best: bool, tie: bool) -> str:
        number, sign, spread = text.partition(r" $\pm$ ")
        command = r"\textbf" if best else r"\textit" if tie else ""
        return f"{command}{{{number}}}{sign}{spread}" if command else text

    lines = [" & ".join(line) + r" \\" for line in _lines(marks, styled, escape_latex)]
    lines.insert(1, r"\midrule")
    text = "\n".join(lines)
    return (
        f"\\begin{{table}}\n\\centering\n\\caption{{{escape_latex(caption(results, metric, marks, 'bold', 'italics', settings_in))}}}\n"
        f"\\begin{{tabular}}{{l{'c' * marks.means.shape[1]}}}\n\\toprule\n{text}\n\\bottomrule\n\\end{{tabular}}\n"
        "\\end{table}\n"
    )


def table_csv(results: StudyResults, metric: str, settings_in: SettingsIn | None = None) -> str:
    """A line a cell, fractions: mean, sample standard deviation, seeds, marks, and the test against the best of its column."""
    marks = mark_table(results.cells(metric, settings_in), METRICS[metric].best)
    lines = []
    for row in marks.means.index:
        for column in marks.means:
            test = marks.tests.get((row, column))
            lines.append(
                {
                    "loss": row, "column": column, "metric": metric, "mean": marks.means.at[row, column],
                    "std": marks.stds.at[row, column], "n": marks.counts.at[row, column],
                    "best": bool(marks.best.at[row, column]), "not_told_from_best": bool(marks.ties.at[row, column]),
                    "best_minus_this": None if test is None else test.difference,
                    "p_t": None if test is None else test.t_pvalue,
                    "p_holm": None if test is None else test.adjusted_pvalue,
                    "p_wilcoxon": None if test is None else test.wilcoxon_pvalue,
                }
            )  # fmt: skip
    table = pd.DataFrame(lines)
    table["n"] = table["n"].fillna(0).astype(int)
    return str(table.to_csv(index=False))


FORMATS: dict[str, Callable[..., str]] = {"markdown": table_markdown, "latex": table_latex, "csv": table_csv}


def study_table(results: StudyResults, metric: str, kind: str, settings_in: SettingsIn | None = None) -> str:
    """The table in one of FORMATS; BadInputError for another, or before any run is done."""
    if kind not in FORMATS:
        raise unknown_name("format", kind, FORMATS)
    _require_results(results)
    return FORMATS[kind](results, metric, settings_in)


def caption(
    results: StudyResults, metric: str, marks: Marks, best: str, tie: str, settings_in: SettingsIn | None = None
) -> str:
    """What was run, what the numbers are, how the marks were found."""
    progress = results.progress
    home_runs = [(run, run_folder(results.home, run.run_id)) for run in progress.runs]
    one = METRICS[metric]
    direction = {"max": " (higher is better)", "min": " (lower is better)", "": ""}[one.best]
    text = f"{what_was_run(compare_runs(home_runs))}. {one.title}{direction}: {one.help} "
    seeds = len(progress.study.seeds)
    text += f"Percent, mean ± sample standard deviation over {seeds} seeds. " if seeds > 1 else "Percent, one seed. "
    if not progress.is_done:
        text += f"Not finished: {progress.text}. "
    failures = results.failures(settings_in)
    if failures:
        places = ", ".join(f"{row} at {column} ({number})" for (row, column), number in failures.items())
        text += f"Failed, and in no mean: {places}. "
    if one.best:
        text += f"{best.capitalize()}: best mean of its column"
        text += (
            f"; {tie}: cannot be told from it, since the 95 % interval of the difference holds 0 (paired t-test over seeds, each of the "
            f"{marks.comparisons} comparisons by itself). "
            if marks.comparisons
            else ". "
        )
    return text.strip()


def rank_lines(results: StudyResults, metric: str) -> str:
    """Mean ranks as a Markdown list with Friedman's test and the critical difference; "" where nothing can be ranked."""
    best = METRICS[metric].best
    ranks = rank_losses(results.cells(metric), best) if best else None
    if ranks is None:
        return ""
    lines = [f"{place}. {loss}: {rank:.2f}" for place, (loss, rank) in enumerate(ranks.mean_ranks.items(), 1)]
    return "\n".join([*lines, "", rank_caption(ranks)]) + "\n"


def rank_caption(ranks: Ranks) -> str:
    """How the ranks came about, and how far apart they must be."""
    left_out = f" ({ranks.left_out} left out, where a loss has no value)" if ranks.left_out else ""
    test = ""
    if ranks.friedman_pvalue is not None:
        test = f" Friedman's test: χ² = {ranks.friedman_statistic:.1f}, {pvalue_text(ranks.friedman_pvalue)}."
    return (
        f"Mean rank over {ranks.num_blocks} blocks of one column and one seed{left_out}; 1 is the best.{test} Mean ranks less "
        f"than {ranks.critical_difference:.2f} apart (Nemenyi's critical difference, 5 %) cannot be told from chance."
    )


def sensitivity_sentences(results: StudyResults, metric: str) -> list[str]:
    """For every factor: where the order of the losses turns round, or that it does not."""
    values = results.for_sensitivity(metric)
    sentences = []
    for factor in results.factors:
        others = [name for name in results.factors if name != factor]
        view = factor_view(values, factor, others)
        if view is None:
            continue
        found = turns(values, factor, others, METRICS[metric].best)
        name = factor_title(factor)
        left_out = ", ".join(loss for loss in results.losses if loss not in view.means.index)
        note = f" Without {left_out}, which has not finished at each of these values." if left_out else ""
        said = [turn_sentence(turn, view, name) for turn in found] or [
            f"The order of the losses does not change with the {name} ({', '.join(view.means.columns)})."
        ]
        sentences += [*said[:-1], said[-1] + note]
    return sentences


def study_document(results: StudyResults, metric: str = DEFAULT_METRIC) -> str:
    """Table, ranks, verdicts and sensitivity of a study as Markdown."""
    _require_results(results)
    study, progress = results.progress.study, results.progress
    parts = [
        f"# Study {study.name}",
        study.description,
        f"{progress.text}; {_hours(progress.spent_seconds)} of machine time.",
    ]
    for name in dict.fromkeys((metric, DEFAULT_METRIC, "noisy_subset_accuracy")):
        if results.table[name].notna().any():
            parts += [f"## {METRICS[name].title}", table_markdown(results, name)]
    ranks = rank_lines(results, metric)
    if ranks:
        parts += ["## Ranks", ranks]
    pairs = _leading_pairs(results, metric)
    if pairs:
        parts += [
            "## Differences",
            "\n".join(f"- {text}" for text in verdicts(results.cells(metric), pairs, METRICS[metric].best)),
        ]
    sentences = sensitivity_sentences(results, metric)
    if sentences:
        parts += ["## What the order owes to the recipe", "\n".join(f"- {text}" for text in sentences)]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _leading_pairs(results: StudyResults, metric: str) -> list[tuple[str, str]]:
    """Up to three losses, the best by rank, each against the next."""
    best = METRICS[metric].best
    ranks = rank_losses(results.cells(metric), best) if best else None
    names = [] if ranks is None else [str(name) for name in ranks.mean_ranks.index[:3]]
    return [(a, b) for place, a in enumerate(names) for b in names[place + 1 :]]


def _hours(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def _require_results(results: StudyResults) -> None:
    if not results.progress.counts["done"]:
        name = results.progress.study.name
        raise BadInputError(
            f"no run of study {name} is done yet ({results.progress.text}); `imae study here {name}` or `submit` starts them"
        )


def _lines(marks: Marks, styled: Callable[[str, bool, bool], str], escape: Callable[[str], str]) -> list[list[str]]:
    """Header and rows."""
    means, stds = marks.means.to_numpy(dtype=float), marks.stds.to_numpy(dtype=float)
    best, ties = marks.best.to_numpy(), marks.ties.to_numpy()
    lines = [[escape("loss"), *(escape(str(column)) for column in marks.means)]]
    for row, name in enumerate(marks.means.index):
        cells = [
            styled(escape(cell_text(means[row, column], stds[row, column])), best[row, column], ties[row, column])
            for column in range(means.shape[1])
        ]
        lines.append([escape(str(name)), *cells])
    return lines
