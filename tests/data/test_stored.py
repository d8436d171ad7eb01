"""Which rows are kept on the device, and why."""

import logging

import numpy as np
import pytest
import torch

from imae_core import hardware
from imae_core.data import stored
from imae_core.data.inputs import RowInputs
from imae_core.data.stored import ResidentRows, fits, stored_rows
from imae_core.data.streaming import StreamedRows
from imae_core.errors import BadInputError

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    monkeypatch.delenv("IMAE_DATA_MEGABYTES", raising=False)


def test_half_of_what_is_free_may_be_taken(monkeypatch):
    monkeypatch.setattr(stored, "available_memory_bytes", lambda: 1000)
    assert fits(500, CPU)[0]
    assert not fits(501, CPU)[0]
    assert fits(501, CPU)[1] == "0.0 MB, read from the disk ahead of use: at most 0 MB are kept, 50% of what is free"


def test_a_gpu_is_asked_for_its_own_free_memory(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 10**12))
    assert fits(500, torch.device("cuda", 0))[0]
    assert not fits(501, torch.device("cuda", 0))[0]


@pytest.mark.parametrize(("megabytes", "kind"), [("0", StreamedRows), ("0.00001", StreamedRows), ("1", ResidentRows)])
def test_a_person_may_say_how_much(megabytes, kind, monkeypatch, caplog):
    monkeypatch.setenv("IMAE_DATA_MEGABYTES", megabytes)
    with caplog.at_level(logging.INFO, logger="imae.data"):
        rows = stored_rows(np.zeros((40, 3), np.float32), CPU, "things, train rows")
    assert isinstance(rows, kind)
    assert caplog.messages[0].startswith("things, train rows: 0.0 MB, ")
    assert caplog.messages[0].endswith("as IMAE_DATA_MEGABYTES says")


@pytest.mark.parametrize("text", ["many", "-1", "nan", ""])
def test_what_is_no_size_is_refused(text, monkeypatch):
    monkeypatch.setenv("IMAE_DATA_MEGABYTES", text)
    with pytest.raises(BadInputError, match=f"IMAE_DATA_MEGABYTES is the most megabytes .* got '{text}'"):
        fits(1, CPU)


def test_a_copy_is_made_block_by_block(monkeypatch):
    sizes, values = [], np.arange(70, dtype=np.uint8).reshape(10, 7)
    monkeypatch.setattr(stored, "BLOCK_BYTES", 21)

    def seen(rows, inputs):
        sizes.append(len(rows))
        return inputs

    copied = ResidentRows.copied(RowInputs(values, None, seen), CPU)
    np.testing.assert_array_equal(copied.stored.numpy(), values)
    assert sizes == [3, 3, 3, 1]


def test_a_container_s_limit_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(hardware, "CONTROL_GROUP", tmp_path)
    whole = hardware.available_memory_bytes()
    assert whole > 0, "no control group"
    (tmp_path / "memory.stat").write_text("anon 300\nfile 900\n")
    (tmp_path / "memory.max").write_text("1000\n")
    assert hardware.available_memory_bytes() == 700, "what files hold can be given up"
    (tmp_path / "memory.max").write_text("max\n")
    assert hardware.available_memory_bytes() > 700
