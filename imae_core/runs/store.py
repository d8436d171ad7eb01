"""The queue of runs: one SQLite file on a local disk.

States: queued -> starting -> running -> done | failed | stopped; a crashed run goes back to queued, and one that
finds the disk full is paused until there is room. Pages and the
command line insert runs and write wishes (stop, delete, priority); the runner owns every transition, but for a run
in the foreground, which belongs to its own process.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from imae_core.config import RunConfig, parse_config
from imae_core.errors import BadInputError, FormatVersionError
from imae_core.home import database_path

SCHEMA_VERSION = 1
ACTIVE = ("starting", "running")
ENDED = ("done", "failed", "stopped")
STATES = ("queued", *ACTIVE, "paused", *ENDED)
MAX_ATTEMPTS = 5

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    run_id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    group_name TEXT NOT NULL DEFAULT '',
    config TEXT NOT NULL,
    state TEXT NOT NULL,
    priority INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    started REAL,
    finished REAL,
    attempt INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    token TEXT NOT NULL DEFAULT '',
    executor TEXT NOT NULL,
    ref TEXT NOT NULL DEFAULT '{}',
    slot TEXT NOT NULL DEFAULT '{}',
    message TEXT NOT NULL DEFAULT '',
    stop_wished REAL,
    delete_wished REAL
) STRICT;
CREATE INDEX IF NOT EXISTS runs_by_state ON runs (state, priority, run_id);
CREATE TABLE IF NOT EXISTS runner (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    pid INTEGER NOT NULL,
    created REAL NOT NULL,
    state TEXT NOT NULL,
    heartbeat REAL NOT NULL
) STRICT;
"""


@dataclass(frozen=True)
class StoredRun:
    """A row of the queue. Times are seconds since the epoch."""

    run_id: str
    title: str
    group_name: str
    config: RunConfig
    state: str
    priority: int
    created: float
    started: float | None
    finished: float | None
    attempt: int
    max_attempts: int
    token: str
    executor: str
    ref: dict[str, Any]
    slot: dict[str, Any]
    message: str
    stop_wished: float | None
    delete_wished: float | None

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED


@dataclass(frozen=True)
class RunnerRow:
    """Who runs the queue: process, creation time, `running`, `exited` or `dismissed`, last sign of life."""

    pid: int
    created: float
    state: str
    heartbeat: float


_WORK = (
    "SELECT 1 FROM runs WHERE state IN ('queued', 'starting', 'running', 'paused') OR delete_wished IS NOT NULL LIMIT 1"
)
_COLUMNS = tuple(field.name for field in fields(StoredRun))
_JSON_COLUMNS = ("ref", "slot")


class Store:
    """Every call opens the file anew, so that a Store may be shared by threads and outlive forks."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = database_path(home)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._transaction() as database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA_VERSION:
                raise FormatVersionError(
                    f"{self.path} has format version {version}, but this program reads up to {SCHEMA_VERSION}; "
                    "update the program"
                )
            if version < SCHEMA_VERSION:
                for statement in _SCHEMA.split(";"):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as database:
            database.row_factory = sqlite3.Row
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    def _read(self, query: str, values: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as database:
            database.row_factory = sqlite3.Row
            return database.execute(query, values).fetchall()

    # -- runs ----------------------------------------------------------------------------------------------------

    def add(
        self, run_id: str, config: RunConfig, *, group: str = "", executor: str, state: str = "queued",
        ref: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Inserts a run; its folder must be there already. `ref` says who carries out one that is running."""
        self.add_all({run_id: config}, group=group, executor=executor, state=state, ref=ref)

    def add_all(
        self, configs: Mapping[str, RunConfig], *, group: str = "", executor: str, state: str = "queued",
        ref: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Inserts runs by id at once: a runner sees all of them, or none."""
        now = time.time()
        started = now if state in ACTIVE else None
        with self._transaction() as database:
            database.executemany(
                "INSERT INTO runs (run_id, title, group_name, config, state, created, started, max_attempts, executor, ref) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        run_id, config.title, group, config.model_dump_json(), state, now + place * 1e-6, started, MAX_ATTEMPTS,
                        executor, json.dumps(dict(ref or {})),
                    )
                    for place, (run_id, config) in enumerate(configs.items())
                ],
            )  # fmt: skip

    def add_imported(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Inserts ended runs that were carried out elsewhere, all or none.

        Each row has run_id, config, group_name, state (`done` or `stopped`), created, started, finished and message.
        Raises sqlite3.IntegrityError if one of them is there already.
        """
        with self._transaction() as database:
            for row in rows:
                config: RunConfig = row["config"]
                values = {**row, "title": config.title, "config": config.model_dump_json()}
                values |= {"executor": "imported", "max_attempts": MAX_ATTEMPTS}
                marks = ", ".join("?" * len(values))
                database.execute(f"INSERT INTO runs ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))

    def get(self, run_id: str) -> StoredRun:
        """Raises BadInputError for an unknown id; the start of an id is enough where it is unique."""
        rows = self._read("SELECT * FROM runs WHERE run_id = ?", (run_id,))
        if not rows and run_id:
            rows = self._read("SELECT * FROM runs WHERE substr(run_id, 1, ?) = ?", (len(run_id), run_id))
        if len(rows) == 1:
            return _stored(rows[0])
        if rows:
            raise BadInputError(f"{run_id!r} is the start of {len(rows)} runs; give more of the id")
        raise BadInputError(f"there is no run {run_id!r} in {self.home}; `imae runs` lists them")

    def runs(self, *states: str) -> list[StoredRun]:
        """All runs, or those in the given states, in the order in which they are worked on."""
        marks = ",".join("?" * len(states))
        where = f"WHERE state IN ({marks})" if states else ""
        rows = self._read(f"SELECT * FROM runs {where} ORDER BY priority DESC, created, run_id", states)
        return [_stored(row) for row in rows]

    def wished(self) -> list[StoredRun]:
        """Runs that somebody wants stopped or deleted, and that are not yet."""
        rows = self._read(
            "SELECT * FROM runs WHERE delete_wished IS NOT NULL OR (stop_wished IS NOT NULL AND state IN "
            "('queued', 'starting', 'running', 'paused')) ORDER BY created, run_id"
        )
        return [_stored(row) for row in rows]

    def active_on(self, dataset: str) -> list[StoredRun]:
        """Runs that have not ended and need a data set, to train on or to take pictures from."""
        runs = self.runs("queued", "paused", *ACTIVE)
        return [run for run in runs if dataset in (run.config.dataset, run.config.noise.source)]

    def of_group(self, group: str) -> list[StoredRun]:
        """Runs that were queued together under a name."""
        return [run for run in self.runs() if run.group_name == group]

    def transition(self, run_id: str, sources: tuple[str, ...], target: str, **changes: Any) -> bool:
        """Moves a run to `target` if it is in one of `sources`; False if it was not (someone else was faster)."""
        values = {name: json.dumps(v) if name in _JSON_COLUMNS else v for name, v in changes.items()}
        assignments = "".join(f", {name} = ?" for name in values)
        marks = ",".join("?" * len(sources))
        with self._transaction() as database:
            cursor = database.execute(
                f"UPDATE runs SET state = ?{assignments} WHERE run_id = ? AND state IN ({marks})",
                (target, *values.values(), run_id, *sources),
            )
            return cursor.rowcount == 1

    def update(self, run_id: str, **changes: Any) -> None:
        """Changes columns without touching the state."""
        run = self.get(run_id)
        self.transition(run.run_id, (run.state,), run.state, **changes)

    def wish_stop(self, run_id: str) -> None:
        """Asks for a stop; no effect on a run that has ended."""
        self._wish("stop_wished", self.get(run_id).run_id)

    def move_to_front(self, run_id: str) -> None:
        """Lets a queued run start before all others."""
        with self._transaction() as database:
            database.execute(
                "UPDATE runs SET priority = (SELECT max(priority) FROM runs WHERE state = 'queued') + 1 "
                "WHERE run_id = ? AND state = 'queued'",
                (self.get(run_id).run_id,),
            )

    def wish_delete(self, run_id: str) -> None:
        """Asks for the run to be stopped, if need be, and removed with its files."""
        self._wish("delete_wished", self.get(run_id).run_id)

    def _wish(self, column: str, run_id: str) -> None:
        with self._transaction() as database:
            database.execute(
                f"UPDATE runs SET {column} = ? WHERE run_id = ? AND {column} IS NULL", (time.time(), run_id)
            )

    def remove(self, run_id: str) -> None:
        with self._transaction() as database:
            database.execute("DELETE FROM runs WHERE run_id = ?", (run_id,))

    # -- the runner's own row ------------------------------------------------------------------------------------

    def runner(self) -> RunnerRow | None:
        rows = self._read("SELECT pid, created, state, heartbeat FROM runner WHERE id = 1")
        return RunnerRow(**dict(rows[0])) if rows else None

    def runner_enters(self, pid: int, created: float) -> None:
        """Writes that this process runs the queue from now on."""
        with self._transaction() as database:
            database.execute(
                "INSERT INTO runner VALUES (1, ?, ?, 'running', ?) ON CONFLICT (id) DO UPDATE SET pid = excluded.pid, "
                "created = excluded.created, state = excluded.state, heartbeat = excluded.heartbeat",
                (pid, created, time.time()),
            )

    def runner_beats(self, pid: int) -> None:
        """A sign of life, unless the process is no longer the one that runs the queue."""
        with self._transaction() as database:
            database.execute(
                "UPDATE runner SET heartbeat = ? WHERE id = 1 AND pid = ? AND state = 'running'", (time.time(), pid)
            )

    def runner_is_dismissed(self) -> None:
        """Recorded as asked to leave, whatever is left to do."""
        with self._transaction() as database:
            database.execute("UPDATE runner SET state = 'dismissed' WHERE id = 1")

    def has_work(self) -> bool:
        """Whether a runner is needed."""
        return bool(self._read(_WORK))

    def runner_may_exit(self) -> bool:
        """True, and recorded as exited, if there is nothing to do.

        Checked and recorded in one transaction: whoever submits afterwards sees `exited` and starts a new runner.
        """
        with self._transaction() as database:
            if database.execute(_WORK).fetchone():
                return False
            database.execute("UPDATE runner SET state = 'exited' WHERE id = 1")
            return True


def _stored(row: sqlite3.Row) -> StoredRun:
    values = {name: row[name] for name in _COLUMNS}
    values |= {name: json.loads(row[name]) for name in _JSON_COLUMNS}
    values["config"] = _config(row["config"])
    return StoredRun(**values)


@lru_cache(maxsize=4096)
def _config(text: str) -> RunConfig:
    """Parsed once: a page asks for all runs every second."""
    return parse_config(json.loads(text))
