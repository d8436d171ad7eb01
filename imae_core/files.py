"""Writing files so that a reader never sees half of one."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path in the same folder, moved onto `path` on success and removed on failure."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """As `replacing`, for what is in memory: with the fewest calls of the system, since runs write hundreds of small files."""
    temporary = f"{path.parent}/.{path.name}.{os.getpid()}-{get_ident()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Writes JSON; NaN and infinity become null, since JSON has no word for them."""
    write_whole(path, (json.dumps(without_nan(value), indent=1, allow_nan=False) + "\n").encode())


def read_json(path: Path, default: Any = None) -> Any:
    """The parsed file, or `default` if there is none."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return default


def without_nan(value: Any) -> Any:
    """The value with every NaN and infinity replaced by None, at any depth."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
