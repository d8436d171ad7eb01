"""How long imports take: `setsid nice -n -10 python -m benchmarks.import`, or small: `--size 0.05 --repeats 2`.

Makes 50,000 pictures of 32 x 32 (PNG in a zip, 10 class folders) and a table of 50 numbers and a label a row, 1 GB of CSV
and the same as Parquet. Each is imported by what `imae datasets add` calls, `REPEATS` times, each in a process of its own;
the same process then reads the same file and keeps nothing, in one thread: every picture decoded by Pillow, or all
batches of the table parsed by pyarrow. No import can be faster than that on one core.

Prints, as Markdown, medians with the least and the most: seconds of both, their ratio, and the largest resident memory of
the process up to the end of the import.
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from PIL import Image

from benchmarks.pages import environment
from imae_core.data.imports import ImportOptions, import_dataset
from imae_core.data.imports.importer import peak_memory_bytes
from imae_core.data.jobs import run_job

REPEATS = 5
PICTURES = 50_000
SIDE = 32
TABLE_BYTES = 1_000_000_000
CLASSES = 10
COLUMNS = 50
ROWS_AT_ONCE = 50_000


def make_zip(path: Path, count: int) -> str:
    """Blurred noise, which PNG packs about as well as photographs."""
    generator = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for place in range(count):
            coarse = Image.fromarray(generator.integers(0, 256, (8, 8, 3), dtype=np.uint8))
            content = io.BytesIO()
            coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(content, "PNG")
            archive.writestr(f"{place % CLASSES}/{place:06}.png", content.getvalue())
    return f"zip of {count:,} pictures, {path.stat().st_size / 1e6:,.0f} MB"


def make_tables(csv: Path, parquet: Path, num_bytes: float) -> list[str]:
    """Both files with the same rows; as many as make the CSV `num_bytes` long."""
    generator = np.random.default_rng(0)
    names = ["label", *(f"x{place}" for place in range(COLUMNS))]
    schema = pa.schema([("label", pa.int32()), *((name, pa.float32()) for name in names[1:])])
    rows = 0
    with pa.csv.CSVWriter(csv, schema) as text, pa.parquet.ParquetWriter(parquet, schema) as packed:
        while csv.stat().st_size < num_bytes:
            labels = generator.integers(0, CLASSES, ROWS_AT_ONCE, dtype=np.int32)
            numbers = generator.normal(size=(COLUMNS, ROWS_AT_ONCE)).astype(np.float32)
            batch = pa.record_batch([labels, *numbers], schema=schema)
            text.write_batch(batch)
            packed.write_batch(batch)
            rows += ROWS_AT_ONCE
    return [f"{kind} of {rows:,} x {COLUMNS}, {path.stat().st_size / 1e6:,.0f} MB"
            for kind, path in (("CSV", csv), ("Parquet", parquet))]  # fmt: skip


def read_zip(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("RGB"))


def read_csv(path: Path) -> None:
    for _ in pa.csv.open_csv(path, pa.csv.ReadOptions(use_threads=False)):
        pass


def read_parquet(path: Path) -> None:
    for _ in pa.parquet.ParquetFile(path).iter_batches(use_threads=False):
        pass


BARE: dict[str, Callable[[Path], None]] = {".zip": read_zip, ".csv": read_csv, ".parquet": read_parquet}


def measure_one(path: Path) -> dict[str, float]:
    """Imports the file and reads it, in this process; seconds of both, and bytes."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        home, options = Path(folder), ImportOptions(name="measured")
        started = time.perf_counter()
        run_job(home, options.name, "importing", lambda tell: import_dataset(home, path, options, tell))
        seconds, peak = time.perf_counter() - started, peak_memory_bytes()
    started = time.perf_counter()
    BARE[path.suffix](path)
    return {"seconds": seconds, "bare": time.perf_counter() - started, "peak": peak}


def in_processes(path: Path, repeats: int) -> list[dict[str, float]]:
    command = [sys.executable, "-m", "benchmarks.import", "--file", str(path)]
    return [
        json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(repeats)
    ]


def spread(values: Sequence[float], digits: int = 1) -> str:
    """'12.3 (11.9 to 13.0)'."""
    low, middle, high = (f"{value:,.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return f"{middle} ({low} to {high})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=float, default=1.0, help="the share of the pictures and of the table's bytes")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--folder", type=Path, help="where the files are made, 3 GB; default: a temporary folder")
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.file:
        print(json.dumps(measure_one(options.file)))
        return
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        archive, csv, parquet = (Path(folder) / f"data{ending}" for ending in BARE)
        titles = [make_zip(archive, round(options.size * PICTURES)),
                  *make_tables(csv, parquet, options.size * TABLE_BYTES)]  # fmt: skip
        measured = [in_processes(path, options.repeats) for path in (archive, csv, parquet)]
    print(f"{environment()}, load average {before:.1f} before, {os.getloadavg()[0]:.1f} after\n")
    print("| file | import (s) | bare (s) | ratio | peak memory (MB) |\n| --- | --- | --- | --- | --- |")
    for title, found in zip(titles, measured, strict=True):
        cells = (
            spread([one["seconds"] for one in found]),
            spread([one["bare"] for one in found]),
            spread([one["seconds"] / one["bare"] for one in found], 2),
            spread([one["peak"] / 1e6 for one in found], 0),
        )
        print(f"| {title} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
