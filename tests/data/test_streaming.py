"""Streamed rows are those of resident data, bit for bit, whatever is asked for; the thread that reads ahead is bounded,
passes its errors on, and ends."""

import ctypes
import gc
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.measure import PeakMemory
from imae_core.data import streaming
from imae_core.data.batches import DeviceData
from imae_core.data.digits import load_digits
from imae_core.data.inputs import RowInputs
from imae_core.data.normalization import Normalization
from imae_core.data.stored import ResidentRows
from imae_core.data.streaming import LOOK_AHEAD, StreamedRows
from imae_core.recipes import make_config
from imae_core.training.rows import noisy_rows, run_rows
from imae_core.training.trainer import Trainer
from tests.conftest import wait_until
from tests.training.test_trainer import Notebook, assert_same_run

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")
PICTURES = np.random.default_rng(0).integers(0, 256, (90, 3, 24, 20), dtype=np.uint8)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def order(seed=0, size=90):
    return torch.randperm(size, generator=generator(seed))


def reading_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("read-ahead")]


@pytest.fixture
def readers(monkeypatch):
    """The names of the threads that read batches."""
    names, read = [], streaming._read

    def noted(*arguments):
        names.append(threading.current_thread().name)
        return read(*arguments)

    monkeypatch.setattr(streaming, "_read", noted)
    return names


def mapped(path, values):
    np.save(path, values)
    return np.load(path, mmap_mode="r")


def sources(folder):
    """By name: pictures on disk, some of them, a table, and inputs that noise is put on when they are read."""
    digits = load_digits()
    noise = {"kind": "feature", "rate": 0.5, "params": {"sigma": 0.5}}
    on_disk = replace(digits, train_inputs=mapped(folder / "digits.npy", digits.train_inputs))
    return {
        "pictures": mapped(folder / "pictures.npy", PICTURES),
        "some": RowInputs(mapped(folder / "pictures.npy", PICTURES), np.arange(89, 9, -1)),
        "table": mapped(folder / "table.npy", np.random.default_rng(0).normal(size=(90, 5)).astype(np.float32)),
        "noisy": noisy_rows(make_config("digits", (1, 8, 8), 1297, noise=noise), on_disk).dataset.train_inputs,
    }


@pytest.mark.parametrize("name", ["pictures", "some", "table", "noisy"])
def test_every_way_of_asking_gives_the_bits_of_resident_rows(name, tmp_path):
    inputs = sources(tmp_path)[name]
    resident, streamed = ResidentRows.copied(inputs, CPU), StreamedRows(inputs, CPU)
    np.testing.assert_array_equal(resident.stored.numpy(), np.asarray(inputs))
    rows = order(size=len(inputs))
    streamed.announce(rows, 16, 2)
    ways = {
        "as announced": [rows[32:48], rows[48:64]],
        "twice": [rows[48:64], rows[64:80]],
        "broken": [torch.tensor([3, 3, 0]), rows[:16]],
        "as announced, later": [rows[80:96], rows[-5:]],
    }
    for way, asked in ways.items():
        for wanted in asked:
            found = streamed.take(wanted)
            assert torch.equal(found, resident.take(wanted)), way
            assert found.dtype == resident.stored.dtype
    streamed.close()
    assert torch.equal(streamed.take(rows[:4]), resident.take(rows[:4])), "after the end"


def test_announced_batches_are_read_ahead_by_another_thread_and_others_here(readers):
    rows, streamed = order(), StreamedRows(PICTURES, CPU)
    streamed.announce(rows, 16, 0)
    for wanted in rows.split(16):
        streamed.take(wanted)
        streamed.take(wanted)
    assert len(readers) == 6
    assert {name.partition("_")[0] for name in readers} == {"read-ahead"}
    streamed.take(rows[:16])
    assert readers[-1] == threading.current_thread().name


def test_batches_and_augmentation_agree_and_a_second_view_draws_anew():
    norm = Normalization(1 / 255, np.float32([[[0.5]], [[0.4]], [[0.3]]]), np.float32([[[0.2]], [[0.3]], [[0.1]]]))
    for augment in ("none", "pad_crop", "resize_crop"):
        resident = DeviceData(torch.from_numpy(PICTURES), norm, augment, flip=True)
        streamed = DeviceData(StreamedRows(PICTURES, CPU), norm, augment, flip=True)
        generators, rows = (generator(3), generator(3)), order()
        streamed.announce(rows, 32)
        for wanted in rows.split(32):
            for _view in range(2):
                both = [data.inputs(wanted, True, g) for data, g in zip((resident, streamed), generators, strict=True)]
                assert torch.equal(*both)
        for (rows_here, here), (rows_there, there) in zip(resident.batches(40), streamed.batches(40), strict=True):
            assert torch.equal(rows_here, rows_there)
            assert torch.equal(here, there)
    table = DeviceData(StreamedRows(np.ones((4, 2), np.float32), CPU), Normalization(3.0, np.float32([1, 2])))
    for _ in range(2):
        assert table.inputs(torch.arange(4)).tolist() == [[2.0, 1.0]] * 4, "the batch is not written to"


class Reads:
    """Inputs that count what is read, slowly, and fail at a row."""

    def __init__(self, bad_row=None, seconds=0.0):
        self.shape, self.dtype, self.bad_row, self.seconds, self.num_read = (
            (10_000, 2),
            np.dtype(np.float32),
            bad_row,
            seconds,
            0,
        )

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        time.sleep(self.seconds)
        if self.bad_row is not None and self.bad_row in rows:
            raise OSError("the disk does not answer")
        self.num_read += 1
        return np.stack([rows, rows], axis=1).astype(np.float32)


def test_no_more_than_a_few_batches_are_read_ahead():
    inputs = Reads()
    streamed = StreamedRows(inputs, CPU)
    streamed.announce(torch.arange(10_000), 10, 0)
    wait_until(lambda: inputs.num_read == LOOK_AHEAD, 5, every=0.01)
    time.sleep(0.05)
    assert inputs.num_read == LOOK_AHEAD
    streamed.take(torch.arange(10))
    wait_until(lambda: inputs.num_read == LOOK_AHEAD + 1, 5, every=0.01)
    time.sleep(0.05)
    assert inputs.num_read == LOOK_AHEAD + 1
    streamed.close()


def test_the_thread_ends_with_the_epoch_with_a_new_one_and_with_its_owner():
    assert not reading_threads()
    streamed = StreamedRows(Reads(), CPU)
    for _epoch in range(2):
        streamed.announce(torch.arange(100), 10, 0)
        for rows in torch.arange(100).split(10):
            streamed.take(rows)
        wait_until(lambda: not reading_threads(), 5, every=0.01)
    for _ in range(3):
        streamed.announce(torch.arange(1000), 10, 0)
        streamed.take(torch.arange(10))
    assert len(reading_threads()) == 1
    streamed.close()
    assert not reading_threads()
    streamed.announce(torch.arange(1000), 10, 0)
    del streamed
    wait_until(lambda: not reading_threads(), 5, every=0.01)


def test_an_evaluation_that_is_stopped_leaves_no_thread():
    data = DeviceData(StreamedRows(Reads(), CPU), Normalization(1.0))
    batches = data.batches(10)
    next(batches)
    assert reading_threads()
    batches.close()
    assert not reading_threads()


def test_what_goes_wrong_while_reading_is_raised_where_the_batch_is_asked_for():
    streamed = StreamedRows(Reads(bad_row=25), CPU)
    streamed.announce(torch.arange(100), 10, 0)
    for rows in torch.arange(20).split(10):
        streamed.take(rows)
    for _ in range(2):  # read ahead, then read here
        with pytest.raises(OSError, match="the disk does not answer"):
            streamed.take(torch.arange(20, 30))
    assert streamed.take(torch.arange(30, 40))[0].tolist() == [30, 30]
    streamed.close()


def test_a_process_that_forgets_to_close_ends_all_the_same():
    code = (
        "import torch\n"
        "from imae_core.data.streaming import StreamedRows\n"
        "from tests.data.test_streaming import Reads\n"
        "rows = StreamedRows(Reads(seconds=0.05), torch.device('cpu'))\n"
        "rows.announce(torch.arange(10_000), 10, 0)\n"
        "rows.take(torch.arange(10))\n"
        "print('done', flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "done\n"
        assert process.wait(30) == 0, "all that was announced would take 50 s"
    finally:
        process.kill()
        process.wait()


CHOICES = {
    "pictures": {"model": "small_cnn", "augment": "pad_crop"},
    "views": {"model": "mlp", "loss": {"name": "gjs"}, "augment": "pad_crop"},
    "balanced": {"model": "mlp", "sampler": "class_balanced", "classes_per_batch": 4, "validation_fraction": 0.25},
    "noise on inputs": {"model": "mlp", "noise": {"kind": "feature", "rate": 0.5}, "normalize": "standardize"},
}


def trainer_for(choices, folder):
    digits = load_digits()
    data = replace(
        digits, train_inputs=mapped(folder / "train.npy", digits.train_inputs),
        test_inputs=mapped(folder / "test.npy", digits.test_inputs),
    )  # fmt: skip
    choices = {"noise": {"rate": 0.4}, "num_train": 300, "batch_size": 32, "epochs": 3} | choices
    config = make_config("digits", (1, 8, 8), 1297, **choices)
    torch.set_num_threads(1)
    rows, validation = run_rows(config, data)
    return Trainer(config, rows, CPU, validation)


@pytest.mark.parametrize("name", CHOICES)
def test_a_streamed_run_is_a_resident_one_also_when_stopped_in_an_epoch_and_resumed(
    name, tmp_path, monkeypatch, readers
):
    monkeypatch.setenv("IMAE_DATA_MEGABYTES", "1")
    resident = trainer_for(CHOICES[name], tmp_path), Notebook()
    resident[0].run(resident[1])
    assert isinstance(resident[0].train_data.rows, ResidentRows)
    assert not readers

    monkeypatch.setenv("IMAE_DATA_MEGABYTES", "0")
    halted = trainer_for(CHOICES[name], tmp_path)
    assert isinstance(halted.train_data.rows, StreamedRows)
    assert isinstance(halted.test_data.rows, StreamedRows)
    stop_at = halted.batches + 3
    halted.run(first := Notebook(stop_at))
    assert (halted.step, halted.batch) == (stop_at, 3)
    assert not reading_threads()
    torch.save(halted.state(), tmp_path / "checkpoint.pt")
    resumed = trainer_for(CHOICES[name], tmp_path)
    resumed.load(torch.load(tmp_path / "checkpoint.pt", weights_only=True))
    resumed.run(second := Notebook())
    second.records = first.records + second.records
    assert_same_run(resident, (resumed, second))
    assert readers
    assert all(reader.startswith("read-ahead") for reader in readers), "every batch was announced"
    assert not reading_threads()


GLIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def growth_bytes(action):
    """By how much an action's own memory grew at most."""
    gc.collect()
    GLIBC.malloc_trim(0)  # what was freed would be taken again, unseen
    with PeakMemory() as before:
        pass
    with PeakMemory() as peak:
        action()
    return peak.own_bytes - before.own_bytes


@pytest.mark.skipif(not hasattr(GLIBC, "malloc_trim"), reason="only glibc gives back what was freed")
def test_the_memory_of_a_streamed_run_does_not_grow_with_the_data(tmp_path, monkeypatch):
    path, num_examples = tmp_path / "pictures.npy", 40_000
    pictures = np.lib.format.open_memmap(path, "w+", np.uint8, (num_examples, 3, 32, 32))
    data = replace(
        load_digits(), train_inputs=np.load(path, mmap_mode="r"), train_labels=np.arange(num_examples) % 10,
        test_inputs=pictures[:500], test_labels=np.arange(500) % 10, scale=1 / 255,
    )  # fmt: skip
    choices = {
        "noise": {"rate": 0.4},
        "model": {"name": "mlp", "params": {"hidden": 16}},
        "batch_size": 500,
        "epochs": 1,
    }
    torch.set_num_threads(1)

    def train(num_train):
        config = make_config("digits", (3, 32, 32), num_examples, num_train=num_train, **choices)
        Trainer(config, run_rows(config, data)[0], CPU).run(Notebook())

    monkeypatch.setenv("IMAE_DATA_MEGABYTES", "0")
    train(2000)  # what is loaded but once
    few, many = (growth_bytes(lambda n=n: train(n)) for n in (8000, num_examples))
    monkeypatch.setenv("IMAE_DATA_MEGABYTES", "1000")
    resident = growth_bytes(lambda: train(num_examples))
    print(f"grew by {few / 1e6:.0f}, {many / 1e6:.0f} and, resident, {resident / 1e6:.0f} MB")
    assert resident > few + 80e6, "kept whole, the data are 123 MB"
    assert many < few + 30e6


def test_a_file_that_was_removed_is_read_from_its_map(tmp_path):
    inputs = mapped(tmp_path / "pictures.npy", PICTURES)
    streamed = StreamedRows(inputs, CPU)
    (tmp_path / "pictures.npy").unlink()
    assert torch.equal(streamed.take(torch.tensor([7, 3])), torch.from_numpy(PICTURES[[7, 3]]))


def test_the_system_is_asked_for_the_bytes_of_the_rows(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(streaming.os, "posix_fadvise", lambda _file, start, size, _advice: asked.append((start, size)))
    path = tmp_path / "pictures.npy"
    values = mapped(path, PICTURES)
    StreamedRows(RowInputs(RowInputs(values, np.arange(80, 90)), np.array([9, 4])), CPU).take(torch.tensor([0, 1]))
    stored = path.read_bytes()
    assert [stored[start : start + size] for start, size in asked] == [PICTURES[89].tobytes(), PICTURES[84].tobytes()]
