"""A run folder: the only module that knows its file names.

Every file is moved into place whole; `result.json` is written last of all and marks a finished run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from imae_core.config import RunConfig, parse_config
from imae_core.errors import RunError
from imae_core.files import read_json, replacing, write_json
from imae_core.runs.arrow import FORMAT_VERSION, Arrays, check_version, read_frame, read_table, write_table

if TYPE_CHECKING:  # loaded by the first table that is read or written, as in `runs/arrow.py`
    import pandas as pd
    import pyarrow as pa

Source = Literal["seen", "eval"]
SOURCES: tuple[Source, ...] = ("seen", "eval")
LABELS = ("index", "given_label", "true_label", "is_corrupted")  # of an example; its split is always train
ArrayName = Literal["pred_probs", "embeddings"]

# what stays of a run: not its lock, heartbeat and control file, which mean something on one machine only
_LASTING = re.compile(
    r"(config|environment|result)\.json|(examples|metrics|histograms|trajectory)\.arrow|(pred_probs|embeddings)\.npy"
    r"|dynamics/(seen|eval)-\d{5,8}\.arrow|log\.txt|checkpoint\.pt"
)

DYNAMICS_TYPES: dict[str, Any] = {
    "p_label": np.float32,
    "predicted": np.uint16,
    "weight": np.float32,
    "margin": np.float16,
    "p_true": np.float16,
}


class RunFolder:
    """Reads and writes the files of one run; `path` is `<home>/runs/<run_id>`."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RunFolder) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    @property
    def run_id(self) -> str:
        return self.path.name

    @property
    def home(self) -> Path:
        return self.path.parent.parent

    @property
    def log_path(self) -> Path:
        return self.path / "log.txt"

    @property
    def checkpoint_path(self) -> Path:
        return self.path / "checkpoint.pt"

    @property
    def worker_lock_path(self) -> Path:
        """Held by the one worker that may write here."""
        return self.path / "worker.lock"

    def create(self, config: RunConfig) -> None:
        """Makes the folder with its config."""
        (self.path / "dynamics").mkdir(parents=True, exist_ok=True)
        write_json(self.path / "config.json", config.model_dump(mode="json"))

    # -- small state -------------------------------------------------------------------------------------------

    def config(self) -> RunConfig:
        """Raises RunError if there is none, FormatVersionError if it is newer than this program."""
        values = read_json(self.path / "config.json")
        if values is None:
            raise RunError(f"{self.path} is no run folder: it has no config.json")
        return parse_config(values)

    def write_environment(self, values: Mapping[str, Any]) -> None:
        write_json(self.path / "environment.json", {"format_version": FORMAT_VERSION, **values})

    def environment(self) -> dict[str, Any]:
        return dict(read_json(self.path / "environment.json", {}))

    def write_heartbeat(self, values: Mapping[str, Any]) -> None:
        write_json(self.path / "heartbeat.json", dict(values))

    def heartbeat(self) -> dict[str, Any]:
        return dict(read_json(self.path / "heartbeat.json", {}))

    def write_worker(self, values: Mapping[str, Any]) -> None:
        """Who holds the lock: token, process, creation time."""
        write_json(self.path / "worker.json", dict(values))

    def worker(self) -> dict[str, Any]:
        return dict(read_json(self.path / "worker.json", {}))

    def write_attempts(self, attempts: Sequence[Mapping[str, Any]]) -> None:
        """One entry a start: attempt, started, where, and how it ended; kept by the runner."""
        write_json(self.path / "attempts.json", list(attempts))

    def attempts(self) -> list[dict[str, Any]]:
        return list(read_json(self.path / "attempts.json", []))

    def write_control(self, token: str, stop: bool) -> None:
        write_json(self.path / "control.json", {"token": token, "stop": stop})

    def control(self) -> dict[str, Any]:
        return dict(read_json(self.path / "control.json", {}))

    def control_changed_at(self) -> int:
        """Modification time in nanoseconds, 0 if there is no control file: cheap to ask between steps."""
        try:
            return (self.path / "control.json").stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def write_result(self, values: Mapping[str, Any]) -> None:
        write_json(self.path / "result.json", {"format_version": FORMAT_VERSION, **values})

    def result(self) -> dict[str, Any] | None:
        values = read_json(self.path / "result.json")
        if values is not None:
            check_version(values.get("format_version", 1), self.path / "result.json")
        return values  # type: ignore[no-any-return]

    def forget_outcome(self) -> None:
        """Removes what says that the run has ended, before it is resumed."""
        for name in ("result.json", "heartbeat.json"):
            (self.path / name).unlink(missing_ok=True)

    def log_tail(self, num_bytes: int = 20_000) -> str:
        """The last lines of the log."""
        try:
            with self.log_path.open("rb") as log:
                log.seek(0, 2)
                log.seek(max(0, log.tell() - num_bytes))
                return log.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def size_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())

    @staticmethod
    def is_lasting(name: str) -> bool:
        """Whether a `/`-separated name within a run folder is one of the run's lasting files."""
        return _LASTING.fullmatch(name) is not None

    def lasting_files(self) -> list[Path]:
        """The files that make up the run and can be taken elsewhere, sorted."""
        files = (file for file in self.path.rglob("*") if file.is_file())
        return sorted(file for file in files if self.is_lasting(file.relative_to(self.path).as_posix()))

    # -- tables ------------------------------------------------------------------------------------------------

    def write_examples(self, columns: Mapping[str, NDArray[Any] | None]) -> None:
        """Rows of the training set, in index order: index, given_label, true_label, is_corrupted, split.

        `index` is the row in the data set; true_label and is_corrupted are None, stored as null, where the truth is
        not known. A true_label of -1 says that no class is right.
        """
        import pyarrow as pa

        index = columns["index"]
        assert index is not None
        unknown = {"true_label": pa.nulls(len(index), pa.int32()), "is_corrupted": pa.nulls(len(index), pa.bool_())}
        table = {name: unknown[name] if values is None else values for name, values in columns.items()}
        write_table(self.path / "examples.arrow", pa.table(table))

    def examples(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """As written, or some columns alone; true_label is -1 and is_corrupted False everywhere where the truth is not known,
        which is what `analysis.truth.truth_is_known` goes by."""
        frame = read_frame(self.path / "examples.arrow", columns)
        if "true_label" in frame and len(frame) and frame["true_label"].isna().all():
            frame = frame.assign(true_label=np.int32(-1), is_corrupted=False)
        return frame

    def write_metrics(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """One row an epoch; what was not measured in an epoch is null."""
        import pyarrow as pa

        write_table(self.path / "metrics.arrow", pa.Table.from_pylist(list(rows)))

    def metrics(self) -> pd.DataFrame:
        """All rows so far; empty before the first epoch has ended."""
        return read_frame(self.path / "metrics.arrow")

    def write_histograms(self, table: pa.Table) -> None:
        """One row per (epoch, source, quantity, population): `counts` over the even bins between `low` and `high`,
        and the `median` and `total` of the values; see `runs/histograms.py`."""
        write_table(self.path / "histograms.arrow", table)

    def histograms(self) -> pd.DataFrame:
        """As written; empty before the first epoch has ended, and where an older program wrote another table."""
        frame = read_frame(self.path / "histograms.arrow")
        return frame if "median" in frame else frame.head(0)

    def write_trajectory(self, columns: Arrays) -> None:
        """Per training row over the eval epochs so far: mean and variance of p_label, AUM, forgetting counts."""
        write_table(self.path / "trajectory.arrow", columns)

    def trajectory(self) -> pd.DataFrame:
        return read_frame(self.path / "trajectory.arrow")

    # -- per-example dynamics ----------------------------------------------------------------------------------

    def _dynamics_path(self, source: Source, epoch: int) -> Path:
        return self.path / "dynamics" / f"{source}-{epoch:05d}.arrow"

    def write_dynamics(self, source: Source, epoch: int, columns: Arrays) -> None:
        """One epoch (counted from 1) in index order, with the columns and types of `DYNAMICS_TYPES`."""
        typed = {name: np.asarray(columns[name], dtype=kind) for name, kind in DYNAMICS_TYPES.items()}
        write_table(self._dynamics_path(source, epoch), typed)

    def epochs(self, source: Source) -> list[int]:
        """The epochs that are recorded, rising."""
        return sorted(self._epochs(source))

    def has_epochs(self, source: Source) -> bool:
        """Whether any epoch is recorded; of 300 runs this is asked at once, so it looks no further than the first."""
        return any(True for _ in self._epochs(source))

    def _epochs(self, source: Source) -> Iterator[int]:
        pattern = re.compile(rf"{source}-(\d+)\.arrow")
        try:
            with os.scandir(self.path / "dynamics") as files:
                for file in files:
                    if match := pattern.fullmatch(file.name):
                        yield int(match[1])
        except FileNotFoundError:
            return

    def dynamics(self, source: Source, epoch: int) -> pd.DataFrame:
        """(N rows) p_label, predicted, weight, margin, p_true of one epoch, in index order."""
        return read_table(self._existing_dynamics(source, epoch)).to_pandas()  # type: ignore[no-any-return]

    def dynamics_columns(
        self, source: Source, epoch: int, names: Sequence[str], rows: NDArray[np.int64] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Some columns of `dynamics` alone: maps of the file, or copies of `rows` where these are given."""
        table = read_table(self._existing_dynamics(source, epoch))
        columns = {name: _mapped(table[name]) for name in names}
        return columns if rows is None else {name: values[rows] for name, values in columns.items()}

    def _existing_dynamics(self, source: Source, epoch: int) -> Path:
        path = self._dynamics_path(source, epoch)
        if not path.exists():
            raise RunError(f"run {self.run_id} has no {source!r} dynamics of epoch {epoch}")
        return path

    def example_dynamics(self, source: Source, row: int) -> pd.DataFrame:
        """One example over all epochs, with a column `epoch`; reads that row only."""
        import pandas as pd
        import pyarrow as pa

        epochs = self.epochs(source)
        rows = [read_table(self._dynamics_path(source, epoch)).slice(row, 1) for epoch in epochs]
        if not rows:
            return pd.DataFrame({name: [] for name in ("epoch", *DYNAMICS_TYPES)})
        table: pd.DataFrame = pa.concat_tables(rows).to_pandas()
        return table.assign(epoch=epochs)

    # -- the final model ---------------------------------------------------------------------------------------

    def write_array(self, name: ArrayName, values: NDArray[Any]) -> None:
        """Outputs of the final model for the training rows: pred_probs (N, K), embeddings (N, D)."""
        with replacing(self.path / f"{name}.npy") as temporary, temporary.open("wb") as file:
            np.save(file, values, allow_pickle=False)

    def array(self, name: ArrayName) -> NDArray[Any] | None:
        """A read-only map of the array, or None before the run has ended."""
        path = self.path / f"{name}.npy"
        return np.load(path, mmap_mode="r", allow_pickle=False) if path.exists() else None


def _mapped(column: pa.ChunkedArray) -> NDArray[Any]:
    """Without a copy where the file has one chunk, as our own have: `combine_chunks` makes one even then."""
    whole = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return whole.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
