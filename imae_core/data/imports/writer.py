"""A data set under construction: appended to on disk, then moved into place, or gone without a trace."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from imae_core.data.store import FORMAT_VERSION, check_free_name, dataset_path
from imae_core.errors import DatasetError
from imae_core.files import write_json
from imae_core.hardware import free_disk_bytes
from imae_core.limits import Limits

CHECK_EVERY_BYTES = 64_000_000


class ArrayFile:
    """A .npy file that grows by rows; its header, written with room to spare, gets the final count at the end."""

    def __init__(self, path: Path, row_shape: tuple[int, ...], dtype: str) -> None:
        self.path = path
        self.row_shape = row_shape
        self.dtype = np.dtype(dtype)
        self.num_rows = 0
        self.file: IO[bytes] = path.open("wb")
        self._write_header()
        self.header_bytes = self.file.tell()

    def append(self, rows: NDArray[Any]) -> int:
        """Adds rows (n, *row_shape) and returns their size in bytes."""
        values = np.ascontiguousarray(rows, dtype=self.dtype)
        assert values.shape[1:] == self.row_shape
        self.file.write(values.data)
        self.num_rows += len(values)
        return values.nbytes

    def close(self) -> None:
        if self.file.closed:
            return
        self.file.seek(0)
        self._write_header()
        assert self.file.tell() == self.header_bytes
        self.file.close()

    def _write_header(self) -> None:
        shape = (self.num_rows, *self.row_shape)
        header = {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self.file, header)


class DatasetWriter:
    """Use as a context: what is not committed leaves nothing behind."""

    def __init__(self, home: Path, name: str, limits: Limits) -> None:
        check_free_name(home, name)
        self.home = home
        self.name = name
        self.limits = limits
        self.target = dataset_path(home, name)
        self.arrays: dict[str, ArrayFile] = {}
        self.written_bytes = self.next_check = 0
        self.cost: dict[str, float] = {}

    def __enter__(self) -> "DatasetWriter":
        self.target.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(self.home, self.name)
        self.folder = Path(tempfile.mkdtemp(prefix=f".{self.name}.", suffix=".importing", dir=self.target.parent))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for array in self.arrays.values():
            if not array.file.closed:
                array.file.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DatasetError(
                f"the disk of {self.home} is full; nothing was kept. Free some space or choose another home"
            ) from error

    def new_array(self, name: str, row_shape: tuple[int, ...], dtype: str, expected_rows: int = 0) -> ArrayFile:
        """An array to append to; DatasetError if what is expected would not fit."""
        needed = expected_rows * int(np.prod(row_shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        if needed > self.limits.stored_gigabytes * 1e9:
            raise DatasetError(
                f"this data set would take {needed / 1e9:,.1f} GB, more than {self.limits.stored_gigabytes:g} GB "
                "(IMAE_LIMIT_STORED_GIGABYTES)"
            )
        self.check_disk(needed)
        self.arrays[name] = ArrayFile(self.folder / f"{name}.npy", row_shape, dtype)
        return self.arrays[name]

    def append(self, name: str, rows: NDArray[Any]) -> None:
        """Adds rows to an array that was begun."""
        self.written_bytes += self.arrays[name].append(rows)
        if self.written_bytes >= self.next_check:
            self.next_check = self.written_bytes + CHECK_EVERY_BYTES
            self.check_disk(0)

    def save(self, name: str, values: NDArray[Any]) -> None:
        """A small array at once."""
        np.save(self.folder / f"{name}.npy", values, allow_pickle=False)

    def save_names(self, name: str, names: Iterable[str]) -> None:
        """File names of rows, in row order, as an Arrow file with one column `name`."""
        table = pa.table({"name": pa.array(names, pa.large_string())})
        with pa.OSFile(str(self.folder / f"{name}.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as file:
            file.write_table(table, max_chunksize=50_000)

    def close_arrays(self) -> None:
        """Ends appending, so that the arrays can be read again."""
        for array in self.arrays.values():
            array.close()

    def commit(self, facts: Mapping[str, Any], report: Mapping[str, Any]) -> None:
        """Makes the data set visible under its name; DatasetError if somebody took the name in the meantime."""
        self.close_arrays()
        shutil.rmtree(self.folder / ".scratch", ignore_errors=True)
        write_json(self.folder / "report.json", {"format_version": FORMAT_VERSION, **report, **self.cost})
        write_json(self.folder / "dataset.json", {"format_version": FORMAT_VERSION, "name": self.name, **facts})
        self.folder.chmod(0o755)
        check_free_name(self.home, self.name)
        os.rename(self.folder, self.target)

    def scratch(self) -> Path:
        """A folder for what is needed while importing only."""
        folder = self.folder / ".scratch"
        folder.mkdir(exist_ok=True)
        return folder

    def check_disk(self, more_bytes: int) -> None:
        """DatasetError if so much does not fit beside the reserve."""
        free = free_disk_bytes(self.home) - self.limits.free_megabytes * 1_000_000
        if more_bytes > free:
            raise DatasetError(
                f"the disk of {self.home} has too little space: {more_bytes / 1e9:,.2f} GB more are needed, {max(free, 0) / 1e9:,.2f} GB "
                f"are free beyond the reserve of {self.limits.free_megabytes} MB. Nothing was kept"
            )


def remove_leftovers(home: Path, name: str) -> None:
    """Removes what a killed import of this name left; only called while this name's lock is held."""
    for folder in (home / "datasets").glob(f".{name}.*.importing"):
        shutil.rmtree(folder, ignore_errors=True)
