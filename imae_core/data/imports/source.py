"""Where the files of an image-folder data set come from: a zip or a folder, listed and read with the same care."""

import os
import stat
import struct
import threading
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from imae_core.errors import DatasetError
from imae_core.limits import Limits

RATIO_COUNTS_FROM_BYTES = 10_000_000
ZIP_ERRORS = (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error)
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Source(Protocol):
    """Files by their `/`-separated names."""

    skipped: list[tuple[str, str]]

    def names(self) -> list[str]:
        """Names of regular files, sorted, so that the order does not depend on how they were packed."""

    def read(self, name: str) -> bytes:
        """A whole file; DatasetError if it is larger than a picture may be, damaged or encrypted."""


class FolderSource:
    """A folder on this machine. Links that lead out of it are left out, and said to be."""

    def __init__(self, root: Path, limits: Limits) -> None:
        self.root = root.resolve()
        self.limits = limits
        self.skipped: list[tuple[str, str]] = []

    def names(self) -> list[str]:
        found = []
        for folder, folders, files in os.walk(self.root):
            folders.sort()
            for name in [*files, *(name for name in folders if (Path(folder) / name).is_symlink())]:
                path = Path(folder) / name
                relative = path.relative_to(self.root).as_posix()
                if path.is_symlink() and not (path.is_file() and path.resolve().is_relative_to(self.root)):
                    self.skipped.append((relative, "a link that leads to another place"))
                elif not path.is_file():
                    self.skipped.append((relative, "not a regular file"))
                else:
                    found.append(relative)
            if len(found) > self.limits.archive_files:
                raise DatasetError(f"{self.root} holds more than {self.limits.archive_files:,} files")
        return sorted(found)

    def read(self, name: str) -> bytes:
        path = self.root / name
        limit = int(self.limits.picture_megabytes * 1e6)
        try:
            with path.open("rb") as file:
                content = file.read(limit + 1)
        except OSError as error:
            raise DatasetError(f"cannot read {path}: {error.strerror}") from None
        if len(content) > limit:
            raise DatasetError(f"{path} is larger than {self.limits.picture_megabytes:g} MB")
        return content


class ZipSource:
    """A zip that may come from anybody: every name is checked before anything is read, every byte is counted.

    Nothing is ever written under a name from the archive, and archives within it are not opened.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self.label = path.name
        self.limits = limits
        self.skipped: list[tuple[str, str]] = []
        self.packed_bytes = path.stat().st_size
        self.read_bytes: dict[str, int] = {}
        self.total_bytes = 0
        self.counting = threading.Lock()  # pictures are read by several threads
        try:
            self.archive = zipfile.ZipFile(path)
            entries = self.archive.infolist()
        except (*ZIP_ERRORS, OSError) as error:
            raise DatasetError(f"{self.label} is no zip that can be read: it is damaged or cut off ({error})") from None
        self.entries = self._checked(entries)

    def _checked(self, entries: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
        if len(entries) > self.limits.archive_files:
            raise DatasetError(
                f"{self.label} holds {len(entries):,} entries; at most {self.limits.archive_files:,} are taken"
            )
        checked: dict[str, zipfile.ZipInfo] = {}
        seen: dict[str, str] = {}
        for entry in entries:
            name = self._safe_name(entry)
            if entry.is_dir():
                continue
            normal = unicodedata.normalize("NFC", name).casefold()
            if normal in seen:
                raise DatasetError(
                    f"{self.label}: {entry.filename!r} and {seen[normal]!r} are the same name on many machines; rename one"
                )
            seen[normal] = entry.filename
            checked[name] = entry
        self._check_size(sum(entry.file_size for entry in checked.values()))
        return checked

    def _safe_name(self, entry: zipfile.ZipInfo) -> str:
        name = entry.filename.replace("\\", "/")
        parts = PurePosixPath(name).parts
        where = f"{self.label}: the entry {entry.filename!r}"
        if name.startswith("/") or (len(name) > 1 and name[1] == ":"):
            raise DatasetError(f"{where} has an absolute path; pack the folder with relative names")
        if ".." in parts or not parts or any(ord(letter) < 32 for letter in name):
            raise DatasetError(f"{where} has a name that leads out of the archive or cannot be a file's")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise DatasetError(f"{where} is a link; pack the files themselves (zip -r follows links, zip -y does not)")
        if entry.flag_bits & 0x1:
            raise DatasetError(f"{where} is encrypted; pack it without a password")
        if entry.compress_type not in METHODS:
            raise DatasetError(f"{where} is packed by method {entry.compress_type}; use plain zip (deflate)")
        return "/".join(parts)

    def _check_size(self, unpacked: int) -> None:
        if unpacked > self.limits.archive_gigabytes * 1e9:
            raise DatasetError(
                f"{self.label} unpacks to more than {self.limits.archive_gigabytes:g} GB (IMAE_LIMIT_ARCHIVE_GIGABYTES)"
            )
        ratio = unpacked / max(self.packed_bytes, 1)
        if unpacked > RATIO_COUNTS_FROM_BYTES and ratio > self.limits.archive_ratio:
            raise DatasetError(
                f"{self.label} unpacks to {ratio:,.0f} times its size, more than {self.limits.archive_ratio:g} times: it looks like "
                "a zip bomb (IMAE_LIMIT_ARCHIVE_RATIO)"
            )

    def names(self) -> list[str]:
        return sorted(self.entries)

    def read(self, name: str) -> bytes:
        limit = int(self.limits.picture_megabytes * 1e6)
        if self.entries[name].file_size > limit:
            raise DatasetError(f"{self.label}: {name!r} is larger than {self.limits.picture_megabytes:g} MB")
        with self.open(name) as stream:
            content = stream.read(limit + 1)
        self.count(name, len(content))
        return content

    def count(self, name: str, num_bytes: int) -> None:
        """Adds what really came out of an entry, once however often it is read."""
        with self.counting:
            more = num_bytes - self.read_bytes.get(name, 0)
            if more > 0:
                self.read_bytes[name] = num_bytes
                self.total_bytes += more
                self._check_size(self.total_bytes)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """A stream of one entry; whatever is wrong with it becomes a DatasetError."""
        try:
            with self.archive.open(self.entries[name]) as stream:
                yield stream
        except DatasetError:
            raise
        except (*ZIP_ERRORS, zlib.error, OSError, RuntimeError) as error:
            raise DatasetError(
                f"{self.label}: the entry {name!r} is damaged ({error or 'it ends too early'})"
            ) from None
