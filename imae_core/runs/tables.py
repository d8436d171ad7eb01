"""A comparison as a table to take along: CSV, LaTeX (booktabs), Markdown, with a caption that says what was run."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from imae_core.analysis.comparison import METRICS, TABLE_6, Comparison
from imae_core.analysis.parameters import ABSENT, title, value_text
from imae_core.catalog import DATASETS, NOISES
from imae_core.errors import unknown_name

DASH = "–"
_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "×": r"$\times$",
          "±": r"$\pm$", DASH: "--", "·": r"$\cdot$", "‹": "$<$", "›": "$>$"} | {character: f"\\{character}" for character in "&%$#_{}"}  # fmt: skip


def cell_text(mean: float, std: float, digits: int = 1) -> str:
    """Fractions in percent: "84.0 ± 0.3", "84.0" for a single run, a dash where it is undefined."""
    if mean != mean:
        return DASH
    spread = "" if std != std else f" ± {100 * std:.{digits}f}"
    return f"{100 * mean:.{digits}f}{spread}"


def label_texts(comparison: Comparison) -> pd.DataFrame:
    """(G, fields) what tells the groups apart, in words; columns are titles for people."""
    labels = comparison.labels
    texts = {field: [_label(field, value) for value in labels[field]] for field in map(str, labels)}
    return pd.DataFrame(texts, index=labels.index).set_axis([title(field) for field in texts], axis=1)


def table_csv(comparison: Comparison) -> str:
    """Every metric as fractions: mean, sample standard deviation and number of runs; plain values for programs."""
    table = comparison.labels.copy()
    for metric in METRICS:
        for name in ("mean", "std", "n"):
            values = comparison.summary[metric, name]
            table[f"{metric}_{name}"] = values.astype(int) if name == "n" else values
    table["unfinished"] = comparison.unfinished
    return str(table.to_csv(index=False))


def table_markdown(comparison: Comparison, metrics: Sequence[str] = TABLE_6) -> str:
    """Percent, best values bold, the caption below."""

    def bold(text: str) -> str:
        number, sign, spread = text.partition(" ± ")
        return f"**{number}**{sign}{spread}"

    header, rows = _cells(comparison, metrics, bold, lambda text: text.replace("|", "\\|"))
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + f"\n\n{caption(comparison)}\n"


def table_latex(comparison: Comparison, metrics: Sequence[str] = TABLE_6) -> str:
    """Percent, best values bold, a line between data and noise that differ; needs the package booktabs."""

    def bold(text: str) -> str:
        number, sign, spread = text.partition(r" $\pm$ ")
        return rf"\textbf{{{number}}}{sign}{spread}"

    header, rows = _cells(comparison, metrics, bold, escape_latex)
    tasks = list(comparison.tasks)
    lines = []
    for place, row in enumerate(rows):
        if place and tasks[place] != tasks[place - 1]:
            lines.append(r"\midrule")
        lines.append(" & ".join(row) + r" \\")
    names = len(comparison.labels.columns)
    body = "\n".join(lines)
    return (
        "\\begin{table}\n\\centering\n"
        f"\\caption{{{escape_latex(caption(comparison))}}}\n"
        f"\\begin{{tabular}}{{{'l' * names}{'c' * (len(header) - names)}}}\n"
        f"\\toprule\n{' & '.join(header)} \\\\\n\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}\n\\end{{table}}\n"
    )


FORMATS: dict[str, Callable[[Comparison], str]] = {
    "markdown": table_markdown,
    "latex": table_latex,
    "csv": table_csv,
}


def table_text(comparison: Comparison, kind: str) -> str:
    """The table in one of FORMATS; BadInputError for another."""
    if kind not in FORMATS:
        raise unknown_name("format", kind, FORMATS)
    return FORMATS[kind](comparison)


def caption(comparison: Comparison) -> str:
    """What was run, what the numbers are, and how many runs they come from."""
    done, all_runs = int(comparison.is_done.sum()), len(comparison.parameters)
    of = f"{done} runs" if done == all_runs else f"{done} finished of {all_runs} runs"
    numbers = "Percent" if comparison.groups.is_unique else "Percent, mean ± sample standard deviation over seeds"
    return (
        f"{what_was_run(comparison)}. {numbers}, {of}. "
        "best: test accuracy of the best epoch, chosen on the test set; final: after the last epoch; noisy subset: accuracy "
        "on corrupted training examples against their wrong labels (lower is better); hybrid: test and training set against "
        "their true labels. Bold: best mean for the same data and noise."
    )


def what_was_run(comparison: Comparison) -> str:
    """Data set and variant, noise, protocol and length."""
    table = comparison.parameters
    sizes = [value for value in _distinct(table, "num_train") if value is not None]
    subset = f", on subsets of {_joined('num_train', sizes)} training examples" if sizes else ""
    data = ", ".join(map(dataset_text, _distinct(table, "dataset")))
    return f"{data}{subset}. {_noise(table)}. {_protocol(table)}"


def dataset_text(name: str) -> str:
    """A data set's title, and which variant it is where its name tells."""
    entry = DATASETS.get(name)
    if entry is not None:
        return f"{entry.title} (official files)" if entry.files else entry.title
    is_jpeg = any(word in name.lower() for word in ("jpeg", "jpg"))
    return f"{name} (JPEG variant)" if is_jpeg else name


def escape_latex(text: str) -> str:
    """The text with what LaTeX would read as a command, or cannot read, written out."""
    return "".join(_LATEX.get(character, character) for character in text)


def _cells(
    comparison: Comparison, metrics: Sequence[str], bold: Callable[[str], str], escape: Callable[[str], str]
) -> tuple[list[str], list[list[str]]]:
    """Header and rows as escaped texts."""
    labels = label_texts(comparison)
    header = [escape(text) for text in (*labels.columns, *(METRICS[metric].title for metric in metrics), "runs")]
    summary, unfinished = comparison.summary, comparison.unfinished
    counts = comparison.groups[comparison.is_done].value_counts()
    rows = []
    for group, names in zip(labels.index, labels.itertuples(index=False, name=None), strict=True):
        row = [escape(name) for name in names]
        for metric in metrics:
            mean, std = summary[metric, "mean"], summary[metric, "std"]
            text = escape(cell_text(mean[group], std[group]))
            row.append(bold(text) if comparison.best.at[group, metric] else text)
        missing = unfinished[group]
        rows.append([*row, escape(f"{counts.get(group, 0)}" + (f" ({missing})" if missing else ""))])
    return header, rows


def _label(field: str, value: Any) -> str:
    return "" if value == ABSENT else value_text(field, value)


def _distinct(table: pd.DataFrame, field: str) -> list[Any]:
    return list(dict.fromkeys(value for value in table[field] if value != ABSENT))


def _joined(field: str, values: Sequence[Any]) -> str:
    return ", ".join(value_text(field, value) for value in values)


def _noise(table: pd.DataFrame) -> str:
    rates = sorted(_distinct(table, "noise.rate"))
    kinds = _distinct(table, "noise.kind")
    if not any(rates) and all(NOISES[kind].uses_rate for kind in kinds):
        return "No label noise injected"
    return f"{_joined('noise.kind', kinds)} label noise, rate {_joined('noise.rate', rates)}"


def _protocol(table: pd.DataFrame) -> str:
    parts = [_joined("model.name", _distinct(table, "model.name"))]
    for field, unit in (("epochs", "epochs"), ("iterations", "steps")):
        values = [value for value in _distinct(table, field) if value is not None]
        parts += [f"{_joined(field, values)} {unit}"] if values else []
    for field, name in (("batch_size", "batch"), ("lr", "learning rate"), ("momentum", "SGD momentum"),
                        ("weight_decay", "weight decay"), ("schedule", "schedule")):  # fmt: skip
        parts.append(f"{name} {_joined(field, _distinct(table, field))}")
    parts += [f"reduction {_joined('loss.reduction', _distinct(table, 'loss.reduction'))}"]
    for field, usual in (("augment", "none"), ("normalize", "default"), ("sampler", "shuffle"), ("grad_clip", None),
                         ("nesterov", False), ("norm_bias_lr_factor", 1.0), ("validation_fraction", 0.0)):  # fmt: skip
        values = _distinct(table, field)
        parts += [f"{title(field)} {_joined(field, values)}"] if set(values) - {usual} else []
    return ", ".join([*parts, *_loss_parameters(table)])


def _loss_parameters(table: pd.DataFrame) -> list[str]:
    """Such as "IMAE with T 8"."""
    by_loss: dict[str, list[str]] = {}
    for field in [field for field in map(str, table) if field.startswith("loss.params.")]:
        for loss, part in table[table[field] != ABSENT].groupby("loss.name", sort=False):
            values = _joined(field, _distinct(part, field))
            by_loss.setdefault(value_text("loss.name", loss), []).append(f"{title(field)} {values}")
    return [f"{loss} with {', '.join(values)}" for loss, values in by_loss.items()]
