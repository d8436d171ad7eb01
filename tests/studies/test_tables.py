"""What a study's tables say: layout, marks, captions, ranks, document."""

import csv
import io

import pytest

from imae_core.errors import BadInputError
from imae_core.studies.progress import study_progress
from imae_core.studies.results import study_results, verdicts
from imae_core.studies.tables import rank_lines, sensitivity_sentences, study_document, study_table
from tests.studies.made_up import accuracy, made_up, small


def results(home, study):
    return study_results(home, study_progress(home, study))


@pytest.fixture
def finished(home):
    """12 finished runs whose accuracies `accuracy` says."""
    study, cells = small(home)
    for cell in cells:
        made_up(home, cell, final_test_accuracy=accuracy(cell))
    return results(home, study)


def test_markdown_has_losses_by_rates_and_marks(finished):
    lines = study_table(finished, "final_test_accuracy", "markdown").splitlines()
    assert lines[:3] == [
        "| loss | 0 % | 40 % |", "| --- | --- | --- |", "| CCE | 70.5 ± 0.7 | 62.5 ± 0.7 |",
    ]  # fmt: skip
    assert lines[3] == "| IMAE · T 4 | 84.5 ± 0.7 | 76.5 ± 0.7 |"
    assert lines[4] == "| IMAE · T 8 | **88.5** ± 0.7 | **80.5** ± 0.7 |", (
        "the differences are the same for each seed: no tie"
    )
    assert "MLP, 1 epochs, batch 128" in lines[-1]
    assert "mean ± sample standard deviation over 2 seeds" in lines[-1]
    assert "each of the 4 comparisons by itself" in lines[-1]


def test_a_difference_that_is_noise_is_marked_as_a_tie(home):
    study, cells = small(home, noise_rates=[0.4])
    values = {"cce": [0.7, 0.9], "imae": [0.8, 0.8]}
    for cell in cells:
        value = values[cell.config.loss.name][cell.config.seed] + 0.001 * cell.config.loss.params.get("T", 0)
        made_up(home, cell, final_test_accuracy=value)
    text = study_table(results(home, study), "final_test_accuracy", "markdown")
    assert "| CCE | *80.0* ± 14.1 |" in text
    assert "| IMAE · T 8 | **80.8** ± 0.0 |" in text
    latex = study_table(results(home, study), "final_test_accuracy", "latex")
    assert r"CCE & \textit{80.0} $\pm$ 14.1 \\" in latex
    assert r"\begin{tabular}{lc}" in latex


def test_csv_has_every_number(finished):
    rows = list(csv.DictReader(io.StringIO(study_table(finished, "final_test_accuracy", "csv"))))
    row = next(row for row in rows if row["loss"] == "CCE" and row["column"] == "40 %")
    assert (float(row["mean"]), row["n"], row["best"]) == (pytest.approx(0.625), "2", "False")
    assert float(row["best_minus_this"]) == pytest.approx(0.18)
    assert float(row["p_holm"]) == 0.0


def test_partial_results_are_said(home):
    study, cells = small(home)
    with pytest.raises(BadInputError, match="no run of study small is done yet"):
        study_table(results(home, study), "final_test_accuracy", "markdown")
    for cell in cells[:4]:
        made_up(home, cell, final_test_accuracy=accuracy(cell))
    text = study_table(results(home, study), "final_test_accuracy", "markdown")
    assert "Not finished: 4 of 12 runs done, 8 missing" in text
    assert "| CCE | 70.0 | 62.0 |" in text
    assert "| IMAE · T 8 | **88.0** | – |" in text
    with pytest.raises(BadInputError, match="unknown format 'html'"):
        study_table(results(home, study), "final_test_accuracy", "html")
    with pytest.raises(BadInputError, match="unknown metric 'final'"):
        study_table(results(home, study), "final", "csv")


def test_failed_runs_are_named(home):
    study, cells = small(home, noise_rates=[0.4], losses=[{"name": "cce"}, {"name": "mae"}], factors={"lr": [0.1, 0.01]},
                         design="one_at_a_time")  # fmt: skip
    for cell in cells:
        failed = cell.config.loss.name == "mae" and cell.config.lr == 0.1
        made_up(home, cell, state="failed" if failed else "done", final_test_accuracy=0.5 + 0.1 * cell.config.seed)
    found = results(home, study)
    assert "Failed, and in no mean: MAE at usual recipe (2)." in study_table(found, "final_test_accuracy", "markdown")
    assert sensitivity_sentences(found, "final_test_accuracy") == [
        "The order of the losses does not change with the learning rate (0.1, 0.01). Without MAE, which has not finished at each of "
        "these values."
    ]  # fmt: skip
    sentences = verdicts(found.cells("final_test_accuracy"), [("CCE", "MAE")], "max")
    assert len(sentences) == 2
    assert sentences[1].startswith("Of 1 more, fewer than two seeds are in common")


def test_ranks_and_verdicts(finished):
    lines = rank_lines(finished, "final_test_accuracy").splitlines()
    assert lines[:3] == ["1. IMAE · T 8: 1.00", "2. IMAE · T 4: 2.00", "3. CCE: 3.00"]
    assert "4 blocks" in lines[-1]
    assert rank_lines(finished, "train_accuracy_given") == "", "neither direction is better"
    sentences = verdicts(finished.cells("final_test_accuracy"), [("IMAE · T 8", "CCE")], "max")
    assert sentences[1] == (
        "IMAE · T 8 over CCE at 40 %: +18.0 points [18.0, 18.0], 2 seeds, p < .0001 (Holm, 2 comparisons): a difference"
    )


def test_settings_are_columns_where_each_is_compared_with_the_usual_recipe(home):
    factors = {"lr": [0.1, 0.01], "normalize": ["default", "standardize"]}
    losses = [{"name": "cce"}, {"name": "mae"}]
    study, cells = small(home, noise_rates=[0.4], losses=losses, factors=factors, design="one_at_a_time")
    for cell in cells:
        wins = (cell.config.loss.name == "mae") == (cell.config.normalize == "standardize")
        made_up(home, cell, final_test_accuracy=(0.9 if wins else 0.8) + 0.01 * cell.config.seed)
    found = results(home, study)
    header = study_table(found, "final_test_accuracy", "markdown").splitlines()[0]
    assert header == "| loss | usual recipe | learning rate 0.01 | normalisation standardised |"
    rows = study_table(found, "final_test_accuracy", "csv", "rows")
    assert "MAE · normalisation standardised,40 %" in rows
    assert sensitivity_sentences(found, "final_test_accuracy") == [
        "The order of the losses does not change with the learning rate (0.1, 0.01).",
        "The order turns round with the normalisation: at as imported CCE (90.5) is before MAE (80.5), at standardised MAE (90.5) is "
        "before CCE (80.5).",
    ]  # fmt: skip
    document = study_document(found)
    for heading in ("# Study small", "## final", "## noisy subset", "## Ranks", "## Differences",
                    "## What the order owes to the recipe"):  # fmt: skip
        assert heading in document
