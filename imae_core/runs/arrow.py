"""Arrow tables in files: uncompressed IPC, so that readers map them instead of copying; each is moved into place whole.

pandas and pyarrow are loaded by the first table: who looks at runs from afar, as the dashboard's server does, reads none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from imae_core.errors import FormatVersionError
from imae_core.files import write_whole

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FORMAT_VERSION = 1
Arrays = Mapping[str, NDArray[Any]]


def write_table(path: Path, columns: Arrays | pa.Table) -> None:
    """Columns of one length, marked with the version of their format."""
    import pyarrow as pa

    table = columns if isinstance(columns, pa.Table) else pa.table(dict(columns))
    table = table.replace_schema_metadata({"format_version": str(FORMAT_VERSION)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    write_whole(path, memoryview(sink.getvalue()))


def read_table(path: Path) -> pa.Table:
    """A map of the file. Raises FormatVersionError if it is newer than this program."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    metadata = table.schema.metadata or {}
    check_version(int(metadata.get(b"format_version", b"1")), path)
    return table


def read_frame(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The whole table or some columns alone; empty where there is no file."""
    import pandas as pd

    if not path.exists():
        return pd.DataFrame()
    table = read_table(path)
    return (table if columns is None else table.select(list(columns))).to_pandas()  # type: ignore[no-any-return]


def check_version(version: int, path: Path) -> None:
    """Raises FormatVersionError if what `path` holds is newer than this program."""
    if version > FORMAT_VERSION:
        raise FormatVersionError(
            f"{path} has format version {version}, but this program reads up to {FORMAT_VERSION}; update the program"
        )
