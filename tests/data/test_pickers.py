"""torchvision's data sets in the prepared form, from files in the publishers' formats; and what happens without a network."""

import platform
import time
from urllib.error import URLError

import numpy as np
import pytest
from torchvision.datasets import utils as torchvision_utils

from imae_core.data import jobs, pickers
from imae_core.data.channels import ChannelStatistics
from imae_core.data.jobs import JobStatus, cancel_job, job_status, run_job
from imae_core.data.pickers import prepare_builtin
from imae_core.data.store import is_ready, load_dataset
from imae_core.errors import DatasetError
from tests.data import official

GENERATOR = np.random.default_rng(0)
TRAIN = GENERATOR.integers(0, 256, (50, 32, 32, 3), dtype=np.uint8)
TEST = GENERATOR.integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
LABELS, TEST_LABELS = np.arange(50) % 10, np.arange(20) % 10


def quiet(_done, _total, _message, _unit):
    pass


def run_prepare(home, name):
    run_job(home, name, "fetching", lambda tell: prepare_builtin(home, name, tell), background=True)


def test_cifar10(tmp_path, monkeypatch):
    official.write_cifar10(tmp_path / "datasets", TRAIN, LABELS, TEST, TEST_LABELS, monkeypatch)
    prepare_builtin(tmp_path, "cifar10", quiet)
    data = load_dataset(tmp_path, "cifar10")
    np.testing.assert_array_equal(data.train_inputs, TRAIN.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(data.test_inputs, TEST.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(data.train_labels, LABELS)
    assert data.class_names == tuple(official.CIFAR10_NAMES)
    assert data.input_shape == (3, 32, 32)
    assert data.mapping == (0, 1, 0, 5, 7, 3, 6, 7, 8, 1)
    assert data.flip
    np.testing.assert_allclose(data.shift, (TRAIN / 255).mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(data.spread, (TRAIN / 255).std((0, 1, 2)), rtol=1e-5)


def test_cifar100(tmp_path, monkeypatch):
    labels = np.arange(50) + 50
    official.write_cifar100(tmp_path / "datasets", TRAIN, labels, TEST, TEST_LABELS, monkeypatch)
    prepare_builtin(tmp_path, "cifar100", quiet)
    data = load_dataset(tmp_path, "cifar100")
    np.testing.assert_array_equal(data.train_labels, labels)
    assert data.num_classes == 100


@pytest.mark.parametrize(("name", "folder"), [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST")])
def test_mnist_and_fashion(tmp_path, name, folder):
    pictures = TRAIN[:, :28, :28, 0]
    official.write_mnist(tmp_path / "datasets", folder, pictures, LABELS, TEST[:, :28, :28, 0], TEST_LABELS)
    prepare_builtin(tmp_path, name, quiet)
    data = load_dataset(tmp_path, name)
    np.testing.assert_array_equal(data.train_inputs[:, 0], pictures)
    assert data.shift is None
    assert data.class_names[0] == ("0" if name == "mnist" else "T-shirt/top")


def test_svhn(tmp_path, monkeypatch):
    official.write_svhn(tmp_path / "datasets", TRAIN, LABELS, TEST, TEST_LABELS, monkeypatch)
    prepare_builtin(tmp_path, "svhn", quiet)
    data = load_dataset(tmp_path, "svhn")
    np.testing.assert_array_equal(data.train_inputs, TRAIN.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(data.train_labels, LABELS)


def test_statistics_in_chunks_are_those_of_the_whole():
    images = GENERATOR.integers(0, 256, (5001, 3, 2, 2), dtype=np.uint8)
    statistics = ChannelStatistics(3)
    statistics.add(images[:3000])
    statistics.add(images[3000:])
    mean, std = statistics.mean_and_std()
    np.testing.assert_allclose(mean, (images / 255).mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(std, (images / 255).std((0, 2, 3)), rtol=1e-5)


def no_network(*_arguments, **_options):
    raise URLError("unreachable")


def test_without_a_network_it_says_what_to_put_where_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision_utils, "_urlretrieve", no_network)
    with pytest.raises(DatasetError, match=r"cannot download CIFAR-10: no connection.*put cifar-10-python.tar.gz into"):
        run_prepare(tmp_path, "cifar10")
    status = job_status(tmp_path, "cifar10")
    assert status.state == "failed"
    assert "no connection" in status.message
    assert not is_ready(tmp_path, "cifar10")
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == [".jobs"]


def test_a_cancelled_download_removes_what_it_fetched(tmp_path, monkeypatch):
    def slow_load(name, root, *, download):
        if not download:
            raise RuntimeError("not found")
        (root / "partial.tar.gz").write_bytes(b"x" * 1000)
        time.sleep(30)

    monkeypatch.setattr(pickers, "_load", slow_load)
    seen = []

    def write(home, status):
        seen.append(status)
        if status.done:
            jobs._job_path(home, status.name, "cancel").touch()

    monkeypatch.setattr(jobs, "_write", write)
    monkeypatch.setattr(jobs, "WRITE_SECONDS", 0.0)
    with pytest.raises(DatasetError, match="fetching cifar10 was cancelled"):
        run_prepare(tmp_path, "cifar10")
    assert seen[-1].state == "cancelled"
    assert max(status.done for status in seen) == 1000, "progress is the size of the growing file"
    assert not (tmp_path / "datasets" / "partial.tar.gz").exists()


def test_a_vanished_job_is_not_shown_as_running(tmp_path):
    gone = JobStatus("cifar10", "running", "downloading", pid=2**22 - 1, created=1.0, host=platform.node())
    jobs._write(tmp_path, gone)
    status = job_status(tmp_path, "cifar10")
    assert status.state == "failed"
    assert "gone" in status.message
    cancel_job(tmp_path, "cifar10")
    assert job_status(tmp_path, "mnist") is None
