"""Whether a run folder that came from elsewhere is as a run writes it: nothing in it is trusted before."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from imae_core.analysis.histograms import BINS, quantity_edges
from imae_core.catalog import DATASETS
from imae_core.config import RunConfig
from imae_core.errors import BadInputError, ImaeError
from imae_core.limits import Limits
from imae_core.runs.folder import DYNAMICS_TYPES, SOURCES, RunFolder

MOST_JSON_BYTES = 5_000_000
METRICS = (
    "epoch", "step", "lr", "train_loss", "mean_weight", "seconds", "eval_seconds", "examples_per_second",
    "test_accuracy", "train_accuracy_given", "train_accuracy_true", "noisy_subset_accuracy", "clean_subset_accuracy",
)  # fmt: skip
TRAJECTORY = ("mean_p_label", "variance_p_label", "aum", "num_correct", "forgetting", "num_epochs")
HISTOGRAMS = ("epoch", "low", "high", "median", "total")

Fraction = Annotated[float, Field(ge=0, le=1)] | None
Amount = Annotated[FiniteFloat, Field(ge=0)] | None


class _Result(BaseModel):
    model_config = ConfigDict(extra="allow")

    run_id: str
    best_test_accuracy: Fraction = None
    final_test_accuracy: Fraction = None
    train_accuracy_given: Fraction = None
    train_accuracy_true: Fraction = None
    noisy_subset_accuracy: Fraction = None
    clean_subset_accuracy: Fraction = None
    hybrid_accuracy: Fraction = None
    validation_accuracy_given: Fraction = None
    validation_accuracy_true: Fraction = None
    realized_noise_rate: Fraction = None
    detection_auc: Fraction = None
    best_epoch: int | None = None
    seconds: Amount = None
    examples_per_second: Amount = None
    epochs: int | None = None
    steps: int | None = None
    num_train: int | None = None
    num_test: int | None = None
    num_parameters: int | None = None
    warning: str | None = None


class _Environment(BaseModel):
    model_config = ConfigDict(extra="allow")

    hostname: str
    device: str
    python: str
    threads: int
    packages: dict[str, str] = {}
    imae_core: str = ""
    platform: str = ""
    commit: str | None = None
    gpu: str | None = None
    data_fingerprint: str = ""


def check_run_folder(folder: RunFolder, limits: Limits) -> RunConfig:
    """Reads every file but the checkpoint and the log, and returns the config.

    Raises BadInputError that names the file if one is damaged, has another shape or type than a run writes, or values
    that cannot be; FormatVersionError if one is newer than this program.
    """
    for file in folder.lasting_files():
        with _said(folder, file.name):
            _check_raw(file)
    with _said(folder, "config"):
        config = folder.config()
    with _said(folder, "result"):
        result = folder.result()
        if result is not None and _Result.model_validate(result).run_id != folder.run_id:
            raise BadInputError(f"it is the result of another run, {result['run_id']!r}")
    with _said(folder, "environment"):
        if found := folder.environment():
            _Environment.model_validate(found)
    with _said(folder, "examples"):
        num_examples = _check_examples(folder.examples())
    with _said(folder, "metrics"):
        _check_numbers(folder.metrics(), METRICS, None)
    with _said(folder, "trajectory"):
        _check_numbers(folder.trajectory(), TRAJECTORY, num_examples)
    with _said(folder, "histograms"):
        _check_histograms(folder.histograms())
    known = DATASETS.get(config.dataset)
    if known is not None:
        limits = limits.model_copy(update={"classes": known.num_classes})
    with _said(folder, "examples"):
        _check_rows(folder.examples(), known.num_train if known else limits.rows, limits)
    _check_dynamics(folder, num_examples, limits)
    return config


@contextmanager
def _said(folder: RunFolder, what: str) -> Iterator[None]:
    """Whatever is wrong with a file becomes a BadInputError that names it."""
    try:
        yield
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise BadInputError(f"run {folder.run_id}: {what}: {place}: {problem['msg']}") from None
    except ImaeError as error:
        raise type(error)(f"run {folder.run_id}: {what}: {error}") from None
    except (
        pa.ArrowException,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OSError,
        RecursionError,
        MemoryError,
    ) as error:
        raise BadInputError(f"run {folder.run_id}: {what} is damaged or no such file ({error})") from None


def _check_raw(file: Path) -> None:
    """That it can be opened at all: Arrow's own full check of offsets and values, and the size of texts."""
    if file.suffix == ".json" and file.stat().st_size > MOST_JSON_BYTES:
        raise BadInputError(f"it is larger than {MOST_JSON_BYTES / 1e6:g} MB")
    if file.suffix == ".arrow":
        with pa.memory_map(str(file)) as source, pa.ipc.open_file(source) as reader:
            for place in range(reader.num_record_batches):
                reader.get_batch(place).validate(full=True)


def _check_examples(table: pd.DataFrame) -> int:
    if table.empty:
        return 0
    _demand(set(table) == {"index", "given_label", "true_label", "is_corrupted", "split"}, "it has other columns")
    _demand(table["is_corrupted"].dtype == bool, "is_corrupted is not true or false")
    for name, least in (("index", 0), ("given_label", 0), ("true_label", -1)):
        _demand(table[name].dtype.kind == "i", f"{name} is no whole number")
        _demand(table[name].min() >= least, f"{name} is below {least}")
    _demand(table["index"].is_unique, "an index comes twice")
    return len(table)


def _check_rows(table: pd.DataFrame, num_rows: int, limits: Limits) -> None:
    """That rows and labels are those of the data set, where that is a built-in one; else within the limits."""
    if len(table):
        row, label = table["index"].max(), max(table["given_label"].max(), table["true_label"].max())
        _demand(row < num_rows, f"index {row}: the data set has {num_rows:,} rows at most")
        _demand(label < limits.classes, f"label {label}: the data set has {limits.classes:,} classes at most")


def _check_numbers(table: pd.DataFrame, names: tuple[str, ...], num_rows: int | None) -> None:
    if table.empty:
        return
    for name in names:
        _demand(name in table, f"the column {name} is missing")
    for label, column in table.items():
        _demand(column.dtype.kind in "biuf", f"the column {label} holds no numbers")
    _demand(num_rows is None or len(table) == num_rows, f"it has {len(table)} rows for {num_rows} examples")


def _check_histograms(table: pd.DataFrame) -> None:
    if table.empty:
        return
    _check_numbers(table[list(HISTOGRAMS)], HISTOGRAMS, None)
    _demand(set(table["source"]) <= set(SOURCES), "it has an unknown source")
    _demand(set(table["quantity"]) == set(quantity_edges(1.0)), "it counts other quantities")
    _demand(set(table["population"]) <= {"clean", "corrupted", "all"}, "it has an unknown population")
    counts = np.stack(table["counts"].tolist())
    _demand(counts.shape[1] == BINS and counts.dtype.kind == "i" and counts.min() >= 0, "its counts are none")


def _check_dynamics(folder: RunFolder, num_examples: int, limits: Limits) -> None:
    for source in SOURCES:
        for epoch in folder.epochs(source):
            with _said(folder, f"dynamics {source} {epoch}"):
                table = folder.dynamics(source, epoch)
                types = {str(name): np.dtype(kind) for name, kind in table.dtypes.items()}
                _demand(types == {k: np.dtype(v) for k, v in DYNAMICS_TYPES.items()}, "it has other columns or types")
                _demand(len(table) == num_examples, f"it has {len(table)} rows for {num_examples} examples")
                _demand(table["predicted"].max() < limits.classes, "it predicts a class that cannot be")
    for load in (lambda: folder.array("pred_probs"), lambda: folder.array("embeddings")):
        _check_array(folder, load, num_examples)


def _check_array(folder: RunFolder, load: Callable[[], Any], num_examples: int) -> None:
    with _said(folder, "an array of the final model"):
        values = load()
        if values is not None:
            _demand(values.ndim == 2 and values.dtype.kind == "f", "it is no table of numbers")
            _demand(len(values) == num_examples, f"it has {len(values)} rows for {num_examples} examples")


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise BadInputError(otherwise)
