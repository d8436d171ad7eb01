"""From a path to a data set: what kind of file it is, by its content, and who reads it."""

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from imae_core.data.imports.folders import Progress
from imae_core.data.imports.options import ImportOptions
from imae_core.data.imports.report import ImportReport
from imae_core.data.imports.source import FolderSource, ZipSource
from imae_core.data.imports.tables import CsvSource, ParquetSource
from imae_core.data.imports.writer import DatasetWriter
from imae_core.errors import DatasetError
from imae_core.limits import Limits, current_limits

ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
OFFICE_ENDINGS = (".xlsx", ".xlsm", ".ods", ".docx")
OTHER_MAGIC = {
    b"\x1f\x8b": "gzip-packed", b"BZh": "bzip2-packed", b"\xfd7zXZ": "xz-packed", b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a rar archive", b"\x89PNG": "a single picture", b"\xff\xd8\xff": "a single picture", b"%PDF": "a PDF",
    b"\x93NUMPY": "a single numpy array (save labels beside it, in one .npz)", b"\xd0\xcf\x11\xe0": "an old Excel file",
}  # fmt: skip
TAKEN = "a .zip of class folders, a .csv or .parquet table, an .npz, or a folder"


def import_dataset(home: Path, path: Path, options: ImportOptions, progress: Progress) -> dict[str, Any]:
    """Imports a file or folder as data set `options.name`; all or nothing. Returns the report.

    `progress(done, total, message, unit)` is called often and may raise to cancel.

    Raises DatasetError: what is wrong with the file, where, and what to do.
    """
    limits = current_limits()
    started = time.monotonic()
    work = _reader(path, options, limits)
    with DatasetWriter(home, options.name, limits) as writer:
        report = ImportReport(source=path.name, kind="")
        work(writer, report, _with_cost(writer, progress, started))
    from imae_core.data.store import import_report

    return import_report(home, options.name) or {}


def peak_memory_bytes() -> int:
    """The largest resident size of this process so far."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        pass  # no such file; and on Linux getrusage counts the parent's memory from before exec
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _with_cost(writer: DatasetWriter, progress: Progress, started: float) -> Progress:
    """Keeps, beside the progress, what the import has cost so far for the report."""

    def report(done: int, total: int, message: str, unit: str) -> None:
        writer.cost = {"seconds": time.monotonic() - started, "peak_memory_bytes": peak_memory_bytes()}
        progress(done, total, message, unit)

    return report


Work = Callable[[DatasetWriter, ImportReport, Progress], None]


def _reader(path: Path, options: ImportOptions, limits: Limits) -> Work:
    """Opens the file and picks who imports it; DatasetError for what is none of the kinds."""
    from imae_core.data.imports.arrays import import_npz
    from imae_core.data.imports.folders import import_folders
    from imae_core.data.imports.table import import_table

    if path.is_dir():
        folder = FolderSource(path, limits)
        return lambda writer, report, progress: import_folders(
            folder, writer, options, _kind(report, "pictures from a folder"), progress
        )
    start = _start_of(path)
    if start.startswith(ZIP_MAGIC):
        if path.suffix.lower() in OFFICE_ENDINGS:
            raise DatasetError(f"{path.name} is a spreadsheet or document; save the table as CSV and add that")
        archive = ZipSource(path, limits)
        is_npz = path.suffix.lower() == ".npz" or all(name.endswith(".npy") for name in archive.names() or [""])
        reads, what = (import_npz, "arrays") if is_npz else (import_folders, "pictures from a zip")
        return lambda writer, report, progress: reads(archive, writer, options, _kind(report, what), progress)
    if path.suffix.lower() in (".zip", ".npz"):
        raise DatasetError(f"{path.name} is named {path.suffix}, but it is no zip archive; {TAKEN} is expected")
    if start.startswith(b"PAR1"):
        parquet = ParquetSource(path, limits)
        return lambda writer, report, progress: import_table(parquet, writer, options, _kind(report, "table"), progress)
    if path.suffix.lower() == ".parquet":
        raise DatasetError(f"{path.name} is named .parquet, but it is no Parquet file")
    for magic, what in OTHER_MAGIC.items():
        if start.startswith(magic):
            raise DatasetError(f"{path.name} is {what}; {TAKEN} is expected")
    table = CsvSource(path, limits, options.encoding)
    return lambda writer, report, progress: import_table(table, writer, options, _kind(report, "table"), progress)


def _kind(report: ImportReport, kind: str) -> ImportReport:
    report.kind = kind
    return report


def _start_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except FileNotFoundError:
        raise DatasetError(f"there is no file or folder {path}") from None
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from None
    if not start:
        raise DatasetError(f"{path.name} is empty")
    return start
