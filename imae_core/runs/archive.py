"""Runs as one zip, and such a zip as runs of another home.

    runs.json                  a manifest: what the queue knew of each run
    <run_id>/config.json ...   the run's lasting files, under the names that they have in its folder

The zip comes from anybody. What is taken in is checked first, all of it or nothing; a checkpoint is left out unless it is
asked for: it is the one file that is a program's state rather than a table. It is only ever loaded with `weights_only=True`.
"""

import json
import os
import re
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from imae_core.data.imports.source import ZipSource
from imae_core.errors import BadInputError, FormatVersionError
from imae_core.hardware import free_disk_bytes
from imae_core.limits import Limits, current_limits
from imae_core.runs.checks import check_run_folder
from imae_core.runs.folder import RunFolder
from imae_core.runs.store import Store, StoredRun

FORMAT_VERSION = 1
MANIFEST = "runs.json"
MOST_MANIFEST_BYTES = 10_000_000
RUN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,79}")
LEFTOVER_SECONDS = 86_400
CHUNK_BYTES = 1 << 20
Progress = Callable[[int, int], None]


class RunFacts(BaseModel):
    """What the queue knew of a run. Times are seconds since the epoch."""

    run_id: str
    group: str = Field("", max_length=200)
    state: Literal["queued", "starting", "running", "paused", "done", "failed", "stopped"] = "done"
    created: FiniteFloat = Field(default_factory=time.time)
    started: FiniteFloat | None = None
    finished: FiniteFloat | None = None
    message: str = Field("", max_length=5_000)


class Manifest(BaseModel):
    """The file `runs.json`; without one, a zip of run folders is taken as it is."""

    format_version: int = FORMAT_VERSION
    runs: list[RunFacts] = []


@dataclass(frozen=True)
class Imported:
    """Ids of the runs that were added, of those that were there already, and how many checkpoints were left out."""

    added: tuple[str, ...]
    skipped: tuple[str, ...]
    checkpoints_left_out: int

    def remarks(self) -> list[str]:
        """What a person should know of what was not taken."""
        said = []
        if self.skipped:
            said.append(f"Here already, and skipped: {', '.join(self.skipped)}.")
        if self.checkpoints_left_out:
            said.append(
                f"{self.checkpoints_left_out} checkpoint(s) were left out: the runs can be looked at and compared; resuming one would start it anew."
            )
        return said


def pack_runs(
    runs: Sequence[tuple[StoredRun, RunFolder]], target: Path | IO[bytes], *, with_checkpoints: bool = True
) -> None:
    """Writes the runs to the zip `target`, a path or an open file, file by file; a run that still trains as far as it has come."""
    manifest = Manifest(runs=[_facts(run) for run, _ in runs])
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(MANIFEST, manifest.model_dump_json(indent=1))
        for _, folder in runs:
            for file in folder.lasting_files():
                if file != folder.checkpoint_path:
                    archive.write(file, f"{folder.run_id}/{file.relative_to(folder.path).as_posix()}")
            if with_checkpoints and folder.checkpoint_path.exists():
                name = f"{folder.run_id}/{folder.checkpoint_path.name}"
                archive.write(folder.checkpoint_path, name, zipfile.ZIP_STORED)


def _facts(run: StoredRun) -> RunFacts:
    return RunFacts(
        run_id=run.run_id, group=run.group_name, state=run.state, created=run.created, started=run.started,
        finished=run.finished, message=run.message,
    )  # fmt: skip


def import_runs(
    home: Path, path: Path, *, with_checkpoints: bool = False, progress: Progress | None = None
) -> Imported:
    """Adds the runs of a zip to a home, all or none; those with an id that is there already are skipped.

    A run with a result is `done`, any other `stopped`; the executor is "imported". `progress` is told bytes done and in all.
    Raises BadInputError if the file is no such zip, holds anything that a run folder may not, is larger than
    `imae_core.limits` allow, or has no run that is new here; FormatVersionError if it is newer than this program.
    """
    limits = current_limits()
    source = ZipSource(_existing(path), limits)
    manifest = _manifest(source)
    store = Store(home)
    files = _by_run(source)
    known = {run.run_id for run in store.runs()}
    here = [run_id for run_id in files if run_id in known or (home / "runs" / run_id).exists()]
    new = {run_id: names for run_id, names in files.items() if run_id not in here}
    if not new:
        raise BadInputError(f"{source.label}: nothing is new, its {len(here)} run(s) are here already")
    left_out = 0
    if not with_checkpoints:
        left_out = _drop_checkpoints(new)
    _check_room(home, source, new, limits)
    _remove_leftovers(home)
    temporary = Path(tempfile.mkdtemp(prefix=".import-", dir=home / "runs"))
    try:
        _extract(source, new, temporary, progress)
        rows = [_row(RunFolder(temporary / run_id), manifest, limits) for run_id in new]
        _move_in(store, home, temporary, rows)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Imported(tuple(new), tuple(here), left_out)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise BadInputError(f"there is no file {path}; a zip of runs is expected, such as `imae export` writes")
    return path


def _manifest(source: ZipSource) -> dict[str, RunFacts]:
    if MANIFEST not in source.entries:
        return {}
    with source.open(MANIFEST) as stream:
        content = stream.read(MOST_MANIFEST_BYTES + 1)
    if len(content) > MOST_MANIFEST_BYTES:
        raise BadInputError(f"{source.label}: {MANIFEST} is larger than {MOST_MANIFEST_BYTES / 1e6:g} MB")
    try:
        manifest = Manifest.model_validate(json.loads(content))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise BadInputError(f"{source.label}: {MANIFEST}: {place}: {problem['msg']}") from None
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{source.label}: {MANIFEST} is no JSON ({error})") from None
    if manifest.format_version > FORMAT_VERSION:
        raise FormatVersionError(
            f"{source.label} has format version {manifest.format_version}, but this program reads up to "
            f"{FORMAT_VERSION}; update the program"
        )
    return {facts.run_id: facts for facts in manifest.runs}


def _by_run(source: ZipSource) -> dict[str, list[str]]:
    """Names of the entries of each run; BadInputError for one that no run folder has."""
    found: dict[str, list[str]] = {}
    for name in source.names():
        if name == MANIFEST:
            continue
        run_id, _, rest = name.partition("/")
        if not RUN_ID.fullmatch(run_id) or not RunFolder.is_lasting(rest):
            raise BadInputError(
                f"{source.label}: {name!r} is no file of a run; a zip that `imae export` wrote is expected"
            )
        found.setdefault(run_id, []).append(name)
    for run_id, names in found.items():
        if f"{run_id}/config.json" not in names:
            raise BadInputError(f"{source.label}: run {run_id} has no config.json")
    if not found:
        raise BadInputError(f"{source.label} holds no run")
    return found


def _drop_checkpoints(files: dict[str, list[str]]) -> int:
    count = 0
    for run_id, names in files.items():
        kept = [name for name in names if not name.endswith(".pt")]
        count += len(names) - len(kept)
        files[run_id] = kept
    return count


def _check_room(home: Path, source: ZipSource, files: dict[str, list[str]], limits: Limits) -> None:
    needed = sum(source.entries[name].file_size for names in files.values() for name in names)
    free = free_disk_bytes(home) - limits.free_megabytes * 1_000_000
    if needed > free:
        raise BadInputError(
            f"{source.label} needs {needed / 1e6:,.0f} MB, and only {max(free, 0) / 1e6:,.0f} MB of {home} may be used; "
            "free some space or choose another home"
        )


def _remove_leftovers(home: Path) -> None:
    """Of an import that was killed."""
    for folder in (home / "runs").glob(".import-*"):
        if time.time() - folder.stat().st_mtime > LEFTOVER_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _extract(source: ZipSource, files: dict[str, list[str]], target: Path, progress: Progress | None) -> None:
    """Names were checked: each is a run id and a name that run folders have."""
    names = [name for of_run in files.values() for name in of_run]
    total = sum(source.entries[name].file_size for name in names)
    done = 0
    for name in names:
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        written = 0
        with source.open(name) as stream, file.open("wb") as output:
            while chunk := stream.read(CHUNK_BYTES):
                output.write(chunk)
                written += len(chunk)
                source.count(name, written)
        done += written
        if progress is not None:
            progress(done, total)


def _row(folder: RunFolder, manifest: dict[str, RunFacts], limits: Limits) -> dict[str, Any]:
    """What the queue is told of a checked run."""
    config = check_run_folder(folder, limits)
    facts = manifest.get(folder.run_id) or RunFacts(run_id=folder.run_id)
    done = folder.result() is not None
    return {
        "run_id": folder.run_id,
        "config": config,
        "group_name": facts.group,
        "state": "done" if done else "stopped",
        "created": facts.created,
        "started": facts.started,
        "finished": facts.finished,
        "message": "" if done else facts.message or "it had not ended when it was exported",
    }


def _move_in(store: Store, home: Path, temporary: Path, rows: Sequence[dict[str, Any]]) -> None:
    moved: list[Path] = []
    try:
        for row in rows:
            target = home / "runs" / row["run_id"]
            (temporary / row["run_id"] / "dynamics").mkdir(exist_ok=True)
            os.rename(temporary / row["run_id"], target)
            moved.append(target)
        store.add_imported(rows)
    except BaseException:
        for folder in moved:
            shutil.rmtree(folder, ignore_errors=True)
        raise
