"""A comparison read from run folders, and its tables."""

import io
import json

import pandas as pd
import pytest

from imae_core.errors import BadInputError
from imae_core.recipes import make_config
from imae_core.runs.comparison import compare_runs, histories
from imae_core.runs.store import Store
from imae_core.runs.submit import create_run
from imae_core.runs.tables import caption, cell_text, dataset_text, escape_latex, table_csv, table_latex, table_markdown
from tests.runs.folders import made_up_run
from tests.test_cli import imae


def stored(home, loss, seed, final, *, dataset="digits", rate=0.4, state="done", group="sweep", noisy=0.1):
    """A run with a result and nothing else."""
    config = make_config(dataset, (1, 8, 8), 1297, loss={"name": loss}, noise={"rate": rate}, seed=seed, epochs=7)
    folder = create_run(home, config)
    store = Store(home)
    store.add(folder.run_id, config, group=group, executor="local", state=state)
    if state == "done":
        folder.write_result({"final_test_accuracy": final, "best_test_accuracy": final, "noisy_subset_accuracy": noisy})
    return store.get(folder.run_id), folder


@pytest.fixture
def comparison(home):
    runs = [stored(home, "cce", 0, 0.70), stored(home, "cce", 1, 0.72), stored(home, "imae", 0, 0.84, noisy=0.05)]
    return compare_runs(
        [*runs, stored(home, "imae", 1, None, state="failed"), stored(home, "imae", 0, 0.9, rate=0.0, noisy=None)]
    )


def test_cells_are_percent_with_a_deviation_only_where_there_is_one():
    assert cell_text(0.8404, 0.0031) == "84.0 ± 0.3"
    assert cell_text(0.8404, float("nan")) == "84.0"
    assert cell_text(float("nan"), float("nan")) == "–"


def test_markdown_has_bold_best_values_deviations_and_a_caption(comparison):
    lines = table_markdown(comparison).splitlines()
    assert lines[0] == "| loss | noise rate | best | final | noisy subset | clean subset | hybrid | runs |"
    assert lines[2:5] == [
        "| IMAE | 0 % | 90.0 | 90.0 | – | – | – | 1 |",
        "| CCE | 40 % | 71.0 ± 1.4 | 71.0 ± 1.4 | 10.0 ± 0.0 | – | – | 2 |",
        "| IMAE | 40 % | **84.0** | **84.0** | **5.0** | – | – | 1 (1 failed) |",
    ]
    assert lines[6] == caption(comparison)


def test_latex_has_booktabs_bold_best_and_a_line_between_noise_rates(comparison):
    text = table_latex(comparison)
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 1
    assert text.count(r"\midrule") == 2
    assert r"CCE & 40 \% & 71.0 $\pm$ 1.4 & 71.0 $\pm$ 1.4 & 10.0 $\pm$ 0.0 & -- & -- & 2 \\" in text
    assert r"IMAE & 40 \% & \textbf{84.0} & \textbf{84.0} & \textbf{5.0} & -- & -- & 1 (1 failed) \\" in text
    assert "%" not in text.replace(r"\%", ""), "a bare percent sign comments out the rest of a line"


def test_csv_holds_every_metric_as_fractions(comparison):
    table = pd.read_csv(io.StringIO(table_csv(comparison))).set_index(["loss.name", "noise.rate"])
    row = table.loc[("cce", 0.4)]
    assert row["final_test_accuracy_mean"] == pytest.approx(0.71)
    assert row["final_test_accuracy_std"] == pytest.approx(0.01 * 2**0.5)
    assert row["final_test_accuracy_n"] == 2
    assert table.loc[("imae", 0.4), "unfinished"] == "1 failed"
    assert "detection_auc_mean" in table


def test_the_caption_says_what_was_run(comparison):
    text = caption(comparison)
    for words in ("Digits. Symmetric label noise, rate 0 %, 40 %.", "MLP, 7 epochs", "batch 128", "learning rate 0.1",
                  "IMAE with T 8", "mean ± sample standard deviation over seeds, 4 finished of 5 runs",
                  "chosen on the test set", "lower is better"):  # fmt: skip
        assert words in text


def test_the_variant_of_a_data_set_is_said_where_its_name_tells():
    assert dataset_text("cifar10") == "CIFAR-10 (official files)"
    assert dataset_text("cifar10-jpeg75") == "cifar10-jpeg75 (JPEG variant)"
    assert dataset_text("mine") == "mine"


def test_names_are_no_latex():
    assert escape_latex("50 % a_b & {c}^2") == r"50 \% a\_b \& \{c\}\textasciicircum{}2"


def test_nothing_to_compare_is_said(home):
    with pytest.raises(BadInputError, match="no run to compare"):
        compare_runs([])


def test_histories_are_as_long_as_each_run_has_come(home):
    (_, long), (_, short) = made_up_run(home, epochs=3), made_up_run(home, epochs=1, done=False)
    _, none = stored(home, "cce", 0, None, state="running")
    table = histories([long, short, none])
    assert table.groupby("run_id")["epoch"].max().to_dict() == {long.run_id: 3, short.run_id: 1}
    assert list(histories([none])) == list(table)


def test_the_command_prints_every_format(home):
    run, _ = stored(home, "cce", 0, 0.70)
    stored(home, "imae", 0, 0.84)
    assert "| IMAE | **84.0** |" in imae("compare", "--group", "sweep").stdout
    assert r"\begin{tabular}" in imae("compare", "--group", "sweep", "--format", "latex").stdout
    rows = json.loads(imae("compare", "--group", "sweep", "--format", "json").stdout)["rows"]
    assert [row["final_test_accuracy"]["mean"] for row in rows] == [0.70, 0.84]
    assert rows[0]["runs"] == {run.run_id: "done"}
    assert rows[0]["hybrid_accuracy"] == {"mean": None, "std": None, "n": 0, "best": False}
    assert "unknown format 'xml'" in imae("compare", run.run_id, "--format", "xml", check=2).stderr
