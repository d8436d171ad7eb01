"""Typed and drawn losses: the same as published ones where they should be, gradients, and what is refused."""

import copy
import pickle

import numpy as np
import pytest
import torch
from scipy.interpolate import PchipInterpolator
from torch.testing import assert_close

from imae_core.config import RunConfig, parse_config
from imae_core.drawn import drawn_curve
from imae_core.errors import BadInputError
from imae_core.losses import DrawnLoss, FormulaLoss, IMAELoss, build_loss
from imae_core.recipes import make_config
from tests.losses.test_gradients import batch

RNG = np.random.default_rng(0)
STEEP = [[0, 0], [0.1, 5], [0.11, 0], [0.5, 2], [0.9, 2], [1, 0]]


def random_points(count):
    p = np.linspace(0, 1, count)
    p[1:-1] += RNG.uniform(-0.3, 0.3, count - 2) / count
    weight = RNG.uniform(0, 5, count) * (RNG.uniform(size=count) > 0.3)
    weight[0] = 1
    return np.stack([p, weight], 1).tolist()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("text", ["exp(8*p*(1-p))", "exp(T*p*q); T = 8"])
def test_imae_typed_is_imae_to_the_bit(text, dtype):
    logits, labels = batch(10, size=256, dtype=dtype)
    results = []
    for loss in (FormulaLoss(formula=text), IMAELoss(T=8.0)):
        logits.grad = None
        value = loss(logits, labels)
        value.backward()
        results.append((value, logits.grad.clone(), loss.weights(logits, labels)))
    for typed, own in zip(*results, strict=True):
        assert torch.equal(typed, own)


@pytest.mark.parametrize(
    "loss",
    [
        FormulaLoss(formula="2*(1-p)^0.7 + 0.1", reduction="none"),
        FormulaLoss(formula="0.1 + sin(pi*p)^2", reduction="none"),
        DrawnLoss(points=STEEP, reduction="none"),
        DrawnLoss(points=STEEP, smooth=0, reduction="none"),
        DrawnLoss(points=[[0, 1], [1, 3]], reduction="none"),
    ],
    ids=repr,
)
def test_the_gradient_is_the_slope_of_the_value(loss):
    """Central differences in float64 against autograd, logit by logit."""
    logits, labels = batch(4, size=24)
    loss(logits, labels).sum().backward()
    step = 1e-6
    for column in range(4):
        shift = torch.zeros_like(logits)
        shift[:, column] = step
        with torch.no_grad():
            slope = (loss(logits + shift, labels) - loss(logits - shift, labels)) / (2 * step)
        assert_close(slope, logits.grad[:, column], rtol=2e-4, atol=2e-6)


def test_drawn_through_the_points_of_imae_is_close_to_it():
    p = np.linspace(0, 1, 41)
    loss = DrawnLoss(points=np.stack([p, IMAELoss().curve(p)], 1).tolist())
    fine = np.linspace(0, 1, 999)
    np.testing.assert_allclose(loss.curve(fine), IMAELoss().curve(fine), rtol=3e-3)
    logits, labels = batch(10)
    assert_close(loss(logits, labels), IMAELoss()(logits, labels), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("count", [2, 3, 4, 7, 50])
def test_smooth_curve_is_scipys_pchip_and_straight_is_interp(count):
    points = random_points(count)
    knots, weights = np.asarray(points).T
    p = np.concatenate([np.linspace(0, 1, 1001), knots])
    smooth, straight = drawn_curve(points, 1)(p, 1 - p, np), drawn_curve(points, 0)(p, 1 - p, np)
    np.testing.assert_allclose(smooth, np.maximum(PchipInterpolator(knots, weights)(p), 0), atol=1e-12)
    np.testing.assert_allclose(straight, np.interp(p, knots, weights), atol=1e-12)
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-4)):
        tensor = torch.from_numpy(p).to(dtype)
        assert_close(drawn_curve(points, 1)(tensor, 1 - tensor, torch).double().numpy(), smooth, rtol=0, atol=tolerance)
    assert smooth.min() >= 0


def test_a_drawn_curve_keeps_its_digits_near_one():
    """Drawn as cross entropy's line, it weighs 2(1-p) even where p is 1 in single precision."""
    loss = DrawnLoss(points=[[0, 2], [0.5, 1], [1, 0]])
    logits = torch.tensor([[30.0, 0.0], [60.0, 0.0]])
    weights = loss.weights(logits, torch.zeros(2, dtype=torch.int64))
    assert_close(weights, 2 * torch.exp(torch.tensor([-30.0, -60.0])), rtol=1e-5, atol=0)


def test_the_value_of_a_drawn_line_is_cross_entropys():
    """Relative: zero at p = 1/2, where cross entropy is log 2."""
    logits, labels = batch(10)
    value = DrawnLoss(points=[[0, 2], [0.3, 1.4], [1, 0]], reduction="none")(logits, labels)
    assert_close(value, torch.nn.functional.cross_entropy(logits, labels, reduction="none") - np.log(2))


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("loss", [DrawnLoss(points=STEEP), FormulaLoss(formula="2*(1-p)^0.7")], ids=repr)
def test_extreme_logits_stay_finite(loss, sign):
    logits = torch.zeros(3, 5)
    logits[:, 2] = sign * 1e4
    logits.requires_grad_()
    value = loss(logits, torch.full((3,), 2))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()


def test_copies_and_pickles_are_the_same_loss():
    logits, labels = batch(5)
    for loss in (DrawnLoss(points=STEEP), FormulaLoss(formula="p*q+1")):
        for twin in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
            assert torch.equal(twin(logits, labels), loss(logits, labels))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"points": [[0, 1]]}, "2 to 50 points, got 1"),
        ({"points": [[p / 50, 1] for p in range(51)]}, "2 to 50 points, got 51"),
        ({"points": [[0, 1, 2], [1, 1, 2]]}, r"a point is a pair \[p, weight\], got 3 numbers in row 1"),
        ({"points": [[0.1, 1], [1, 1]]}, "first point must be at p = 0 and the last at p = 1, got 0.1 and 1"),
        (
            {"points": [[0, 1], [0.5, 1], [0.5, 2], [1, 1]]},
            "p must rise by at least 0.001 from point to point, got 0.5, then 0.5",
        ),
        ({"points": [[0, 1], [0.6, 1], [0.5, 2], [1, 1]]}, "got 0.6, then 0.5"),
        ({"points": [[0, 1], [0.25, -2], [1, 1]]}, r"a weight must be in \[0, 1e\+06\], got -2 at p = 0.25"),
        ({"points": [[0, 0], [1, 0]]}, "every point has weight 0"),
        ({"points": [[0, 1], [1, float("nan")]]}, "rows of finite numbers"),
        ({"points": "0:1,x:2"}, "rows of numbers, got '0:1,x:2'"),
        ({"points": "[[0,1],[1"}, "rows of numbers"),
        ({"smooth": 0.5}, "smooth must be a whole number"),
    ],
)
def test_points_that_are_no_curve_are_refused(params, message):
    with pytest.raises(BadInputError, match=message):
        DrawnLoss(**params)


@pytest.mark.parametrize("text", ["0:1,0.5:7.4,1:1", "[[0, 1], [0.5, 7.4], [1, 1]]", " 0 : 1 , 0.5 : 7.4 , 1 : 1 "])
def test_points_from_a_command_line(text):
    assert build_loss("drawn", points=text).params["points"] == [[0, 1], [0.5, 7.4], [1, 1]]


def config(name, params):
    return make_config("digits", (1, 8, 8), 1297, loss={"name": name, "params": params})


@pytest.mark.parametrize(
    ("name", "params", "title"),
    [
        ("formula", {"formula": "exp(12*p*(1-p))"}, "Formula (exp(12·p·(1-p))) · digits"),
        ("formula", {}, "Formula (exp(T·p·(1-p)); T = 8) · digits"),
        ("formula", {"formula": "1 + " * 20 + "p"}, "Formula (" + ("1 + " * 20)[:39] + "…) · digits"),
        ("drawn", {"points": "0:1,0.5:7.4,1:1"}, "Drawn curve (0:1,0.5:7.4,1:1) · digits"),
        ("drawn", {}, "Drawn curve · digits"),
        ("drawn", {"smooth": 0}, "Drawn curve (smooth=0) · digits"),
    ],
)
def test_titles_say_the_curve_and_configs_survive_storage(name, params, title):
    found = config(name, params)
    assert found.title.startswith(title)
    assert RunConfig.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("formula", {"formula": "p - 0.5"}, "at p = 0 it is -0.5"),
        ("formula", {"formula": "p.real"}, "character 1"),
        ("formula", {"formula": 8}, "formula must be a text"),
        ("drawn", {"points": [[0, 1], [0.25, -2], [1, 1]]}, "got -2 at p = 0.25"),
    ],
)
def test_a_config_refuses_what_is_no_curve(name, params, message):
    with pytest.raises(BadInputError, match=message):
        config(name, params)
    with pytest.raises(BadInputError, match=message):
        parse_config(config(name, {}).model_dump() | {"loss": {"name": name, "params": params}})
