"""Tables as streams of record batches: CSV (every cell a text) and Parquet (typed)."""

import codecs
import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from imae_core.errors import DatasetError
from imae_core.limits import Limits

DELIMITERS = ",;\t|"
SNIFF_BYTES = 65_536
BLOCK_BYTES = 2_000_000
LONGEST_HEADER_BYTES = 16_000_000
BATCH_ROWS = 20_000


class TableSource(Protocol):
    """A table that can be read again and again from its start."""

    columns: list[str]
    decimal_comma: bool

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Some thousand rows at a time; DatasetError names the first bad row."""

    def progress(self) -> tuple[int, int]:
        """Bytes or rows done in the current reading, and in all."""


class CsvSource:
    """Text with a header line; delimiter found by looking, encoding UTF-8 unless said otherwise."""

    def __init__(self, path: Path, limits: Limits, encoding: str = "utf-8") -> None:
        self.path = path
        self.size = path.stat().st_size
        self.encoding = _known_encoding(encoding)
        with path.open("rb") as file:
            start = file.read(SNIFF_BYTES)
            file.seek(0)
            header = file.readline(LONGEST_HEADER_BYTES)
        self._check_start(start)
        lines = _decoded(start, self.encoding, path.name).lstrip("\ufeff").splitlines()[:20]
        self.delimiter = _delimiter(lines[:-1] if len(lines) > 1 and len(start) == SNIFF_BYTES else lines)
        self.columns = self._header(_decoded(header, self.encoding, path.name).lstrip("\ufeff"), limits)
        self.decimal_comma = self.delimiter != "," and any(
            re.search(r"(^|[;\t|])-?\d+,\d+($|[;\t|])", line) for line in lines
        )
        self.position = 0

    def _check_start(self, start: bytes) -> None:
        name = self.path.name
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise DatasetError(f"{name} is UTF-16 text; save it as UTF-8 ('CSV UTF-8' in spreadsheets)")
        if b"\x00" in start:
            raise DatasetError(f"{name} is no text table: it holds zero bytes; a CSV in UTF-8 is expected")

    def _header(self, line: str, limits: Limits) -> list[str]:
        count = line.count(self.delimiter) + 1
        if count > limits.columns:
            raise DatasetError(
                f"{self.path.name} has about {count:,} columns; at most {limits.columns:,} are taken (IMAE_LIMIT_COLUMNS)"
            )
        names = [name.strip() for name in next(csv.reader([line], delimiter=self.delimiter), [])]
        if len(names) < 2:
            raise DatasetError(
                f"{self.path.name}: the first line has one column only; a header with the columns' names, divided by "
                "comma, semicolon, tab or |, is expected"
            )
        if all(re.fullmatch(r"-?[\d.]+", name) for name in names):
            raise DatasetError(f"{self.path.name}: the first line holds numbers; it should name the columns")
        return _checked_names(names, self.path.name)

    def batches(self) -> Iterator[pa.RecordBatch]:
        bad: list[pa.csv.InvalidRow] = []

        def ragged(row: pa.csv.InvalidRow) -> str:
            bad.append(row)
            return "error"

        self.position = 0
        try:
            with pa.OSFile(str(self.path)) as file:
                reader = pa.csv.open_csv(
                    file,
                    read_options=pa.csv.ReadOptions(
                        block_size=BLOCK_BYTES, use_threads=False, column_names=self.columns, skip_rows=1,
                        encoding=self.encoding,
                    ),
                    parse_options=pa.csv.ParseOptions(
                        delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=ragged
                    ),
                    convert_options=pa.csv.ConvertOptions(
                        column_types=dict.fromkeys(self.columns, pa.string()), strings_can_be_null=False
                    ),
                )  # fmt: skip
                for batch in reader:
                    self.position = file.tell()
                    yield from _split(batch)
        except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError) as error:
            raise DatasetError(self._explained(error, bad)) from None

    def _explained(self, error: Exception, bad: list[pa.csv.InvalidRow]) -> str:
        name = self.path.name
        if bad:
            row = bad[0]
            line = f"line {row.number:,}" if row.number else "a line"
            return (
                f"{name}: {line} has {row.actual_columns:,} values where the header names {row.expected_columns:,} columns: "
                f"{row.text[:80]!r}"
            )
        text = str(error)
        if "UTF8" in text or "utf-8" in text or isinstance(error, UnicodeDecodeError):
            return _encoding_message(self.path)
        if "straddling" in text or "block" in text:
            return f"{name}: a row is longer than {BLOCK_BYTES // 1_000_000} MB, or a quotation mark is never closed"
        if "Empty CSV" in text:
            return f"{name} holds no rows below its header"
        return f"{name} cannot be read as a table: {text}"

    def progress(self) -> tuple[int, int]:
        return self.position, self.size


class ParquetSource:
    """A Parquet file; its metadata say the number of rows before anything is read."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.decimal_comma = False
        try:
            self.file = pq.ParquetFile(path)
            schema = self.file.schema_arrow
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DatasetError(f"{path.name} is no Parquet file that can be read: {error}") from None
        self.num_rows = self.file.metadata.num_rows
        if self.num_rows > limits.rows:
            raise DatasetError(
                f"{path.name} says that it has {self.num_rows:,} rows; at most {limits.rows:,} are taken (IMAE_LIMIT_ROWS)"
            )
        if len(schema.names) > limits.columns:
            raise DatasetError(
                f"{path.name} has {len(schema.names):,} columns; at most {limits.columns:,} are taken (IMAE_LIMIT_COLUMNS)"
            )
        self.columns = _checked_names([str(name) for name in schema.names], path.name)
        self.position = 0

    def batches(self) -> Iterator[pa.RecordBatch]:
        self.position = 0
        try:
            for batch in self.file.iter_batches(batch_size=BATCH_ROWS):
                self.position += len(batch)
                yield batch
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DatasetError(f"{self.path.name} is damaged: {error}") from None

    def progress(self) -> tuple[int, int]:
        return self.position, self.num_rows


def _split(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(batch), BATCH_ROWS):
        yield batch.slice(start, BATCH_ROWS)


def _known_encoding(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise DatasetError(f"unknown encoding {encoding!r}; utf-8, latin-1 or cp1252 are usual") from None


def _decoded(content: bytes, encoding: str, name: str) -> str:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        return decoder.decode(content)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DatasetError(_not_in(name, encoding, line, content[error.start])) from None


def _encoding_message(path: Path) -> str:
    """Finds the first line that is not UTF-8."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return _not_in(path.name, "utf-8", number, line[error.start])
    return f"{path.name} is not UTF-8 text"


def _not_in(name: str, encoding: str, line: int, byte: int) -> str:
    return (
        f"{name}: line {line:,} is not {encoding} text (byte 0x{byte:02x}); save it as UTF-8 ('CSV UTF-8' in spreadsheets) or "
        "name its encoding, such as latin-1"
    )


def _delimiter(lines: list[str]) -> str:
    """The one that cuts the first lines into the most, equally many parts."""

    def parts(delimiter: str) -> tuple[bool, int]:
        try:
            counts = {len(row) for row in csv.reader(lines, delimiter=delimiter) if row}
        except csv.Error:
            return False, 0
        return len(counts) == 1 and max(counts, default=0) > 1, max(counts, default=0)

    return max(DELIMITERS, key=parts)


def _checked_names(names: list[str], where: str) -> list[str]:
    """Unnamed columns get a name that says so; a name used twice is an error."""
    named = [name or f"(unnamed {place})" for place, name in enumerate(names, 1)]
    twice = next((name for name in named if named.count(name) > 1), None) if len(set(named)) < len(named) else None
    if twice is not None:
        raise DatasetError(f"{where} has two columns named {twice!r}; rename one")
    return named


def texts(column: pa.Array) -> pa.Array:
    """A column's values as trimmed texts, null where missing; for labels and categories."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        column = pc.cast(column, pa.string())
    return pc.utf8_trim_whitespace(column)


def is_text(kind: Any) -> bool:
    """Whether an Arrow type holds texts, plain or as categories."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
