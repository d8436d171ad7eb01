"""Storing and opening data sets, the digits split, subsets."""

import json
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits as sklearn_digits
from sklearn.model_selection import train_test_split

from imae_core.data.dataset import Dataset
from imae_core.data.facts import dataset_facts
from imae_core.data.store import list_datasets, load_dataset, open_dataset, remove_dataset, save_dataset
from imae_core.errors import BadInputError, DatasetError, FormatVersionError


def small(name="mine", **changes):
    generator = np.random.default_rng(0)
    values = {
        "name": name,
        "title": "Mine",
        "train_inputs": generator.integers(0, 256, (30, 3, 8, 8), dtype=np.uint8),
        "train_labels": np.arange(30) % 3,
        "test_inputs": generator.integers(0, 256, (9, 3, 8, 8), dtype=np.uint8),
        "test_labels": np.arange(9) % 3,
        "class_names": ("a", "b", "c"),
        "scale": 1 / 255,
        "shift": (0.5, 0.5, 0.5),
        "spread": (0.2, 0.2, 0.2),
    }
    return Dataset(**(values | changes))


def test_digits_are_split_as_the_design_says():
    data = load_dataset(None, "digits")
    assert (data.num_train, data.num_test, data.num_classes) == (1297, 500, 10)
    assert data.input_shape == (1, 8, 8)
    assert data.train_inputs.dtype == np.uint8
    assert data.train_inputs.max() * data.scale == 1.0
    counts = np.bincount(data.test_labels)
    assert counts.min() >= 48
    assert counts.max() <= 52


def test_digits_are_those_of_scikit_learn():
    pixels, labels = sklearn_digits(return_X_y=True)
    train, test = train_test_split(np.arange(1797), test_size=500, random_state=0, stratify=labels)
    data = load_dataset(None, "digits")
    for rows, inputs, known in (
        (train, data.train_inputs, data.train_labels),
        (test, data.test_inputs, data.test_labels),
    ):
        np.testing.assert_array_equal(inputs.reshape(-1, 64), pixels[rows])
        np.testing.assert_array_equal(known, labels[rows])


def test_round_trip(tmp_path):
    data = small(train_true_labels=np.arange(30) % 2, mapping=(1, 2, 0))
    save_dataset(tmp_path, data)
    again = open_dataset(tmp_path, "mine")
    for name in ("train_inputs", "train_labels", "test_inputs", "test_labels", "train_true_labels"):
        np.testing.assert_array_equal(getattr(again, name), getattr(data, name))
    assert (again.class_names, again.shift, again.mapping, again.scale) == (
        data.class_names,
        data.shift,
        (1, 2, 0),
        1 / 255,
    )
    assert dataset_facts(tmp_path, "mine").num_train == 30
    assert [record.name for record in list_datasets(tmp_path)][-1] == "mine"
    with pytest.raises(DatasetError, match="there is a data set 'mine' already"):
        save_dataset(tmp_path, data)
    remove_dataset(tmp_path, "mine")
    assert not list((tmp_path / "datasets").iterdir())


def test_a_failure_half_way_leaves_nothing(tmp_path):
    data = small(test_labels=np.array([object()]))
    with pytest.raises(ValueError, match="pickle"):
        save_dataset(tmp_path, data)
    assert not list((tmp_path / "datasets").iterdir())


def test_a_newer_format_is_refused(tmp_path):
    save_dataset(tmp_path, small())
    path = tmp_path / "datasets" / "mine" / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 99}))
    with pytest.raises(FormatVersionError, match="format version 99, but this program reads up to 1"):
        open_dataset(tmp_path, "mine")


def test_missing_data_sets_say_what_to_do(tmp_path):
    with pytest.raises(DatasetError, match="fetch it with `imae datasets add cifar10`"):
        load_dataset(tmp_path, "cifar10")
    with pytest.raises(DatasetError, match="there is no data set 'nothing' .* there are: digits"):
        load_dataset(tmp_path, "nothing")
    with pytest.raises(DatasetError, match="letters, digits"):
        load_dataset(tmp_path, "../secret")
    with pytest.raises(DatasetError, match="built in"):
        remove_dataset(tmp_path, "digits")


def test_subset_is_stratified_sorted_and_by_seed():
    data = load_dataset(None, "digits")
    smaller, rows = data.subset(200, seed=1)
    assert smaller.num_train == len(rows) == 200
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(smaller.train_labels, data.train_labels[rows])
    assert np.ptp(np.bincount(smaller.train_labels)) <= 1
    np.testing.assert_array_equal(rows, data.subset(200, seed=1)[1])
    assert (rows != data.subset(200, seed=2)[1]).any()
    for size in (9, 1298):
        with pytest.raises(BadInputError, match=f"10 .one a class. to 1297 examples, got {size}"):
            data.subset(size, seed=0)


def test_data_without_batches_needs_no_torch():
    code = (
        "import sys, imae_core.data.jobs, imae_core.data.facts, imae_core.data.store as s;"
        "s.load_dataset(None, 'digits'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
