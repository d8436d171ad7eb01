"""A data set as files that other tools read. Every row, streamed."""

import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from imae_core.data.dataset import Dataset
from imae_core.errors import BadInputError
from imae_core.files import replacing

ROWS = 5_000
PICTURE_FORMATS = (".zip", ".npz")
TABLE_FORMATS = (".csv", ".parquet", ".npz")
Progress = Callable[[int, int, str, str], None]


def export_formats(dataset: Dataset) -> tuple[str, ...]:
    """Endings that a data set can be exported to, the usual one first."""
    return PICTURE_FORMATS if dataset.is_image else TABLE_FORMATS


def export_dataset(dataset: Dataset, target: Path, progress: Progress) -> None:
    """Writes pictures as .zip (class folders by given label, and labels.csv) or .npz, tables as .csv, .parquet or .npz.

    Raises BadInputError for another ending, a target that is there already, or a folder that is not.
    """
    ending = target.suffix.lower()
    allowed = export_formats(dataset)
    if ending not in allowed:
        raise BadInputError(
            f"cannot export {dataset.name} to {target.name!r}; the name must end in one of: {', '.join(allowed)}"
        )
    if target.exists():
        raise BadInputError(f"{target} is there already; choose another name")
    if not target.parent.is_dir():
        raise BadInputError(f"the folder {target.parent} does not exist")
    write = {".zip": _write_zip, ".npz": _write_npz, ".csv": _write_table, ".parquet": _write_table}[ending]
    with replacing(target) as temporary:
        write(dataset, temporary, ending, progress)


def _splits(dataset: Dataset) -> list[tuple[str, Any, Any, Any]]:
    """(split, inputs, given labels, true labels or None)"""
    return [
        ("train", dataset.train_inputs, dataset.train_labels, dataset.train_true_labels),
        ("test", dataset.test_inputs, dataset.test_labels, None),
    ]


def _write_npz(dataset: Dataset, path: Path, _ending: str, progress: Progress) -> None:
    kind = "images" if dataset.is_image else "features"
    arrays = {
        kind: dataset.train_inputs,
        "labels": dataset.train_labels,
        f"test_{kind}": dataset.test_inputs,
        "test_labels": dataset.test_labels,
        "class_names": np.array(dataset.class_names),
    }
    if dataset.train_true_labels is not None:
        arrays["true_labels"] = dataset.train_true_labels
    progress(0, 0, "writing arrays", "examples")
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def _write_zip(dataset: Dataset, path: Path, _ending: str, progress: Progress) -> None:
    names = [name.replace("/", "_") for name in dataset.class_names]
    total = dataset.num_train + dataset.num_test
    done = 0
    listing = io.StringIO()
    rows = csv.writer(listing)
    rows.writerow(["split", "index", "file", "given_label", "true_label"])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for split, inputs, given, true in _splits(dataset):
            for row in range(len(given)):
                file = f"{split}/{names[given[row]]}/{row:07d}.png"
                archive.writestr(file, _png(inputs[row], dataset.scale))
                truth = "" if true is None else dataset.class_names[true[row]]
                rows.writerow([split, row, file, dataset.class_names[given[row]], truth])
                done += 1
                progress(done, total, "writing pictures", "pictures")
        archive.writestr("labels.csv", listing.getvalue())


def _png(pixels: Any, scale: float) -> bytes:
    shown = np.clip(np.asarray(pixels, dtype=np.float32) * scale * 255, 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(shown[0] if len(shown) == 1 else shown.transpose(1, 2, 0)).save(buffer, format="PNG")
    return buffer.getvalue()


def _write_table(dataset: Dataset, path: Path, ending: str, progress: Progress) -> None:
    import pyarrow.csv  # here, since the app loads neither before it writes a table
    import pyarrow.parquet

    batches = _tables(dataset, progress)
    first = next(batches)
    writer: Any = pyarrow.csv.CSVWriter if ending == ".csv" else pyarrow.parquet.ParquetWriter
    with writer(str(path), first.schema) as output:
        output.write_table(first)
        for table in batches:
            output.write_table(table)


def _tables(dataset: Dataset, progress: Progress) -> Iterator[pa.Table]:
    features = dataset.feature_names or tuple(f"feature {place}" for place in range(dataset.input_shape[0]))
    classes = np.array(dataset.class_names, dtype=object)
    total = dataset.num_train + dataset.num_test
    done = 0
    for split, inputs, given, true in _splits(dataset):
        for start in range(0, len(given), ROWS):
            block = np.asarray(inputs[start : start + ROWS])
            part = slice(start, start + len(block))
            columns: dict[str, Any] = {name: block[:, place] for place, name in enumerate(features)}
            columns["label"] = pa.array(classes[given[part]].tolist(), pa.string())
            if dataset.train_true_labels is not None:
                truth = given if true is None else true
                columns["true_label"] = pa.array(classes[truth[part]].tolist(), pa.string())
            columns["split"] = pa.array([split] * len(block), pa.string())
            done += len(block)
            progress(done, total, "writing rows", "examples")
            yield pa.table(columns)
