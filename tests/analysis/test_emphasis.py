"""Emphasis in numbers against the paper's and closed forms; losses and derivatives; what-if shares by hand."""

from functools import partial

import numpy as np
import pytest

from imae_core.analysis.emphasis import (
    Examples,
    derivative_table,
    emphasis_by_population,
    emphasis_of,
    sweep_table,
    uniform_emphasis,
)
from imae_core.curves import CURVES

P = np.array([0.1, 0.9, 0.5, 1.0])
CORRUPTED = np.array([True, False, True, False])


def curve(name, **params):
    return partial(CURVES[name], **params)


@pytest.mark.parametrize(
    ("name", "params", "variance", "mean", "peak"),
    [
        ("cce", {}, 1 / 3, 1, (0, 2)),
        ("mae", {}, 16 * (1 / 30 - 1 / 36), 2 / 3, (0.5, 1)),
        ("imae", {"T": 8.0}, 4.546, 4.420, (0.5, np.exp(2))),
        ("imae", {"T": 0.0}, 0, 1, None),
        ("dm", {"lam": 2.0, "beta": 12.0}, None, None, (2 / 3, np.exp(12 * 4 / 27))),
        ("formula", {"formula": "p^2"}, 1 / 5 - 1 / 9, 1 / 3, (1, 1)),
        ("drawn", {"points": [[0, 0], [1, 1]]}, 1 / 12, 1 / 2, (1, 1)),
    ],
)
def test_under_uniform_p(name, params, variance, mean, peak):
    found = uniform_emphasis(curve(name, **params))
    if variance is not None:
        assert found.variance == pytest.approx(variance, rel=2e-4, abs=1e-9)
        assert found.mean == pytest.approx(mean, rel=2e-4)
    if peak is not None:
        assert (found.peak_p, found.peak_weight) == pytest.approx(peak, abs=2e-3, rel=1e-4)
    assert found.low <= found.mean <= found.high


def test_the_papers_variances():
    """0.33, 0.09 and 4.55 (arXiv 1903.12141)."""
    rounded = [round(uniform_emphasis(curve(*loss)).variance, 2) for loss in (("cce",), ("mae",), ("imae",))]
    assert rounded == [0.33, 0.09, 4.55]


def test_of_examples_by_population():
    examples = Examples.recorded(P, [1, 1, 1, 1], CORRUPTED, None)
    found = emphasis_by_population(curve("cce"), examples)
    assert set(found) == {"all", "clean", "corrupted"}
    assert found["corrupted"].mean == pytest.approx((1.8 + 1.0) / 2)
    assert found["corrupted"].variance == pytest.approx(0.16)
    assert (found["all"].peak_p, found["all"].peak_weight) == pytest.approx((0.1, 1.8))
    assert (found["clean"].low, found["clean"].high) == pytest.approx((0, 0.2))
    unknown = emphasis_by_population(curve("cce"), Examples.recorded(P, [1] * 4, None, None))
    assert set(unknown) == {"all"}
    assert np.isnan(emphasis_of([], []).mean)


def test_what_if_share_by_hand():
    """CCE would give 1.8, 0.2, 1.0 and 0: 2.8 of 3.0 to the corrupted ones; MAE 0.36, 0.36, 1 and 0."""
    examples = Examples.recorded(P, [1, 1, 1, 1], CORRUPTED, None)
    assert examples.share(curve("cce")).weight_share == pytest.approx(2.8 / 3.0)
    assert examples.share(curve("mae")).weight_share == pytest.approx(1.36 / 1.72)
    assert examples.share(curve("cce")).data_share == 0.5
    assert Examples.recorded(P, [1] * 4, None, None).share(curve("cce")) is None


def test_examples_that_the_run_let_go_stay_without_weight():
    """p = 1 has weight 1 under IMAE; where the run itself had let the example go, it has none."""
    weight = [1.0, 1.0, 1.0, 0.0]
    assert Examples.recorded(P, weight, CORRUPTED, None).weights(curve("imae"))[3] == 1
    assert Examples.recorded(P, weight, CORRUPTED, 30.0).weights(curve("imae"))[3] == 0
    unfitted = Examples.recorded([0.1], [0.0], [True], 30.0)
    assert not unfitted.let_go.any(), "a truncated loss has weight 0 at small p, which is no letting go"


def test_the_runs_own_loss_gives_what_the_run_recorded():
    rng = np.random.default_rng(0)
    p = rng.uniform(size=2000).astype(np.float32)
    corrupted = rng.uniform(size=2000) < 0.4
    weight = CURVES["imae"](p, 1 - p, T=8.0).astype(np.float32)
    share = Examples.recorded(p, weight, corrupted, 30.0).share(curve("imae", T=8.0))
    assert share.weight_share == pytest.approx(weight[corrupted].sum() / weight.sum(), rel=1e-5)


@pytest.mark.parametrize(
    ("name", "value", "slope"),
    [
        ("cce", lambda p: -np.log(p) - np.log(2), lambda p: -1 / p),
        ("mae", lambda p: 2 * (1 - p) - 1, lambda p: 0 * p - 2),
        ("mse", lambda p: (1 - p) ** 2 - 0.25, lambda p: -2 * (1 - p)),
    ],
)
def test_value_and_derivatives_are_those_of_the_loss(name, value, slope):
    table = derivative_table(curve(name))
    p = table["p"].to_numpy()
    np.testing.assert_allclose(table["value"], value(p), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(table["dL_dp"], slope(p), rtol=1e-12)
    np.testing.assert_allclose(table["dL_ds"], slope(p) * p * (1 - p), rtol=1e-12)
    middle = len(p) // 2
    assert (p[middle], table["value"][middle]) == (0.5, 0.0)


@pytest.mark.parametrize("name", list(CURVES))
def test_tables_are_finite_and_agree_with_themselves(name):
    from imae_core.catalog import LOSSES

    table = derivative_table(curve(name, **LOSSES[name].defaults), 2001)
    assert np.isfinite(table.to_numpy()).all()
    if name == "truncated_gce":
        return  # it jumps
    p = table["p"].to_numpy()
    inside = slice(20, -20)
    by_value = np.gradient(table["value"], p, edge_order=2)
    np.testing.assert_allclose(by_value[inside], table["dL_dp"].to_numpy()[inside], rtol=2e-3, atol=1e-3)
    by_slope = np.gradient(table["dL_ds"], p, edge_order=2) * p * (1 - p)
    np.testing.assert_allclose(by_slope[inside], table["d2L_ds2"].to_numpy()[inside], rtol=1e-2, atol=1e-2)


def test_second_derivative_of_cross_entropy():
    """d2L/ds2 of -log sigmoid(s) is p(1-p)."""
    table = derivative_table(curve("cce"))
    np.testing.assert_allclose(table["d2L_ds2"], table["p"] * (1 - table["p"]), rtol=1e-5, atol=1e-9)


def test_a_sweep_over_a_parameter():
    curves = {T: curve("imae", T=T) for T in (0.0, 4.0, 8.0)}
    examples = Examples.recorded(P, [1] * 4, CORRUPTED, None)
    table = sweep_table(curves, examples)
    assert list(table["value"]) == [0.0, 4.0, 8.0]
    assert table["uniform_variance"].iloc[0] == pytest.approx(0)
    assert table["uniform_variance"].iloc[2] == pytest.approx(4.546, rel=1e-3)
    assert table["weight_share"].iloc[0] == 0.5, "T = 0 weighs all alike"
    assert table["weight_share"].is_monotonic_increasing, "here a corrupted example is the uncertain one"
    assert sweep_table(curves, None)[["variance", "weight_share"]].isna().all(axis=None)
