"""The file behind a review: `<home>/reviews/<run_id>/<reviewer>.jsonl`, a line an entry, only ever appended to.

An entry is on the disk before anybody is told that it is; a crash can tear the last line at most, which then was not
confirmed to anyone and is left out.
"""

import json
import os
import re
import secrets
import threading
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock, Timeout

from imae_core.errors import BadInputError, FormatVersionError, RunError
from imae_core.review.decisions import UNDO, Entry, Review, parse_entry

FORMAT_VERSION = 1
LOCK_SECONDS = 10.0


def reviews_folder(home: Path, run_id: str) -> Path:
    """Where the reviews of a run lie; they stay when the run is deleted."""
    return home / "reviews" / run_id


def reviewer_name(given: str) -> str:
    """The name as it is kept; BadInputError for one that cannot be a file's name."""
    name = unicodedata.normalize("NFC", " ".join(given.split()))
    if not re.fullmatch(r"\w(?:[\w .-]{0,38}\w)?", name):
        raise BadInputError(
            "a reviewer's name is made of letters, digits, spaces, '_', '-' and '.', at most 40, beginning and ending "
            f"with a letter or digit; got {given!r}"
        )
    return name


def list_reviewers(home: Path, run_id: str) -> list[str]:
    """Who has reviewed a run, by name."""
    return sorted(path.stem for path in reviews_folder(home, run_id).glob("*.jsonl"))


class Journal:
    """One reviewer's entries about one run. May be shared by threads, and the file by processes."""

    def __init__(self, home: Path, run_id: str, reviewer: str) -> None:
        self.run_id = run_id
        self.reviewer = reviewer_name(reviewer)
        self.path = reviews_folder(home, run_id) / f"{self.reviewer}.jsonl"
        self._mutex = threading.RLock()
        self._entries: list[Entry] = []
        self._read_bytes = 0
        self._review = Review()

    def review(self) -> Review:
        """All that was decided so far; only what was added since the last look is read.

        Raises RunError if a line is damaged, FormatVersionError if a newer program wrote the file.
        """
        with self._mutex:
            fresh = self._read_on()
            if fresh:
                self._entries += fresh
                self._review = Review(tuple(self._entries))
            return self._review

    def record(self, entries: Sequence[Entry]) -> Review:
        """Appends those that are not in the journal yet, on the disk when it returns.

        Raises RunError if another process holds the file for 10 s, or if it cannot be written.
        """
        with self._mutex:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with FileLock(self.path.with_suffix(".lock"), timeout=LOCK_SECONDS):
                    new = self.review().new_ones(entries)
                    if new:
                        self._append(new)
            except Timeout:
                raise RunError(f"{self.path} is held by another process; nothing was written, try again") from None
            except OSError as error:
                raise RunError(f"cannot write {self.path}: {error.strerror}; free some space, then go on") from error
            return self.review()

    def decide(self, index: int, action: str, label: int | None = None) -> Entry:
        """Records one decision; `label` is the class of a relabel."""
        entry = parse_entry(
            {"writer": secrets.token_hex(4), "number": 1, "action": action, "index": index, "label": label}
        )
        self.record([entry])
        return entry

    def undo(self) -> Entry | None:
        """Takes the last standing decision back and returns it; None if there is none."""
        with self._mutex:
            standing = self.review().standing
            if not standing:
                return None
            last = standing[-1]
            self.record([Entry(secrets.token_hex(4), 1, UNDO, last.index, target=last.key)])
            return last

    def _read_on(self) -> list[Entry]:
        try:
            with self.path.open("rb") as file:
                if os.fstat(file.fileno()).st_size < self._read_bytes:
                    self._read_bytes, self._entries, self._review = 0, [], Review()
                file.seek(self._read_bytes)
                text = file.read()
        except FileNotFoundError:
            return []
        whole = text[: text.rfind(b"\n") + 1]
        lines = whole.splitlines()
        if lines and not self._read_bytes:
            self._check_head(lines.pop(0))
        entries = [self._parse(line) for line in lines]
        self._read_bytes += len(whole)
        return entries

    def _check_head(self, line: bytes) -> None:
        version = self._values(line).get("format_version", FORMAT_VERSION)
        if not isinstance(version, int) or version > FORMAT_VERSION:
            raise FormatVersionError(
                f"{self.path} has format version {version}, but this program reads up to {FORMAT_VERSION}; "
                "update the program"
            )

    def _parse(self, line: bytes) -> Entry:
        try:
            return parse_entry(self._values(line))
        except BadInputError as error:
            raise RunError(f"{self.path} has a line that is no entry ({error}); take that line out") from None

    def _values(self, line: bytes) -> dict[str, object]:
        try:
            values = json.loads(line)
        except ValueError:
            values = None
        if not isinstance(values, dict):
            raise RunError(f"{self.path} has a damaged line, {line[:60]!r}; take that line out")
        return values

    def _append(self, entries: Sequence[Entry]) -> None:
        lines = [{name: value for name, value in asdict(entry).items() if value is not None} for entry in entries]
        is_new = not self._read_bytes
        if is_new:
            head = {"format_version": FORMAT_VERSION, "run_id": self.run_id, "reviewer": self.reviewer}
            lines.insert(0, head | {"created": time.time()})
        with self.path.open("ab") as file:
            file.truncate(self._read_bytes)  # a torn last line
            file.write("".join(json.dumps(line) + "\n" for line in lines).encode())
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            _sync_folder(self.path.parent)


def _sync_folder(folder: Path) -> None:
    """Makes the name of a new file as lasting as its content."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
