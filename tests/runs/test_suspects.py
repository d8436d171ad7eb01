"""The suspects of a made-up run: every row, the right epoch, null where the truth is not known."""

import numpy as np
import pytest

from imae_core.analysis.detectors import fractional_rank, score
from imae_core.errors import BadInputError, RunError
from imae_core.runs.suspects import detector_inputs, suspects_table
from tests.runs.folders import made_up_run


def test_every_example_is_in_the_table_with_its_rank(home):
    _, folder = made_up_run(home, rows=60)
    table = suspects_table(folder)
    assert list(table) == ["index", "given_label", "true_label", "is_corrupted", "predicted", "suggested_label",
                           "confidence", "suspicion", "rank"]  # fmt: skip
    assert table["index"].tolist() == list(range(5, 65))
    assert sorted(table["rank"]) == list(range(1, 61))
    np.testing.assert_array_equal(table["suspicion"], table["confidence"])
    by_rank = table.sort_values("rank")
    assert by_rank["suspicion"].is_monotonic_decreasing
    assert by_rank["is_corrupted"].head(20).mean() > 0.9
    assert table["true_label"].notna().all()


def test_several_detectors_rank_by_their_mean(home):
    _, folder = made_up_run(home)
    table = suspects_table(folder, ["confidence", "loss"])
    expected = (fractional_rank(table["confidence"]) + fractional_rank(table["loss"])) / 2
    np.testing.assert_allclose(table["suspicion"], expected)
    with pytest.raises(BadInputError, match="at least one detector"):
        suspects_table(folder, [])


def test_the_truth_is_null_where_nobody_knows_it(home):
    _, folder = made_up_run(home, known=False)
    table = suspects_table(folder)
    assert table["true_label"].isna().all()
    assert table["is_corrupted"].isna().all()


def test_an_earlier_epoch_has_its_own_trajectory_and_no_final_outputs(home):
    _, folder = made_up_run(home, epochs=4)
    last, second = detector_inputs(folder), detector_inputs(folder, 2)
    assert last.pred_probs.shape == (60, 10)
    assert (second.pred_probs, second.embeddings) == (None, None)
    assert second.num_classes == 10
    np.testing.assert_array_equal(second.p_label, folder.dynamics("eval", 2)["p_label"])
    means = np.mean([folder.dynamics("eval", epoch)["p_label"] for epoch in (1, 2)], axis=0)
    np.testing.assert_allclose(score("confidence", second), 1 - means, atol=1e-6)
    assert second.trajectory["num_epochs"].unique().tolist() == [2]
    with pytest.raises(BadInputError, match="no evaluation at epoch 9; choose one of: 1, 2, 3, 4"):
        detector_inputs(folder, 9)


def test_before_the_first_evaluation_it_says_to_wait(home):
    _, folder = made_up_run(home, epochs=1)
    next((folder.path / "dynamics").glob("eval-*")).unlink()
    with pytest.raises(RunError, match="wait for its first evaluation"):
        detector_inputs(folder)
