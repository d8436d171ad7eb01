"""Weighting curves: hand values, variances, special cases, and NumPy against torch."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from imae_core.catalog import LOSSES
from imae_core.curves import CURVES, curve_on, largest_weight, uniform_p

DEFAULTS = {name: LOSSES[name].defaults for name in CURVES}


@pytest.mark.parametrize(("name", "variance"), [("cce", 0.33), ("mae", 0.09), ("imae", 4.55)])
def test_variance_of_the_weight_under_uniform_p_is_the_papers(name, variance):
    weights = curve_on(name, uniform_p(200_001), **DEFAULTS[name])
    assert round(float(np.var(weights)), 2) == variance


@pytest.mark.parametrize(
    ("name", "p", "weight"),
    [
        ("cce", 0.25, 1.5),
        ("mae", 0.25, 0.75),
        ("mse", 0.25, 0.5625),
        ("imae", 0.5, np.exp(2)),
        ("imae", 0.0, 1.0),
        ("imae", 1.0, 1.0),
        ("dm", 0.25, np.exp(8 * 0.5 * 0.75)),
        ("gce", 0.25, 1.5 * 0.25**0.7),
        ("truncated_gce", 0.5, 0.0),
        ("truncated_gce", 0.75, 0.5 * 0.75**0.7),
        ("rce", 0.5, 18.420680743952367 / 4),
        ("sce", 0.5, 0.1 + 9.210340371976182 / 2),
        ("focal", 0.5, 2 * 0.5**0.5 * (0.5 - 0.25 * np.log(0.5))),
        ("taylor_ce", 0.25, 1.5 * (1 - 0.75**2)),
        ("agce", 0.5, 0.5 * 1.1**-0.4),
        ("aul", 0.5, 0.5 * 25),
        ("ael", 0.5, 0.2 * np.exp(-0.2)),
        ("js", 0.5, 0.5 * np.log(0.85 / 0.15) / -np.log(0.3)),
    ],
)
def test_hand_values(name, p, weight):
    assert float(curve_on(name, p, **DEFAULTS[name])) == pytest.approx(weight, rel=1e-12)


@pytest.mark.parametrize("name", CURVES)
def test_numpy_and_torch_agree_and_are_finite_to_the_ends(name):
    p = uniform_p(2001)
    weights = curve_on(name, p, **DEFAULTS[name])
    assert np.isfinite(weights).all()
    assert (weights >= 0).all()
    tensor = torch.from_numpy(p)
    np.testing.assert_allclose(CURVES[name](tensor, 1 - tensor, **DEFAULTS[name]).numpy(), weights, rtol=1e-12)
    assert largest_weight(name, **DEFAULTS[name]) == pytest.approx(weights.max(), rel=1e-3)


@pytest.mark.parametrize(
    ("special", "general", "factor"),
    [
        (("gce", {"q": 1.0}), ("mae", {}), 0.5),
        (("gce", {"q": 1e-9}), ("cce", {}), 1.0),
        (("dm", {"lam": 1.0, "beta": 8.0}), ("imae", {"T": 8.0}), 1.0),
        (("sce", {"alpha": 3.0, "beta": 0.0}), ("cce", {}), 3.0),
        (("focal", {"gamma": 0.0}), ("cce", {}), 1.0),
        (("taylor_ce", {"t": 1}), ("mae", {}), 0.5),
        (("agce", {"a": 0.6, "q": 1.0}), ("mae", {}), 0.5),
        (("aul", {"a": 5.5, "q": 1.0}), ("mae", {}), 0.5),
    ],
)
def test_published_special_cases(special, general, factor):
    p = uniform_p()[1:]
    np.testing.assert_allclose(
        curve_on(special[0], p, **special[1]), factor * curve_on(general[0], p, **general[1]), 1e-6
    )


def test_dm_peaks_at_lambda_over_one_plus_lambda():
    p = uniform_p(10_001)
    for lam in (0.5, 1.0, 2.0):
        assert p[np.argmax(curve_on("dm", p, lam=lam, beta=12.0))] == pytest.approx(lam / (lam + 1), abs=1e-3)


def test_truncated_gce_is_plain_before_its_start():
    p = uniform_p()
    np.testing.assert_array_equal(CURVES["truncated_gce"](p, 1 - p, progress=0.2), CURVES["gce"](p, 1 - p))


def test_curves_and_catalog_need_no_torch():
    code = "import sys, imae_core.curves, imae_core.catalog; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
