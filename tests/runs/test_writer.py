"""Epochs on their way into a run folder: small ones together, large ones by a thread; what goes wrong is told."""

import threading

import numpy as np
import pytest

from imae_core.analysis.weights import populations
from imae_core.recipes import make_config
from imae_core.runs import writer as module
from imae_core.runs.folder import DYNAMICS_TYPES
from imae_core.runs.histograms import HistogramBook
from imae_core.runs.submit import create_run
from imae_core.runs.writer import SMALL_EPOCH, EpochWriter
from imae_core.training.observer import EpochRecord

SMALL, LARGE = 50, SMALL_EPOCH


def writer_for(home, rows, may_write=lambda: None):
    folder = create_run(home, make_config("digits", (1, 8, 8), 1297, epochs=9))
    return EpochWriter(folder, HistogramBook(folder, 2.0, populations(None, rows), 1), may_write)


def record(epoch, rows):
    seen = {name: np.full(rows, epoch / 10) for name in DYNAMICS_TYPES}
    return EpochRecord(epoch, {"epoch": epoch}, seen, None, None)


def add(writer, epoch, rows):
    writer.add(record(epoch, rows), [{"epoch": one} for one in range(1, epoch + 1)])


@pytest.mark.parametrize("rows", [SMALL, LARGE])
def test_all_is_there_after_a_flush_and_after_the_end(home, rows):
    writer = writer_for(home, rows)
    for epoch in (1, 2, 3):
        add(writer, epoch, rows)
    writer.flush()
    assert writer.folder.epochs("seen") == list(writer.folder.metrics()["epoch"]) == [1, 2, 3]
    assert sorted(set(writer.folder.histograms()["epoch"])) == [1, 2, 3]
    add(writer, 4, rows)
    writer.close()
    assert writer.folder.epochs("seen") == list(writer.folder.metrics()["epoch"]) == [1, 2, 3, 4]
    assert (writer.folder.dynamics("seen", 4)["p_label"] == np.float32(0.4)).all()


def test_large_ones_alone_are_written_by_a_thread(home):
    names = []
    for rows in (SMALL, LARGE):
        writer = writer_for(home, rows, lambda: names.append(threading.current_thread().name))
        add(writer, 1, rows)
        writer.flush()
        writer.close()
    assert names[0] == "MainThread"
    assert "epochs" in names


def test_small_ones_are_in_the_files_before_a_large_one(home):
    """A run in folds tells of epochs without examples, and at its end of all of them."""
    writer = writer_for(home, LARGE)
    writer.next_small = float("inf")
    rows = [{"epoch": epoch} for epoch in (1, 2, 3)]
    for epoch in (1, 2):
        writer.add(EpochRecord(epoch, rows[epoch - 1], None, None, None), rows[:epoch])
    add(writer, 3, LARGE)
    writer.close()
    assert list(writer.folder.metrics()["epoch"]) == [1, 2, 3]


def test_small_ones_wait_for_one_another_and_not_long(home, monkeypatch):
    writer = writer_for(home, SMALL)
    add(writer, 1, SMALL)
    monkeypatch.setattr(module, "SMALL_SECONDS", 1000.0)
    writer.flush()
    add(writer, 2, SMALL)
    assert writer.folder.epochs("seen") == [1]
    writer.next_small = 0.0
    add(writer, 3, SMALL)
    assert writer.folder.epochs("seen") == [1, 2, 3]


@pytest.mark.parametrize("rows", [SMALL, LARGE])
def test_what_goes_wrong_is_raised_and_nothing_more_is_written(home, rows):
    def fail():
        raise OSError(28, "no space left")

    writer = writer_for(home, rows, fail)

    def write(epoch):
        add(writer, epoch, rows)
        writer.flush()

    with pytest.raises(OSError, match="no space left"):
        write(1)
    writer.may_write = lambda: None
    with pytest.raises(OSError, match="no space left"):
        write(2)
    writer.close(quiet=True)
    assert writer.folder.epochs("seen") == []


@pytest.mark.parametrize("rows", [SMALL, LARGE])
def test_what_waits_can_be_dropped(home, rows):
    writer = writer_for(home, rows)
    writer.next_small = float("inf")
    writer.may_write = lambda: pytest.fail("written")
    if rows == SMALL:
        add(writer, 1, rows)
    writer.close(drop=True, quiet=True)
    assert writer.folder.epochs("seen") == []
