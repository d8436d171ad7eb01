"""Mutated good files: either refused with a message and no trace, or imported whole. Never a crash, never half.

`IMAE_FUZZ_CASES` sets the number of cases a kind; the long form is `make fuzz`.
"""

import os
import shutil

import numpy as np
import pytest

from imae_core.data.imports import ImportOptions, import_dataset
from imae_core.data.store import load_dataset
from imae_core.errors import DatasetError
from tests.data.imports.files import image_arrays, npz, pictures, table, zip_of

CASES = int(os.environ.get("IMAE_FUZZ_CASES", "25"))


def csv_file(path):
    table(40).to_csv(path, index=False)
    return path


def parquet_file(path):
    table(40).to_parquet(path)
    return path


MAKERS = {
    "zip": lambda folder: zip_of(folder / "good.zip", pictures(4)),
    "csv": lambda folder: csv_file(folder / "good.csv"),
    "parquet": lambda folder: parquet_file(folder / "good.parquet"),
    "npz": lambda folder: npz(folder / "good.npz", **image_arrays(12)),
}


def mutated(content, generator):
    """Bytes flipped, cut, doubled, inserted or overwritten."""
    data = bytearray(content)
    for _ in range(generator.integers(1, 6)):
        if not data:
            break
        place, length = int(generator.integers(len(data))), int(generator.integers(1, 40))
        kind = generator.integers(6)
        if kind == 0:
            data[place] ^= 1 << int(generator.integers(8))
        elif kind == 1:
            data[place : place + length] = generator.bytes(length)
        elif kind == 2:
            data[place:place] = generator.bytes(length)
        elif kind == 3:
            del data[place : place + length]
        elif kind == 4:
            data[place:place] = data[place : place + 200]
        else:
            del data[max(place, 1) :]
    return bytes(data)


def outcome(home, path):
    """None if it was imported, else why not."""
    try:
        import_dataset(home, path, ImportOptions(name="mine"), lambda *_: None)
    except DatasetError as error:
        return str(error)
    return None


@pytest.mark.parametrize("kind", MAKERS)
def test_mutated_files(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("IMAE_LIMIT_ARCHIVE_GIGABYTES", "0.1")
    good = MAKERS[kind](tmp_path)
    content = good.read_bytes()
    home = tmp_path / "home"
    refused = 0
    for seed in range(CASES):
        bad = tmp_path / f"case{good.suffix}"
        bad.write_bytes(mutated(content, np.random.default_rng([seed, len(content)])))
        message = outcome(home, bad)
        if message is None:
            data = load_dataset(home, "mine")
            assert data.num_train == len(data.train_inputs), seed
            assert np.isfinite(np.asarray(data.train_inputs, dtype=np.float64)).all(), seed
        else:
            refused += 1
            assert message, seed
            assert not any(path.is_file() for path in (home / "datasets").rglob("*")), seed
        shutil.rmtree(home, ignore_errors=True)
    assert refused > CASES / 4
