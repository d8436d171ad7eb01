"""The benchmark's own bookkeeping, on runs of a second."""

import json

import numpy as np
import pytest

from benchmarks import scaling
from benchmarks.scaling import MEASURED, PARTS_OF_AN_EPOCH, Size, compare, measure, sizes, synthetic


def test_a_run_s_epochs_are_taken_apart_and_add_up(home):
    found = measure(Size(300, num_classes=12))
    assert len(found["epochs"]) == MEASURED
    for epoch in found["epochs"]:
        assert min(epoch.values()) > 0, epoch
        assert sum(epoch[name] for name in PARTS_OF_AN_EPOCH) == pytest.approx(epoch["whole"])
        assert epoch["recording"] < epoch["training"]
    assert found["resident"] >= found["own"] > 50e6
    assert found["folder"] > 300 * MEASURED * 10


def test_synthetic_rows_have_every_class_and_the_size_asked_for():
    data = synthetic(Size(700, num_classes=30))
    assert (data.train_inputs.shape, data.num_test, data.num_classes) == ((700, 1, 8, 8), 70, 30)
    assert set(data.train_labels) == set(range(30))
    patterns = [data.train_inputs[data.train_labels == label].mean(axis=0) for label in (0, 1)]
    assert np.abs(patterns[0] - patterns[1]).mean() > 20, "classes can be told apart"


def test_every_part_prints_a_line_a_size(home, monkeypatch, capsys):
    def here(size, is_comparison):
        return json.loads(json.dumps(compare(size) if is_comparison else measure(size)))

    monkeypatch.setattr(scaling, "in_own_process", here)
    monkeypatch.setattr("sys.argv", ["scaling", "--small", "--part", "classes", "--part", "streaming"])
    scaling.main()
    lines = capsys.readouterr().out.splitlines()
    tables = [line.split("|")[1:-1] for line in lines if line.startswith("|")]
    assert [len(cells) for cells in tables] == [12] * 3 + [11] * 3
    assert [cell.strip() for cell in tables[2][:3]] == ["600", "20", "6"]
    assert "load average" in lines[0]
    assert "Against classes" in lines[2]
    assert all(sizes(part, is_small) for part in scaling.PARTS for is_small in (True, False))
