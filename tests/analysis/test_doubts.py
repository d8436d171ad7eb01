"""When an estimate of the noise is doubted: the rules at their edges, and what real runs on digits gave."""

import numpy as np
import pandas as pd
import pytest

from imae_core.analysis.doubts import doubt, learned_late
from imae_core.analysis.noise_estimate import estimate_noise


def trajectory(mean_p_label, num_epochs=10):
    return pd.DataFrame({"mean_p_label": np.asarray(mean_p_label, dtype=np.float32), "num_epochs": num_epochs})


def test_learned_late_are_those_fitted_now_that_were_not_believed():
    given, predicted = [0, 1, 2, 3, 4], [0, 1, 2, 9, 9]
    found = learned_late(given, predicted, trajectory([0.9, 0.4, 0.5, 0.1, 0.9]))
    assert found == pytest.approx(1 / 5), (
        "the second alone: the third was believed half the time, the fourth is not fitted"
    )
    assert learned_late(given, predicted, trajectory([0.1] * 5, num_epochs=9)) is None
    assert learned_late([], [], trajectory([])) is None


def test_what_the_net_memorised_makes_an_estimate_too_low():
    assert doubt(0.1, 0.9, 0.99, 0.05).startswith("Probably too low: the net has memorised")
    assert doubt(0.1, 0.9, 0.99, 0.049) == ""
    assert "21.3 %" in doubt(0.071, 0.81, 0.81, 0.213)
    assert doubt(0.0, 1.0, 0.99, 0.009) == "", "a handful is no sign"


def test_a_poor_net_makes_it_too_high():
    assert doubt(0.2, 0.8, 0.89, None).startswith("Probably too high: the net itself is wrong on 11.0 %")
    assert doubt(0.2, 0.8, 0.91, None) == ""
    assert doubt(0.0, 1.0, 0.5, None) == "", "nothing was taken for wrong, so nothing too much"
    assert doubt(0.6, 0.4, 0.8, None) == "", "most labels are wrong, and the net is good enough to say so"


def test_disagreement_with_most_labels_where_nothing_else_is_known():
    assert doubt(0.6, 0.49, None, None).startswith("Not plausible: the net predicts only 49.0 %")
    assert doubt(0.4, 0.5, None, None) == ""


# python -m imae_core train --loss LOSS --noise-rate RATE --epochs EPOCHS, digits, seed 0: the estimate, the truth, and what
# was known beside it
RUNS = [
    ("cce", 100, 0.071, 0.385, 0.808, 0.812, 0.213, "low"),
    ("mae", 100, 0.416, 0.385, 0.577, 0.856, 0.008, ""),
    ("imae", 100, 0.346, 0.385, 0.642, 0.912, 0.014, ""),
    ("cce", 100, 0.000, 0.000, 1.000, 0.978, 0.000, ""),
    ("mae", 100, 0.333, 0.205, 0.662, 0.780, 0.004, "high"),
    ("imae", 100, 0.170, 0.205, 0.822, 0.944, 0.012, ""),
    ("cce", 100, 0.151, 0.593, 0.696, 0.618, 0.432, "low"),
    ("imae", 100, 0.502, 0.593, 0.461, 0.814, 0.031, ""),
    ("cce", 3, 0.521, 0.385, 0.293, 0.424, None, "high"),
    ("imae", 3, 0.664, 0.385, 0.167, 0.182, None, "high"),
    ("imae", 3, 0.097, 0.000, 0.667, 0.666, None, "high"),
]


@pytest.mark.parametrize(("loss", "epochs", "estimate", "truth", "agreement", "test", "late", "off"), RUNS)
def test_doubts_on_digits_point_the_right_way(loss, epochs, estimate, truth, agreement, test, late, off):
    words = doubt(estimate, agreement, test, late)
    assert (f"too {off}" in words) if off else words == ""
    assert off == ("low" if estimate < truth else "high") or (not off and abs(estimate - truth) < 0.1)


def test_a_net_that_memorised_is_caught_where_the_interval_is_not():
    """Every label is fitted at last: the estimate is 0 with an interval of nothing, and wrong."""
    generator = np.random.default_rng(0)
    true = generator.integers(0, 4, 400)
    given = np.where(np.arange(400) % 4 == 0, (true + 1) % 4, true)
    probs = 0.02 + 0.92 * np.eye(4)[given]
    estimate = estimate_noise(given, probs)
    assert (estimate.noise_rate, estimate.high) == (0, 0)
    late = learned_late(given, probs.argmax(axis=1), trajectory(np.where(given == true, 0.9, 0.3)))
    assert late == pytest.approx(0.25)
    assert "too low" in doubt(estimate.noise_rate, 1.0, 0.9, late)
