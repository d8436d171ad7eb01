"""Run folders: what is written is what is read; newer formats are refused; readers never see half a file."""

import threading

import numpy as np
import pyarrow as pa
import pytest

from imae_core.errors import FormatVersionError, RunError
from imae_core.recipes import make_config
from imae_core.runs.folder import DYNAMICS_TYPES, RunFolder

CONFIG = make_config("digits", (1, 8, 8), 1297, noise={"rate": 0.4})


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder(tmp_path / "runs" / "20260101-000000-abcdef")
    folder.create(CONFIG)
    return folder


def columns(value, rows=20):
    return {name: np.full(rows, value) for name in DYNAMICS_TYPES}


def test_config_and_small_files(folder):
    assert folder.config() == CONFIG
    assert folder.home == folder.path.parent.parent
    folder.write_result({"run_id": "x", "detection_auc": float("nan")})
    assert folder.result() == {"format_version": 1, "run_id": "x", "detection_auc": None}
    folder.forget_outcome()
    assert folder.result() is None
    with pytest.raises(RunError, match="no run folder"):
        RunFolder(folder.path.parent / "other").config()


def test_dynamics_are_typed_and_found_by_epoch(folder):
    for epoch in (1, 2, 11):
        folder.write_dynamics("seen", epoch, columns(epoch / 20))
    folder.write_dynamics("eval", 2, columns(0.5))
    assert folder.epochs("seen") == [1, 2, 11]
    assert folder.epochs("eval") == [2]
    table = folder.dynamics("seen", 11)
    assert {name: table[name].dtype for name in table} == {
        name: np.dtype(kind) for name, kind in DYNAMICS_TYPES.items()
    }
    history = folder.example_dynamics("seen", 3)
    np.testing.assert_allclose(history["p_label"], [0.05, 0.1, 0.55], rtol=1e-6)
    assert history["epoch"].tolist() == [1, 2, 11]
    size = sum(np.dtype(kind).itemsize for kind in DYNAMICS_TYPES.values())
    assert size == 16 - 2, "about 14 bytes an example"
    with pytest.raises(RunError, match="no 'eval' dynamics of epoch 7"):
        folder.dynamics("eval", 7)


def test_columns_are_maps_of_the_file(folder):
    """At 1.28 million examples a copy takes longer than all else that is done with a few of them."""
    folder.write_dynamics("seen", 1, columns(0.25))
    before = pa.total_allocated_bytes()
    found = folder.dynamics_columns("seen", 1, ("p_label", "margin"))
    assert pa.total_allocated_bytes() == before
    assert (found["p_label"] == 0.25).all()


def test_a_newer_table_is_refused(folder):
    path = folder.path / "metrics.arrow"
    table = pa.table({"epoch": [1]}).replace_schema_metadata({"format_version": "99"})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(FormatVersionError, match="format version 99"):
        folder.metrics()


def test_a_reader_in_a_tight_loop_sees_only_whole_tables(folder):
    folder.write_dynamics("seen", 1, columns(0.0, 5000))
    stop, problems, reads = threading.Event(), [], []

    def read():
        while not stop.is_set():
            try:
                values = folder.dynamics("seen", 1)["weight"]
                reads.append(len(values) == 5000 and values.nunique() == 1)
            except Exception as error:
                problems.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(200):
        folder.write_dynamics("seen", 1, columns(float(number), 5000))
    stop.set()
    thread.join()
    assert not problems
    assert len(reads) > 10
    assert all(reads)
    assert not list(folder.path.rglob("*.tmp"))
