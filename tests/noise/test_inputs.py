"""Noise on inputs: exactly the marked rows change, as defined, and the same row is the same however it is asked for."""

import numpy as np
import pytest

from imae_core.config import parse_config
from imae_core.data.dataset import Dataset
from imae_core.data.digits import load_digits
from imae_core.data.inputs import RowInputs
from imae_core.data.noisy import fitted
from imae_core.errors import BadInputError
from imae_core.noise.inputs import blurred
from imae_core.recipes import make_config
from imae_core.training.labels import training_labels
from imae_core.training.rows import noisy_rows

DIGITS = load_digits()


def photos(num=40, name="photos"):
    """Colour pictures of another size and scale."""
    random = np.random.default_rng(1)
    return Dataset(
        name=name, title=name, train_inputs=random.integers(0, 256, (num, 3, 12, 10), dtype=np.uint8),
        train_labels=np.arange(num) % 3, test_inputs=np.zeros((3, 3, 12, 10), np.uint8), test_labels=np.arange(3),
        class_names=("a", "b", "c"), scale=1 / 255,
    )  # fmt: skip


def table():
    random = np.random.default_rng(2)
    inputs = (random.normal(size=(300, 4)) * [1, 10, 100, 0]).astype(np.float32)
    return Dataset(
        name="table", title="table", train_inputs=inputs, train_labels=np.arange(300) % 3, test_inputs=inputs[:9],
        test_labels=np.arange(9) % 3, class_names=("a", "b", "c"), shift=(0.0,) * 4, spread=(1.0,) * 4,
    )  # fmt: skip


def config(kind, rate=0.3, num_train=None, seed=0, noise_seed=4, dataset="digits", **params):
    return make_config(
        dataset, (1, 8, 8), 1297, noise={"kind": kind, "rate": rate, "params": params}, num_train=num_train, seed=seed,
        noise_seed=noise_seed,
    )  # fmt: skip


CASES = {
    "gaussian": (config("feature", sigma=0.5), DIGITS, None),
    "blur": (config("feature", method="blur", radius=1.5), DIGITS, None),
    "open set": (config("open_set", source="photos"), DIGITS, photos()),
    "open set, a subset": (config("open_set", num_train=200, source="photos"), DIGITS, photos()),
    "open set of colour": (config("open_set", source="digits"), photos(), DIGITS),
    "table": (config("feature", sigma=0.5), table(), None),
}


@pytest.mark.parametrize("case", CASES)
def test_the_marked_rows_change_and_nothing_else(case):
    run, data, source = CASES[case]
    found = noisy_rows(run, data, source)
    before = np.asarray(data.train_inputs)[found.index]
    after = np.asarray(found.dataset.train_inputs)
    changed = (before != after).reshape(len(before), -1).any(axis=1)
    np.testing.assert_array_equal(changed, found.labels.is_corrupted)
    assert 0 < changed.sum() < len(before)
    assert (after.dtype, after.shape) == (before.dtype, before.shape)
    np.testing.assert_array_equal(np.asarray(found.dataset.test_inputs), data.test_inputs)
    np.testing.assert_array_equal(found.dataset.test_labels, data.test_labels)
    np.testing.assert_array_equal(found.labels.given, data.train_labels[found.index])


@pytest.mark.parametrize("case", CASES)
def test_a_row_is_the_same_alone_in_a_block_and_in_another_training(case):
    run, data, source = CASES[case]
    inputs = noisy_rows(run, data, source).dataset.train_inputs
    whole = np.asarray(inputs)
    rows = np.array([30, 2, 17])
    np.testing.assert_array_equal(inputs[rows], whole[rows])
    np.testing.assert_array_equal(inputs[5:9], whole[5:9])
    np.testing.assert_array_equal(inputs[11], whole[11])
    np.testing.assert_array_equal(inputs[:7, 0], whole[:7, 0])
    other_training = noisy_rows(run.model_copy(update={"seed": 9}), data, source)
    np.testing.assert_array_equal(np.asarray(other_training.dataset.train_inputs), whole)
    other_noise = noisy_rows(run.model_copy(update={"noise_seed": 5}), data, source)
    assert (np.asarray(other_noise.dataset.train_inputs) != whole).any()


def test_gaussian_noise_has_the_standard_deviation_it_says():
    noisy = noisy_rows(config("feature", rate=1.0, sigma=0.5), table()).dataset.train_inputs
    unit = table().train_inputs.std(axis=0)
    difference = np.asarray(noisy) - table().train_inputs
    np.testing.assert_allclose(difference[:, :3].std(axis=0), 0.5 * unit[:3], rtol=0.15)
    assert difference[:, 3].std() == pytest.approx(0.5, rel=0.15), "a constant feature counts as one of deviation 1"
    pictures = photos(400)
    grey = np.full_like(pictures.train_inputs, 128)
    noisy = noisy_rows(config("feature", rate=1.0, sigma=0.1), Dataset(**{**vars(pictures), "train_inputs": grey}))
    assert np.asarray(noisy.dataset.train_inputs).std() / 255 == pytest.approx(0.1, rel=0.02)


def test_blur_keeps_the_mean_and_spreads_a_point_as_a_gaussian():
    point = np.zeros((1, 31, 31))
    point[0, 15, 15] = 1
    spread = blurred(point, 2.0)
    assert spread.sum() == pytest.approx(1)
    offsets = np.arange(31) - 15
    assert (spread[0].sum(axis=0) * offsets**2).sum() == pytest.approx(4, rel=0.05)
    edge = np.random.default_rng(0).random((3, 8, 8))
    np.testing.assert_allclose(blurred(edge, 20.0).mean(), edge.mean(), rtol=0.05)
    np.testing.assert_array_equal(blurred(edge, 0.0), edge)


@pytest.mark.parametrize("num", [40, 1000])
def test_open_set_pictures_come_without_repetition_while_there_are_enough(num):
    source = photos(num)
    found = noisy_rows(config("open_set", source="photos"), DIGITS, source)
    change = found.labels.noise.input_change
    counts = np.bincount(change.source_rows, minlength=num)
    assert counts.max() - counts.min() <= 1
    place = 3
    expected = fitted(source.train_inputs[change.source_rows[place]], 1 / 255, (1, 8, 8), 1 / 16)
    np.testing.assert_array_equal(found.dataset.train_inputs[change.rows[place]], expected)


def test_pictures_are_fitted_to_size_colour_and_units():
    white = np.full((3, 12, 10), 255, np.uint8)
    np.testing.assert_array_equal(fitted(white, 1 / 255, (1, 8, 8), 1 / 16), np.full((1, 8, 8), 16))
    grey = np.arange(64, dtype=np.uint8).reshape(1, 8, 8) // 4
    np.testing.assert_array_equal(fitted(grey, 1 / 16, (1, 8, 8), 1 / 16), grey)
    colour = fitted(grey, 1 / 16, (3, 8, 8), 1 / 255)
    np.testing.assert_allclose(colour, np.repeat(grey, 3, axis=0).astype(float) * 255 / 16, atol=0.5)
    red = np.zeros((3, 4, 4), np.uint8)
    red[0] = 255
    assert set(fitted(red, 1 / 255, (1, 4, 4), 1 / 255).ravel()) == {76}, "the usual weight of red in grey"


@pytest.mark.parametrize("kind", ["symmetric", "instance_dependent", "superclass_swap", "mixture"])
def test_labels_do_not_depend_on_the_training_seed(kind):
    params = {
        "superclass_swap": {"superclasses": [0] * 5 + [1] * 5},
        "mixture": {"components": [{"kind": "instance_dependent", "share": 0.5, "rate": 0.5}]},
    }
    first, same, other = (
        training_labels(config(kind, seed=seed, noise_seed=noise, **params.get(kind, {})), DIGITS)
        for seed, noise in ((0, 4), (9, 4), (0, 5))
    )
    np.testing.assert_array_equal(first.given, same.given)
    assert (first.given != other.given).any()
    assert first.is_corrupted.any()


def test_rows_of_rows_read_like_an_array():
    values = np.arange(40).reshape(10, 4)
    inputs = RowInputs(RowInputs(values, np.array([9, 7, 5, 3])), np.array([3, 0]))
    np.testing.assert_array_equal(inputs, values[[3, 9]])
    np.testing.assert_array_equal(inputs[1, 2:], values[9, 2:])
    np.testing.assert_array_equal(inputs[np.array([True, False])], values[[3]])
    assert (len(inputs), inputs.shape, inputs.ndim, inputs.dtype) == (2, (2, 4), 2, values.dtype)
    assert np.asarray(inputs, dtype=np.float32).dtype == np.float32
    for outside in (2, -3, [0, 2]):
        with pytest.raises(IndexError):
            inputs[outside]


def test_a_change_is_told_places_from_0_on_however_rows_are_asked_for():
    asked = []

    def changed(places, inputs):
        asked.append(places.tolist())
        return inputs

    inputs = RowInputs(np.arange(20).reshape(5, 4), np.array([4, 3, 2]), changed)
    for index in (-1, [-3, 1], slice(1, None), np.array([True, False, True]), []):
        np.testing.assert_array_equal(inputs[index], np.arange(20).reshape(5, 4)[[4, 3, 2]][index])
    assert asked == [[2], [0, 1], [1, 2], [0, 2], []]


@pytest.mark.parametrize(
    ("run", "data", "source", "message"),
    [
        (config("open_set", source="photos"), DIGITS, None, "needs a data set that pictures come from"),
        (config("open_set", source="table"), DIGITS, table(), "but table is a table"),
        (config("open_set", source="photos"), table(), photos(), "but table is a table"),
        (config("open_set", source="digits"), DIGITS, DIGITS, "another data set, got digits for itself"),
        (config("feature", method="blur"), table(), None, "only pictures can be blurred, but table is a table"),
    ],
)
def test_what_does_not_go_together_is_named(run, data, source, message):
    with pytest.raises(BadInputError, match=message):
        noisy_rows(run, data, source)


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        ({"kind": "feature", "rate": 0.3, "params": {"sigma": -1}}, r"feature: sigma must be in \[0, 10\], got -1"),
        (
            {"kind": "feature", "rate": 0.3, "params": {"shift": 1}},
            "unknown parameter 'shift'; it takes: method, sigma",
        ),
        ({"kind": "pairflip", "rate": 0.3, "params": {"sigma": 1}}, "it takes: none"),
    ],
)
def test_a_config_knows_its_noise(noise, message):
    values = make_config("digits", (1, 8, 8), 1297).model_dump()
    with pytest.raises(BadInputError, match=message):
        parse_config(values | {"noise": noise})


def test_a_config_completes_its_noise_and_is_read_again():
    run = config("feature", method="blur")
    assert run.noise.params == {"method": "blur", "sigma": 0.38, "radius": 1.0}
    assert parse_config(run.model_dump(mode="json")) == run
    matrix = [[0.5, 0.5], [0.0, 1.0]]
    assert config("transition_matrix", matrix=matrix).noise.params == {"matrix": matrix}
    assert config("asymmetric").noise.params == {}
    assert config("open_set", source="photos").noise.source == "photos"
    assert config("open_set", rate=0.0, source="photos").noise.source is None
    part = {"kind": "pairflip", "share": 0.5, "rate": 0.4}
    assert config("mixture", rate=0.0, components=[part]).noise.title == "mixture of 50% pairflip 40%"
