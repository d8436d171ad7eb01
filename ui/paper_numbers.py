"""Published numbers with ours below them, as HTML and tables."""

from collections.abc import Sequence
from html import escape

import pandas as pd
import streamlit as st

from imae_core.analysis.comparison import METRICS
from imae_core.paper import PaperComparison, Table
from imae_core.paper.compare import Cell
from imae_core.paper.orders import Order
from imae_core.paper.records import metric_title
from imae_core.paper.tables import measured_text
from ui.figures import SERIES

# points of percent up to which a difference has a colour; beyond the last one the last colour
TINTS = ((1.0, SERIES[0]), (5.0, SERIES[2]), (float("inf"), SERIES[1]))
VERDICTS = {"holds": "✓ holds", "does not hold": "✗ does not hold", "not known yet": "… not known yet"}
_STYLE = """<style>
.paper { overflow-x: auto } .paper table { border-collapse: collapse; font-size: 0.875rem; width: 100% }
.paper th, .paper td { padding: 4px 10px; text-align: left; border-bottom: 1px solid rgba(128,128,128,.25); vertical-align: top;
  white-space: nowrap }
.paper th { font-weight: 600 } .paper .of { opacity: .65 } .paper .d { border-radius: 4px; padding: 0 4px; margin-left: 4px }
.paper .task td { border-top: 2px solid rgba(128,128,128,.45) }
</style>"""


def published_table(table: Table) -> str:
    """HTML: a row a setting, a column a metric."""
    titles = ["Net", "Noise", "Loss", *(metric_title(metric) for metric in table.metrics)]
    rows, task = [], None
    for setting, numbers in table.results.items():
        cells = [setting.net_title, setting.noise_title, setting.loss_title]
        cells += [table.text(numbers.get(metric)) for metric in table.metrics]
        rows.append((setting.task != task, [escape(cell) for cell in cells]))
        task = setting.task
    return _html(titles, rows)


def beside_table(found: PaperComparison) -> str:
    """HTML: published above, ours below with the difference coloured by its size."""
    titles = ["Net", "Noise", "Loss", *(metric_title(metric) for metric in found.metrics), "Runs"]
    rows, task = [], None
    for row in found.rows:
        setting = row.setting
        published = found.preset.published_setting(setting)
        net = setting.net_title + (f" (published: {published.net_title})" if published != setting else "")
        cells = [escape(text) for text in (net, setting.noise_title, setting.loss_title)]
        cells += [_cell(found.preset.table, row.cells[metric]) for metric in found.metrics]
        count = f"{len(row.finished)} done" if row.finished else "none"
        cells.append(f"{count}<br><span class='of'>{escape(', '.join(row.unfinished))}</span>")
        rows.append((setting.task != task, cells))
        task = setting.task
    return _html(titles, rows)


def _cell(table: Table, cell: Cell) -> str:
    ours = measured_text(cell.ours)
    if cell.difference is not None:
        ours += f"<span class='d' style='background:{_tint(cell.difference)}40'>{cell.difference:+.1f}</span>"
    return f"<span class='of'>{table.text(cell.published)}</span><br>{ours}"


def _tint(difference: float) -> str:
    return next(color for limit, color in TINTS if abs(difference) <= limit)


def tint_legend() -> str:
    """HTML that says what the colours of differences mean."""
    texts = ("within 1 point", "within 5 points", "further off")
    parts = [
        f"<span class='d' style='background:{color}40'>±</span> {text}"
        for (_, color), text in zip(TINTS, texts, strict=True)
    ]
    return f"{_STYLE}<div class='paper' style='font-size:0.875rem'>Ours minus published: {' &nbsp; '.join(parts)}</div>"


def _html(titles: Sequence[str], rows: Sequence[tuple[bool, Sequence[str]]]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join(
        f"<tr{' class=task' if first and place else ''}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for place, (first, cells) in enumerate(rows)
    )
    return f"{_STYLE}<div class='paper'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def metric_help(metrics: Sequence[str]) -> str:
    """What each column is, in a line."""
    return " ".join(f"**{metric_title(metric)}**: {METRICS[metric].help}" for metric in metrics if metric in METRICS)


def draw_orders(orders: Sequence[Order]) -> None:
    """Which of the published orders hold in ours."""
    counts = {verdict: sum(order.verdict == verdict for order in orders) for verdict in VERDICTS}
    st.markdown(
        f"Of {len(orders)} published orders **{counts['holds']} hold** in ours, **{counts['does not hold']} do not**, "
        f"{counts['not known yet']} are not known yet."
    )
    table = pd.DataFrame(
        [
            {
                "verdict": VERDICTS[order.verdict],
                "net and noise": order.task,
                "metric": metric_title(order.metric),
                "published, rising": order.published,
                "ours, rising": order.ours,
                "the other way round": "; ".join(order.broken),
                "too close to tell": "; ".join(order.close),
            }
            for order in orders
        ]
    )
    st.dataframe(
        table, hide_index=True, height=min(460, 38 + 35 * len(table)), key="paper_orders",
        column_config={
            "published, rising": st.column_config.TextColumn(help="Lowest first, as published; equal numbers are in no order."),
            "the other way round": st.column_config.TextColumn(help="Pairs that stand the other way round in ours, by how many points."),
            "too close to tell": st.column_config.TextColumn(help="Pairs whose means are within one standard error of the seeds."),
        },
    )  # fmt: skip
