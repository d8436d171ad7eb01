"""The transcribed numbers against a second reading of the notes (where they lie beside the repository) and pinned sums."""

import re
from pathlib import Path

import numpy as np
import pytest

from imae_core.curves import curve_on, uniform_p
from imae_core.paper import TABLES, Setting
from imae_core.paper.tables import published_markdown

NOTES = Path(__file__).parents[3] / "shared"
ALL_METRICS = {
    "best": "best_test_accuracy", "final": "final_test_accuracy", "noisy subset": "noisy_subset_accuracy",
    "clean subset": "clean_subset_accuracy", "hybrid": "hybrid_accuracy",
}  # fmt: skip
LOSSES = ("cce", "mae", "imae")


def notes(name):
    path = NOTES / name
    if not path.exists():
        pytest.skip(f"{name} is not beside the repository")
    return path.read_text()


def rows_below(text, header):
    """The cells of a Markdown table, from the line after its header and rule."""
    lines = text[text.index(header) :].splitlines()[2:]
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def plain(table):
    """{(net, rate in percent, loss, metric): value}, where the loss alone tells rows apart."""
    return {
        (one.net, round(100 * one.rate), one.loss, metric): value
        for one, numbers in TABLES[table].results.items()
        for metric, value in numbers.items()
    }


def numbers(text):
    return [float(part) for part in re.findall(r"\d+(?:\.\d+)?", text)]


def test_table_6_is_that_of_the_notes():
    header = "| net | noise | loss | best | final | noisy subset | clean subset | hybrid |"
    expected = {}
    for net, rate, _, *columns in rows_below(notes("paper.md"), header):
        for metric, cell in zip(ALL_METRICS.values(), columns, strict=True):
            if cell != "-":
                for loss, value in zip(LOSSES, cell.split(" / "), strict=True):
                    expected[net.lower(), int(rate), loss, metric] = float(value)
    assert len(expected) == 18 * 5 - 6
    assert plain("table6") == expected


def test_table_2_is_that_of_the_notes():
    metrics = ("best_test_accuracy", "final_test_accuracy", "train_accuracy_given", "train_accuracy_true")
    expected = {}
    for net, rate, *columns in rows_below(notes("paper.md"), "| net | noise | CCE | MAE | IMAE |"):
        for loss, cell in zip(LOSSES, columns, strict=True):
            for metric, value in zip(metrics, numbers(cell), strict=True):
                expected[net.lower(), int(rate), loss, metric] = value
    assert len(expected) == 18 * 4
    assert plain("table2") == expected


def test_the_authors_logs_are_those_of_the_notes():
    found = {}
    for one, values in TABLES["authors_logs"].results.items():
        is_flat = one.loss == "imae" and dict(one.params)["T"] == 0
        key = ("flat" if is_flat else one.loss, one.reduction, round(100 * one.rate))
        found[key] = (values["best_test_accuracy"], values["final_test_accuracy"])
    expected = {}
    names = {"weight 1": "flat", "IMAE": "imae", "DM": "dm"}
    for name, *columns in rows_below(notes("paper.md"), "| loss | 0 | 20 | 40 | 60 |"):
        loss = next((short for start, short in names.items() if name.startswith(start)), name.partition(",")[0].lower())
        reduction = "weight_sum" if "weight_sum" in name else "mean"
        for rate, cell in zip((0, 20, 40, 60), columns, strict=True):
            expected[loss, reduction, rate] = tuple(numbers(cell))
    assert len(expected) == 40
    assert found == expected


def test_cifar100_is_that_of_the_notes():
    text = " ".join(notes("paper.md").split())
    symmetric = re.search(r"symmetric 0/20/40/60: CCE ([\d./]+), MAE ([\d./]+), IMAE ([\d./]+);", text)
    asymmetric = re.search(r"asymmetric 20/30/40: CCE ([\d./]+), MAE ([\d./]+), IMAE ([\d.]+/[\d.]+/[\d.]+\d)", text)
    for table, match, rates in (
        ("cifar100_symmetric", symmetric, (0, 20, 40, 60)),
        ("cifar100_asymmetric", asymmetric, (20, 30, 40)),
    ):
        expected = {
            ("resnet44", rate, loss, "best_test_accuracy"): value
            for loss, part in zip(LOSSES, match.groups(), strict=True)
            for rate, value in zip(rates, numbers(part), strict=True)
        }  # fmt: skip
        assert plain(table) == expected, table


def test_clothing_and_mars_are_those_of_the_notes():
    text = " ".join(notes("paper.md").split())
    clothing = re.search(r"CCE ([\d.]+), MAE ([\d.]+), IMAE ([\d.]+) \(T = 8; ([\d.]+) with T = 16", text)
    assert [v["final_test_accuracy"] for v in TABLES["clothing1m"].results.values()] == list(
        map(float, clothing.groups())
    )
    mars = re.search(r"CCE ([\d./]+), MAE ([\d./]+), GCE ([\d./]+), IMAE ([\d./]+\d)", text)
    found = [(v["map"], v["cmc_1"]) for v in TABLES["mars"].results.values()]
    assert found == [tuple(numbers(part)) for part in mars.groups()]


@pytest.mark.parametrize(
    ("table", "start", "names", "rates"),
    [
        ("cnn8", '"8-layer CNN"', "CE GCE SCE NCE+MAE NCE+RCE NFL+RCE NCE+AUL NCE+AGCE", (0, 20, 40, 60, 80)),
        ("resnet34_elr", '"ResNet34, ELR"', "CE GCE SL ELR", (20, 40, 60, 80)),
    ],
)
def test_the_protocols_are_those_of_the_notes(table, start, names, rates):
    text = notes("losses-and-noise.md")
    text = " ".join(text[text.rindex(start) :].split())
    expected = {}
    for name in names.split():
        values = re.search(rf"[:;] {re.escape(name)} ([\d./]+\d)", text)[1]
        loss = {"CE": "cce", "SL": "sce"}.get(name, name.lower().replace("+", "_"))
        for rate, value in zip(rates, numbers(values), strict=True):
            expected[loss, rate] = value
    assert {(loss, rate): value for (_, rate, loss, _), value in plain(table).items()} == expected


@pytest.mark.parametrize(
    ("table", "number", "total"),
    [("table6", 84, 5251.3), ("table2", 72, 4859.1), ("cifar100_symmetric", 12, 484.0), ("cifar100_asymmetric", 9, 408.9),
     ("authors_logs", 80, 3492.0), ("cnn8", 40, 2960.78), ("resnet34_elr", 16, 1288.57), ("clothing1m", 4, 260.2),
     ("mars", 8, 407.4)],
)  # fmt: skip
def test_sums_are_pinned(table, number, total):
    values = [record["value"] for record in TABLES[table].records()]
    assert len(values) == number
    assert sum(values) == pytest.approx(total)


def test_the_variances_are_those_of_the_curves():
    for one, numbers in TABLES["weight_variance"].results.items():
        weight = curve_on(one.loss, uniform_p(100_001), **dict(one.params))
        assert np.var(weight) == pytest.approx(numbers["weight_variance"], abs=0.005)


def test_every_record_says_where_it_is_from():
    records = [record for table in TABLES.values() for record in table.records()]
    for record in records:
        for name in ("version", "protocol", "dataset", "source"):
            assert record[name], record
    assert len({table.version for table in TABLES.values()}) == len(TABLES), "a version names one table"


def test_the_versions_disagree_at_80_percent_and_both_are_named():
    setting = Setting("resnet20", 0.8, "imae", params=(("T", 8.0),))
    assert TABLES["table6"].results[setting]["best_test_accuracy"] == 52.0
    assert TABLES["table2"].results[setting]["best_test_accuracy"] == 71.5
    assert "final version" in published_markdown(TABLES["table6"])
    assert "August 2019 version (v4)" in published_markdown(TABLES["table2"])
    assert "disagree" in TABLES["table2"].note


def test_t_differed_between_the_rates():
    found = {one.rate: dict(one.params)["T"] for one in TABLES["cifar100_symmetric"].results if one.loss == "imae"}
    assert found == {0.0: 6.0, 0.2: 8.0, 0.4: 8.0, 0.6: 2.0}
