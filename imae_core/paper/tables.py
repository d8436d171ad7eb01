"""Published numbers, alone or beside ours, as texts to take along."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from imae_core.paper.compare import Cell, PaperComparison
from imae_core.paper.orders import Measured, Order
from imae_core.paper.records import DASH, Table, metric_title
from imae_core.recipes import RECIPES


def published_markdown(table: Table) -> str:
    """One row a setting; version, protocol and source below."""
    header = ["net", "noise", "loss", *map(metric_title, table.metrics)]
    rows = [
        [one.net_title, one.noise_title, one.loss_title, *(table.text(numbers.get(metric)) for metric in table.metrics)]
        for one, numbers in table.results.items()
    ]
    lines = [f"**{table.title}**", "", *(_markdown(header, rows) if table.metrics else [])]
    lines += [f"- {claim.text}" for claim in table.claims]
    return "\n".join([*lines, "", said_of(table)])


def said_of(table: Table) -> str:
    """Version, protocol, data and source of a table, in a sentence each."""
    parts = [
        f"Published: {table.version}",
        f"Protocol: {table.protocol}",
        f"Data: {table.dataset}",
        f"Source: {table.source}",
    ]
    parts += [f"In {table.unit}" if table.unit else "Plain numbers"]
    return ". ".join(part.rstrip(".") for part in [*parts, *([table.note] if table.note else [])]) + "."


def said_of_ours(found: PaperComparison) -> str:
    """Recipe, data and what the numbers are."""
    recipe = RECIPES[found.preset.recipe].title if found.preset.recipe in RECIPES else found.preset.recipe
    smaller = f", {found.preset.scaled_down}" if found.preset.scaled_down else ""
    return (
        f"Ours: {found.variant}, recipe “{recipe}”{smaller}, in percent, mean ± sample standard deviation over seeds. Best epochs are "
        "chosen on the test set. Beyond log odds of 30 an example gets no gradient any more, which is this program's own."
    )


def comparison_markdown(found: PaperComparison) -> str:
    """Published, ours and their difference in a cell; what holds of the published orders below."""
    header = ["net", "noise", "loss", *map(metric_title, found.metrics), "runs"]
    rows = []
    for row in found.rows:
        count = str(len(row.finished)) + (f" ({', '.join(row.unfinished)})" if row.unfinished else "")
        cells = [cell_text(found.preset.table, row.cells[metric]) for metric in found.metrics]
        rows.append([row.setting.net_title, row.setting.noise_title, row.setting.loss_title, *cells, count])
    lines = [f"**{found.preset.title}: published → ours, on {found.variant}**", "", *_markdown(header, rows), ""]
    lines += [f"**{caveat[:1].upper()}{caveat[1:]}.**" for caveat in found.caveats]
    lines += [
        said_of(found.preset.table),
        said_of_ours(found),
        "",
    ]
    lines += [order_text(order) for order in found.orders]
    return "\n".join(lines).rstrip()


def order_text(order: Order) -> str:
    """A line of a list: the published order, ours, and the verdict."""
    more = f": {'; '.join(order.broken)}" if order.broken else ""
    close = f" (within one standard error: {'; '.join(order.close)})" if order.close else ""
    ours = f"; ours {order.ours}" if order.ours else ""
    return f"- {order.task}, {metric_title(order.metric)}: {order.published}{ours}. **{order.verdict}**{more}{close}"


def cell_text(table: Table, cell: Cell) -> str:
    """Such as "84.0 → 83.6 ± 0.3 (-0.4)"; a dash where a number is missing."""
    if cell.published is None and cell.ours is None:
        return DASH
    published, ours = table.text(cell.published), measured_text(cell.ours)
    difference = f" ({cell.difference:+.1f})" if cell.difference is not None else ""
    return f"{published} → {ours}{difference}"


def measured_text(ours: Measured | None) -> str:
    """Such as "83.6 ± 0.3", "83.6" for one run."""
    if ours is None:
        return DASH
    return f"{ours.mean:.1f}" + (f" ± {ours.std:.1f}" if ours.std is not None else "")


def comparison_records(found: PaperComparison) -> list[dict[str, Any]]:
    """One plain record a number, with what must be said of it; percent."""
    table = found.preset.table
    return [
        {
            "preset": found.preset.name,
            "version": table.version,
            "protocol": table.protocol,
            "dataset": found.dataset,
            "variant": found.variant,
            "net": row.setting.net,
            "noise": row.setting.noise,
            "noise_rate": row.setting.rate,
            "loss": row.setting.loss,
            "params": dict(row.setting.params),
            "reduction": row.setting.reduction or found.preset.reduction,
            "metric": metric,
            "published": cell.published,
            "mean": cell.ours.mean if cell.ours else None,
            "std": cell.ours.std if cell.ours else None,
            "n": cell.ours.n if cell.ours else 0,
            "difference": cell.difference,
            "label": "; ".join(found.caveats) or "comparable",
            "runs": list(row.finished),
        }
        for row in found.rows
        for metric, cell in row.cells.items()
    ]


def records_csv(records: Sequence[dict[str, Any]]) -> str:
    """Plain columns; what is a mapping or a list becomes a text."""
    target = io.StringIO()
    writer = csv.DictWriter(target, list(records[0]) if records else [], lineterminator="\n")
    writer.writeheader()
    for record in records:
        writer.writerow({name: _flat(value) for name, value in record.items()})
    return target.getvalue()


def _flat(value: Any) -> Any:
    if isinstance(value, dict):
        return " ".join(f"{name}={part:g}" for name, part in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else value


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
