"""Numbers of the analysis against their definitions."""

import subprocess
import sys

import numpy as np
import pytest

from imae_core.analysis.detection import detection_auc, suspicion
from imae_core.analysis.findings import attention_sentence, percent
from imae_core.analysis.histograms import binned
from imae_core.analysis.trajectories import TrajectoryStats
from imae_core.analysis.weights import bin_edges, weight_share


def test_weight_share_by_hand():
    share = weight_share([1.0, 3.0, np.nan, 4.0], [False, True, True, False])
    assert (share.num_examples, share.num_corrupted) == (3, 1)
    assert share.data_share == pytest.approx(1 / 3)
    assert share.weight_share == pytest.approx(3 / 8)
    assert (share.median_clean, share.median_corrupted) == (2.5, 3.0)


def test_sentences():
    corrupted = [True] * 4 + [False] * 6
    now = weight_share([0.23 / 4] * 4 + [0.77 / 6] * 6, corrupted)
    first = weight_share([0.45 / 4] * 4 + [0.55 / 6] * 6, corrupted)
    assert attention_sentence(now, first) == (
        "Corrupted examples are 40 % of the data and get 23 % of the gradient; at epoch 1 it was 45 %."
    )
    assert "no" in attention_sentence(weight_share([1.0], [False])).lower()
    assert "stopped listening" in attention_sentence(weight_share([0.0, 0.0], [False, True]))
    assert percent(0.0123) == "1.2 %"


def test_trajectories_are_the_statistics_of_the_whole_history():
    generator = np.random.default_rng(0)
    p, margins = generator.random((7, 50)), generator.normal(size=(7, 50))
    correct = generator.random((7, 50)) < 0.5
    stats = TrajectoryStats(50)
    for epoch in range(7):
        stats.update(p[epoch], margins[epoch], correct[epoch])
    np.testing.assert_allclose(stats.mean_p_label, p.mean(0))
    np.testing.assert_allclose(stats.variance, p.var(0))
    np.testing.assert_allclose(stats.aum, margins.mean(0))
    np.testing.assert_array_equal(stats.forgetting, (correct[:-1] & ~correct[1:]).sum(0))
    np.testing.assert_array_equal(stats.num_correct, correct.sum(0))


def test_detection_is_high_for_low_p():
    assert detection_auc(suspicion([0.1, 0.9, 0.8]), [True, False, False]) == 1.0
    assert detection_auc(suspicion([0.5, 0.5]), [False, False]) is None


def test_bins_keep_everything_finite():
    found = binned(np.array([-1.0, 0.0, 0.5, 1.0, 7.0, np.nan]), bin_edges(0, 1, 4))
    assert found.counts.tolist() == [2, 0, 1, 2]
    assert (found.median, found.total) == (0.5, 7.5)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 2, 999, 1000, 6000, 6001])
def test_a_median_is_found_within_its_bin(kind, size):
    generator = np.random.default_rng(size)
    values = (generator.normal(size=size) * 12).astype(kind).astype(np.promote_types(kind, np.float32))
    found = binned(values, bin_edges(-15.0, 15.0))
    assert found.median == pytest.approx(np.median(values.astype(np.float64)))
    assert found.counts.tolist() == np.histogram(np.clip(values, -15, 15), bin_edges(-15.0, 15.0))[0].tolist()


def test_analysis_needs_no_torch():
    modules = "weights, imae_core.analysis.detection, imae_core.analysis.trajectories, imae_core.analysis.findings"
    code = f"import sys, imae_core.analysis.{modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
